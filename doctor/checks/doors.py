"""Who is asked before a request passes: a route that asks nobody is open."""

from collections.abc import Iterator

from doctor.checks.check import ERROR, WARNING, Check, Fault, Remedy, of_each
from doctor.model import Api, Guard, Kind, Route


def without_authorizer(api: Api) -> Iterator[Fault]:
    asks_another = any(route.guard is not Guard.NOBODY for route in api.routes)
    if not api.authorizers and not asks_another and api.unread is None:
        yield Fault(api.place)


def without_default(api: Api) -> Iterator[Fault]:
    """Reported once, where SAM's Auth is, not at each of its routes."""
    if api.authorizers and any(_is_left_open(route) for route in api.routes):
        yield Fault(api.place.of(api.auth_node))


def open_routes(api: Api) -> Iterator[Fault]:
    """OPTIONS has to be open; on a WebSocket API only $connect asks."""
    if not api.authorizers:
        return
    for route in api.routes:
        is_asked = route.method == "$connect" if api.kind is Kind.WEBSOCKET else route.method != "OPTIONS"
        if is_asked and route.guard is Guard.NOBODY and not _is_left_open(route):
            yield Fault(route.place.of(route.guard_node))
    if api.kind is Kind.WEBSOCKET and not any(route.method == "$connect" for route in api.routes):
        yield Fault(api.place, "there is no route $connect")


def _is_left_open(route: Route) -> bool:
    return route.is_inherited and route.guard is Guard.NOBODY and route.method != "OPTIONS"


def unknown_authorizers(api: Api) -> Iterator[Fault]:
    faulty = [route for route in api.routes if route.guard is Guard.UNKNOWN_NAME]
    inherited = [route for route in faulty if route.is_inherited]
    if inherited:
        default = api.auth_node.get("DefaultAuthorizer") if api.auth_node else None
        yield Fault(api.place.of(default), default.text if default else "")
    for route in faulty:
        if not route.is_inherited:
            yield Fault(route.place.of(route.guard_node), route.guard_node.text if route.guard_node else "")


def unnamed_authorizers(api: Api) -> Iterator[Fault]:
    for route in api.routes:
        if route.guard is Guard.UNNAMED:
            yield Fault(route.place.of(route.guard_node))


def other_authorizers(api: Api) -> Iterator[Fault]:
    for route in api.routes:
        if route.guard is Guard.OTHER and route.method != "OPTIONS":
            yield Fault(route.place.of(route.guard_node))


def beyond_connect(api: Api) -> Iterator[Fault]:
    for route in api.routes:
        if api.form.value != "SAM" and route.method != "$connect" and route.guard is not Guard.NOBODY:
            yield Fault(route.place.of(route.guard_node))


def unread_definitions(api: Api) -> Iterator[Fault]:
    if api.unread is not None:
        yield Fault(api.place.of(api.unread))


CHECKS = (
    Check(
        "no-authorizer",
        ERROR,
        of_each(without_authorizer),
        "the API names itself for Tollgate but has no authorizer: whoever calls it passes",
        Remedy(
            "add Auth with Tollgate under Authorizers, and DefaultAuthorizer",
            "add an authorizer that imports <stack>-AuthorizerArn, and name it in every method or route",
        ),
    ),
    Check(
        "no-default-authorizer",
        ERROR,
        of_each(without_default, Kind.REST, Kind.HTTP),
        "authorizers are listed but none is the default: routes that name none are open",
        Remedy("set DefaultAuthorizer in Auth"),
    ),
    Check(
        "open-route",
        ERROR,
        of_each(open_routes),
        "the route asks nobody: whoever calls it passes, uncounted",
        Remedy(
            "take out Authorizer: NONE; if the route is meant to be open, accept this finding",
            "set AuthorizationType: CUSTOM and AuthorizerId; if it is meant to be open, accept this finding",
            'set authorization = "CUSTOM" (HTTP and WebSocket: authorization_type) and authorizer_id; '
            "if it is meant to be open, accept this finding",
        ),
    ),
    Check(
        "unknown-authorizer",
        ERROR,
        of_each(unknown_authorizers),
        "this authorizer is not among those of the API: the deployment fails, or the route is open",
        Remedy("write the name as it stands under Authorizers (in OpenAPI: under securitySchemes)"),
    ),
    Check(
        "unnamed-authorizer",
        ERROR,
        of_each(unnamed_authorizers),
        "an authorizer is asked for but not named: the deployment fails",
        Remedy("set AuthorizerId", terraform="set authorizer_id"),
    ),
    Check(
        "other-authorizer",
        WARNING,
        of_each(other_authorizers, Kind.REST, Kind.HTTP),
        "the route asks another authorizer than Tollgate, so nothing is counted there",
        Remedy("name Tollgate's authorizer, or accept this finding"),
    ),
    Check(
        "beyond-connect",
        ERROR,
        of_each(beyond_connect, Kind.WEBSOCKET),
        "API Gateway asks an authorizer on $connect alone: the deployment fails",
        Remedy(
            "leave AuthorizationType out of every other route",
            terraform="leave authorization_type out of every other route",
        ),
    ),
    Check(
        "unread-definition",
        WARNING,
        of_each(unread_definitions),
        "the API's definition is elsewhere, so what it says is not examined",
        Remedy(
            "put the definition into the template (DefinitionBody) to have it examined, or accept this finding",
            "put the definition into the template (Body) to have it examined, or accept this finding",
            "plan again when the body is known, or accept this finding",
        ),
    ),
)
