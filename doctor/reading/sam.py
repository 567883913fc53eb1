"""APIs of AWS::Serverless, those that SAM makes by itself for events without an API included."""

import re
from collections.abc import Iterator, Mapping

from doctor.model import (
    Api,
    Authorizer,
    Cors,
    GatewayResponse,
    Guard,
    Kind,
    PlanKey,
    Preflight,
    Route,
    Stage,
    UsagePlan,
)
from doctor.nodes import Node, entries, items, names_in, text_of, written
from doctor.reading import common, definitions
from doctor.template import Form, Resource, Template

REST, HTTP, WEBSOCKET = "AWS::Serverless::Api", "AWS::Serverless::HttpApi", "AWS::Serverless::WebSocketApi"
_KINDS = {REST: Kind.REST, HTTP: Kind.HTTP, WEBSOCKET: Kind.WEBSOCKET}
_IMPLICIT = {"Api": ("ServerlessRestApi", REST), "HttpApi": ("ServerlessHttpApi", HTTP)}
_DEFAULT_STAGES = {Kind.REST: "Prod", Kind.HTTP: "$default", Kind.WEBSOCKET: "default"}
_WITH_EVENTS = ("AWS::Serverless::Function", "AWS::Serverless::StateMachine")
_VARIABLE = re.compile(r"\$\{([^}!]+)\}")
_SOURCES = {
    "Headers": "header",
    "QueryStrings": "querystring",
    "Context": "context",
    "StageVariables": "stageVariables",
}


def apis(template: Template) -> Iterator[Api]:
    for resource in (*template.of(*_KINDS), *_implicit(template)):
        yield _websocket(template, resource) if resource.kind == WEBSOCKET else _api(template, resource)


def _implicit(template: Template) -> Iterator[Resource]:
    """The APIs of events that name none. What Globals say is all that is said of them."""
    wanted = {text_of(event.get("Type")): event for _, _, event in _events(template) if not _reference(event)}
    for kind, event in wanted.items():
        if kind in _IMPLICIT and not template.is_plan:
            name, resource = _IMPLICIT[kind]
            common_node = template.common(resource)
            line = common_node.line if common_node else event.line
            yield Resource(name, resource, Node({"Properties": Node({}, line)}, line))


def _api(template: Template, resource: Resource) -> Api:
    kind, place = _KINDS[resource.kind], common.place_of(resource)
    auth, definition = template.setting(resource, "Auth"), template.setting(resource, "DefinitionBody")
    own = tuple(_authorizers(template, resource, kind, auth))
    defined = tuple(definitions.authorizers(template, place, kind, definition))
    guards = _guards(auth, own) | _guards_defined(definition, defined)
    stage = _stage(template, resource, kind)
    routes = tuple(_routes(template, resource, auth, definition, guards))
    preflights = (*_preflights(template, resource, auth), *common.preflights(routes)) if kind is Kind.REST else ()
    elsewhere = template.setting(resource, "DefinitionUri") if definition is None else None
    return Api(
        place=place,
        resource=resource,
        kind=kind,
        form=Form.SAM,
        stages=(stage,),
        authorizers=(*own, *defined),
        routes=routes,
        responses=_responses(template, resource, definition) if kind is Kind.REST else {},
        plans=common.usage_plans(template, resource.name, _made_plans(template, resource, stage)),
        key_source=_key_source(template, resource, definition),
        cors=_cors(template, resource, kind),
        preflights=preflights,
        silent_mocks=(),
        deployments=(),
        unread=elsewhere or definitions.unread_part(definition),
        auth_node=auth,
        makes_second_stage=kind is Kind.REST and template.setting(resource, "OpenApiVersion") is None,
    )


def _stage(template: Template, resource: Resource, kind: Kind) -> Stage:
    name = template.setting(resource, "StageName")
    text = written(name) or _DEFAULT_STAGES[kind]
    variables = template.setting(resource, "Variables" if kind is Kind.REST else "StageVariables")
    references = frozenset({f"${{{resource.name}.Stage}}", f"${{{resource.name}{text}Stage}}"})
    is_caching = text_of(template.setting(resource, "CacheClusterEnabled")) == "true"
    caching = _caching(template.setting(resource, "MethodSettings")) if is_caching else None
    return Stage(common.place_of(resource), text, references, common.mapping(variables), caching)


def _caching(settings: Node | None) -> Node | None:
    flags = (setting.get("CachingEnabled") for setting in items(settings))
    return next((flag for flag in flags if flag and flag.is_true), None)


def _key_source(template: Template, resource: Resource, definition: Node | None) -> Node | None:
    own = template.setting(resource, "ApiKeySourceType")
    return own or (definition and definition.get("x-amazon-apigateway-api-key-source"))


# --- who is asked -------------------------------------------------------------------------


def _authorizers(template: Template, resource: Resource, kind: Kind, auth: Node | None) -> Iterator[Authorizer]:
    for name, node in entries(auth, "Authorizers"):
        function = node.get("FunctionArn")
        if function is not None:
            yield _authorizer(template, resource, kind, name, node, function)


def _authorizer(
    template: Template, resource: Resource, kind: Kind, name: str, node: Node, function: Node
) -> Authorizer:
    is_rest, identity = kind is Kind.REST, node.get("Identity")
    payload = text_of(node.get("FunctionPayloadType" if is_rest else "AuthorizerPayloadFormatVersion"))
    payload = payload or ("TOKEN" if is_rest else "")
    ttl = identity.get("ReauthorizeEvery") if identity else None
    ours, here = common.is_tollgate(template, function), common.function_named(template, function)
    return Authorizer(
        place=common.place_of(resource).of(node, name),
        name=name,
        node=node,
        payload=payload,
        ttl=common.number(ttl, common.default_ttl(kind)),
        ttl_node=ttl,
        identity=tuple(_identity(identity, is_token=payload == "TOKEN")),
        identity_node=identity,
        sources=(),
        expression=identity.get("ValidationExpression") if identity else None,
        is_simple=node.get("EnableSimpleResponses"),
        function=function,
        uri=None,
        code=common.code_of(template, here) if here and not ours else None,
        is_tollgate=ours,
        is_made_by_sam=True,
        is_allowed=_is_allowed(template, resource, node, is_rest=is_rest),
        permissions=tuple(common.permissions(template, resource.name, function)),
        is_lost_locally=any(_is_lost(template, name) for name in _referred(function)),
    )


def _is_allowed(template: Template, resource: Resource, node: Node, *, is_rest: bool) -> bool:
    """By a role, or by the permission that SAM makes: on REST APIs by default, on HTTP APIs where it is asked for."""
    if node.get("FunctionInvokeRole") or template.setting(resource, "Auth", "InvokeRole"):
        return True
    if is_rest:
        return text_of(node.get("DisableFunctionDefaultPermissions")) != "true"
    return text_of(node.get("EnableFunctionDefaultPermissions")) == "true"


def _referred(function: Node) -> Iterator[str]:
    """What is named by Ref, alone, inside a Sub or among its variables."""
    reference, sub = function.get("Ref"), function.get("Fn::Sub")
    if reference is not None:
        yield reference.text
    text, *variables = items(sub) or [Node("", 0)]
    yield from _VARIABLE.findall(text.text)
    for _, variable in entries(variables[0] if variables else None):
        yield from _referred(variable)


def _is_lost(template: Template, name: str) -> bool:
    """A function's Ref, its `.Alias`, or the alias that SAM makes: `<Function>Alias<name>`."""
    if name in template.resources:
        return template.resources[name].kind.endswith(("::Function", "::Alias"))
    made = (function for function in template.of(*common.FUNCTIONS) if name.startswith(f"{function.name}Alias"))
    return name.endswith(".Alias") or any(made)


def _identity(identity: Node | None, *, is_token: bool) -> Iterator[str]:
    if is_token:
        yield f"header.{(text_of(identity and identity.get('Header')) or 'authorization').lower()}"
    for key, where in _SOURCES.items():
        for source in items(identity and identity.get(key)):
            yield f"{where}.{source.text.lower() if where == 'header' else source.text}"


def _guards(auth: Node | None, own: tuple[Authorizer, ...]) -> dict[str, Guard]:
    """What each name of an authorizer means."""
    others = {name: Guard.OTHER for name, _ in entries(auth, "Authorizers")}
    named = {authorizer.name: Guard.TOLLGATE if authorizer.is_tollgate else Guard.OTHER for authorizer in own}
    return {"AWS_IAM": Guard.OTHER} | others | named


def _guards_defined(definition: Node | None, defined: tuple[Authorizer, ...]) -> dict[str, Guard]:
    named = {authorizer.name: Guard.TOLLGATE if authorizer.is_tollgate else Guard.OTHER for authorizer in defined}
    return dict.fromkeys(definitions.other_schemes(definition), Guard.OTHER) | named


def _guard(name: Node | None, guards: Mapping[str, Guard]) -> Guard:
    if name is None or name.text == "NONE":
        return Guard.NOBODY
    return guards.get(name.text, Guard.UNKNOWN_NAME) if name.text else Guard.OTHER


# --- routes -------------------------------------------------------------------------------


def _routes(
    template: Template, resource: Resource, auth: Node | None, definition: Node | None, guards: Mapping[str, Guard]
) -> Iterator[Route]:
    default, key = (auth.get(name) if auth else None for name in ("DefaultAuthorizer", "ApiKeyRequired"))
    if definition is not None:
        inherited = definitions.Inherited(_guard(default, guards), needs_key=bool(key and key.is_true))
        has_own = auth is not None and (default is not None or auth.get("Authorizers") is not None)
        given = inherited if has_own else definitions.Inherited(None, needs_key=inherited.needs_key)
        yield from definitions.routes(common.place_of(resource), definition, guards, given)
        return
    wanted = "Api" if resource.kind == REST else "HttpApi"
    for owner, name, event in _events(template):
        if text_of(event.get("Type")) == wanted and _is_of(event, resource):
            yield _route(template, owner, name, event, default=default, key=key, guards=guards)


def _route(
    template: Template,
    owner: Resource,
    name: str,
    event: Node,
    *,
    default: Node | None,
    key: Node | None,
    guards: Mapping[str, Guard],
) -> Route:
    own, own_key = (event.get("Properties", "Auth", setting) for setting in ("Authorizer", "ApiKeyRequired"))
    is_rest = text_of(event.get("Type")) == "Api"
    method = text_of(event.get("Properties", "Method")).upper() or "ANY"
    needed = own_key or key
    return Route(
        place=common.place_of(owner).of(event, name),
        method="ANY" if method.startswith("X-") else method,
        guard=_guard(own or default, guards),
        is_inherited=own is None,
        guard_node=own,
        needs_key=is_rest and needed is not None and needed.is_true,
        key_node=own_key or key,
        is_key_inherited=own_key is None,
        function=owner if owner.kind in common.FUNCTIONS else None,
        code=common.code_of(template, owner) if owner.kind in common.FUNCTIONS else None,
        integration="" if owner.kind in common.FUNCTIONS else "AWS_PROXY StepFunctions",
    )


def _events(template: Template) -> Iterator[tuple[Resource, str, Node]]:
    """The events that make routes."""
    for owner in template.of(*_WITH_EVENTS):
        for name, event in entries(owner.get("Events")):
            if text_of(event.get("Type")) in _IMPLICIT:
                yield owner, name, event


def _reference(event: Node) -> Node | None:
    return event.get("Properties", "RestApiId") or event.get("Properties", "ApiId")


def _is_of(event: Node, resource: Resource) -> bool:
    reference = _reference(event)
    if reference is None:
        return resource.name == _IMPLICIT[text_of(event.get("Type"))][0]
    return resource.name in names_in(reference)


# --- answers, plans, browsers -------------------------------------------------------------


def _responses(template: Template, resource: Resource, definition: Node | None) -> dict[str, GatewayResponse]:
    place, found = common.place_of(resource), {}
    for kind, node in entries(template.setting(resource, "GatewayResponses")):
        headers = {name.lower(): value for name, value in entries(node, "ResponseParameters", "Headers")}
        templates = common.mapping(node.get("ResponseTemplates"))
        found[kind] = GatewayResponse(kind, place.of(node, kind), node.get("StatusCode"), headers, templates)
    return found | {response.kind: response for response in definitions.responses(place, definition)}


def _made_plans(template: Template, resource: Resource, stage: Stage) -> Iterator[UsagePlan]:
    """The plan that SAM makes, with a key of SAM's own."""
    plan = template.setting(resource, "Auth", "UsagePlan")
    created = plan.get("CreateUsagePlan") if plan else None
    prefix = {"PER_API": resource.name, "SHARED": "Serverless"}.get(text_of(created), "")
    if plan is None or not prefix:
        return
    place = common.place_of(resource).of(created, "UsagePlan")
    key = PlanKey(place, None, is_made_by_sam=True)
    limits = plan.get("Throttle") or plan.get("Quota")
    named = place._replace(resource=f"{prefix}UsagePlan")
    yield UsagePlan(named, (Node(stage.name, place.line),), (key,), limits)


def _cors(template: Template, resource: Resource, kind: Kind) -> Cors | None:
    node = template.setting(resource, "Cors" if kind is Kind.REST else "CorsConfiguration")
    if node is None or node.text == "false":
        return None
    is_detailed = isinstance(node.value, dict)
    if kind is Kind.REST:
        allowed = text_of(node.get("AllowHeaders")) if is_detailed else ""
        return Cors(common.place_of(resource).of(node), allowed, None)
    allowed, exposed = (common.joined(node.get(name)) for name in ("AllowHeaders", "ExposeHeaders"))
    return Cors(common.place_of(resource).of(node), allowed if is_detailed else "*", exposed if is_detailed else None)


def _preflights(template: Template, resource: Resource, auth: Node | None) -> Iterator[Preflight]:
    """SAM asks preflights for what it asks every route for, unless it is told not to."""
    if template.setting(resource, "Cors") is None or auth is None:
        return
    for cause, flag in (
        ("DefaultAuthorizer", "AddDefaultAuthorizerToCorsPreflight"),
        ("ApiKeyRequired", "AddApiKeyRequiredToCorsPreflight"),
    ):
        asked, turned = auth.get(cause), auth.get(flag)
        if asked is not None and asked.text != "false" and (turned is None or turned.text != "false"):
            yield Preflight(common.place_of(resource).of(turned or asked), f"set {flag}: false")


# --- WebSocket APIs -----------------------------------------------------------------------


def _websocket(template: Template, resource: Resource) -> Api:
    place, auth = common.place_of(resource), template.setting(resource, "Auth")
    own = tuple(_websocket_authorizer(template, resource, auth))
    kind = text_of(auth and auth.get("AuthType"))
    guard = {"": Guard.NOBODY, "NONE": Guard.NOBODY, "AWS_IAM": Guard.OTHER}.get(kind, Guard.OTHER)
    if any(authorizer.is_tollgate for authorizer in own):
        guard = Guard.TOLLGATE
    return Api(
        place=place,
        resource=resource,
        kind=Kind.WEBSOCKET,
        form=Form.SAM,
        stages=(_stage(template, resource, Kind.WEBSOCKET),),
        authorizers=own,
        routes=tuple(_websocket_routes(template, resource, auth, guard)),
        responses={},
        plans=(),
        key_source=None,
        cors=None,
        preflights=(),
        silent_mocks=(),
        deployments=(),
        unread=None,
        auth_node=auth,
    )


def _websocket_authorizer(template: Template, resource: Resource, auth: Node | None) -> Iterator[Authorizer]:
    function = auth.get("AuthArn") if auth and text_of(auth.get("AuthType")) == "CUSTOM" else None
    if auth is None or function is None:
        return
    sources = common.sources_in(auth.get("IdentitySource"))
    ours, here = common.is_tollgate(template, function), common.function_named(template, function)
    yield Authorizer(
        place=common.place_of(resource).of(auth, text_of(auth.get("Name"))),
        name=text_of(auth.get("Name")) or "Auth",
        node=auth,
        payload="REQUEST",
        ttl=0,
        ttl_node=None,
        identity=tuple(map(common.source_of, sources)),
        identity_node=auth.get("IdentitySource"),
        sources=sources,
        expression=None,
        is_simple=None,
        function=function,
        uri=None,
        code=common.code_of(template, here) if here and not ours else None,
        is_tollgate=ours,
        is_made_by_sam=True,
        is_allowed=True,  # SAM makes the permission
        permissions=tuple(common.permissions(template, resource.name, function)),
    )


def _websocket_routes(template: Template, resource: Resource, auth: Node | None, guard: Guard) -> Iterator[Route]:
    for key, node in entries(template.setting(resource, "Routes")):
        yield Route(
            place=common.place_of(resource).of(node, key),
            method=key,
            guard=guard,
            is_inherited=auth is None,
            guard_node=auth,
            needs_key=False,
            key_node=None,
            is_key_inherited=False,
        )
