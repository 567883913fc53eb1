"""Plan the write that counts a request, and read its refusal."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from access.decisions import LimitStatus, Reason
from access.gate.expressions import VERSION, Builder, GateWrite
from access.gate.layout import Gate, Limit, assign_slots, counters_of, known_slots
from access.gate.quota import open_quota, plan_quota, quota_status, read_quota, wait_quota_ms, window_end_ms
from access.gate.rate import RateState, open_rate, plan_rate, rate_status, sub_window_end_ms, upcoming, wait_rate_ms
from access.gate.usage import Tally, plan_usage
from access.limits import RateLimit

_RESET_MS = 3_000  # how long the transaction of a reset may take, clocks included


class Stale(NamedTuple):
    """The key was changed or deleted since its record was read: read it again."""


class Rolled(NamedTuple):
    """Others used the gate since it was last seen, and there is room: plan again."""


class Exceeded(NamedTuple):
    """A limit refuses. `wait_ms` is None where waiting does not help."""

    reason: Reason
    refused_by: LimitStatus
    statuses: tuple[LimitStatus, ...]
    wait_ms: int | None


def plan(
    *,
    version: int,
    limits: Sequence[Limit],
    seen: Gate,
    now_ms: int,
    cost: int,
    marks: Mapping[str, int],
    tally: Tally | None = None,
    credit: Sequence[int] = (),
    kept: Sequence[Limit] | None = None,
) -> GateWrite:
    """The write that counts a request of `cost` units in every limit, all or nothing.

    `seen` is the gate as this environment saw it last, `marks` are attributes to set beside
    the counters (when the key was last used), `tally` goes to the totals of the day, `credit`
    are units of each limit that were counted before, `kept` all limits that this gate counts for
    any request, where they are known. The write fails rather than admit one too many. Raises
    FullGateError.
    """
    builder = Builder()
    builder.require(VERSION, version)
    slots, given = assign_slots(builder, limits, kept, seen, now_ms) if limits else ([], ())
    for limit, slot, units in zip(limits, slots, _net(cost, limits, credit), strict=True):
        if slot in given:
            _open(builder, limit, slot, now_ms, units)
        elif isinstance(limit, RateLimit):
            plan_rate(builder, limit, slot, seen, now_ms, units)
        else:
            plan_quota(builder, limit, slot, seen, now_ms, units)
    if tally is not None:
        plan_usage(builder, seen, tally, now_ms)
    for attribute, number in marks.items():
        builder.assign(attribute, number)
    return builder.build()


def _open(builder: Builder, limit: Limit, slot: str, now_ms: int, cost: int) -> None:
    if isinstance(limit, RateLimit):
        open_rate(builder, limit, slot, now_ms, cost)
    else:
        open_quota(builder, limit, slot, now_ms, cost)


def diagnose(
    found: Gate | None,
    *,
    version: int,
    limits: Sequence[Limit],
    now_ms: int,
    cost: int,
    credit: Sequence[int] = (),
) -> Stale | Rolled | Exceeded:
    """Why the condition failed, told from the item that DynamoDB found (None: no item)."""
    if found is None or found.get(VERSION) != version:
        return Stale()
    found_waits = waits(found, limits, now_ms=now_ms, cost=cost, credit=credit)
    return verdict_of(found_waits, statuses(found, limits, now_ms=now_ms))


def verdict_of(known_waits: Sequence[int | None], found: tuple[LimitStatus, ...]) -> Rolled | Exceeded:
    """The refusal that these waits mean: rate limits before quotas, the longest wait first."""
    refused = [(wait, status) for wait, status in zip(known_waits, found, strict=True) if wait != 0]
    if not refused:
        return Rolled()
    first_kind = "rate" if any(status.kind == "rate" for _, status in refused) else "quota"
    _, refused_by = max(
        ((wait, status) for wait, status in refused if status.kind == first_kind),
        key=lambda pair: (pair[0] is None, pair[0] or 0),
    )
    known = [wait for wait, _ in refused if wait is not None]
    return Exceeded(
        Reason.RATE_LIMITED if first_kind == "rate" else Reason.QUOTA_EXHAUSTED,
        refused_by,
        found,
        max(known) if len(known) == len(refused) else None,
    )


def statuses(gate: Gate, limits: Sequence[Limit], *, now_ms: int) -> tuple[LimitStatus, ...]:
    """How each limit stands at `now_ms`, in the order given."""
    slots = known_slots(limits, gate)
    return tuple(
        rate_status(limit, RateState.read(limit, slot, gate, now_ms))
        if isinstance(limit, RateLimit)
        else quota_status(limit, slot, gate, now_ms)
        for limit, slot in zip(limits, slots, strict=True)
    )


def tightest(found: Sequence[LimitStatus]) -> LimitStatus | None:
    """The limit with the smallest share left, None where there is none."""
    return min(found, key=lambda status: status.remaining / max(status.limit, 1), default=None)


def windows(gate: Gate, limits: Sequence[Limit], *, now_ms: int) -> tuple[int | None, ...]:
    """When the sub-window or window ends that counts a request at `now_ms`; None for `never`."""
    found: list[int | None] = []
    for limit, slot in zip(limits, known_slots(limits, gate), strict=True):
        if isinstance(limit, RateLimit):
            found.append(sub_window_end_ms(limit, now_ms))
            continue
        state = read_quota(limit, slot, gate, now_ms)
        found.append(state.end_ms if state.is_open else window_end_ms(limit, now_ms))
    return tuple(found)


def counters_to_clear(gate: Gate, limits: Sequence[Limit], *, now_ms: int) -> list[str]:
    """The attributes that a reset of these limits removes.

    With them go the counters that requests in flight may make until the reset is written.
    """
    found: dict[str, None] = {}
    for limit, slot in zip(limits, known_slots(limits, gate), strict=True):
        if slot is None:
            continue
        found |= dict.fromkeys(counters_of(slot, gate))
        if isinstance(limit, RateLimit):
            found |= dict.fromkeys(upcoming(limit, slot, from_ms=now_ms, until_ms=now_ms + _RESET_MS))
    return list(found)


def waits(
    gate: Gate, limits: Sequence[Limit], *, now_ms: int, cost: int, credit: Sequence[int] = ()
) -> list[int | None]:
    """Milliseconds until each limit admits `cost` units: 0 for now, None for never."""
    slots = known_slots(limits, gate)
    return [
        wait_rate_ms(limit, RateState.read(limit, slot, gate, now_ms), now_ms, units)
        if isinstance(limit, RateLimit)
        else wait_quota_ms(limit, read_quota(limit, slot, gate, now_ms), now_ms, units)
        for limit, slot, units in zip(limits, slots, _net(cost, limits, credit), strict=True)
    ]


def _net(cost: int, limits: Sequence[Limit], credit: Sequence[int]) -> list[int]:
    return [max(cost - units, 0) for units in credit] if credit else [cost] * len(limits)
