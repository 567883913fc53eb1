"""Thresholds of quotas: which are reached and untold, and the write that claims one.

    Bm   the window and the highest threshold of it that was told, as one number

Whoever finds a threshold reached claims it, and only who succeeds tells of it. So it is told once
in a window, and also where the answer to the write that crossed it was lost.
"""

from collections.abc import Sequence
from typing import NamedTuple

from access.decisions import LimitStatus
from access.gate.expressions import VERSION, Builder, GateWrite
from access.gate.layout import LAYOUT, Gate, Limit, known_slots
from access.gate.quota import quota_status, read_quota
from access.limits import RateLimit

_PERCENTS = 128  # room for the percentages of a window in a number


class Claim(NamedTuple):
    """Thresholds of a quota, in percent, that are reached and that nobody told in this window."""

    slot: str
    status: LimitStatus
    percents: tuple[int, ...]
    end_ms: int | None


def open_claims(
    gate: Gate, limits: Sequence[Limit], percents: Sequence[int], *, now_ms: int, units_since: int = 0
) -> tuple[Claim, ...]:
    """What is to be told of a gate; `units_since` were counted since it was seen."""
    found = []
    for limit, slot in zip(limits, known_slots(limits, gate), strict=True):
        if isinstance(limit, RateLimit) or slot is None or not limit.limit:
            continue
        state = read_quota(limit, slot, gate, now_ms)
        used, told = state.used + units_since, int(gate.get(f"{slot}m", -1))
        reached = [one for one in percents if used * 100 >= one * limit.limit and _mark(state.end_ms, one) > told]
        if state.is_open and reached:
            status = quota_status(limit, slot, gate, now_ms)
            status = status._replace(used=used, remaining=max(limit.limit - used, 0))
            found.append(Claim(slot, status, tuple(reached), state.end_ms))
    return tuple(found)


def plan_claim(claim: Claim, *, version: int, seen: Gate) -> GateWrite:
    """The write that claims; its condition fails where somebody told since, or the window is over."""
    builder, told = Builder(), f"{claim.slot}m"
    builder.require(VERSION, version)
    builder.require_same(LAYOUT, seen.get(LAYOUT))
    builder.require_same(f"{claim.slot}e", claim.end_ms)
    builder.require_same(told, seen.get(told))
    builder.assign(told, _mark(claim.end_ms, max(claim.percents)))
    return builder.build()


def _mark(end_ms: int | None, percent: int) -> int:
    """Grows with the window, and in a window with the threshold."""
    return (end_ms or 0) * _PERCENTS + percent
