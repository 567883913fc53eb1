"""The table of everything that the doctor looks for, by topic, and how it looks."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from doctor.checks import authorizers, browsers, deployments, doors, limits, names, permissions, responses
from doctor.checks.check import Check, Fault, Severity
from doctor.model import Api, Stack
from doctor.nodes import entries
from doctor.reading import read_stack
from doctor.template import Form, Template

TOPICS: Mapping[str, tuple[Check, ...]] = {
    "Open doors": doors.CHECKS,
    "Stage variables": names.CHECKS,
    "The authorizer": authorizers.CHECKS,
    "Permissions": permissions.CHECKS,
    "Limits": limits.CHECKS,
    "Gateway responses": responses.CHECKS,
    "Browsers": browsers.CHECKS,
    "Stages and deployments": deployments.CHECKS,
}
CHECKS = tuple(check for checks in TOPICS.values() for check in checks)


class Finding(NamedTuple):
    """A mistake: where, how it bites, what is wrong, what to do."""

    line: int
    resource: str  # its logical id or address, with the part that is meant
    check: str
    severity: Severity
    wrong: str
    remedy: str


def examine(template: Template, accepted: frozenset[str] = frozenset()) -> list[Finding]:
    """Everything that is found and not accepted, by line. `accepted`: `check` or `check@resource`."""
    stack = read_stack(template)
    return sorted(set(_findings(stack, accepted)), key=lambda finding: finding[:3])


def _findings(stack: Stack, accepted: frozenset[str]) -> Iterator[Finding]:
    for check in CHECKS:
        for fault in check.find(stack):
            if not _is_accepted(stack, check, fault, accepted):
                yield _finding(check, fault)


def _finding(check: Check, fault: Fault) -> Finding:
    wrong = f"{check.wrong}: {fault.detail}" if fault.detail else check.wrong
    remedy = check.remedy.for_form(fault.form or Form.CLOUDFORMATION)
    return Finding(fault.place.line, str(fault.place), check.id, check.severity, wrong, remedy)


def _is_accepted(stack: Stack, check: Check, fault: Fault, accepted: frozenset[str]) -> bool:
    """By the caller, or by the template: Metadata of the resource, or of the API that a function's route belongs to."""
    resource = fault.place.resource
    if {check.id, f"{check.id}@{resource}"} & accepted:
        return True
    owners = [resource, *(api.resource.name for api in stack.apis if _has_route(api, fault))]
    return any(check.id in _accepts(stack.template, owner) for owner in owners)


def _has_route(api: Api, fault: Fault) -> bool:
    meant = (fault.place.resource, fault.place.part)
    return any((route.place.resource, route.place.part) == meant for route in api.routes)


def _accepts(template: Template, resource: str) -> set[str]:
    """The checks that the Metadata of a resource accept, each with a reason."""
    here = template.resources.get(resource)
    listed = entries(here.node, "Metadata", "Tollgate", "Accept") if here else ()
    return {name for name, reason in listed if reason.text}
