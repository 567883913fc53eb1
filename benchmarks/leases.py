"""Exact and leased counting, simulated with the real code: writes per request, units stranded.

Requests of one key arrive at random (a Poisson process) at environments chosen at random; each
environment counts with `authorizer.counting` on one table in memory, with a clock that the
simulation sets. A run ends when every environment was refused. Fixed seeds.
"""

import random
from typing import NamedTuple

from access.decisions import Allow
from access.gate import VERSION
from access.key_ids import KeyHash
from access.keys import Counting, KeyRecord
from access.limits import Quota, RateLimit
from access.policies import Effective
from authorizer.counting import Call, count
from authorizer.environment import Environment
from authorizer.memory import KnownKey, Untold
from benchmarks.memory_table import MemoryTable
from store.master_secret import Keyring, MasterKeys
from store.table import GATE, gate_partition

START_MS = 1_800_000_000_000
KEY_HASH = KeyHash("k" * 43)


class Scenario(NamedTuple):
    """What happens: a limit, how it is counted, and how requests arrive."""

    title: str
    limit: Quota | RateLimit
    staleness_ms: int
    rate: int  # requests a second, over all environments
    environments: int
    requests: int


class Result(NamedTuple):
    """What came out. Shares are parts of the limit, in percent."""

    admitted: int
    writes_per_admitted: float
    over: int
    stranded: float
    refused_early: float


SCENARIOS = (
    Scenario("exact", Quota(20_000, "day"), 0, 1000, 50, 21_000),
    Scenario("leased, 1 s", Quota(100_000, "day"), 1000, 1000, 50, 105_000),
    Scenario("leased, 5 s", Quota(100_000, "day"), 5000, 1000, 50, 105_000),
    Scenario("leased, 1 s, 100/s each", Quota(100_000, "day"), 1000, 1000, 10, 105_000),
    Scenario("leased, 1 s, 2/s each", Quota(20_000, "day"), 1000, 100, 50, 21_000),
    Scenario("leased, 1 s, rate limit", RateLimit(60_000, "minute"), 1000, 1500, 50, 90_000),
)


def simulate(scenario: Scenario, seed: int = 1) -> Result:
    """Run one scenario."""
    source, table = random.Random(seed), MemoryTable()
    partition = gate_partition(KEY_HASH)
    table.items[partition, GATE] = {VERSION: {"N": "1"}}
    record = KeyRecord(KEY_HASH, 1, "simulated", 0, 0)
    effective = Effective((), (), (), (), {}, Counting(scenario.staleness_ms))
    keyring = Keyring(MasterKeys(b"p" * 32, b"s" * 32, b"e" * 32))
    units = [
        (
            Environment(table, "table", keyring),
            KnownKey(partition, record, (), {VERSION: 1}, untold=Untold(START_MS), now_ms=START_MS),
        )
        for _ in range(scenario.environments)
    ]
    now, admitted, writes_then, stranded, early = float(START_MS), 0, 0, 0, 0
    moments: list[float] = []
    for number in range(scenario.requests):
        now += source.expovariate(scenario.rate) * 1000
        environment, key = source.choice(units)
        call = Call((scenario.limit,), 1, {"at": int(now) // 1000}, effective, int(now))
        counted = count(call, key, environment)
        if counted is not None and isinstance(counted.decision, Allow):
            admitted += 1
            moments.append(now)
            continue
        if not stranded and not writes_then:
            writes_then = table.writes
            stranded = sum(lease.units for _, known in units for lease in known.leases.values())
            admitted_then = admitted
        early += number < scenario.limit.limit
    writes_then, admitted_then = (writes_then, admitted_then) if writes_then else (table.writes, admitted)
    return Result(
        admitted,
        writes_then / admitted_then,
        _over(scenario.limit, moments),
        100 * stranded / scenario.limit.limit,
        100 * early / scenario.limit.limit,
    )


def _over(limit: Quota | RateLimit, moments: list[float]) -> int:
    """The most that any interval of the period, or the window, held beyond the limit."""
    if isinstance(limit, Quota):
        return max(len(moments) - limit.limit, 0)
    worst = first = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - 60_000:
            first += 1
        worst = max(worst, last - first + 1)
    return max(worst - limit.limit, 0)


def main() -> None:
    """Print the table."""
    print("counting                   environments  writes/admitted  requests/write  over  stranded  refused early")
    for scenario in SCENARIOS:
        result = simulate(scenario)
        print(
            f"{scenario.title:26} {scenario.environments:12} {result.writes_per_admitted:16.4f}"
            f" {1 / result.writes_per_admitted:15.1f} {result.over:5}"
            f" {result.stranded:8.3f}% {result.refused_early:13.3f}%"
        )


if __name__ == "__main__":
    main()
