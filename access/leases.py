"""Leased counting: one write takes units for several requests.

For keys hotter than one DynamoDB item. A lease counts its units when it is taken, so it can
only strand units, never admit one too many; it ends with the sub-window or quota window that
counted it, and with the staleness that the policy allows. What is left then is credit for
the next lease, in the same window. Units are never given back: a give-back that is written
twice would admit too many.
"""

from collections.abc import Sequence
from typing import NamedTuple

from access.gate import Gate, Limit, statuses, windows

ROOM_SHARE = 0.25  # of the room that is left, times our part of the traffic


class Lease(NamedTuple):
    """Units that this environment may spend without a write, until `ends_at_ms`."""

    units: int
    ends_at_ms: int
    size: int  # units that it had when it was taken
    taken_at_ms: int
    part: float  # our part of the requests that the gate counted between our last two writes
    windows: tuple[int | None, ...]  # where the units were counted, by limit

    def spend(self, cost: int, now_ms: int) -> "Lease | None":
        """The lease after a request, None where it does not cover the request."""
        if self.units < cost or not self.taken_at_ms <= now_ms < self.ends_at_ms:
            return None
        return self._replace(units=self.units - cost)


def credit_of(lease: Lease | None, gate: Gate, limits: Sequence[Limit], *, now_ms: int) -> tuple[int, ...]:
    """Units of each limit that an older lease counted in the window of now, and did not spend."""
    if lease is None:
        return (0,) * len(limits)
    now = windows(gate, limits, now_ms=now_ms)
    return tuple(lease.units if end == counted else 0 for end, counted in zip(now, lease.windows, strict=True))


def lease_size(
    lease: Lease | None,
    gate: Gate,
    limits: Sequence[Limit],
    *,
    cost: int,
    credit: Sequence[int],
    now_ms: int,
    max_staleness_ms: int,
) -> int:
    """The units to hold: what we spend until the lease ends, less and less towards the ceiling.

    Never less than the credit, or it would be lost.
    """
    if lease is None:
        return cost
    horizon_ms = _end_ms(gate, limits, now_ms=now_ms, max_staleness_ms=max_staleness_ms) - now_ms
    by_rate = (lease.size - lease.units) * horizon_ms // max(now_ms - lease.taken_at_ms, 1)
    room = min(status.remaining for status in statuses(gate, limits, now_ms=now_ms))
    by_room = int(room * lease.part * ROOM_SHARE)
    return max(cost, *credit, min(2 * lease.size, by_rate, by_room))


def take_lease(
    before: Gate, after: Gate, limits: Sequence[Limit], *, size: int, ours: int, now_ms: int, max_staleness_ms: int
) -> Lease:
    """The lease that a write took; `ours` are the requests that it told of."""
    return Lease(
        units=size,
        ends_at_ms=_end_ms(after, limits, now_ms=now_ms, max_staleness_ms=max_staleness_ms),
        size=size,
        taken_at_ms=now_ms,
        part=_part_of_traffic(before, after, ours=ours),
        windows=windows(after, limits, now_ms=now_ms),
    )


def _end_ms(gate: Gate, limits: Sequence[Limit], *, now_ms: int, max_staleness_ms: int) -> int:
    known = [end for end in windows(gate, limits, now_ms=now_ms) if end is not None]
    return min([now_ms + max_staleness_ms, *known])


def _part_of_traffic(before: Gate, after: Gate, *, ours: int) -> float:
    if before.get("d") != after.get("d"):
        return 1.0
    everybody = int(after.get("da", 0)) - int(before.get("da", 0))
    return min(ours / max(everybody, 1), 1.0)
