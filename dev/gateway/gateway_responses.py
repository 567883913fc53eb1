"""The answers that a REST API gives itself: types, statuses, templates (REST APIs only)."""

import json
import re
from collections.abc import Callable, Mapping
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
    "URI_TOO_LONG": _Default(414, "Request URI too long", "RequestURITooLongException"),
    "AUTHORIZER_CONFIGURATION_ERROR": _Default(500, None, "AuthorizerConfigurationException"),
    "INTEGRATION_FAILURE": _Default(502, "Internal server error", "InternalServerErrorException"),
}
_VARIABLE = re.compile(r"\$((?:context|stageVariables|method\.request)(?:\.[A-Za-z_][A-Za-z0-9_-]*)+)")
_MAPPING = re.compile(
    r"'.*'|(context|stageVariables)\..+|method\.request\.(header|querystring|path|multivalueheader|multivaluequerystring)\..+",
    re.DOTALL,
)
KINDS = frozenset(_DEFAULTS) - {"URI_TOO_LONG"} | {  # that one has no type which a template could name
    "API_CONFIGURATION_ERROR",
    "AUTHORIZER_FAILURE",
    "BAD_REQUEST_BODY",
    "BAD_REQUEST_PARAMETERS",
    "DEFAULT_4XX",
    "DEFAULT_5XX",
    "EXPIRED_TOKEN",
    "INTEGRATION_TIMEOUT",
    "INVALID_SIGNATURE",
    "REQUEST_TOO_LARGE",
    "RESOURCE_NOT_FOUND",
    "UNSUPPORTED_MEDIA_TYPE",
    "WAF_FILTERED",
}


def unknown_in(configured: Mapping[str, Any]) -> str | None:
    """The first part of GatewayResponses that is not understood, or that AWS refuses on deployment."""
    for kind, one in configured.items():
        headers = one.get("ResponseParameters", {}).get("Headers") or {}
        found = [
            *([kind] if kind not in KINDS or not re.fullmatch(r"|[1-5]\d\d", str(one.get("StatusCode", ""))) else []),
            *sorted(one.keys() - {"StatusCode", "ResponseParameters", "ResponseTemplates"}),
            *sorted(one.get("ResponseParameters", {}).keys() - {"Headers"}),
            *sorted((one.get("ResponseTemplates") or {}).keys() - {"application/json"}),
            *sorted(name for name, mapping in headers.items() if not _MAPPING.fullmatch(str(mapping))),
        ]
        if found:
            return str(found[0])
    return None


def render(
    error: GatewayError, request: Request, described: Mapping[str, Any], configured: Mapping[str, Any]
) -> Response:
    """The response of a type: as configured, else the DEFAULT_4XX or _5XX, else AWS's own.

    `described` is the request as a proxy event. A variable without a value is rendered empty: what
    AWS does is not documented.
    """
    default = _DEFAULTS[error.kind]
    family = f"DEFAULT_{default.status // 100}XX"
    own = configured.get(error.kind) or configured.get(family) or {} if error.kind in KINDS else {}
    status = int(own.get("StatusCode") or default.status)
    variables = _variables(error, request, described, default)
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", default.error_type)]
    for name, mapping in (own.get("ResponseParameters", {}).get("Headers") or {}).items():
        is_fixed = mapping.startswith("'")
        headers.append((name, mapping[1:-1] if is_fixed else variables(mapping)))
    template = (own.get("ResponseTemplates") or {}).get("application/json")
    if template is None:
        member = "Message" if error.kind == "ACCESS_DENIED" else "message"
        separators = (",", ": ") if error.kind == "INTEGRATION_FAILURE" else (",", ":")
        body = json.dumps({member: _default_message(error, default)}, separators=separators)
    else:
        body = _VARIABLE.sub(lambda found: variables(found[1]), template)
    reason = error.context.get("reason") or error.detail
    return Response(status, tuple(headers), body.encode(), error.kind, reason)


def _default_message(error: GatewayError, default: _Default) -> str | None:
    suffix = " with an explicit deny" if error.detail == "explicit deny" else ""
    return None if default.message is None else default.message + suffix


def _variables(
    error: GatewayError, request: Request, described: Mapping[str, Any], default: _Default
) -> Callable[[str], str]:
    message = _default_message(error, default)
    context = described["requestContext"] | {
        "authorizer": error.context,
        "error": {
            "message": message,
            "messageString": json.dumps(message),
            "responseType": error.kind,
        },
    }
    maps = {
        "querystring": described["queryStringParameters"],
        "path": described["pathParameters"],
        "multivalueheader": {name: ",".join(all_) for name, all_ in described["multiValueHeaders"].items()},
        "multivaluequerystring": {
            name: ",".join(all_) for name, all_ in (described["multiValueQueryStringParameters"] or {}).items()
        },
    }
    known = {"context": context, "stageVariables": described["stageVariables"], "method": {"request": maps}}

    def value_of(name: str) -> str:
        if name.startswith("method.request.header."):
            return request.header(name.removeprefix("method.request.header.")) or ""
        found: Any = known
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return "" if found is None or isinstance(found, dict) else str(found)

    return value_of
