"""REST and HTTP APIs: routes, authorizers, API keys and integrations."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dev.gateway import authorizers, events, gateway_responses
from dev.gateway.authorizers import Answered, Authorizer, ResultCache
from dev.gateway.cors import HttpCors, RestCors
from dev.gateway.events import Route, Stage
from dev.gateway.iam import evaluate
from dev.gateway.messages import GatewayError, Header, Request, Response
from dev.gateway.usage_plans import Plans
from dev.lambda_runtime import Function, FunctionError

_PARAMETER = re.compile(r"\{([A-Za-z0-9_.-]+)(\+?)\}")
_JSON = (("Content-Type", "application/json"),)
MAX_ARN_BYTES = 1600  # of a method ARN; beyond it a REST API answers 414


class Integration(NamedTuple):
    """A route of the template: what it matches, what it calls, who must be asked first."""

    method: str  # a verb, or ANY
    path: str  # a template, or $default
    function: Function
    authorizer: Authorizer | None
    requires_key: bool = False


class RestApi:
    """A REST API with Lambda proxy integrations."""

    def __init__(
        self,
        stage: Stage,
        integrations: Sequence[Integration],
        *,
        gateway_responses: Mapping[str, Any],
        key_source: str,
        plans: Plans,
        cors: RestCors | None = None,
    ) -> None:
        self.stage = stage
        self.cache = ResultCache()
        self._integrations = integrations
        self._responses = gateway_responses
        self._key_source = key_source
        self._plans = plans
        self._cors = cors

    def handle(self, request: Request) -> Response:
        response = self._handle(request)
        return response._replace(headers=(*response.headers, ("x-amzn-RequestId", request.request_id)))

    def _handle(self, request: Request) -> Response:
        route = Route("", {})
        try:
            preflight = self._preflight(request)
            if preflight is not None:
                return preflight
            integration, route = self._route(request)
            context, answer = self._authorize(request, integration.authorizer, route)
            if integration.requires_key:
                self._check_key(request, context or {}, answer)
        except GatewayError as error:
            return self._refuse(error, request, route)
        event = events.rest_proxy(request, self.stage, route, context)
        try:
            return _remapped(_read_proxy_answer(integration.function.invoke(event), _decision(context)))
        except (FunctionError, ValueError, TypeError) as error:
            return self._refuse(GatewayError("INTEGRATION_FAILURE", detail=type(error).__name__), request, route)

    def _refuse(self, error: GatewayError, request: Request, route: Route) -> Response:
        described = events.rest_proxy(request, self.stage, route, None)
        return gateway_responses.render(error, request, described, self._responses)

    def _preflight(self, request: Request) -> Response | None:
        """The mock OPTIONS that Cors adds to every path without one. Raises GatewayError as any method may."""
        if self._cors is None or request.method != "OPTIONS":
            return None
        if any(one.method == "OPTIONS" and _fits(one, request) for one in self._integrations):
            return None
        found = next((one for one in self._integrations if _fits(one, request)), None)
        if found is None:
            return None
        asked = found.authorizer if self._cors.asks_authorizer else None
        context, answer = self._authorize(request, asked, Route(found.path, {}))
        if self._cors.asks_key:
            self._check_key(request, context or {}, answer)
        return self._cors.answer()

    def _check_key(self, request: Request, context: dict[str, str], answer: dict[str, Any]) -> None:
        by_authorizer = self._key_source == "AUTHORIZER"
        presented = answer.get("usageIdentifierKey") if by_authorizer else request.header("x-api-key")
        refusal = self._plans.refusal(presented)
        if refusal:
            raise GatewayError(refusal, context=context)

    def _route(self, request: Request) -> tuple[Integration, Route]:
        found = _match(self._integrations, request)
        if found is None:
            raise GatewayError("MISSING_AUTHENTICATION_TOKEN")
        integration, parameters = found
        return integration, Route(integration.path, parameters)

    def _authorize(
        self, request: Request, authorizer: Authorizer | None, route: Route
    ) -> tuple[dict[str, str] | None, dict[str, Any]]:
        if authorizer is None:
            return None, {}
        arn = self.stage.method_arn(request)
        if len(arn.encode()) > MAX_ARN_BYTES:
            raise GatewayError("URI_TOO_LONG")
        answer = self._ask(request, authorizer, route).body
        context = authorizers.flat_context(answer)
        verdict = evaluate(answer["policyDocument"], arn)
        if verdict != "allow":
            raise GatewayError("ACCESS_DENIED", context=context, detail=verdict)
        return context, answer

    def _ask(self, request: Request, authorizer: Authorizer, route: Route) -> Answered:
        described = events.rest_proxy(request, self.stage, route, None)["requestContext"]
        identity = authorizers.identity_of(authorizer, request, self.stage, described)
        return authorizers.ask(
            authorizer,
            self.cache,
            identity,
            lambda: (
                events.rest_token(request, self.stage, identity[0])
                if authorizer.kind == "TOKEN"
                else events.rest_request(request, self.stage, route)
            ),
        )


class HttpApi:
    """An HTTP API with Lambda proxy integrations of payload 2.0."""

    def __init__(self, stage: Stage, integrations: Sequence[Integration], *, cors: HttpCors | None = None) -> None:
        self.stage = stage
        self.cache = ResultCache()
        self._integrations = integrations
        self._cors = cors

    def handle(self, request: Request) -> Response:
        response = self._handle_with_cors(request)
        return response._replace(headers=(*response.headers, ("apigw-requestid", request.request_id)))

    def _handle_with_cors(self, request: Request) -> Response:
        if self._cors is None:
            return self._handle(request)
        has_own = any(one.path == "$default" or one.method in {"ANY", "OPTIONS"} for one in self._matching(request))
        preflight = None if has_own else self._cors.preflight(request)
        return preflight or self._cors.decorate(request, self._handle(request))

    def _matching(self, request: Request) -> list[Integration]:
        found = _match(self._integrations, request)
        return [] if found is None else [found[0]]

    def _handle(self, request: Request) -> Response:
        found = _match(self._integrations, request)
        if found is None:
            return _message(404, "Not Found", "no route")
        integration, parameters = found
        route = Route(_route_key(integration), parameters)
        try:
            context = self._authorize(request, integration.authorizer, route)
        except GatewayError as error:
            if error.kind == "UNAUTHORIZED":
                return _message(401, "Unauthorized", error.kind, error.detail)
            if error.kind == "ACCESS_DENIED":
                return _message(403, "Forbidden", error.kind, error.detail)
            return _message(500, "Internal Server Error", error.kind, error.detail)
        try:
            event = events.http_proxy(request, self.stage, route, context)
            return _read_proxy_answer(integration.function.invoke(event), _decision(context))
        except (FunctionError, ValueError, TypeError) as error:
            return _message(500, "Internal Server Error", f"integration: {error}")

    def _authorize(self, request: Request, authorizer: Authorizer | None, route: Route) -> dict[str, Any] | None:
        if authorizer is None:
            return None
        answer, reason = self._ask(request, authorizer, route)
        allowed = (
            answer["isAuthorized"]
            if authorizer.kind == "HTTP_2_SIMPLE"
            else evaluate(answer["policyDocument"], self.stage.method_arn(request)) == "allow"
        )
        if not allowed:
            raise GatewayError("ACCESS_DENIED", detail=reason or str((answer.get("context") or {}).get("reason", "")))
        return dict(answer.get("context") or {})

    def _ask(self, request: Request, authorizer: Authorizer, route: Route) -> Answered:
        """Identity sources name the context as access logs do: `identity.sourceIp` as well as `routeKey`."""
        described = {
            **events.rest_proxy(request, self.stage, route, None)["requestContext"],
            **events.http_proxy(request, self.stage, route, None)["requestContext"],
        }
        identity = authorizers.identity_of(authorizer, request, self.stage, described)
        version = "1.0" if authorizer.kind == "HTTP_1" else "2.0"
        return authorizers.ask(
            authorizer,
            self.cache,
            identity,
            lambda: events.http_request(request, self.stage, route, identity, version),
        )


def _match(integrations: Sequence[Integration], request: Request) -> tuple[Integration, dict[str, str]] | None:
    """The most specific route: literal before parameter before greedy before $default, verb before ANY."""
    found: list[tuple[tuple[int, bool], Integration, dict[str, str]]] = []
    for integration in integrations:
        if integration.method not in {"ANY", request.method}:
            continue
        if integration.path == "$default":
            found.append(((1_000, False), integration, {}))
            continue
        match = _path_pattern(integration.path).fullmatch(request.path)
        if match:
            greedy = integration.path.count("+}") * 100 + integration.path.count("{")
            found.append(((greedy, integration.method == "ANY"), integration, match.groupdict()))
    if not found:
        return None
    _, integration, groups = min(found, key=lambda one: one[0])
    names = {f"p{place}": name for place, (name, _) in enumerate(_PARAMETER.findall(integration.path))}
    return integration, {names[group]: value for group, value in groups.items()}


def _fits(integration: Integration, request: Request) -> bool:
    return _path_pattern(integration.path).fullmatch(request.path) is not None


def _path_pattern(path: str) -> re.Pattern[str]:
    pieces, position = [], 0
    for place, found in enumerate(_PARAMETER.finditer(path)):
        pieces.append(re.escape(path[position : found.start()]))
        pieces.append(f"(?P<p{place}>{'.+' if found[2] else '[^/]+'})")
        position = found.end()
    pieces.append(re.escape(path[position:]))
    return re.compile("".join(pieces), re.DOTALL)


def _route_key(integration: Integration) -> str:
    return "$default" if integration.path == "$default" else f"{integration.method} {integration.path}"


def _decision(context: Mapping[str, Any] | None) -> str:
    return "open" if context is None else "allow"


def _remapped(response: Response) -> Response:
    """A REST API renames this header of an integration; only a gateway response may set it."""
    taken = ("x-amzn-Remapped-WWW-Authenticate", "www-authenticate")
    return response._replace(
        headers=tuple((taken[0] if name.lower() == taken[1] else name, value) for name, value in response.headers)
    )


def _read_proxy_answer(answer: Any, decision: str) -> Response:
    """A Lambda proxy integration's answer. ValueError or TypeError where it is none."""
    if not isinstance(answer, dict) or "statusCode" not in answer:
        message = "the integration's answer has no statusCode"
        raise ValueError(message)
    headers: list[Header] = [(name, str(value)) for name, value in (answer.get("headers") or {}).items()]
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        headers += [(name, str(value)) for value in values]
    headers += [("Set-Cookie", cookie) for cookie in answer.get("cookies") or []]
    body = answer.get("body") or ""
    raw = base64.b64decode(body) if answer.get("isBase64Encoded") else str(body).encode()
    return Response(int(answer["statusCode"]), tuple(headers), raw, decision)


def _message(status: int, text: str, decision: str, reason: str = "") -> Response:
    body = json.dumps({"message": text}, separators=(",", ":")).encode()
    return Response(status, _JSON, body, decision, reason)
