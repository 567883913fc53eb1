"""Decide for a caller that is not API Gateway: a container, the consumer of a queue, a job.

The event of a direct invocation, and its answer. Loaded where one comes. Only IAM can allow it.
"""

import re
from collections.abc import Mapping
from typing import Any

from access.decisions import AUTHENTICATION_REASONS, Deny
from authorizer.answers import context_of
from authorizer.authorize import Outcome
from authorizer.direct import describe_request
from authorizer.events import MalformedEventError, Request

VERIFY = "VERIFY"  # the type of the event
UNAUTHORIZED = "unauthorized"  # why steps 1 to 5 refuse: to the outside all alike
_MEMBERS = {  # what each must look like, and the words for what does not
    "type": (re.compile(VERIFY), f"must be {VERIFY}"),
    "credential": (re.compile(r".*", re.DOTALL), "must be a string"),
    "api": (
        re.compile(r"[A-Za-z0-9._~-]{1,64}|[A-Za-z0-9]{1,64}/[A-Za-z0-9_$-]{1,64}", re.ASCII),
        "must be the id of an API definition, or <api id>/<stage>",
    ),
    "method": (re.compile(r"[A-Z]{1,16}", re.ASCII), "must be a method in capitals"),
    "path": (re.compile(r"/[^\x00-\x1f?#\x7f]*"), "must begin with / and have no control character, ? or #"),
    "source": (re.compile(r"[0-9A-Fa-f:.]{0,45}", re.ASCII), "must be an IP address"),
}
_OPTIONAL = {"source": ""}


def read_verification(event: Mapping[str, Any]) -> Request:
    """Turn the event into a request. Raises MalformedEventError, which names the member that is wrong."""
    unknown = sorted(set(event) - set(_MEMBERS))
    if unknown:
        message = f"{unknown[0]}: is not a member of a {VERIFY} event, which has {', '.join(_MEMBERS)}"
        raise MalformedEventError(message)
    members = {name: _read(name, event) for name in _MEMBERS}
    name = "gateway" if "/" in members["api"] else "api_name"
    parts = {part: members[part] for part in ("method", "path", "source")}
    return describe_request(members["credential"], **parts, **{name: members["api"]})


def render_verification(outcome: Outcome) -> dict[str, Any]:
    """The answer to a direct invocation."""
    decision, reason, retry_after = outcome.decision, "", None
    if isinstance(decision, Deny):
        reason, retry_after = decision.reason.value, decision.retry_after_seconds
        if decision.reason in AUTHENTICATION_REASONS:
            decision, reason = Deny(decision.reason), UNAUTHORIZED
    return {
        "allowed": not reason,
        "reason": reason,
        "retry_after": retry_after,
        "key_hash": decision.record.key_hash if decision.record else "",
        "context": context_of(decision, outcome.effective),
    }


def _read(name: str, event: Mapping[str, Any]) -> str:
    value, (shape, words) = event.get(name, _OPTIONAL.get(name)), _MEMBERS[name]
    if value is None:
        raise MalformedEventError(f"{name}: is missing")
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise MalformedEventError(f"{name}: {words}")
    return value
