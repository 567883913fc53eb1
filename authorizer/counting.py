"""Count a request at the gate of its key: step 7 of the recipe.

In steady state one call to DynamoDB: a conditional write, or a read where nothing limits the
key. A leased key spends units that an earlier write took, what a gate showed when it refused a
moment ago refuses from memory, and limits that an owner's keys share make the write a
transaction (`shared_gates`).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from access.decisions import Allow, Deny, LimitStatus
from access.gate import (
    VERSION,
    Exceeded,
    GateWrite,
    Limit,
    Rolled,
    Stale,
    diagnose,
    past_day,
    plan,
    statuses,
    turns_day,
)
from access.leases import Lease, credit_of, lease_size, take_lease
from access.limits import OWNER, Quota
from access.policies import Effective
from authorizer.environment import Environment
from authorizer.memory import OUTAGE_MS, KnownKey, Refusal
from store.errors import ConditionFailed, StoreError, UnavailableError
from store.keys import Gate

MAX_ATTEMPTS = 3  # of the counting write: the first, one after a race, one to spare


class UndecidedError(Exception):
    """We could not decide, so the door stays shut."""


class Crossing(NamedTuple):
    """A threshold that this request found reached and claimed, as nobody else can in the same window."""

    percent: int
    status: LimitStatus


class Call(NamedTuple):
    """What is to be counted: the limits that apply, units of each, attributes to set beside."""

    limits: tuple[Limit, ...]
    cost: int
    marks: Mapping[str, int]
    effective: Effective
    now_ms: int


class Counted(NamedTuple):
    """The decision of the gate. `is_open`: DynamoDB did not answer and the policy allows it."""

    decision: Allow | Deny
    crossings: tuple[Crossing, ...] = ()
    is_open: bool = False


def count(call: Call, key: KnownKey, environment: Environment) -> Counted | None:
    """Count a request in every limit, all or nothing; None when the record is stale.

    Raises StoreError or UndecidedError where we cannot know.
    """
    if environment.is_onlooker:
        from authorizer.onlooking import look  # noqa: PLC0415 - no request is an onlooker's

        return look(call, key, environment)
    try:
        counted = _count(call, key, environment)
    except UnavailableError:
        if not _may_open(call, key, environment):
            raise
        key.untold.allowed += 1
        return Counted(Allow(key.record), is_open=True)
    if counted is None or not call.effective.thresholds:
        return counted
    from authorizer.claims import claim_thresholds  # noqa: PLC0415 - only policies with thresholds pay for it

    return counted._replace(crossings=tuple(claim_thresholds(call, key, environment)))


def note_refusal(key: KnownKey, environment: Environment, *, now_ms: int) -> None:
    """Add a refusal to the totals of the day; written with the next count, or within a minute."""
    key.untold.refused += 1
    if key.untold.is_due(now_ms):
        with suppress(StoreError):  # told with the next write
            write_totals(key, environment, now_ms=now_ms)


def split(call: Call, key: KnownKey) -> tuple[tuple[Limit, ...], tuple[Limit, ...]]:
    """The limits that the key's gate counts, and those that its owner's does. Without an owner all are its own."""
    if not key.record.owner:
        return call.limits, ()
    shared = tuple(limit for limit in call.limits if limit.scope == OWNER)
    return tuple(limit for limit in call.limits if limit not in shared) if shared else call.limits, shared


def refuse(call: Call, key: KnownKey, verdict: Exceeded) -> Counted:
    """Refuse by a limit, and remember it."""
    refusal = Refusal(verdict, call.now_ms)
    key.remember(call.limits, call.cost, refusal)
    return _deny(key, refusal, call.now_ms)


def write_totals(key: KnownKey, environment: Environment, *, now_ms: int) -> None:
    """Write what is untold, beside no request. Raises ConditionFailed."""
    write = plan(
        version=key.record.gate_version,
        limits=(),
        seen=key.gate,
        now_ms=now_ms,
        cost=0,
        marks={},
        tally=key.untold.tally(),
    )
    _write(write, key, environment, now_ms)


def _count(call: Call, key: KnownKey, environment: Environment) -> Counted | None:
    """From memory where it may decide, by a lease or a refusal; else at the gate."""
    if not call.limits:
        return _count_without_limits(call, key, environment)
    lease = key.leases.get(call.limits)
    spent = lease.spend(call.cost, call.now_ms) if lease else None
    if spent is not None:
        key.leases[call.limits] = spent
        key.untold.allowed += 1
        return _allow(call, key)
    refusal = key.refusal(call.limits, call.cost, call.now_ms)
    if refusal is not None:
        return _deny(key, refusal, call.now_ms)
    if not split(call, key)[1]:
        return _count_alone(call, key, environment)
    from authorizer.shared_gates import count_shared  # noqa: PLC0415 - only limits of an owner pay for it

    return count_shared(call, key, environment)


def _count_without_limits(call: Call, key: KnownKey, environment: Environment) -> Counted | None:
    """A strong read tells whether the record is current; once a minute a write of the totals does."""
    if not key.untold.is_due(call.now_ms):
        if not environment.is_current(key, call.now_ms):
            return None
        key.untold.allowed += 1
        return Counted(Allow(key.record))
    for _ in range(MAX_ATTEMPTS):
        try:
            _write_request(call, key, environment)
        except ConditionFailed as refused:
            if (environment.gate_found(key, refused, call.now_ms) or {}).get(VERSION) != key.record.gate_version:
                return None
        else:
            return Counted(Allow(key.record))
    raise UndecidedError("the gate was contended in every attempt")


def _count_alone(call: Call, key: KnownKey, environment: Environment) -> Counted | None:
    """Count at the key's own gate by one conditional write.

    Where the policy leases, the write takes units for later requests too; where the gate has no
    room for those, it takes the units of this request.
    """
    lease = key.leases.get(call.limits)
    if key.was_refused_lately(call.now_ms):
        known = _diagnose(call, key, key.gate, lease, call.cost)
        if isinstance(known, Exceeded):
            return refuse(call, key, known)
    key.leases.pop(call.limits, None)
    takes_more = call.effective.counting.is_leased
    for _ in range(MAX_ATTEMPTS):
        before, ours = key.gate, key.untold.allowed + 1
        credit = credit_of(lease, before, call.limits, now_ms=call.now_ms)
        units = _lease_size(call, lease, before, credit) if takes_more else max(call.cost, min(credit))
        try:
            _write_request(call, key, environment, units=units, credit=credit)
        except ConditionFailed as refused:
            found = environment.gate_found(key, refused, call.now_ms)
            verdict = _diagnose(call, key, found, lease, units)
            if isinstance(verdict, Exceeded) and takes_more:
                takes_more = False
                verdict = _diagnose(call, key, found, lease, call.cost)
            if isinstance(verdict, Stale):
                return None
            if isinstance(verdict, Exceeded):
                key.refused_ms = call.now_ms
                return refuse(call, key, verdict)
        else:
            if call.effective.counting.is_leased:
                _keep_lease(call, key, before, units=units, ours=ours)
            return _allow(call, key)
    raise UndecidedError("the gate was contended in every attempt")


def _lease_size(call: Call, lease: Lease | None, gate: Gate, credit: Sequence[int]) -> int:
    return lease_size(
        lease,
        gate,
        call.limits,
        cost=call.cost,
        credit=credit,
        now_ms=call.now_ms,
        max_staleness_ms=call.effective.counting.max_staleness_ms,
    )


def _keep_lease(call: Call, key: KnownKey, before: Gate, *, units: int, ours: int) -> None:
    """Keep the units that a write took beyond those of this request."""
    taken = take_lease(
        before,
        key.gate,
        call.limits,
        size=units,
        ours=ours,
        now_ms=call.now_ms,
        max_staleness_ms=call.effective.counting.max_staleness_ms,
    )
    key.leases[call.limits] = taken._replace(units=units - call.cost)


def _diagnose(
    call: Call, key: KnownKey, found: Gate | None, lease: Lease | None, units: int
) -> Stale | Rolled | Exceeded:
    return diagnose(
        found,
        version=key.record.gate_version,
        limits=call.limits,
        now_ms=call.now_ms,
        cost=units,
        credit=credit_of(lease, found or {}, call.limits, now_ms=call.now_ms),
    )


def _write_request(
    call: Call, key: KnownKey, environment: Environment, *, units: int = 0, credit: Sequence[int] = ()
) -> None:
    """Count a request at the key's gate, with the totals that are untold. Raises ConditionFailed."""
    write = plan(
        version=key.record.gate_version,
        limits=call.limits,
        seen=key.gate,
        now_ms=call.now_ms,
        cost=units,
        marks=call.marks,
        tally=key.untold.tally(allowed=1),
        credit=credit,
        kept=key.kept(call.effective),
    )
    _write(write, key, environment, call.now_ms)


def _write(write: GateWrite, key: KnownKey, environment: Environment, now_ms: int) -> None:
    """Write at the key's gate; where that turns the day, store the days that are over."""
    is_turn = turns_day(key.gate, now_ms)
    waiting = past_day(key.gate) if is_turn else None
    if waiting is not None and waiting.day != key.untold.stored_day:
        environment.store_day(key, waiting)  # before the write replaces it
    environment.write_gate(key, write, now_ms)
    key.untold.are_told(now_ms)
    over = past_day(key.gate) if is_turn else None
    if over is not None:
        with suppress(StoreError):  # it waits on the gate until the next turn
            environment.store_day(key, over)
            key.untold.stored_day = over.day


def _allow(call: Call, key: KnownKey) -> Counted:
    return Counted(Allow(key.record, statuses(key.gate, call.limits, now_ms=call.now_ms)))


def _deny(key: KnownKey, refusal: Refusal, now_ms: int) -> Counted:
    wait_ms, verdict = refusal.wait_ms(now_ms), refusal.verdict
    seconds = None if wait_ms is None else -(-wait_ms // 1000)
    return Counted(Deny(verdict.reason, key.record, verdict.statuses, verdict.refused_by, seconds))


def _may_open(call: Call, key: KnownKey, environment: Environment) -> bool:
    """Whether the silence of DynamoDB lets this request pass: never where a quota counts it.

    Nor where DynamoDB throttled the request, or others held its gate: whoever asks for more than
    an item takes would lift his own limit.
    """
    return (
        call.effective.counting.fail_open
        and not environment.budget.was_throttled
        and bool(call.limits)
        and not any(isinstance(limit, Quota) for limit in call.limits)
        and call.now_ms - key.confirmed_ms < OUTAGE_MS
    )
