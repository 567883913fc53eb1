"""Checks of the gateway responses of REST APIs."""

import re
from collections.abc import Iterator

from doctor.apis import REST, Api, apis, belonging, gateway_responses
from doctor.findings import Finding
from doctor.template import Template

ORIGIN = "access-control-allow-origin"
_MAPPING = re.compile(
    r"'.*'|(context|stageVariables|method\.request\.(header|querystring|path|multivalue\w+))\..+", re.DOTALL
)


def cors_headers(template: Template) -> Iterator[Finding]:
    """A browser hides a refusal without CORS headers; a customised response takes none from DEFAULT_4XX."""
    for api in apis(template):
        if api.kind != REST or not _serves_browsers(template, api):
            continue
        known = gateway_responses(template, api)
        for kind in ("UNAUTHORIZED", "ACCESS_DENIED", "INVALID_API_KEY", "DEFAULT_5XX"):
            fallback = None if kind == "DEFAULT_5XX" else known.get("DEFAULT_4XX")
            found = known.get(kind) or fallback
            if found is None or ORIGIN not in found.headers:
                yield Finding(
                    found.line if found else api.resource.line,
                    "no-cors-headers",
                    f"{api.resource.name}: {kind} has no Access-Control-Allow-Origin, so browsers hide it",
                    f"add the header to the gateway response {kind}; a customised one takes nothing from DEFAULT_4XX",
                )


def mappings(template: Template) -> Iterator[Finding]:
    """Statuses that hide the truth, and values that API Gateway refuses on deployment."""
    for api in apis(template):
        for one in gateway_responses(template, api).values() if api.kind == REST else ():
            for name, value in one.headers.items():
                if value.text and not _MAPPING.fullmatch(value.text):
                    yield Finding(
                        value.line,
                        "bare-value",
                        f"{one.kind}: {name} is no mapping expression, and the deployment fails",
                        "put a fixed text in single quotes inside the string, or write context.…",
                    )
            status = one.status
            if status is not None and (hidden := _hidden(one.kind, status.text)):
                yield Finding(status.line, "hiding-status", f"{one.kind}: {hidden}", "leave this status as it is")


def _hidden(kind: str, status: str) -> str:
    if kind in {"DEFAULT_4XX", "DEFAULT_5XX"}:
        return "one status for every refusal that has none of its own"
    if kind == "ACCESS_DENIED" and status == "429":
        return "every refusal reads as a limit, also a disabled key"
    if kind.startswith("AUTHORIZER_") and not status.startswith("5"):
        return "a fault of the authorizer reads as the client's"
    return ""


def _serves_browsers(template: Template, api: Api) -> bool:
    if api.is_sam:
        return template.setting(api.resource, "Cors") is not None
    return any(one.text("HttpMethod") == "OPTIONS" for one in belonging(template, api, "AWS::ApiGateway::Method"))
