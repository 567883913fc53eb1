"""CORS: the preflight that a gateway answers itself, and the headers that it adds."""

from typing import Any, NamedTuple

from dev.gateway.messages import Header, Request, Response


class HttpCors(NamedTuple):
    """CorsConfiguration of an HTTP API."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age: int | None
    credentials: bool

    @classmethod
    def read(cls, configured: dict[str, Any]) -> "HttpCors":
        return cls(
            tuple(configured.get("AllowOrigins", ())),
            tuple(configured.get("AllowMethods", ())),
            tuple(configured.get("AllowHeaders", ())),
            tuple(configured.get("ExposeHeaders", ())),
            configured.get("MaxAge"),
            bool(configured.get("AllowCredentials")),
        )

    def preflight(self, request: Request) -> Response | None:
        """The answer to a preflight, None where the request is none."""
        if request.method != "OPTIONS" or not (
            request.header("origin") and request.header("access-control-request-method")
        ):
            return None
        headers = list(self._allowed(request))
        if headers:
            headers += [("access-control-allow-methods", ",".join(self.methods))]
            headers += [("access-control-allow-headers", ",".join(self.headers))]
            headers += [] if self.max_age is None else [("access-control-max-age", str(self.max_age))]
        return Response(204, tuple(headers), b"", "preflight")

    def decorate(self, request: Request, response: Response) -> Response:
        """The response with this configuration's headers in place of the integration's."""
        kept = tuple(one for one in response.headers if not one[0].lower().startswith("access-control-"))
        added = self._allowed(request)
        if added and self.exposed:
            added += (("access-control-expose-headers", ",".join(self.exposed)),)
        return response._replace(headers=kept + added)

    def _allowed(self, request: Request) -> tuple[Header, ...]:
        origin = request.header("origin")
        if origin is None or not {"*", origin} & set(self.origins):
            return ()
        allowed: tuple[Header, ...] = (("access-control-allow-origin", "*" if "*" in self.origins else origin),)
        return (*allowed, ("access-control-allow-credentials", "true")) if self.credentials else allowed


class RestCors(NamedTuple):
    """Cors of a REST API in SAM: a mock OPTIONS on every path. Values are quoted, as SAM wants."""

    headers: tuple[Header, ...]
    asks_authorizer: bool
    asks_key: bool

    @classmethod
    def read(cls, configured: Any, auth: dict[str, Any]) -> "RestCors":
        """Raises ValueError where a value lacks the inner quotes that API Gateway needs."""
        members = {"AllowOrigin": configured} if isinstance(configured, str) else configured
        headers = []
        for name in ("AllowOrigin", "AllowHeaders", "AllowMethods", "MaxAge"):
            value = members.get(name)
            if value is None:
                continue
            if not (value.startswith("'") and value.endswith("'")):
                message = f"Cors.{name}: {value} must stand in single quotes"
                raise ValueError(message)
            header = "Access-Control-Max-Age" if name == "MaxAge" else f"Access-Control-{name[:5]}-{name[5:]}"
            headers.append((header, value[1:-1]))
        if members.get("AllowCredentials"):
            headers.append(("Access-Control-Allow-Credentials", "true"))
        return cls(
            tuple(headers),
            bool(auth.get("DefaultAuthorizer")) and auth.get("AddDefaultAuthorizerToCorsPreflight", True),
            bool(auth.get("ApiKeyRequired")) and auth.get("AddApiKeyRequiredToCorsPreflight", True),
        )

    def answer(self) -> Response:
        return Response(200, self.headers, b"", "preflight")
