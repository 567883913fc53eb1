"""What the readers of every form share: belonging, code, permissions, usage plans, gateway responses."""

from collections.abc import Iterable, Iterator, Mapping

from doctor.model import Code, GatewayResponse, Guard, Kind, Permission, Place, PlanKey, Preflight, Route, UsagePlan
from doctor.nodes import Node, items, names_in, written
from doctor.template import Resource, Template

TOLLGATE_HANDLER = "authorizer.handler."  # of Tollgate's own template
FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
DEFAULT_REST_TTL = 300
_API_TYPES = {
    "AWS::ApiGateway::": ("AWS::ApiGateway::RestApi", "AWS::Serverless::Api"),
    "AWS::ApiGatewayV2::": ("AWS::ApiGatewayV2::Api", "AWS::Serverless::HttpApi", "AWS::Serverless::WebSocketApi"),
}


def place_of(resource: Resource) -> Place:
    return Place(resource.name, resource.line)


def belonging(template: Template, api: str, *kinds: str) -> Iterator[Resource]:
    """The resources of some types that name the API."""
    for resource in template.of(*kinds):
        if is_named(template, api, resource.get("RestApiId") or resource.get("ApiId"), resource.kind):
            yield resource


def is_named(template: Template, api: str, reference: Node | None, kind: str) -> bool:
    """Whether a reference means the API. What a plan cannot say means the only API that there is."""
    names = names_in(reference)
    if api in names:
        return True
    if reference is None or reference.value is not None or names & template.resources.keys():
        return False
    family = next(
        (types for prefix, types in _API_TYPES.items() if kind.startswith(prefix)), _API_TYPES["AWS::ApiGateway::"]
    )
    return [resource.name for resource in template.of(*family)] == [api]


def function_named(template: Template, node: Node | None) -> Resource | None:
    """The function of the template that a value names."""
    found = (template.resources[name] for name in sorted(names_in(node)) if name in template.resources)
    return next((function for function in found if function.kind in FUNCTIONS), None)


def code_of(template: Template, function: Resource) -> Code | None:
    """The code of a function, as far as it is Python that the template holds or that lies beside it."""
    inline = function.get("InlineCode") or function.get("Code", "ZipFile")
    if inline is not None:
        return Code(inline.text, inline, "") if inline.text else None
    handler = template.setting(function, "Handler")
    folder = template.setting(function, "CodeUri") or function.get("Code")
    if handler is None or folder is None or not folder.text:
        return None
    file = f"{folder.text}/{handler.text.rpartition('.')[0].replace('.', '/')}.py"
    text = template.file(file)
    return None if text is None else Code(text, handler, file)


def is_tollgate(template: Template, function: Node | None) -> bool:
    """Tollgate's own function, or one from elsewhere; another function of this template is the user's own."""
    here = function_named(template, function)
    if here is None:
        return function is not None
    handler = template.setting(here, "Handler")
    return handler is not None and TOLLGATE_HANDLER in handler.text


def permissions(template: Template, api: str, function: Node | None) -> Iterator[Permission]:
    """The permissions that let API Gateway invoke a function."""
    wanted = names_in(function)
    for resource in template.of("AWS::Lambda::Permission"):
        named = names_in(resource.get("FunctionName")) | {resource.text("FunctionName")}
        if resource.text("Principal") == "apigateway.amazonaws.com" and wanted & named:
            source = resource.get("SourceArn")
            has_account = resource.get("SourceAccount") is not None
            yield Permission(place_of(resource), source, has_account, _covers(template, api, source))


def _covers(template: Template, api: str, source: Node | None) -> bool:
    if source is None or api in names_in(source):
        return True
    if names_in(source) & template.resources.keys():
        return False  # it names another API of this template
    return is_unknown(written(source).split(":")[-1].partition("/")[0]) or template.is_plan


def is_unknown(text: str) -> bool:
    """Whether what is written may be anything: a wildcard, or what refers elsewhere."""
    return "*" in text or "${" in text or not text


def usage_plans(template: Template, api: str, made_by_sam: Iterable[UsagePlan] = ()) -> tuple[UsagePlan, ...]:
    """The plans that name the API, those that SAM makes included, each with its keys."""
    found = list(made_by_sam)
    for resource in template.of("AWS::ApiGateway::UsagePlan"):
        listed = [
            stage
            for stage in items(resource.get("ApiStages"))
            if is_named(template, api, stage.get("ApiId"), resource.kind)
        ]
        if listed:
            limits = resource.get("Throttle") or resource.get("Quota")
            found.append(UsagePlan(place_of(resource), tuple(stage.get("Stage") for stage in listed), (), limits))
    return tuple(plan._replace(keys=(*plan.keys, *_keys_of(template, plan.place.resource))) for plan in found)


def _keys_of(template: Template, plan: str) -> Iterator[PlanKey]:
    for resource in template.of("AWS::ApiGateway::UsagePlanKey"):
        if plan in names_in(resource.get("UsagePlanId")):
            yield PlanKey(place_of(resource), resource.get("KeyId"))


def preflights(routes: Iterable[Route]) -> Iterator[Preflight]:
    """The routes of OPTIONS that ask for something."""
    for route in routes:
        if route.method == "OPTIONS" and (route.guard is not Guard.NOBODY or route.needs_key):
            yield Preflight(route.place, "ask OPTIONS for neither an authorizer nor an API key")


def response(kind: str, place: Place, node: Node, *, keys: tuple[str, str, str]) -> GatewayResponse:
    """A gateway response whose headers have the long names of API Gateway."""
    status, parameters, templates = (node.get(key) for key in keys)
    headers = {
        name.lower().removeprefix("gatewayresponse.header."): value
        for name, value in (parameters.entries() if parameters else ())
        if name.lower().startswith("gatewayresponse.header.")
    }
    return GatewayResponse(kind, place, status, headers, mapping(templates))


def mapping(node: Node | None) -> Mapping[str, Node]:
    return dict(node.entries()) if node else {}


def joined(node: Node | None) -> str:
    """A list of strings in one, with commas."""
    return ",".join(node.text for node in items(node))


def number(node: Node | None, default: int) -> int | None:
    """A number of seconds; None where it is not written."""
    if node is None:
        return default
    return int(node.text) if node.text.isdigit() else None


def default_ttl(kind: Kind) -> int:
    return DEFAULT_REST_TTL if kind is Kind.REST else 0


def source_of(text: str) -> str:
    """An identity source without the words of its kind of API: `header.authorization`."""
    bare = text.strip().removeprefix("$").removeprefix("method.").removeprefix("route.").removeprefix("request.")
    return bare.lower() if bare.startswith("header.") else bare


def sources_in(node: Node | None) -> tuple[str, ...]:
    """Identity sources as they are written: a list, or a string with commas."""
    texts = (piece.strip() for node in items(node) for piece in node.text.split(","))
    return tuple(text for text in texts if text)
