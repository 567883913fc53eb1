"""Leased counting: one write takes units for several requests.

For keys hotter than one DynamoDB item. A lease counts its units when it is taken, so it can
only strand units, never admit one too many; it ends with the sub-window or quota window that
counted it and with the staleness that the policy allows. Units are never given back: a
give-back that is written twice would admit too many.
"""

from collections.abc import Sequence
from typing import NamedTuple

from access.gate import Gate, Limit, statuses, window_ends

ROOM_SHARE = 0.25  # of the room that is left, times our part of the traffic


class Lease(NamedTuple):
    """Units that this environment may spend without a write, until `ends_at_ms`."""

    units: int
    ends_at_ms: int
    size: int  # units taken by the write
    taken_at_ms: int
    part: float  # our part of the requests that the gate counted between our last two writes

    def spend(self, cost: int, now_ms: int) -> "Lease | None":
        """The lease after a request, None where it does not cover the request."""
        if self.units < cost or not self.taken_at_ms <= now_ms < self.ends_at_ms:
            return None
        return self._replace(units=self.units - cost)


def lease_size(
    lease: Lease | None, *, cost: int, gate: Gate, limits: Sequence[Limit], now_ms: int, ends_at_ms: int
) -> int:
    """The units to take: what we spend until the lease ends, less and less towards the ceiling."""
    if lease is None:
        return cost
    spent = lease.size - lease.units + cost
    elapsed_ms = max(now_ms - lease.taken_at_ms, 1)
    by_rate = spent * (ends_at_ms - now_ms) // elapsed_ms
    room = min(status.remaining for status in statuses(gate, limits, now_ms=now_ms))
    by_room = int(room * lease.part * ROOM_SHARE)
    return max(cost, min(2 * lease.size, by_rate, by_room))


def lease_end_ms(gate: Gate, limits: Sequence[Limit], *, now_ms: int, max_staleness_ms: int) -> int:
    """When a lease taken now must end."""
    return min([now_ms + max_staleness_ms, *window_ends(gate, limits, now_ms=now_ms)])


def part_of_traffic(before: Gate, after: Gate, *, ours: int) -> float:
    """Our part of the requests that were counted between two writes of ours."""
    if before.get("d") != after.get("d"):
        return 1.0
    everybody = int(after.get("da", 0)) - int(before.get("da", 0))
    return min(ours / max(everybody, 1), 1.0)
