"""Limits that the keys of an owner share. Loaded where a request falls under one.

The key's gate and its owner's count by one transaction. It does not tell what it left, so both
gates are read again once a second.
"""

import random
import time
from typing import NamedTuple

from access.decisions import Allow, LimitStatus
from access.gate import (
    OWNER_VERSION,
    VERSION,
    Exceeded,
    Limit,
    Rolled,
    Stale,
    plan,
    statuses,
    turns_day,
    verdict_of,
    waits,
)
from authorizer.counting import MAX_ATTEMPTS, Call, Counted, UndecidedError, refuse, split, write_totals
from authorizer.environment import Environment
from authorizer.memory import KnownKey, SeenGate
from store.errors import ConditionFailed, TransactionCancelled
from store.keys import gates_found

MAX_CONFLICTS = 8  # of transactions on one owner's gate, with a pause before each further one
CONFLICT_SECONDS = 0.02


class Part(NamedTuple):
    """A gate, and the limits of a request that it counts."""

    gate: SeenGate
    limits: tuple[Limit, ...]


def count_shared(call: Call, key: KnownKey, environment: Environment) -> Counted | None:
    """Count a request in every limit, all or nothing; None when the record is stale."""
    own_limits, shared_limits = split(call, key)
    if turns_day(key.gate, call.now_ms):
        _turn_day(key, environment, call.now_ms)
    own, shared = Part(key, own_limits), Part(environment.owner_gate(key, call.now_ms), shared_limits)
    if key.was_refused_lately(call.now_ms):
        known = diagnose_both(call, key, own, shared)
        if isinstance(known, Exceeded):
            return refuse(call, key, known)
    attempts = conflicts = 0
    while attempts < MAX_ATTEMPTS and conflicts < MAX_CONFLICTS:
        try:
            _transact(call, key, environment, own=own, shared=shared)
        except TransactionCancelled as cancelled:
            if "ConditionalCheckFailed" not in cancelled.codes:
                conflicts += 1
                environment.budget.was_throttled = True
                time.sleep(random.uniform(0, CONFLICT_SECONDS * conflicts))  # noqa: S311 - jitter
                continue
            attempts += 1
            _remember(own, shared, cancelled, call.now_ms)
            verdict = diagnose_both(call, key, own, shared)
            if isinstance(verdict, Stale):
                return None
            if isinstance(verdict, Exceeded):
                key.refused_ms = call.now_ms
                return refuse(call, key, verdict)
        else:
            return Counted(Allow(key.record, (*standing(own, call.now_ms), *standing(shared, call.now_ms))))
    raise UndecidedError("the gate of the owner was contended in every attempt")


def _turn_day(key: KnownKey, environment: Environment, now_ms: int) -> None:
    """Turn the day by a write of its own: a transaction does not tell the totals that it moved aside."""
    try:
        write_totals(key, environment, now_ms=now_ms)
    except ConditionFailed as refused:
        environment.gate_found(key, refused, now_ms)


def _transact(call: Call, key: KnownKey, environment: Environment, *, own: Part, shared: Part) -> None:
    own_write = plan(
        version=key.record.gate_version,
        limits=own.limits,
        seen=own.gate.gate,
        now_ms=call.now_ms,
        cost=call.cost,
        marks=call.marks,
        tally=key.untold.tally(allowed=1),
        kept=key.kept(call.effective),
    )
    shared_write = plan(
        version=OWNER_VERSION,
        limits=shared.limits,
        seen=shared.gate.gate,
        now_ms=call.now_ms,
        cost=call.cost,
        marks={},
    )
    environment.write_gates(key, own_write, shared_write, call.now_ms)
    own.gate.units_since += call.cost
    shared.gate.units_since += call.cost
    key.untold.are_told(call.now_ms)


def _remember(own: Part, shared: Part, cancelled: TransactionCancelled, now_ms: int) -> None:
    """Remember the gates that the failed conditions met."""
    for part, found in zip((own, shared), gates_found(cancelled), strict=True):
        if found is not None:
            part.gate.saw(found, now_ms)


def diagnose_both(call: Call, key: KnownKey, own: Part, shared: Part) -> Stale | Rolled | Exceeded:
    if own.gate.gate.get(VERSION) != key.record.gate_version:
        return Stale()
    if shared.gate.gate.get(VERSION) != OWNER_VERSION:
        raise UndecidedError("the gate of the owner is missing")
    found_waits: list[int | None] = []
    found: list[LimitStatus] = []
    for seen, limits in (own, shared):
        found_waits += waits(seen.gate, limits, now_ms=call.now_ms, cost=call.cost)
        found += statuses(seen.gate, limits, now_ms=call.now_ms)
    return verdict_of(found_waits, tuple(found))


def standing(part: Part, now_ms: int) -> tuple[LimitStatus, ...]:
    """How limits stand, as far as we know: what we counted since we saw the gate is taken off."""
    units = part.gate.units_since
    return tuple(
        status._replace(used=status.used + units, remaining=max(status.remaining - units, 0))
        for status in statuses(part.gate.gate, part.limits, now_ms=now_ms)
    )
