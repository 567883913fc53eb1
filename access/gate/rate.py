"""Rate limits: true ceilings by sub-windows.

A rate limit cuts its period into ten sub-windows and admits while the newest sub-window and
the ten before it hold less than the limit:

    |<------------------- any interval of the period ------------------->|
    ..][ w-10 ][ w-9 ][ w-8 ][ w-7 ][ w-6 ][ w-5 ][ w-4 ][ w-3 ][ w-2 ][ w-1 ][ w ..

Every such interval that ends in `w` lies inside these eleven, so it is a true ceiling, and a
unit comes back at most one sub-window late. `Aw` never falls, so sub-windows below it are
final and enter the condition as one number. Those that others may have used since the gate
was last seen share the room that is left, each with a bound of its own; if that was too
careful, the item that comes back tells the exact counts and the second attempt uses them.
"""

from typing import NamedTuple

from access.decisions import LimitStatus
from access.gate.expressions import Builder
from access.gate.layout import CODE_LENGTH, LAP, SUB_WINDOWS, Gate, code_of, codes_until
from access.limits import RateLimit, period_seconds

_COUNTER_LENGTH = 1 + CODE_LENGTH


class RateState(NamedTuple):
    """A rate limit as the gate shows it. `newest` is None before the first request."""

    slot: str
    length_ms: int  # of a sub-window
    window: int  # the sub-window of now, never behind the newest
    newest: int | None
    counts: dict[int, int]  # units by sub-window number, those that still matter
    forgotten: tuple[str, ...]  # attributes of sub-windows that no longer do

    @classmethod
    def read(cls, limit: RateLimit, slot: str | None, gate: Gate, now_ms: int) -> "RateState":
        length_ms = (period_seconds(limit.period) or 0) * 1000 // SUB_WINDOWS
        window = now_ms // length_ms
        newest = gate.get(f"{slot}w") if slot else None
        if slot is None or newest is None:
            return cls(slot or "", length_ms, window, None, {}, ())
        window, newest = max(window, int(newest)), int(newest)
        numbers = codes_until(newest, SUB_WINDOWS + 1)
        counts, forgotten = {}, []
        for name, units in gate.items():
            if len(name) == _COUNTER_LENGTH and name[0] == slot:
                number = numbers.get(name[1:], -1)
                if number >= window - SUB_WINDOWS:
                    counts[number] = int(units)
                else:
                    forgotten.append(name)
        return cls(slot, length_ms, window, newest, counts, tuple(forgotten))

    @property
    def used(self) -> int:
        return sum(self.counts.values())

    def attribute(self, number: int) -> str:
        return f"{self.slot}{code_of(number)}"


def open_rate(builder: Builder, limit: RateLimit, slot: str, now_ms: int, cost: int) -> None:
    """Count the first `cost` units of a limit, whatever stands under its letter."""
    state = RateState.read(limit, slot, {}, now_ms)
    if cost > limit.limit:
        builder.require_never()
    builder.assign(f"{slot}w", state.window)
    builder.assign(state.attribute(state.window), cost)


def plan_rate(builder: Builder, limit: RateLimit, slot: str, seen: Gate, now_ms: int, cost: int) -> None:
    """Count `cost` units in the newest sub-window, under the ceiling."""
    state = RateState.read(limit, slot, seen, now_ms)
    if state.newest is None:
        builder.require_same(f"{slot}w", None)
        open_rate(builder, limit, slot, now_ms, cost)
        return
    room = limit.limit - cost
    if not _bound_open_windows(builder, state, room):
        _require_unchanged(builder, state, room)
    if state.window != state.newest:
        builder.assign(f"{slot}w", state.window)
    current = state.attribute(state.window)
    for attribute in state.forgotten:
        builder.remove(attribute)
    if current in state.forgotten:
        builder.assign(current, cost)
    else:
        builder.add(current, cost)


def _bound_open_windows(builder: Builder, state: RateState, room: int) -> bool:
    """Bound each sub-window that others may have used since; False if there are too many."""
    newest = state.newest or 0
    unseen = range(max(newest, state.window - SUB_WINDOWS), state.window + 1)
    lap_is_known = state.window - newest < LAP - 2 * SUB_WINDOWS
    names_are_free = all(state.attribute(number) not in state.forgotten for number in unseen)
    if len(unseen) > builder.bounds_left or not lap_is_known or not names_are_free:
        return False
    builder.bounds_left -= len(unseen)
    builder.require_at_most(f"{state.slot}w", state.window, or_absent=False)
    slack = room - state.used
    share, rest = divmod(max(slack, 0), len(unseen))
    for number in unseen:
        bound = state.counts.get(number, 0) + share
        if number == state.window:
            bound += rest
        if number == unseen[0]:
            bound += min(slack, 0)
        builder.require_at_most(state.attribute(number), bound, or_absent=number not in state.counts)
    return True


def _require_unchanged(builder: Builder, state: RateState, room: int) -> None:
    """Require that nobody turned a sub-window since; then only the newest may have grown."""
    newest = state.newest or 0
    builder.require_same(f"{state.slot}w", newest)
    bound = room - state.used + state.counts.get(newest, 0)
    if newest in state.counts:
        builder.require_at_most(state.attribute(newest), bound, or_absent=False)
    elif bound < 0:
        builder.require_never()


def rate_status(limit: RateLimit, state: RateState) -> LimitStatus:
    """How the limit stands; units of the oldest sub-window come back first."""
    oldest = min((number for number, units in state.counts.items() if units), default=state.window)
    return LimitStatus(
        kind="rate",
        name=limit.name,
        api=limit.api,
        scope=limit.scope,
        limit=limit.limit,
        period=limit.period,
        used=state.used,
        remaining=max(limit.limit - state.used, 0),
        resets_at=-(-_leaves_at_ms(oldest, state) // 1000),
    )


def _leaves_at_ms(number: int, state: RateState) -> int:
    """When the units of a sub-window come back."""
    return (number + SUB_WINDOWS + 1) * state.length_ms


def wait_rate_ms(limit: RateLimit, state: RateState, now_ms: int, cost: int) -> int | None:
    """Milliseconds until `cost` units fit: 0 for now, None for never."""
    excess = state.used + cost - limit.limit
    if excess <= 0:
        return 0
    for number in sorted(state.counts):
        excess -= state.counts[number]
        if excess <= 0:
            return max(_leaves_at_ms(number, state) - now_ms, 1)
    return None


def sub_window_end_ms(limit: RateLimit, now_ms: int) -> int:
    """When the sub-window of `now_ms` ends."""
    length_ms = (period_seconds(limit.period) or 0) * 1000 // SUB_WINDOWS
    return (now_ms // length_ms + 1) * length_ms


def upcoming(limit: RateLimit, slot: str, *, from_ms: int, until_ms: int) -> list[str]:
    """The counters that requests between two moments may use."""
    length_ms = (period_seconds(limit.period) or 0) * 1000 // SUB_WINDOWS
    return [f"{slot}{code_of(number)}" for number in range(from_ms // length_ms, until_ms // length_ms + 1)]
