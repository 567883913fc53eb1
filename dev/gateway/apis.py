"""REST and HTTP APIs: routes, authorizers, API keys and integrations."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dev.gateway import authorizers, events, gateway_responses
from dev.gateway.authorizers import Authorizer, ResultCache
from dev.gateway.events import Route, Stage
from dev.gateway.iam import PolicyError, evaluate
from dev.gateway.messages import GatewayError, Header, Request, Response
from dev.lambda_runtime import Function, FunctionError

_PARAMETER = re.compile(r"\{([A-Za-z0-9_.-]+)(\+?)\}")
_JSON = (("Content-Type", "application/json"),)


class Integration(NamedTuple):
    """A route of the template: what it matches, what it calls, who must be asked first."""

    method: str  # a verb, or ANY
    path: str  # a template, or $default
    function: Function
    authorizer: Authorizer | None


class RestApi:
    """A REST API with Lambda proxy integrations."""

    def __init__(
        self,
        stage: Stage,
        integrations: Sequence[Integration],
        *,
        gateway_responses: Mapping[str, Any],
        key_source: str,
        requires_key: bool,
        keys: frozenset[str],
    ) -> None:
        self._stage = stage
        self._integrations = integrations
        self._responses = gateway_responses
        self._key_source = key_source
        self._requires_key = requires_key
        self._keys = keys
        self._cache = ResultCache()

    def handle(self, request: Request) -> Response:
        try:
            integration, route = self._route(request)
            context = self._authorize(request, integration.authorizer, route)
        except GatewayError as error:
            return gateway_responses.render(error, request, self._responses)
        event = events.rest_proxy(request, self._stage, route, context)
        try:
            return _read_proxy_answer(integration.function.invoke(event), "allow")
        except (FunctionError, ValueError, TypeError) as error:
            failure = GatewayError("INTEGRATION_FAILURE", detail=type(error).__name__)
            return gateway_responses.render(failure, request, self._responses)

    def _route(self, request: Request) -> tuple[Integration, Route]:
        found = _match(self._integrations, request)
        if found is None:
            raise GatewayError("MISSING_AUTHENTICATION_TOKEN")
        integration, parameters = found
        return integration, Route(integration.path, parameters)

    def _authorize(self, request: Request, authorizer: Authorizer | None, route: Route) -> dict[str, str] | None:
        if authorizer is None:
            return None
        answer = self._ask(request, authorizer, route)
        if not isinstance(answer, dict):
            raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail="answer is no object")
        context = authorizers.flat_context(answer)
        try:
            verdict = evaluate(answer.get("policyDocument"), self._stage.method_arn(request))
        except PolicyError as error:
            raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail=str(error)) from error
        if verdict != "allow":
            raise GatewayError("ACCESS_DENIED", context=context, detail=verdict)
        if self._requires_key:
            presented = (
                answer.get("usageIdentifierKey") if self._key_source == "AUTHORIZER" else request.header("x-api-key")
            )
            if presented not in self._keys:
                raise GatewayError("INVALID_API_KEY", context=context)
        return context

    def _ask(self, request: Request, authorizer: Authorizer, route: Route) -> Any:
        identity = authorizers.identity_of(authorizer, request, dict(self._stage.variables))
        cache_key = (authorizer.name, *identity)
        answer = self._cache.get(cache_key) if authorizer.cache_seconds else None
        if answer is None:
            event = (
                events.rest_token(request, self._stage, identity[0])
                if authorizer.kind == "TOKEN"
                else events.rest_request(request, self._stage, route)
            )
            answer = authorizers.call(authorizer, event)
            self._cache.put(cache_key, answer, authorizer.cache_seconds)
        return answer


class HttpApi:
    """An HTTP API with Lambda proxy integrations of payload 2.0."""

    def __init__(self, stage: Stage, integrations: Sequence[Integration]) -> None:
        self._stage = stage
        self._integrations = integrations
        self._cache = ResultCache()

    def handle(self, request: Request) -> Response:
        found = _match(self._integrations, request)
        if found is None:
            return _message(404, "Not Found", "no route")
        integration, parameters = found
        route = Route(_route_key(integration), parameters)
        try:
            context = self._authorize(request, integration.authorizer, route)
        except GatewayError as error:
            if error.kind == "UNAUTHORIZED":
                return _message(401, "Unauthorized", "identity source missing")
            if error.kind == "ACCESS_DENIED":
                return _message(403, "Forbidden", str(error))
            return _message(500, "Internal Server Error", str(error))
        try:
            event = events.http_proxy(request, self._stage, route, context)
            return _read_proxy_answer(integration.function.invoke(event), "allow" if context is not None else "open")
        except (FunctionError, ValueError, TypeError) as error:
            return _message(500, "Internal Server Error", f"integration: {error}")

    def _authorize(self, request: Request, authorizer: Authorizer | None, route: Route) -> dict[str, Any] | None:
        if authorizer is None:
            return None
        answer = self._ask(request, authorizer, route)
        simple = authorizer.kind == "HTTP_2_SIMPLE"
        if not isinstance(answer, dict) or (simple and not isinstance(answer.get("isAuthorized"), bool)):
            raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail="answer of another shape")
        try:
            allowed = (
                answer["isAuthorized"]
                if simple
                else evaluate(answer.get("policyDocument"), self._stage.method_arn(request)) == "allow"
            )
        except PolicyError as error:
            raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail=str(error)) from error
        if not allowed:
            reason = (answer.get("context") or {}).get("reason") or "authentication"
            raise GatewayError("ACCESS_DENIED", detail=str(reason))
        return dict(answer.get("context") or {})

    def _ask(self, request: Request, authorizer: Authorizer, route: Route) -> Any:
        identity = authorizers.identity_of(authorizer, request, dict(self._stage.variables))
        cache_key = (authorizer.name, *identity)
        answer = self._cache.get(cache_key) if authorizer.cache_seconds else None
        if answer is None:
            version = "1.0" if authorizer.kind == "HTTP_1" else "2.0"
            event = events.http_request(request, self._stage, route, identity, version)
            answer = authorizers.call(authorizer, event)
            self._cache.put(cache_key, answer, authorizer.cache_seconds)
        return answer


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


def _message(status: int, text: str, decision: str) -> Response:
    return Response(status, _JSON, json.dumps({"message": text}, separators=(",", ":")).encode(), decision)
