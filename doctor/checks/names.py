"""Stage variables: the API's name in grants, and what it tells the authorizer of itself."""

import re
from collections.abc import Iterator

from doctor.checks.check import ERROR, WARNING, Check, Fault, Remedy, of_each
from doctor.model import Api, Kind, Stack

NAME, LIMITS, RESPONSE = "tollgateApi", "tollgateLimits", "tollgateResponse"
_KNOWN = {NAME, LIMITS, RESPONSE}
_USABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")  # what both an API definition's id and a grant may hold
ADMIN = "admin"


def missing_names(api: Api) -> Iterator[Fault]:
    if api.guards:
        for stage in api.stages:
            if NAME not in stage.variables:
                yield Fault(stage.place)


def unusable_names(api: Api) -> Iterator[Fault]:
    for stage in api.stages:
        name = stage.variables.get(NAME)
        if name is not None and isinstance(name.value, str) and not _USABLE.fullmatch(name.text):
            yield Fault(stage.place.of(name), repr(name.text))


def reserved_names(api: Api) -> Iterator[Fault]:
    for stage in api.stages_with(NAME, ADMIN):
        yield Fault(stage.place.of(stage.variables[NAME]))


def shared_names(stack: Stack) -> Iterator[Fault]:
    """Of two APIs with one name, the later one is named."""
    first: dict[str, str] = {}
    for api in stack.apis:
        for stage in api.stages:
            name = stage.variable(NAME)
            if name and first.setdefault(name, api.resource.name) != api.resource.name:
                yield Fault(stage.place.of(stage.variables[NAME]), f"{name}, as {first[name]}", api.form)


def unknown_variables(api: Api) -> Iterator[Fault]:
    for stage in api.stages:
        for name, node in stage.variables.items():
            if re.sub("[^a-z]", "", name.lower()).startswith("tollgate") and name not in _KNOWN:
                yield Fault(stage.place.of(node), name)


def unknown_responses(api: Api) -> Iterator[Fault]:
    for stage in api.stages:
        wanted = stage.variable(RESPONSE)
        if wanted and (wanted != "iam" or api.kind is not Kind.HTTP):
            yield Fault(stage.place.of(stage.variables[RESPONSE]), wanted)


CHECKS = (
    Check(
        "missing-name",
        WARNING,
        of_each(missing_names),
        "the stage has no tollgateApi, so grants have to call the API <api id>/<stage>, which a new API does not keep",
        Remedy(
            "set the stage variable tollgateApi under Variables (HttpApi: StageVariables); "
            "where an API definition names this gateway, accept this finding",
            "set tollgateApi under the stage's Variables (HTTP and WebSocket: StageVariables); "
            "where an API definition names this gateway, accept this finding",
            "set tollgateApi in the stage's variables (HTTP and WebSocket: stage_variables); "
            "where an API definition names this gateway, accept this finding",
        ),
    ),
    Check(
        "unusable-name",
        ERROR,
        of_each(unusable_names),
        "no grant can hold this name",
        Remedy("use 1 to 64 of the characters A-Z a-z 0-9 . _ -"),
    ),
    Check(
        "reserved-name",
        ERROR,
        of_each(reserved_names),
        "the name admin is that of Tollgate's own API: admin keys open this one, and no other key does",
        Remedy("choose another tollgateApi"),
    ),
    Check(
        "shared-name",
        WARNING,
        shared_names,
        "two APIs have one name: what is granted on one is granted on both, and limits count both",
        Remedy("give each API a tollgateApi of its own, or accept this finding where that is meant"),
    ),
    Check(
        "unknown-variable",
        ERROR,
        of_each(unknown_variables),
        "Tollgate does not know this stage variable and ignores it",
        Remedy("write tollgateApi, tollgateLimits or tollgateResponse, letter by letter"),
    ),
    Check(
        "unknown-response",
        WARNING,
        of_each(unknown_responses),
        "tollgateResponse is ignored: it knows the value iam, on HTTP APIs",
        Remedy("set tollgateResponse: iam where simple responses are off, else leave it out"),
    ),
)
