"""The two ways to a 429: an API key that fits no usage plan (REST), and the integration's decorator (HTTP)."""

from collections.abc import Iterator

from doctor.checks.check import ERROR, WARNING, Check, Fault, Remedy, of_each
from doctor.checks.names import LIMITS
from doctor.contract import USAGE_KEY_SETTING
from doctor.model import Api, Guard, Kind, Place, PlanKey, Route, Stack, Stage, UsagePlan
from doctor.nodes import Node, exports_in, names_in, written
from doctor.reading.common import FUNCTIONS, is_tollgate
from doctor.template import Form, Resource, Template

KEY_EXPORT = "-UsageKeyId"
MAX_PLANS = 10  # usage plans of one API key (API Gateway quotas)
_WANTED = {Kind.REST: "429", Kind.HTTP: "integration", Kind.WEBSOCKET: ""}


def announced(api: Api) -> tuple[Stage, ...]:
    """The stages of a REST API that say that the 429 channel is set up."""
    return api.stages_with(LIMITS, "429") if api.kind is Kind.REST else ()


def wrong_channels(api: Api) -> Iterator[Fault]:
    for stage in api.stages:
        wanted = stage.variable(LIMITS)
        if wanted and wanted != _WANTED[api.kind]:
            yield Fault(stage.place.of(stage.variables[LIMITS]), f"{wanted} on a {api.kind.value} API")


def unannounced_channels(api: Api) -> Iterator[Fault]:
    response = api.responses.get("INVALID_API_KEY")
    if response is None or response.status is None or response.status.text != "429":
        return
    for stage in api.stages:
        if LIMITS not in stage.variables:
            yield Fault(stage.place)


def keys_from_clients(api: Api) -> Iterator[Fault]:
    if announced(api) and (api.key_source is None or api.key_source.text != "AUTHORIZER"):
        yield Fault(api.place.of(api.key_source))


def routes_without_key(api: Api) -> Iterator[Fault]:
    """Fail-open: without a required key the Allow for a limited request lets it pass."""
    if not announced(api):
        return
    open_routes = [route for route in api.routes if route.guard is Guard.TOLLGATE and not route.needs_key]
    if any(route.is_key_inherited for route in open_routes):
        yield Fault(_of_api(api, open_routes), "the API does not require it")
    for route in open_routes:
        if not route.is_key_inherited:
            yield Fault(route.place.of(route.key_node))


def _of_api(api: Api, routes: list[Route]) -> Place:
    inherited = next(route for route in routes if route.is_key_inherited)
    return api.place.of(inherited.key_node or api.auth_node)


def without_plan(api: Api) -> Iterator[Fault]:
    if announced(api) and not api.plans:
        yield Fault(api.place)


def plans_of_another_stage(api: Api) -> Iterator[Fault]:
    for stage in announced(api):
        if api.plans and not any(_holds(plan, stage) for plan in api.plans):
            yield Fault(api.plans[0].place, f"the stage is {stage.name}")


def _holds(plan: UsagePlan, stage: Stage) -> bool:
    return any(_is_stage(node, stage) for node in plan.stages)


def _is_stage(node: Node | None, stage: Stage) -> bool:
    """By reference, else by name; what a plan refers to names the resource."""
    if node is not None and node.names:
        return stage.place.resource in node.names
    return written(node) in {stage.name, *stage.references}


def plans_without_key(api: Api) -> Iterator[Fault]:
    for plan in _fitting_plans(api):
        if not plan.keys:
            yield Fault(plan.place)


def _fitting_plans(api: Api) -> list[UsagePlan]:
    return [plan for plan in api.plans if any(_holds(plan, stage) for stage in announced(api))]


def other_keys(stack: Stack) -> Iterator[Fault]:
    """Every allowed request names Tollgate's key: a plan without it refuses them all."""
    for api in stack.apis:
        for plan in _fitting_plans(api) if api.is_protected else ():
            if plan.keys and not any(_is_usage_key(stack.template, api, key) for key in plan.keys):
                yield Fault(plan.keys[0].place.of(plan.keys[0].key), _named(plan.keys[0]), api.form)


def _named(key: PlanKey) -> str:
    return "a key that SAM makes" if key.is_made_by_sam else written(key.key)


def _is_usage_key(template: Template, api: Api, key: PlanKey) -> bool:
    if key.is_made_by_sam:
        return False
    exports = exports_in(key.key)
    if exports:
        stacks = {
            export.removesuffix("-AuthorizerArn") for guard in api.guards for export in exports_in(guard.function)
        }
        return all(
            export.endswith(KEY_EXPORT) and (not stacks or export.removesuffix(KEY_EXPORT) in stacks)
            for export in exports
        )
    made = [name for name in names_in(key.key) if name in template.resources]
    return all(_is_value_of_tollgate(template, name) for name in made)


def _is_value_of_tollgate(template: Template, name: str) -> bool:
    """Whether an authorizer that this template makes names the key's value."""
    value = template.resources[name].get("Value")
    functions = (
        function
        for function in template.of(*FUNCTIONS)
        if is_tollgate(template, Node({"Ref": Node(function.name, 1)}, 1))
    )
    named = (function.get("Environment", "Variables", USAGE_KEY_SETTING) for function in functions)
    return value is not None and any(setting is not None and setting.plain == value.plain for setting in named)


def shared_throttles(api: Api) -> Iterator[Fault]:
    for plan in _fitting_plans(api):
        if plan.throttle is not None and plan.throttle.value:
            yield Fault(plan.place.of(plan.throttle))


def too_many_plans(stack: Stack) -> Iterator[Fault]:
    """Of plans that hold Tollgate's key."""
    template = stack.template
    resources = [key for key in template.of("AWS::ApiGateway::UsagePlanKey") if _is_tollgates(template, key)]
    if len(resources) > MAX_PLANS:
        beyond = resources[MAX_PLANS]
        form = Form.TERRAFORM if stack.template.is_plan else Form.CLOUDFORMATION
        yield Fault(Place(beyond.name, beyond.line), f"there are {len(resources)}", form)


def _is_tollgates(template: Template, key: Resource) -> bool:
    node = key.get("KeyId")
    made = names_in(node) & template.resources.keys()
    return any(export.endswith(KEY_EXPORT) for export in exports_in(node)) or any(
        _is_value_of_tollgate(template, name) for name in made
    )


def stages_without_429(api: Api) -> Iterator[Fault]:
    response = api.responses.get("INVALID_API_KEY")
    if announced(api) and (response is None or response.status is None or response.status.text != "429"):
        yield Fault(response.place if response else api.place)


def undecorated_handlers(api: Api) -> Iterator[Fault]:
    """As far as the handler's Python can be read."""
    if not api.stages_with(LIMITS, "integration"):
        return
    for route in api.routes:
        if route.guard is Guard.TOLLGATE and route.code is not None and "tollgate_limits" not in route.code.text:
            yield Fault(route.place._replace(line=route.code.node.line), route.code.file)


def deaf_integrations(api: Api) -> Iterator[Fault]:
    if not api.stages_with(LIMITS, "integration"):
        return
    for route in api.routes:
        if route.guard is Guard.TOLLGATE and route.integration not in {"", "AWS_PROXY"}:
            yield Fault(route.place, route.integration)


_IMPORT_KEY = "the key <stack>-UsageKeyId that the Tollgate stack exports"

CHECKS = (
    Check(
        "wrong-channel",
        ERROR,
        of_each(wrong_channels),
        "tollgateLimits has no such value for this kind of API: it is ignored, and limits are a 403",
        Remedy('REST APIs take "429", HTTP APIs integration; leave it out on WebSocket APIs'),
    ),
    Check(
        "channel-not-announced",
        WARNING,
        of_each(unannounced_channels, Kind.REST),
        "INVALID_API_KEY is a 429, but the stage does not say so to Tollgate: limits are a 403",
        Remedy(
            'set tollgateLimits: "429" under Variables',
            'set tollgateLimits: "429" under the stage\'s Variables',
            'set tollgateLimits = "429" in the stage\'s variables',
        ),
    ),
    Check(
        "channel-key-source",
        ERROR,
        of_each(keys_from_clients, Kind.REST),
        "API Gateway reads the API key from the client, not from Tollgate: every request without one is refused",
        Remedy(
            "set ApiKeySourceType: AUTHORIZER",
            terraform='set api_key_source = "AUTHORIZER"',
        ),
    ),
    Check(
        "channel-without-key",
        ERROR,
        of_each(routes_without_key, Kind.REST),
        "no API key is required, so limited requests PASS",
        Remedy(
            "set ApiKeyRequired: true in Auth, and nowhere to false where Tollgate is asked",
            "set ApiKeyRequired: true on every method that asks Tollgate",
            "set api_key_required = true on every method that asks Tollgate",
        ),
    ),
    Check(
        "channel-without-plan",
        ERROR,
        of_each(without_plan, Kind.REST),
        "no usage plan holds this API, so every allowed request is refused",
        Remedy(
            f"add a UsagePlan of this stage, and a UsagePlanKey with {_IMPORT_KEY}",
            terraform="add an aws_api_gateway_usage_plan of this stage, and an aws_api_gateway_usage_plan_key with "
            f"{_IMPORT_KEY}",
        ),
    ),
    Check(
        "plan-of-another-stage",
        ERROR,
        of_each(plans_of_another_stage, Kind.REST),
        "the usage plan holds another stage of this API, so every allowed request is refused",
        Remedy("name the stage that sets tollgateLimits in the usage plan"),
    ),
    Check(
        "plan-without-key",
        ERROR,
        of_each(plans_without_key, Kind.REST),
        "the usage plan has no key, so every allowed request is refused",
        Remedy(
            f"add a UsagePlanKey with {_IMPORT_KEY}",
            terraform=f"add an aws_api_gateway_usage_plan_key with {_IMPORT_KEY}",
        ),
    ),
    Check(
        "usage-key-elsewhere",
        ERROR,
        other_keys,
        "this is not the key that Tollgate names, so every allowed request is refused",
        Remedy(f"give the usage plan {_IMPORT_KEY}: the one whose AuthorizerArn is attached"),
    ),
    Check(
        "shared-throttle",
        WARNING,
        of_each(shared_throttles, Kind.REST),
        "all callers share Tollgate's key, so the plan's throttle or quota is one for all of them together",
        Remedy("leave it out, and limit keys and policies; or accept this finding"),
    ),
    Check(
        "too-many-plans",
        ERROR,
        too_many_plans,
        "an API key may be in ten usage plans",
        Remedy("let one usage plan hold the stages of several APIs (ApiStages, in Terraform api_stages)"),
    ),
    Check(
        "channel-without-429",
        ERROR,
        of_each(stages_without_429, Kind.REST),
        "a limited request ends as INVALID_API_KEY, which is not mapped to 429",
        Remedy(
            "add the gateway response INVALID_API_KEY with StatusCode: 429 and headers from context.authorizer",
            'add a GatewayResponse INVALID_API_KEY with StatusCode: "429" and headers from context.authorizer',
            'add an aws_api_gateway_gateway_response INVALID_API_KEY with status_code = "429" and headers',
        ),
    ),
    Check(
        "forgotten-decorator",
        ERROR,
        of_each(undecorated_handlers, Kind.HTTP),
        "limited requests are left to the integration, and this handler lets them PASS",
        Remedy("decorate the handler with tollgate_limits"),
    ),
    Check(
        "deaf-integration",
        ERROR,
        of_each(deaf_integrations, Kind.HTTP),
        "limited requests are left to the integration, and one of this type lets them PASS",
        Remedy("put a Lambda function with tollgate_limits there, or leave tollgateLimits out of the stage"),
    ),
)
