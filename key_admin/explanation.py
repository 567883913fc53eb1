"""Explain what the authorizer would decide now, step by step as README numbers them.

The decision is the recipe's own: `authorize` runs with an onlooker's environment, which counts and
keeps nothing. What is explained here is at which step it ended.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from access.decisions import AUTHENTICATION_REASONS, LIMIT_REASONS, Allow, Deny, LimitStatus, Reason
from access.grants import find_grant
from access.key_ids import KeyHash
from access.keys import KeyRecord
from authorizer.authorize import NO_KEY_ID, SEVERAL, Outcome, authorize, judge
from authorizer.counting import MAX_ATTEMPTS, UndecidedError
from authorizer.events import Request
from authorizer.onlooking import Onlooker
from key_admin.problems import not_found
from key_admin.render import render_grant
from key_admin.requests import Caller
from key_admin.service import Service
from key_admin.times import write_time

NAMING, JUDGING, COUNTING = 3, 6, 7
STEPS = {  # by number: its name, and what is so where it passes
    1: ("Read the credential", "There is one."),
    2: ("Bound and parse it", "It is well-formed."),
    NAMING: ("Name the key", "It names a key."),
    4: ("Find the record", "The key is known."),
    5: ("Verify signature and claims", "The credential proves the key."),
    JUDGING: ("Judge the key and the call", "The key is in force, and the call is granted."),
    COUNTING: ("Count the request", "Every limit that counts it has room."),
}
FAILURES = {  # at which step a reason ends the recipe, and what is so then
    Reason.MISSING_CREDENTIAL: (1, "There is none."),
    Reason.MALFORMED_TOKEN: (2, "It is not well-formed."),
    Reason.UNKNOWN_KEY: (4, "No key has this id, or the id is no longer in force."),
    Reason.UNSUPPORTED_ALGORITHM: (5, "The token names another algorithm than the key has."),
    Reason.INVALID_SIGNATURE: (5, "The signature is not by material of the key that is in force."),
    Reason.TOKEN_EXPIRED: (5, "The token has expired."),
    Reason.TOKEN_NOT_YET_VALID: (5, "The token is not valid yet."),
    Reason.INVALID_CLAIMS: (5, "A claim is not what the key asks for: exp, iat, iss, aud, typ or lifetime."),
    Reason.KEY_DISABLED: (JUDGING, "The key is disabled."),
    Reason.KEY_EXPIRED: (JUDGING, "The key has expired."),
    Reason.SOURCE_NOT_ALLOWED: (JUDGING, "The address is in no block of the sources."),
    Reason.POLICY_UNAVAILABLE: (JUDGING, "A policy is missing or inactive, or the policies bring too much together."),
    Reason.NOT_GRANTED: (JUDGING, "No grant covers this method and path of this API."),
    Reason.RATE_LIMITED: (COUNTING, "A rate limit has no room."),
    Reason.QUOTA_EXHAUSTED: (COUNTING, "A quota is used up."),
}
_STEP_OF_DETAIL = {SEVERAL: 1, NO_KEY_ID: NAMING}  # where a credential is malformed
_UNKNOWN = Outcome(Deny(Reason.UNKNOWN_KEY))


class Explained(NamedTuple):
    """A decision, the first step that led to it, and the key that was found on the way."""

    request: Request
    outcome: Outcome
    first_step: int
    record: KeyRecord | None


def explain_credential(work: Service, caller: Caller, request: Request) -> Explained:
    """The whole recipe. Of a key that the caller does not see, no more than of one that does not exist."""
    onlooker = Onlooker(work.client, work.table, work.keyring)
    outcome = authorize(request, onlooker, now_ms=work.now_ms())
    record = onlooker.key.record if onlooker.key else outcome.decision.record
    is_seen = caller.judge.sees(record) if record else not caller.owner
    if not is_seen and _last_step(outcome) > NAMING:
        return Explained(request, _UNKNOWN, 1, None)
    return Explained(request, outcome, 1, record if is_seen else None)


def explain_key(work: Service, caller: Caller, request: Request, key_hash: str) -> Explained:
    """Steps 6 and 7, for a key whose credential is not at hand. A 404 where the caller sees no such key."""
    caller.check_sees(work.find_key(key_hash)[0])
    onlooker, now_ms = Onlooker(work.client, work.table, work.keyring), work.now_ms()
    for _ in range(MAX_ATTEMPTS):
        key = onlooker.load((KeyHash(key_hash),), now_ms)
        if key is None:
            raise not_found("key")
        outcome = judge(request, key, onlooker, used="", now_ms=now_ms)
        if outcome is not None:
            return Explained(request, outcome, JUDGING, key.record)
    raise UndecidedError("the key changed faster than it could be read")


def render_explanation(explained: Explained) -> dict[str, Any]:
    """The answer of POST /explain. Holds nothing of the credential."""
    decision, record = explained.outcome.decision, explained.record
    return {
        "decision": "allow" if isinstance(decision, Allow) else "deny",
        "reason": decision.reason.value if isinstance(decision, Deny) else "",
        "status": _status(explained.outcome),
        "steps": _render_steps(explained),
        "key_hash": record.key_hash if record else "",
        "grant": _render_grant(explained),
        "limits": _render_limits(decision.limits),
    }


def _status(outcome: Outcome) -> int:
    """What a REST API answers."""
    decision = outcome.decision
    if isinstance(decision, Allow):
        return 200
    if decision.reason in AUTHENTICATION_REASONS:
        return 401
    return 429 if decision.reason in LIMIT_REASONS else 403


def _last_step(outcome: Outcome) -> int:
    if isinstance(outcome.decision, Allow):
        return COUNTING
    return _STEP_OF_DETAIL.get(outcome.detail, FAILURES[outcome.decision.reason][0])


def _render_steps(explained: Explained) -> list[dict[str, Any]]:
    decision, last = explained.outcome.decision, _last_step(explained.outcome)
    steps = [
        {"step": number, "name": STEPS[number][0], "ok": True, "detail": STEPS[number][1]}
        for number in range(explained.first_step, last + 1)
    ]
    if isinstance(decision, Deny):
        steps[-1] |= {"ok": False, "detail": _describe_failure(decision, explained.outcome.detail)}
    return steps


def _describe_failure(decision: Deny, detail: str) -> str:
    parts = [FAILURES[decision.reason][1], *([f"({detail})"] if detail else [])]
    if decision.refused_by is not None:
        limit = decision.refused_by
        parts.append(f"{limit.name}: {limit.used} of {limit.limit} used, period {limit.period}.")
    if decision.retry_after_seconds is not None:
        parts.append(f"There is room in {decision.retry_after_seconds} s.")
    return " ".join(parts)


def _render_grant(explained: Explained) -> dict[str, Any] | None:
    request, outcome = explained.request, explained.outcome
    if outcome.effective is None:
        return None
    grant = find_grant(outcome.effective.grants, apis=outcome.apis, method=request.method, path=request.path)
    return render_grant(grant) if grant else None


def _render_limits(limits: Sequence[LimitStatus]) -> list[dict[str, Any]]:
    return [limit._asdict() | {"resets_at": write_time(limit.resets_at)} for limit in limits]
