"""The answers that a REST API gives itself: types, statuses, templates (REST APIs only)."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from dev.gateway.messages import GatewayError, Request, Response


class _Default(NamedTuple):
    status: int
    message: str | None
    error_type: str


_DEFAULTS = {
    "UNAUTHORIZED": _Default(401, "Unauthorized", "UnauthorizedException"),
    "ACCESS_DENIED": _Default(403, "User is not authorized to access this resource", "AccessDeniedException"),
    "INVALID_API_KEY": _Default(403, "Forbidden", "ForbiddenException"),
    "MISSING_AUTHENTICATION_TOKEN": _Default(
        403, "Missing Authentication Token", "MissingAuthenticationTokenException"
    ),
    "THROTTLED": _Default(429, "Too Many Requests", "TooManyRequestsException"),
    "QUOTA_EXCEEDED": _Default(429, "Limit Exceeded", "LimitExceededException"),
    "AUTHORIZER_CONFIGURATION_ERROR": _Default(500, None, "AuthorizerConfigurationException"),
    "INTEGRATION_FAILURE": _Default(502, "Internal server error", "InternalServerErrorException"),
}
_VARIABLE = re.compile(r"\$(context(?:\.[A-Za-z_][A-Za-z0-9_]*)+)")


def render(error: GatewayError, request: Request, configured: Mapping[str, Any]) -> Response:
    """The response of a type: as configured, else the DEFAULT_4XX or _5XX, else AWS's own."""
    default = _DEFAULTS[error.kind]
    family = f"DEFAULT_{default.status // 100}XX"
    own = configured.get(error.kind) or configured.get(family) or {}
    status = int(own.get("StatusCode") or default.status)
    variables = _variables(error, request, default)
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", default.error_type)]
    for name, mapping in (own.get("ResponseParameters", {}).get("Headers") or {}).items():
        headers.append((name, _map_header(mapping, variables, request)))
    template = (own.get("ResponseTemplates") or {}).get("application/json")
    if template is None:
        member = "Message" if error.kind == "ACCESS_DENIED" else "message"
        body = json.dumps({member: _default_message(error, default)}, separators=(",", ":"))
    else:
        body = _VARIABLE.sub(lambda found: variables.get(found[1], ""), template)
    reason = error.context.get("reason") or error.detail
    return Response(status, tuple(headers), body.encode(), error.kind, reason)


def _default_message(error: GatewayError, default: _Default) -> str | None:
    suffix = " with an explicit deny" if error.detail == "explicit deny" else ""
    return None if default.message is None else default.message + suffix


def _variables(error: GatewayError, request: Request, default: _Default) -> dict[str, str]:
    message = _default_message(error, default)
    return {
        "context.error.message": message or "",
        "context.error.messageString": json.dumps(message),
        "context.error.responseType": error.kind,
        "context.requestId": request.request_id,
        **{f"context.authorizer.{name}": value for name, value in error.context.items()},
    }


def _map_header(mapping: str, variables: Mapping[str, str], request: Request) -> str:
    if mapping.startswith("'") and mapping.endswith("'"):
        return mapping[1:-1]
    if mapping.startswith("context."):
        return variables.get(mapping, "")
    if mapping.startswith("method.request.header."):
        return request.header(mapping.removeprefix("method.request.header.")) or ""
    if mapping.startswith("method.request.querystring."):
        return dict(request.parameters).get(mapping.removeprefix("method.request.querystring."), "")
    message = f"Invalid mapping expression specified: {mapping}"
    raise ValueError(message)
