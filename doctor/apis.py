"""APIs and their authorizers in one shape, whether SAM or plain CloudFormation made them."""

from collections.abc import Iterator
from typing import NamedTuple

from doctor.definitions import entries, lambda_authorizers
from doctor.template import Node, Resource, Template, names_in

REST, HTTP, WEBSOCKET = "REST", "HTTP", "WebSocket"
DEFAULT_REST_TTL = 300
_TOLLGATE = "authorizer.handler."  # the handler of Tollgate's own template
_SAM_KINDS = {
    "AWS::Serverless::Api": REST,
    "AWS::Serverless::HttpApi": HTTP,
    "AWS::Serverless::WebSocketApi": WEBSOCKET,
}


class Api(NamedTuple):
    """An API and the variables of its stages."""

    resource: Resource
    kind: str
    is_sam: bool
    variables: dict[str, Node]

    def variable(self, name: str) -> str:
        return self.variables[name].text if name in self.variables else ""


class Authorizer(NamedTuple):
    """A Lambda authorizer. `ttl` is None where the template leaves it to a parameter."""

    api: Api
    name: str
    node: Node
    payload: str  # TOKEN, REQUEST, 1.0 or 2.0
    ttl: int | None
    ttl_line: int
    identity: tuple[str, ...]  # "header.authorization", "querystring.k", "context.routeKey"
    identity_line: int
    function: Node | None

    @property
    def line(self) -> int:
        return self.node.line


class GatewayResponse(NamedTuple):
    """A gateway response of a REST API; header names in lower case."""

    kind: str
    line: int
    status: Node | None
    headers: dict[str, Node]


def apis(template: Template) -> Iterator[Api]:
    """Every API of the template."""
    for one in template.of(*_SAM_KINDS):
        kind = _SAM_KINDS[one.kind]
        node = template.setting(one, "Variables" if kind == REST else "StageVariables")
        yield Api(one, kind, is_sam=True, variables=_resolved(template, node))
    for one in template.of("AWS::ApiGateway::RestApi"):
        yield Api(one, REST, is_sam=False, variables=_variables(template, one.name, "RestApiId", "Variables"))
    for one in template.of("AWS::ApiGatewayV2::Api"):
        kind = WEBSOCKET if one.text("ProtocolType") == "WEBSOCKET" else HTTP
        yield Api(one, kind, is_sam=False, variables=_variables(template, one.name, "ApiId", "StageVariables"))


def belonging(template: Template, api: Api, *kinds: str) -> Iterator[Resource]:
    """The plain resources of some types that name the API."""
    for one in template.of(*kinds):
        reference = one.get("RestApiId") or one.get("ApiId")
        if api.resource.name in names_in(reference):
            yield one


def authorizers(template: Template) -> Iterator[Authorizer]:
    """Every Lambda authorizer of every API."""
    for api in apis(template):
        yield from _sam_authorizers(template, api) if api.is_sam else _plain_authorizers(template, api)
        yield from _defined_authorizers(template, api)


def definition_of(template: Template, api: Api) -> Node | None:
    """The OpenAPI definition that the template holds."""
    return template.setting(api.resource, "DefinitionBody" if api.is_sam else "Body")


def gateway_responses(template: Template, api: Api) -> dict[str, GatewayResponse]:
    """The gateway responses that a REST API customises, by type."""
    found = {}
    listed = template.setting(api.resource, "GatewayResponses") if api.is_sam else None
    for kind, one in listed.entries() if listed else ():
        headers = one.get("ResponseParameters", "Headers")
        named = {name.lower(): value for name, value in headers.entries()} if headers else {}
        found[kind] = GatewayResponse(kind, one.line, one.get("StatusCode"), named)
    for kind, one in entries(definition_of(template, api), "x-amazon-apigateway-gateway-responses"):
        named = _mapped_headers(one.get("responseParameters"))
        found[kind] = GatewayResponse(kind, one.line, one.get("statusCode"), named)
    for resource in belonging(template, api, "AWS::ApiGateway::GatewayResponse"):
        kind, named = resource.text("ResponseType"), _mapped_headers(resource.get("ResponseParameters"))
        found[kind] = GatewayResponse(kind, resource.line, resource.get("StatusCode"), named)
    return found


def _mapped_headers(parameters: Node | None) -> dict[str, Node]:
    listed = parameters.entries() if parameters else ()
    return {name.lower().removeprefix("gatewayresponse.header."): value for name, value in listed}


def events_of(template: Template, api: Api) -> Iterator[tuple[Resource, Node]]:
    """The function events of SAM that add routes to an API."""
    for function in template.of("AWS::Serverless::Function"):
        events = function.get("Events")
        for _, event in events.entries() if events else ():
            reference = event.get("Properties", "RestApiId") or event.get("Properties", "ApiId")
            if api.resource.name in names_in(reference):
                yield function, event


class Code(NamedTuple):
    """The source of the user's own authorizer."""

    text: str
    node: Node  # where the template has it, or names its file
    file: str  # empty where the template itself has it

    def line_of(self, offset: int) -> int:
        """Of the template: of the code itself where it is inline, else of the name of its file."""
        is_elsewhere = self.file or not self.node.is_block
        return self.node.line if is_elsewhere else self.node.line + 1 + self.text[:offset].count("\n")


def own_code(template: Template, authorizer: Authorizer) -> Code | None:
    """The code of an authorizer that the template itself makes; None for Tollgate's and for what is elsewhere."""
    for name in names_in(authorizer.function):
        function = template.resources.get(name)
        if function is not None and function.kind in {"AWS::Serverless::Function", "AWS::Lambda::Function"}:
            inline = function.get("InlineCode") or function.get("Code", "ZipFile")
            return Code(inline.text, inline, "") if inline is not None else _code_in_file(template, function)
    return None


def _code_in_file(template: Template, function: Resource) -> Code | None:
    handler = template.setting(function, "Handler")
    folder = template.setting(function, "CodeUri") or function.get("Code")
    if handler is None or folder is None or not folder.text:
        return None
    file = f"{folder.text}/{handler.text.rpartition('.')[0].replace('.', '/')}.py"
    text = template.file(file)
    return None if text is None or _TOLLGATE in handler.text else Code(text, handler, file)


def _variables(template: Template, api: str, reference: str, name: str) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for stage in template.of("AWS::ApiGateway::Stage", "AWS::ApiGatewayV2::Stage"):
        variables = stage.get(name)
        if variables is not None and api in names_in(stage.get(reference)):
            found |= _resolved(template, variables)
    return found


def _resolved(template: Template, variables: Node | None) -> dict[str, Node]:
    return {name: template.resolved(one) for name, one in (variables.entries() if variables else ())}


def _sam_authorizers(template: Template, api: Api) -> Iterator[Authorizer]:
    listed = template.setting(api.resource, "Auth", "Authorizers")
    for name, node in listed.entries() if listed else ():
        function = node.get("FunctionArn")
        if function is None:
            continue  # Cognito or JWT
        key = "FunctionPayloadType" if api.kind == REST else "AuthorizerPayloadFormatVersion"
        payload = node.get(key)
        ttl = template.known(node.get("Identity", "ReauthorizeEvery"))
        identity = node.get("Identity")
        default = DEFAULT_REST_TTL if api.kind == REST else 0
        text = payload.text if payload else ("TOKEN" if api.kind == REST else "")
        yield Authorizer(
            api,
            name,
            node,
            text,
            _number(ttl, default),
            ttl.line if ttl else node.line,
            tuple(_sam_sources(identity, is_token=text == "TOKEN")),
            identity.line if identity else node.line,
            function,
        )


def _sam_sources(identity: Node | None, *, is_token: bool) -> Iterator[str]:
    places = {
        "Headers": "header",
        "QueryStrings": "querystring",
        "Context": "context",
        "StageVariables": "stageVariables",
    }
    if is_token:
        header = identity.get("Header") if identity else None
        yield f"header.{header.text.lower() if header else 'authorization'}"
    for key, place in places.items():
        listed = identity.get(key) if identity else None
        for one in listed.items() if listed else ():
            yield f"{place}.{one.text.lower() if place == 'header' else one.text}"


def _plain_authorizers(template: Template, api: Api) -> Iterator[Authorizer]:
    for one in belonging(template, api, "AWS::ApiGateway::Authorizer", "AWS::ApiGatewayV2::Authorizer"):
        kind = one.text("Type") or one.text("AuthorizerType")
        if kind not in {"TOKEN", "REQUEST"}:
            continue
        ttl, sources = template.known(one.get("AuthorizerResultTtlInSeconds")), one.get("IdentitySource")
        texts = [part.strip() for node in (sources.items() if sources else ()) for part in node.text.split(",")]
        yield Authorizer(
            api,
            one.name,
            one.node,
            one.text("AuthorizerPayloadFormatVersion") if api.kind == HTTP else kind,
            _number(ttl, DEFAULT_REST_TTL if api.kind == REST else 0),
            ttl.line if ttl else one.line,
            tuple(_plain_source(text) for text in texts if text),
            sources.line if sources else one.line,
            one.get("AuthorizerUri"),
        )


def _defined_authorizers(template: Template, api: Api) -> Iterator[Authorizer]:
    """Of the OpenAPI definition. SAM adds nothing to them, no permission either."""
    for name, node in lambda_authorizers(definition_of(template, api)):
        ttl, sources = template.known(node.get("authorizerResultTtlInSeconds")), node.get("identitySource")
        payload = node.get("authorizerPayloadFormatVersion" if api.kind == HTTP else "type")
        texts = [part.strip() for one in (sources.items() if sources else ()) for part in one.text.split(",")]
        yield Authorizer(
            api._replace(is_sam=False),
            name,
            node,
            payload.text.upper() if payload else "",
            _number(ttl, DEFAULT_REST_TTL if api.kind == REST else 0),
            ttl.line if ttl else node.line,
            tuple(_plain_source(text) for text in texts if text),
            sources.line if sources else node.line,
            node.get("authorizerUri"),
        )


def _plain_source(text: str) -> str:
    bare = text.removeprefix("$").removeprefix("method.").removeprefix("route.").removeprefix("request.")
    return bare.lower() if bare.startswith("header.") else bare


def _number(node: Node | None, default: int) -> int | None:
    if node is None:
        return default
    return int(node.text) if node.text.isdigit() else None
