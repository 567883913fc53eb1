"""The gateway responses of REST APIs: statuses, headers, bodies."""

import json
import re
from collections.abc import Iterator, Mapping

from doctor.checks.check import ERROR, WARNING, Check, Fault, Remedy, of_each
from doctor.checks.limits import announced
from doctor.contract import ADDED_BY_GATEWAY, CONTEXT, METADATA, SAMPLES
from doctor.model import Api, GatewayResponse, Kind
from doctor.nodes import Node

_MAPPING = re.compile(
    r"'.*'|(context|stageVariables|method\.request\.(header|querystring|path|multivalue\w+))\..+", re.DOTALL
)
_CONTEXT = re.compile(r"\$?context\.authorizer\.(\w+)")
_BODY_VARIABLE = re.compile(r"\$(context|stageVariables|method|input|util)(\.[\w.]+)?")


def _each(api: Api) -> Iterator[GatewayResponse]:
    yield from api.responses.values()


def without_retry_after(api: Api) -> Iterator[Fault]:
    response = api.responses.get("INVALID_API_KEY")
    if not announced(api) or response is None:
        return
    header = response.headers.get("retry-after")
    if header is None:
        near = next((name for name in response.headers if re.sub("[^a-z]", "", name) == "retryafter"), "")
        yield Fault(response.place.of(response.headers.get(near)), near)
    elif header.text and header.text != "context.authorizer.retryAfter":
        yield Fault(response.place.of(header), header.text)


def unknown_context(api: Api) -> Iterator[Fault]:
    for response in _each(api):
        for node in (*response.headers.values(), *response.templates.values()):
            for name in _CONTEXT.findall(node.text):
                if name not in CONTEXT | ADDED_BY_GATEWAY and not name.startswith(METADATA):
                    yield Fault(response.place.of(node), name)


def broken_bodies(api: Api) -> Iterator[Fault]:
    """Judged with the values of a limit that names a time to wait, and of one that does not."""
    for response in _each(api):
        for kind, template in response.templates.items():
            if "json" in kind and template.text and not all(_is_json(template, sample) for sample in SAMPLES):
                yield Fault(response.place.of(template), template.text)


def _is_json(template: Node, sample: Mapping[str, str]) -> bool:
    def value(match: re.Match[str]) -> str:
        name = (match[2] or "").lstrip(".")
        if name == "error.messageString":
            return '"message"'
        return sample.get(name.removeprefix("authorizer."), "") if name.startswith("authorizer.") else "value"

    try:
        json.loads(_BODY_VARIABLE.sub(value, template.text))
    except ValueError:
        return False
    return True


def bare_values(api: Api) -> Iterator[Fault]:
    for response in _each(api):
        for name, value in response.headers.items():
            if value.text and not _MAPPING.fullmatch(value.text):
                yield Fault(response.place.of(value), f"{name}: {value.text}")


def hiding_statuses(api: Api) -> Iterator[Fault]:
    for response in _each(api):
        hidden = _hidden(response.kind, response.status.text) if response.status is not None else ""
        if hidden:
            yield Fault(response.place.of(response.status), hidden)


def _hidden(kind: str, status: str) -> str:
    if kind in {"DEFAULT_4XX", "DEFAULT_5XX"}:
        return "it is one for every refusal that has none of its own"
    if kind == "ACCESS_DENIED" and status == "429":
        return "every refusal reads as a limit, a disabled key too"
    if kind in {"ACCESS_DENIED", "UNAUTHORIZED"} and not status.startswith("4"):
        return "a refusal does not read as one"
    if kind.startswith("AUTHORIZER_") and not status.startswith("5"):
        return "a fault of the authorizer reads as the client's"
    return ""


CHECKS = (
    Check(
        "no-retry-after",
        WARNING,
        of_each(without_retry_after, Kind.REST),
        "a 429 does not say when to come back",
        Remedy(
            "set the header Retry-After: context.authorizer.retryAfter on INVALID_API_KEY",
            "set gatewayresponse.header.Retry-After: context.authorizer.retryAfter on INVALID_API_KEY",
            'set "gatewayresponse.header.Retry-After" = "context.authorizer.retryAfter" on INVALID_API_KEY',
        ),
    ),
    Check(
        "unknown-context",
        ERROR,
        of_each(unknown_context, Kind.REST),
        "Tollgate's context has no such member, so the value is empty",
        Remedy("write a member of the context, such as retryAfter, limit, remaining, reset or reason"),
    ),
    Check(
        "broken-body",
        ERROR,
        of_each(broken_bodies, Kind.REST),
        "with the values that Tollgate gives, this is not JSON",
        Remedy("quote what is a string, and write retryAfterJson, which is null where there is no time to wait"),
    ),
    Check(
        "bare-value",
        ERROR,
        of_each(bare_values, Kind.REST),
        "this is not a mapping expression: the deployment fails",
        Remedy("put a fixed string in single quotes inside the string, or write context.…"),
    ),
    Check(
        "hiding-status",
        WARNING,
        of_each(hiding_statuses, Kind.REST),
        "this status hides what happened",
        Remedy("leave the status out, which gives API Gateway's own"),
    ),
)
