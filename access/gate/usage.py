"""The totals of a day, and how they leave the gate when the day turns.

    d  da  dr   the day (days since 1970, UTC), requests allowed and refused on it
    pd pa  pr   the day before, until it rests in an item of its own

Whoever turns the day moves the totals aside in the same write, stores them as a usage item,
and takes them off the gate with its next write. A day that nobody stored waits on the gate:
before the next turn it is stored by whoever finds it.
"""

from typing import NamedTuple

from access.gate.expressions import Builder
from access.gate.layout import Gate

DAY_MS = 86_400_000
_MOVES = (("pd", "d"), ("pa", "da"), ("pr", "dr"))


class Tally(NamedTuple):
    """Requests that a write adds to the totals. `stored_day`: the last day that was stored."""

    allowed: int = 0
    refused: int = 0
    stored_day: int | None = None


class DayTotals(NamedTuple):
    """Requests of one day, in days since 1970."""

    day: int
    allowed: int
    refused: int


def plan_usage(builder: Builder, seen: Gate, tally: Tally, now_ms: int) -> None:
    """Add a tally to the totals of the day. A clock that lags never turns the day back."""
    today, day = now_ms // DAY_MS, seen.get("d")
    builder.require_same("d", day)
    if day is None or int(day) < today:
        if day is not None:
            for attribute, source in _MOVES:
                builder.copy(attribute, source)
        for attribute, number in (("d", today), ("da", tally.allowed), ("dr", tally.refused)):
            builder.assign(attribute, number)
        return
    builder.add("da", tally.allowed)
    if tally.refused:
        builder.add("dr", tally.refused)
    if tally.stored_day is not None and seen.get("pd") == tally.stored_day:
        for attribute, _ in _MOVES:
            builder.remove(attribute)


def past_day(gate: Gate) -> DayTotals | None:
    """The day that is over and still on the gate."""
    return _totals(gate, "pd", "pa", "pr")


def current_day(gate: Gate) -> DayTotals | None:
    """The day that the gate counts."""
    return _totals(gate, "d", "da", "dr")


def turns_day(gate: Gate, now_ms: int) -> bool:
    """Whether a write now would move the totals aside."""
    day = gate.get("d")
    return day is not None and int(day) < now_ms // DAY_MS


def _totals(gate: Gate, day: str, allowed: str, refused: str) -> DayTotals | None:
    number = gate.get(day)
    return None if number is None else DayTotals(int(number), int(gate.get(allowed, 0)), int(gate.get(refused, 0)))
