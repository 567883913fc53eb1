"""A browser sends its preflight without credentials: nothing may ask it for any."""

from collections.abc import Iterator

from doctor.apis import HTTP, REST, Api, apis, belonging, definition_of, events_of
from doctor.definitions import guarded_operations
from doctor.findings import Finding
from doctor.template import Template

_CODE = "blocked-preflight"


def blocked_preflights(template: Template) -> Iterator[Finding]:
    """OPTIONS routes that ask for a credential or an API key."""
    for api in apis(template):
        if api.kind == REST:
            yield from _sam_rest(template, api) if api.is_sam else _plain_rest(template, api)
            yield from _defined(template, api)
        elif api.kind == HTTP and template.setting(api.resource, "CorsConfiguration") is not None:
            yield from _sam_http(template, api) if api.is_sam else _plain_http(template, api)


def _sam_rest(template: Template, api: Api) -> Iterator[Finding]:
    cors = template.setting(api.resource, "Cors")
    if cors is None:
        return
    for cause, flag in (
        ("DefaultAuthorizer", "AddDefaultAuthorizerToCorsPreflight"),
        ("ApiKeyRequired", "AddApiKeyRequiredToCorsPreflight"),
    ):
        asked, turned = (template.setting(api.resource, "Auth", name) for name in (cause, flag))
        if asked is not None and asked.text != "false" and (turned is None or turned.text != "false"):
            yield Finding(
                (turned or asked).line,
                _CODE,
                f"{api.resource.name}: {cause} applies to OPTIONS too, so the preflight is refused",
                f"set {flag}: false",
            )


def _defined(template: Template, api: Api) -> Iterator[Finding]:
    for name, operation, _ in guarded_operations(definition_of(template, api)):
        if name.startswith("options "):
            yield Finding(operation.line, _CODE, f"{name}: the preflight is refused", "set security: [] on options")


def _plain_rest(template: Template, api: Api) -> Iterator[Finding]:
    for method in belonging(template, api, "AWS::ApiGateway::Method"):
        asks = method.text("AuthorizationType") not in {"", "NONE"} or method.text("ApiKeyRequired") == "true"
        if method.text("HttpMethod") == "OPTIONS" and asks:
            yield Finding(
                method.line,
                _CODE,
                f"{method.name}: the preflight is refused",
                "set AuthorizationType: NONE and ApiKeyRequired: false on OPTIONS",
            )


def _sam_http(template: Template, api: Api) -> Iterator[Finding]:
    events = [event for _, event in events_of(template, api) if event.get("Type")]
    methods = {
        id(event): (node.text.upper() if (node := event.get("Properties", "Method")) else "ANY") for event in events
    }
    default = template.setting(api.resource, "Auth", "DefaultAuthorizer")
    if any(method == "OPTIONS" for method in methods.values()):
        return
    for event in events:
        own = event.get("Properties", "Auth", "Authorizer")
        authorizer = own.text if own else default.text if default else "NONE"
        if methods[id(event)] in {"ANY", "X-AMAZON-APIGATEWAY-ANY-METHOD"} and authorizer != "NONE":
            yield Finding(
                event.line,
                _CODE,
                "this route takes OPTIONS too and hands the preflight to the authorizer",
                "add a route with Method: OPTIONS, Path: /{proxy+} and Auth: {Authorizer: NONE}",
            )


def _plain_http(template: Template, api: Api) -> Iterator[Finding]:
    routes = list(belonging(template, api, "AWS::ApiGatewayV2::Route"))
    if any(one.text("RouteKey").startswith("OPTIONS ") for one in routes):
        return
    for one in routes:
        if one.get("AuthorizerId") and one.text("RouteKey").startswith(("ANY ", "$default")):
            yield Finding(
                one.line,
                _CODE,
                f"{one.name}: this route takes OPTIONS too and hands the preflight to the authorizer",
                "add a route OPTIONS /{proxy+} without an authorizer",
            )
