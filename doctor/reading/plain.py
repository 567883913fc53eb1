"""APIs of AWS::ApiGateway and AWS::ApiGatewayV2, and of Terraform plans, which have their shape."""

from collections.abc import Callable, Iterator, Mapping

from doctor.model import (
    Api,
    Authorizer,
    Cors,
    Deployment,
    GatewayResponse,
    Guard,
    Kind,
    Mock,
    Route,
    Stage,
)
from doctor.nodes import Node, entries, items, names_in, written
from doctor.reading import common, definitions
from doctor.template import Resource, Template

REST_API, V2_API = "AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"
_METHOD, _ROUTE = "AWS::ApiGateway::Method", "AWS::ApiGatewayV2::Route"
_RESPONSE = "AWS::ApiGateway::GatewayResponse"
_V2_INTEGRATION = "AWS::ApiGatewayV2::Integration"
_ALLOWED = "access-control-allow-headers"


def apis(template: Template) -> Iterator[Api]:
    for resource in template.of(REST_API, V2_API):
        yield _api(template, resource)


def _api(template: Template, resource: Resource) -> Api:
    kind, place, definition = _kind(resource), common.place_of(resource), resource.get("Body")
    own = tuple(_authorizers(template, resource, kind))
    defined = tuple(definitions.authorizers(template, place, kind, definition))
    named = {authorizer.name: Guard.TOLLGATE if authorizer.is_tollgate else Guard.OTHER for authorizer in defined}
    guards = dict.fromkeys(definitions.other_schemes(definition), Guard.OTHER) | named
    routes = (*_routes(template, resource, kind, own), *definitions.routes(place, definition, guards))
    is_rest = kind is Kind.REST
    return Api(
        place=place,
        resource=resource,
        kind=kind,
        form=template.form_of(resource),
        stages=tuple(_stages(template, resource, kind)),
        authorizers=(*own, *defined),
        routes=routes,
        responses=_responses(template, resource, definition) if is_rest else {},
        plans=common.usage_plans(template, resource.name) if is_rest else (),
        key_source=resource.get("ApiKeySourceType")
        or (definition and definition.get("x-amazon-apigateway-api-key-source")),
        cors=_rest_cors(template, resource, routes) if is_rest else _http_cors(resource),
        preflights=tuple(common.preflights(routes)),
        silent_mocks=tuple(_silent_mocks(template, resource)) if kind is Kind.WEBSOCKET else (),
        deployments=tuple(_deployments(template, resource, kind)),
        unread=resource.get("BodyS3Location") or definitions.unread_part(definition),
        auth_node=None,
    )


def _kind(resource: Resource) -> Kind:
    if resource.kind == REST_API:
        return Kind.REST
    return Kind.WEBSOCKET if resource.text("ProtocolType") == "WEBSOCKET" else Kind.HTTP


# --- stages and deployments ---------------------------------------------------------------


def _stages(template: Template, api: Resource, kind: Kind) -> Iterator[Stage]:
    is_rest = kind is Kind.REST
    stages = common.belonging(template, api.name, "AWS::ApiGateway::Stage", "AWS::ApiGatewayV2::Stage")
    for resource in stages:
        variables = common.mapping(resource.get("Variables" if is_rest else "StageVariables"))
        references = frozenset({f"${{{resource.name}}}"})
        caching = _caching(template, api, resource) if is_rest else None
        yield Stage(common.place_of(resource), written(resource.get("StageName")), references, variables, caching)


def _caching(template: Template, api: Resource, stage: Resource) -> Node | None:
    """The setting by which a stage with a cache keeps responses."""
    enabled = stage.get("CacheClusterEnabled")
    if enabled is None or not enabled.is_true:
        return None
    own = [setting.get("CachingEnabled") for setting in items(stage.get("MethodSettings"))]
    for resource in common.belonging(template, api.name, "Terraform::MethodSettings"):
        own += [setting.get("CachingEnabled") for setting in items(resource.get("MethodSettings"))]
    return next((flag for flag in own if flag and flag.is_true), None)


def _deployments(template: Template, api: Resource, kind: Kind) -> Iterator[Deployment]:
    """A deployment takes what is there when it is made: what it does not wait for may be left out."""
    kinds = (_METHOD, _RESPONSE) if kind is Kind.REST else (_ROUTE,)
    parts = [part.name for part in common.belonging(template, api.name, *kinds)]
    for resource in common.belonging(
        template, api.name, "AWS::ApiGateway::Deployment", "AWS::ApiGatewayV2::Deployment"
    ):
        awaited = _awaited(template, resource)
        yield Deployment(common.place_of(resource), tuple(part for part in parts if part not in awaited))


def _awaited(template: Template, resource: Resource) -> set[str]:
    """Everything that is made before a resource."""
    awaited: set[str] = set()
    waiting = [resource]
    while waiting:
        current = waiting.pop()
        names = {dependency.text for dependency in items(current.node.get("DependsOn"))} | names_in(current.get())
        found = {name for name in names - awaited if name in template.resources}
        awaited |= found
        waiting += [template.resources[name] for name in found]
    return awaited


# --- who is asked -------------------------------------------------------------------------


def _authorizers(template: Template, api: Resource, kind: Kind) -> Iterator[Authorizer]:
    for resource in common.belonging(
        template, api.name, "AWS::ApiGateway::Authorizer", "AWS::ApiGatewayV2::Authorizer"
    ):
        kind_of_authorizer = resource.text("Type") or resource.text("AuthorizerType")
        if kind_of_authorizer in {"TOKEN", "REQUEST"}:
            yield _authorizer(template, api, resource, kind, kind_of_authorizer)


def _authorizer(template: Template, api: Resource, resource: Resource, kind: Kind, payload: str) -> Authorizer:
    function, identity = resource.get("AuthorizerUri"), resource.get("IdentitySource")
    ttl = resource.get("AuthorizerResultTtlInSeconds")
    sources = common.sources_in(identity)
    ours, here = common.is_tollgate(template, function), common.function_named(template, function)
    role = resource.get("AuthorizerCredentials") or resource.get("AuthorizerCredentialsArn")
    return Authorizer(
        place=common.place_of(resource),
        name=resource.name,
        node=resource.node,
        payload=resource.text("AuthorizerPayloadFormatVersion") if kind is Kind.HTTP else payload,
        ttl=common.number(ttl, common.default_ttl(kind)),
        ttl_node=ttl,
        identity=tuple(map(common.source_of, sources)),
        identity_node=identity,
        sources=sources,
        expression=resource.get("IdentityValidationExpression"),
        is_simple=resource.get("EnableSimpleResponses"),
        function=function,
        uri=function,
        code=common.code_of(template, here) if here and not ours else None,
        is_tollgate=ours,
        is_made_by_sam=False,
        is_allowed=role is not None,
        permissions=tuple(common.permissions(template, api.name, function)),
    )


def _routes(template: Template, api: Resource, kind: Kind, authorizers: tuple[Authorizer, ...]) -> Iterator[Route]:
    make: Callable[[Template, Resource, Resource, Guard], Route] = _method if kind is Kind.REST else _route
    for resource in common.belonging(template, api.name, _METHOD if kind is Kind.REST else _ROUTE):
        yield make(template, api, resource, _guard(resource, authorizers))


def _guard(resource: Resource, authorizers: tuple[Authorizer, ...]) -> Guard:
    kind, named = resource.text("AuthorizationType") or "NONE", resource.get("AuthorizerId")
    if kind == "NONE":
        return Guard.NOBODY
    if kind != "CUSTOM":
        return Guard.OTHER
    if named is None:
        return Guard.UNNAMED
    names = names_in(named)
    found = [authorizer for authorizer in authorizers if authorizer.name in names] or (
        list(authorizers) if not names else []
    )
    return Guard.TOLLGATE if any(authorizer.is_tollgate for authorizer in found) else Guard.OTHER


def _method(_template: Template, _api: Resource, resource: Resource, guard: Guard) -> Route:
    key = resource.get("ApiKeyRequired")
    return Route(
        place=common.place_of(resource),
        method=resource.text("HttpMethod").upper(),
        guard=guard,
        is_inherited=False,
        guard_node=resource.get("AuthorizationType"),
        needs_key=key is not None and key.is_true,
        key_node=key,
        is_key_inherited=False,
        integration=resource.text("Integration", "Type"),
    )


def _route(template: Template, api: Resource, resource: Resource, guard: Guard) -> Route:
    key, target = (
        resource.text("RouteKey"),
        names_in(resource.get("Target")) | {written(resource.get("Target")).rpartition("/")[2].strip("${}")},
    )
    used = next(
        (
            integration
            for integration in common.belonging(template, api.name, _V2_INTEGRATION)
            if integration.name in target
        ),
        None,
    )
    function = common.function_named(template, used and used.get("IntegrationUri"))
    kind = used.text("IntegrationType") if used else ""
    if used is not None and used.get("IntegrationSubtype") is not None:
        kind = f"{kind} {used.text('IntegrationSubtype')}"
    return Route(
        place=common.place_of(resource).of(None, key),
        method=key if key.startswith("$") and key != "$default" else key.partition(" ")[0].replace("$default", "ANY"),
        guard=guard,
        is_inherited=False,
        guard_node=resource.get("AuthorizationType"),
        needs_key=False,
        key_node=None,
        is_key_inherited=False,
        function=function,
        code=common.code_of(template, function) if function else None,
        integration=kind,
    )


# --- answers and browsers -----------------------------------------------------------------


def _responses(template: Template, api: Resource, definition: Node | None) -> dict[str, GatewayResponse]:
    found = {response.kind: response for response in definitions.responses(common.place_of(api), definition)}
    for resource in common.belonging(template, api.name, _RESPONSE):
        kind, node = resource.text("ResponseType"), resource.get() or Node({}, resource.line)
        keys = ("StatusCode", "ResponseParameters", "ResponseTemplates")
        found[kind] = common.response(kind, common.place_of(resource).of(None, kind), node, keys=keys)
    return found


def _http_cors(api: Resource) -> Cors | None:
    node = api.get("CorsConfiguration")
    if node is None:
        return None
    allowed, exposed = (common.joined(node.get(name)) for name in ("AllowHeaders", "ExposeHeaders"))
    return Cors(common.place_of(api).of(node), allowed, exposed)


def _rest_cors(template: Template, api: Resource, routes: tuple[Route, ...]) -> Cors | None:
    """A REST API that answers OPTIONS serves browsers. What its mock allows stands in the method or beside it."""
    options = [route for route in routes if route.method == "OPTIONS"]
    if not options:
        return None
    allowed = [value.text for value in _answered(template, api)]
    return Cors(options[0].place, ",".join(allowed) if allowed else None, None)


def _answered(template: Template, api: Resource) -> Iterator[Node]:
    methods = [
        method for method in common.belonging(template, api.name, _METHOD) if method.text("HttpMethod") == "OPTIONS"
    ]
    parameters: list[Mapping[str, Node]] = [
        dict(entries(answer, "ResponseParameters"))
        for method in methods
        for answer in items(method.get("Integration", "IntegrationResponses"))
    ]
    parameters += [
        dict(entries(resource.get("ResponseParameters")))
        for resource in common.belonging(template, api.name, "Terraform::IntegrationResponse")
        if resource.text("HttpMethod") == "OPTIONS"
    ]
    for answer in parameters:
        yield from (value for name, value in answer.items() if name.lower().endswith(_ALLOWED))


def _silent_mocks(template: Template, api: Resource) -> Iterator[Mock]:
    """Integrations that are not proxies need a response (WebSocket APIs, integration responses)."""
    answered: set[str] = set()
    for resource in common.belonging(template, api.name, "AWS::ApiGatewayV2::IntegrationResponse"):
        answered |= names_in(resource.get("IntegrationId"))
    for resource in common.belonging(template, api.name, _V2_INTEGRATION):
        if resource.text("IntegrationType") == "MOCK" and resource.name not in answered:
            yield Mock(common.place_of(resource))
