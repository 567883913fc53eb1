"""Samples of several cases taken in turn, so that a machine whose speed drifts is fair to all of them."""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import NamedTuple

CALLS = 10  # of one sample: a single call is shorter than the clock is fine


class Samples(NamedTuple):
    """What a case took, once a round."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def spread(self) -> str:
        """The smallest and the largest value."""
        return f"{_short(min(self.values))} to {_short(max(self.values))}"

    def over(self, other: "Samples") -> float:
        """The median of the ratios, round by round."""
        return median(mine / theirs for mine, theirs in zip(self.values, other.values, strict=True))


def in_turn(cases: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, Samples]:
    """One value of each case a round, after a round that does not count."""
    found: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, measure in cases.items():
            value = measure()
            if number:
                found[name].append(value)
    return {name: Samples(tuple(values)) for name, values in found.items()}


def cpu_microseconds(work: Callable[[], object]) -> float:
    """CPU time of one call: one sample."""
    start = time.process_time_ns()
    for _ in range(CALLS):
        work()
    return (time.process_time_ns() - start) / (1_000 * CALLS)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2f}"
