"""Count a request at the gate of its key: step 7 of the recipe.

In steady state one call to DynamoDB: a conditional write, or a read where nothing limits the
key. A leased key spends units that an earlier write took, a key that was exhausted a moment
ago is refused from memory, and limits that an owner's keys share make the write a transaction.
"""

import random
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from access.decisions import Allow, Deny, LimitStatus
from access.gate import (
    OWNER_VERSION,
    VERSION,
    Exceeded,
    Limit,
    Rolled,
    Stale,
    Tally,
    diagnose,
    past_day,
    plan,
    statuses,
    turns_day,
    verdict_of,
    waits,
)
from access.leases import Lease, credit_of, lease_size, take_lease
from access.limits import OWNER, Quota
from access.policies import Effective
from authorizer.environment import Environment
from authorizer.memory import Denied, KnownKey, SeenGate
from store.errors import ConditionFailed, StoreError, TransactionCancelled, UnavailableError
from store.keys import Gate, gates_found

MAX_ATTEMPTS = 3  # of the counting write: the first, one after a race, one to spare
MAX_CONFLICTS = 8  # of transactions on one owner's gate, with a pause before each further one
CONFLICT_SECONDS = 0.02
OPEN_MS = 300_000  # a record that nothing confirmed for longer does not fail open
SHARED_MS = 1_000  # an owner's gate is read again after this
NO_MARKS: Mapping[str, int] = {}


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
    try:
        counted = _count(call, key, environment)
    except UnavailableError:
        if not _may_open(call, key):
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
            _write(key, environment, now_ms=now_ms)


def _count(call: Call, key: KnownKey, environment: Environment) -> Counted | None:
    if not call.limits:
        return _count_without_limits(call, key, environment)
    lease = key.leases.get(call.limits)
    spent = lease.spend(call.cost, call.now_ms) if lease else None
    if spent is not None:
        key.leases[call.limits] = spent
        key.untold.allowed += 1
        return Counted(Allow(key.record, statuses(key.gate, call.limits, now_ms=call.now_ms)))
    if key.denied is not None and key.denied.still_holds(call.limits, call.cost, call.now_ms):
        return _refuse(key, key.denied, call.now_ms)
    if split(call, key)[1]:
        return _count_shared(call, key, environment)
    return _count_alone(call, key, environment)


def _count_without_limits(call: Call, key: KnownKey, environment: Environment) -> Counted | None:
    """A strong read tells whether the record is current; once a minute a write of the totals does."""
    if not key.untold.is_due(call.now_ms):
        if not environment.is_current(key, call.now_ms):
            return None
        key.untold.allowed += 1
        return Counted(Allow(key.record))
    for _ in range(MAX_ATTEMPTS):
        try:
            _write(key, environment, now_ms=call.now_ms, marks=call.marks, allowed=1)
        except ConditionFailed as refused:
            if (environment.gate_found(key, refused, call.now_ms) or {}).get(VERSION) != key.record.gate_version:
                return None
        else:
            return Counted(Allow(key.record))
    raise UndecidedError("the gate was contended in every attempt")


def _count_alone(call: Call, key: KnownKey, environment: Environment) -> Counted | None:
    """Count at the key's own gate by one conditional write."""
    limits, cost, now_ms = call.limits, call.cost, call.now_ms
    staleness_ms = call.effective.counting.max_staleness_ms
    lease = key.leases.pop(limits, None)
    wants_more = bool(staleness_ms)
    for _ in range(MAX_ATTEMPTS):
        before, ours = key.gate, key.untold.allowed + 1
        credit = credit_of(lease, before, limits, now_ms=now_ms)
        units = max(cost, min(credit))
        if wants_more:
            units = lease_size(
                lease, before, limits, cost=cost, credit=credit, now_ms=now_ms, max_staleness_ms=staleness_ms
            )
        try:
            _write(
                key,
                environment,
                now_ms=now_ms,
                marks=call.marks,
                limits=limits,
                kept=call.effective.limits,
                units=units,
                credit=credit,
                allowed=1,
            )
        except ConditionFailed as refused:
            verdict = _verdict(call, key, environment.gate_found(key, refused, now_ms), units, lease)
            if isinstance(verdict, Exceeded) and wants_more:
                wants_more = False
                verdict = _verdict(call, key, key.gate, cost, lease)
            if isinstance(verdict, Stale):
                return None
            if isinstance(verdict, Exceeded):
                key.denied = Denied(limits, cost, verdict, now_ms)
                return _refuse(key, key.denied, now_ms)
        else:
            if staleness_ms:
                taken = take_lease(
                    before, key.gate, limits, size=units, ours=ours, now_ms=now_ms, max_staleness_ms=staleness_ms
                )
                key.leases[limits] = taken._replace(units=units - cost)
            return Counted(Allow(key.record, statuses(key.gate, limits, now_ms=now_ms)))
    raise UndecidedError("the gate was contended in every attempt")


def _verdict(
    call: Call, key: KnownKey, found: Gate | None, units: int, lease: Lease | None
) -> Stale | Rolled | Exceeded:
    return diagnose(
        found,
        version=key.record.gate_version,
        limits=call.limits,
        now_ms=call.now_ms,
        cost=units,
        credit=credit_of(lease, found or {}, call.limits, now_ms=call.now_ms),
    )


def _write(
    key: KnownKey,
    environment: Environment,
    *,
    now_ms: int,
    marks: Mapping[str, int] = NO_MARKS,
    limits: Sequence[Limit] = (),
    kept: Sequence[Limit] = (),
    units: int = 0,
    credit: Sequence[int] = (),
    allowed: int = 0,
) -> None:
    """One write at the key's gate, with the totals that are untold; stores a day that is over."""
    before, untold = key.gate, key.untold
    waiting = past_day(before)
    if waiting is not None and turns_day(before, now_ms) and waiting.day != untold.stored_day:
        environment.store_day(key, waiting)
    tally = Tally(untold.allowed + allowed, untold.refused, untold.stored_day)
    write = plan(
        version=key.record.gate_version,
        limits=limits,
        seen=before,
        now_ms=now_ms,
        cost=units,
        marks=marks,
        tally=tally,
        credit=credit,
        kept=kept,
    )
    environment.write_gate(key, write, now_ms)
    untold.allowed = untold.refused = 0
    untold.since_ms = now_ms
    over = past_day(key.gate)
    if over is not None and turns_day(before, now_ms):
        try:
            environment.store_day(key, over)
        except StoreError:
            return  # it waits on the gate until the next turn
        untold.stored_day = over.day


# --- limits that the keys of an owner share ------------------------------------------------


def _count_shared(call: Call, key: KnownKey, environment: Environment) -> Counted | None:
    """Count at the key's gate and its owner's by one transaction.

    It does not tell what it left, so both gates are read again once a second.
    """
    own, shared = split(call, key)
    if turns_day(key.gate, call.now_ms):
        _turn_day(key, environment, call.now_ms)
    gate = environment.owner_gate(key, call.now_ms, max_age_ms=SHARED_MS)
    attempts = conflicts = 0
    while attempts < MAX_ATTEMPTS and conflicts < MAX_CONFLICTS:
        try:
            _transact(call, key, gate, environment, own=own, shared=shared)
        except TransactionCancelled as cancelled:
            if "ConditionalCheckFailed" not in cancelled.codes:
                conflicts += 1
                time.sleep(random.uniform(0, CONFLICT_SECONDS * conflicts))  # noqa: S311 - jitter
                continue
            attempts += 1
            _take(key, gate, cancelled, call.now_ms)
            verdict = _diagnose_shared(call, key, gate, own=own, shared=shared)
            if isinstance(verdict, Stale):
                return None
            if isinstance(verdict, Exceeded):
                key.denied = Denied(call.limits, call.cost, verdict, call.now_ms)
                return _refuse(key, key.denied, call.now_ms)
        else:
            return Counted(Allow(key.record, (*_seen(key, own, call), *_seen(gate, shared, call))))
    raise UndecidedError("the gate of the owner was contended in every attempt")


def split(call: Call, key: KnownKey) -> tuple[tuple[Limit, ...], tuple[Limit, ...]]:
    """The limits that the key's gate counts, and those that its owner's does. Without an owner all are its own."""
    if not key.record.owner:
        return call.limits, ()
    shared = tuple(limit for limit in call.limits if limit.scope == OWNER)
    return tuple(limit for limit in call.limits if limit not in shared) if shared else call.limits, shared


def _turn_day(key: KnownKey, environment: Environment, now_ms: int) -> None:
    """Turn the day by a write of its own: a transaction does not tell the totals that it moved aside."""
    try:
        _write(key, environment, now_ms=now_ms)
    except ConditionFailed as refused:
        environment.gate_found(key, refused, now_ms)


def _transact(
    call: Call,
    key: KnownKey,
    gate: SeenGate,
    environment: Environment,
    *,
    own: Sequence[Limit],
    shared: Sequence[Limit],
) -> None:
    untold = key.untold
    tally = Tally(untold.allowed + 1, untold.refused, untold.stored_day)
    own_write = plan(
        version=key.record.gate_version,
        limits=own,
        seen=key.gate,
        now_ms=call.now_ms,
        cost=call.cost,
        marks=call.marks,
        tally=tally,
        kept=call.effective.limits,
    )
    shared_write = plan(
        version=OWNER_VERSION, limits=shared, seen=gate.gate, now_ms=call.now_ms, cost=call.cost, marks={}
    )
    environment.write_gates(key, own_write, shared_write, call.now_ms)
    key.units_since += call.cost
    gate.units_since += call.cost
    untold.allowed = untold.refused = 0
    untold.since_ms = call.now_ms


def _take(key: KnownKey, gate: SeenGate, cancelled: TransactionCancelled, now_ms: int) -> None:
    """Remember the gates that the failed conditions met."""
    own, shared = gates_found(cancelled)
    if own is not None:
        key.saw(own, now_ms)
    if shared is not None:
        gate.saw(shared, now_ms)


def _diagnose_shared(
    call: Call, key: KnownKey, gate: SeenGate, *, own: Sequence[Limit], shared: Sequence[Limit]
) -> Stale | Rolled | Exceeded:
    if key.gate.get(VERSION) != key.record.gate_version:
        return Stale()
    if gate.gate.get(VERSION) != OWNER_VERSION:
        raise UndecidedError("the gate of the owner is missing")
    parts: tuple[tuple[Gate, Sequence[Limit]], ...] = ((key.gate, own), (gate.gate, shared))
    known_waits = [wait for found, limits in parts for wait in waits(found, limits, now_ms=call.now_ms, cost=call.cost)]
    known = tuple(status for found, limits in parts for status in statuses(found, limits, now_ms=call.now_ms))
    return verdict_of(known_waits, known)


def _seen(gate: SeenGate, limits: Sequence[Limit], call: Call) -> tuple[LimitStatus, ...]:
    """How limits stand, as far as we know: what we counted since we saw the gate is taken off."""
    units = gate.units_since
    return tuple(
        status._replace(used=status.used + units, remaining=max(status.remaining - units, 0))
        for status in statuses(gate.gate, limits, now_ms=call.now_ms)
    )


# --- what follows from a count -------------------------------------------------------------


def _refuse(key: KnownKey, denied: Denied, now_ms: int) -> Counted:
    wait_ms, verdict = denied.wait_ms(now_ms), denied.verdict
    seconds = None if wait_ms is None else -(-wait_ms // 1000)
    return Counted(Deny(verdict.reason, key.record, verdict.statuses, verdict.refused_by, seconds))


def _may_open(call: Call, key: KnownKey) -> bool:
    """Whether an outage of DynamoDB lets this request pass: never where a quota counts it."""
    return (
        call.effective.counting.fail_open
        and bool(call.limits)
        and not any(isinstance(limit, Quota) for limit in call.limits)
        and call.now_ms - key.confirmed_ms < OPEN_MS
    )
