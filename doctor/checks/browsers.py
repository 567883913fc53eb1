"""Browsers: a preflight carries no credential, and a script reads what CORS headers let it read."""

from collections.abc import Iterator

from doctor.checks.check import ERROR, WARNING, Check, Fault, Remedy, of_each
from doctor.checks.names import LIMITS
from doctor.model import Api, Guard, Kind

_ORIGIN, _EXPOSED = "access-control-allow-origin", "access-control-expose-headers"
_REFUSALS = ("UNAUTHORIZED", "ACCESS_DENIED", "INVALID_API_KEY", "DEFAULT_5XX")
_RETRY = "retry-after"


def blocked_preflights(api: Api) -> Iterator[Fault]:
    """Routes of OPTIONS; on HTTP APIs, those of ANY and $default take it too, where no route of OPTIONS does."""
    for preflight in api.preflights:
        yield Fault(preflight.place, preflight.cause)
    takes_options = any(route.method == "OPTIONS" for route in api.routes)
    if api.kind is Kind.HTTP and api.cors is not None and not takes_options:
        for route in api.routes:
            if route.method == "ANY" and route.guard is not Guard.NOBODY:
                yield Fault(route.place, "the route takes OPTIONS too")


def hidden_refusals(api: Api) -> Iterator[Fault]:
    """A customised response takes nothing from DEFAULT_4XX."""
    for kind in _REFUSALS if api.cors is not None else ():
        fallback = None if kind == "DEFAULT_5XX" else api.responses.get("DEFAULT_4XX")
        response = api.responses.get(kind) or fallback
        if response is None or _ORIGIN not in response.headers:
            yield Fault(response.place if response else api.place, kind)


def forbidden_credentials(api: Api) -> Iterator[Fault]:
    """A wildcard does not cover Authorization (Fetch, CORS non-wildcard request-header name)."""
    if api.cors is not None and api.cors.allowed is not None:
        allowed = {name.strip(" '").lower() for name in api.cors.allowed.split(",")}
        if "authorization" not in allowed:
            yield Fault(api.cors.place, api.cors.allowed)


def unreadable_limits(api: Api) -> Iterator[Fault]:
    if api.cors is None or not any(stage.variable(LIMITS) for stage in api.stages):
        return
    if api.kind is Kind.HTTP and not _exposes(api.cors.exposed or ""):
        yield Fault(api.cors.place)
    response = api.responses.get("INVALID_API_KEY")
    header = response.headers.get(_EXPOSED) if response else None
    if response is not None and not _exposes(header.text if header else ""):
        yield Fault(response.place.of(header))


def _exposes(names: str) -> bool:
    listed = {name.strip(" '").lower() for name in names.split(",")}
    return _RETRY in listed or "*" in listed


CHECKS = (
    Check(
        "blocked-preflight",
        ERROR,
        of_each(blocked_preflights, Kind.REST, Kind.HTTP),
        "a preflight is asked for a credential, which it does not carry: browsers are refused",
        Remedy(
            "set AddDefaultAuthorizerToCorsPreflight and AddApiKeyRequiredToCorsPreflight to false; "
            "on HTTP APIs add OPTIONS /{proxy+} with Authorizer: NONE",
            "set AuthorizationType: NONE and ApiKeyRequired: false on OPTIONS; "
            "on HTTP APIs add a route OPTIONS /{proxy+} without an authorizer",
            'set authorization = "NONE" and api_key_required = false on OPTIONS; '
            'on HTTP APIs add a route "OPTIONS /{proxy+}" without an authorizer',
        ),
    ),
    Check(
        "no-cors-headers",
        WARNING,
        of_each(hidden_refusals, Kind.REST),
        "this answer has no Access-Control-Allow-Origin, so browsers hide it",
        Remedy("add the header to this gateway response; a customised one takes nothing from DEFAULT_4XX"),
    ),
    Check(
        "cors-without-authorization",
        ERROR,
        of_each(forbidden_credentials, Kind.REST, Kind.HTTP),
        "the preflight does not allow the Authorization header, so browsers do not send it",
        Remedy(
            "name authorization in AllowHeaders; a wildcard does not cover it",
            "name authorization in AllowHeaders (REST: method.response.header.Access-Control-Allow-Headers)",
            "name authorization in allow_headers (REST: method.response.header.Access-Control-Allow-Headers)",
        ),
    ),
    Check(
        "unreadable-limits",
        WARNING,
        of_each(unreadable_limits, Kind.REST, Kind.HTTP),
        "scripts in browsers cannot read Retry-After of a 429",
        Remedy(
            "expose Retry-After and X-RateLimit-*: REST by Access-Control-Expose-Headers on INVALID_API_KEY, "
            "HTTP by ExposeHeaders",
            terraform="expose Retry-After and X-RateLimit-*: REST by Access-Control-Expose-Headers on INVALID_API_KEY, "
            "HTTP by expose_headers",
        ),
    ),
)
