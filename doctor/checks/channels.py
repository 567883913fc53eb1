"""Checks of the two ways to a 429: an API key that fits no plan, and the integration's decorator."""

from collections.abc import Iterator

from doctor.apis import HTTP, REST, Api, apis, belonging, definition_of, events_of, gateway_responses
from doctor.definitions import guarded_operations
from doctor.findings import Finding
from doctor.template import Node, Template, names_in

LIMITS = "tollgateLimits"


def rest_channel(template: Template) -> Iterator[Finding]:
    """With `429` announced, a limited request is allowed with an unknown key: something must refuse it."""
    for api in apis(template):
        if api.kind != REST:
            continue
        answered = gateway_responses(template, api).get("INVALID_API_KEY")
        is_429 = answered is not None and answered.status is not None and answered.status.text == "429"
        if api.variable(LIMITS) != "429":
            if answered is not None and is_429:
                yield Finding(
                    answered.line,
                    "channel-not-announced",
                    "INVALID_API_KEY is 429, but Tollgate is not told, so limits are 403",
                    'set the stage variable tollgateLimits: "429"',
                )
            continue
        yield from _key_source(template, api)
        yield from _required_keys(template, api)
        if not _has_plan(template, api):
            yield Finding(
                api.resource.line,
                "channel-without-plan",
                f"{api.resource.name}: no usage plan with a key holds this API, so every allowed request is refused",
                "add an ApiKey (its value is Tollgate's usage key), a UsagePlan of this stage and a UsagePlanKey",
            )
        if not is_429:
            yield Finding(
                answered.line if answered else api.resource.line,
                "channel-without-429",
                f"{api.resource.name}: a limited request ends as INVALID_API_KEY, which is not mapped to 429",
                "add the gateway response INVALID_API_KEY with StatusCode 429 and the headers from context.authorizer",
            )


def wrong_channel(template: Template) -> Iterator[Finding]:
    """Each kind of API has its own channel; the other's value is ignored and limits are 403."""
    for api in apis(template):
        wanted = api.variable(LIMITS)
        if wanted and wanted != ("429" if api.kind == REST else "integration" if api.kind == HTTP else ""):
            yield Finding(
                api.variables[LIMITS].line,
                "wrong-channel",
                f"{api.resource.name}: tollgateLimits: {wanted} means nothing on a {api.kind} API; limits are 403",
                'REST APIs take "429", HTTP APIs integration',
            )
        if api.kind == HTTP and wanted == "integration":
            for function, event in events_of(template, api):
                code = function.get("InlineCode")
                auth = event.get("Properties", "Auth", "Authorizer")
                if code and "tollgate_limits" not in code.text and not (auth and auth.text == "NONE"):
                    yield Finding(
                        code.line,
                        "forgotten-decorator",
                        f"{function.name}: limited requests are left to the integration, and this one lets them pass",
                        "decorate the handler with tollgate_limits",
                    )


def _key_source(template: Template, api: Api) -> Iterator[Finding]:
    source = template.setting(api.resource, "ApiKeySourceType")
    if source is None or source.text != "AUTHORIZER":
        yield Finding(
            source.line if source else api.resource.line,
            "channel-key-source",
            f"{api.resource.name}: API Gateway reads the API key from the client instead of the authorizer",
            "set ApiKeySourceType: AUTHORIZER",
        )


def _required_keys(template: Template, api: Api) -> Iterator[Finding]:
    """Fail-open: without a required key the Allow for a limited request lets it pass."""
    for line, where in _without_key(template, api):
        yield Finding(
            line,
            "channel-without-key",
            f"{where}: no API key is required, so limited requests PASS",
            "require an API key on every route with the authorizer (ApiKeyRequired: true)",
        )


def _without_key(template: Template, api: Api) -> Iterator[tuple[int, str]]:
    definition = definition_of(template, api)
    if api.is_sam and definition is None:
        yield from _sam_without_key(template, api)
    yield from ((operation.line, name) for name, operation, is_keyed in guarded_operations(definition) if not is_keyed)
    for method in belonging(template, api, "AWS::ApiGateway::Method"):
        if method.text("AuthorizationType") == "CUSTOM" and method.text("ApiKeyRequired") != "true":
            own = method.get("ApiKeyRequired")
            yield (own.line if own else method.line), method.name


def _sam_without_key(template: Template, api: Api) -> Iterator[tuple[int, str]]:
    """A route asks for a key by itself, or because the API says so of all."""
    required = template.setting(api.resource, "Auth", "ApiKeyRequired")
    guarded = [(one.name, event) for one, event in events_of(template, api) if _is_guarded(template, api, event)]
    own = [(name, event.get("Properties", "Auth", "ApiKeyRequired")) for name, event in guarded]
    yield from ((node.line, name) for name, node in own if node is not None and node.text == "false")
    left_to_the_api = not own or any(node is None for _, node in own)
    if left_to_the_api and (required is None or required.text != "true"):
        yield (required or api.variables[LIMITS]).line, api.resource.name


def _is_guarded(template: Template, api: Api, event: Node) -> bool:
    own = event.get("Properties", "Auth", "Authorizer")
    authorizer = own or template.setting(api.resource, "Auth", "DefaultAuthorizer")
    return authorizer is not None and authorizer.text != "NONE"


def _has_plan(template: Template, api: Api) -> bool:
    created = template.setting(api.resource, "Auth", "UsagePlan", "CreateUsagePlan") if api.is_sam else None
    if created is not None and created.text in {"PER_API", "SHARED"}:
        return True
    plans = {
        one.name
        for one in template.of("AWS::ApiGateway::UsagePlan")
        if (stages := one.get("ApiStages")) and api.resource.name in names_in(stages)
    }
    return any(plans & names_in(one.get("UsagePlanId")) for one in template.of("AWS::ApiGateway::UsagePlanKey"))
