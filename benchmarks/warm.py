"""Warm requests through the real runtime client: wall time, CPU time, DynamoDB calls."""

import time
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.samples import Samples, in_turn
from benchmarks.stage import Stage, cpu_ns, event, forged_token, good_token, items, stage
from dev.lambda_runtime import Environment

ROUNDS, BATCH, WARM_UP = 9, 60, 20


class Case(NamedTuple):
    """A handler, the event that it is given, and what the table holds for it (None: what it held)."""

    handler: str
    payload: bytes
    stored: list[dict[str, object]] | None = None


class Cost(NamedTuple):
    """Of one request: milliseconds on the wall, microseconds of CPU, calls to DynamoDB."""

    wall_ms: Samples
    cpu_us: Samples
    calls: float


def measure(where: Stage, cases: dict[str, Case], *, delay: float = 0.0) -> dict[str, Cost]:
    """The cost of each case, in batches taken in turn."""
    where.tell(delay=delay)
    environments = {name: where.environment(case.handler) for name, case in cases.items()}
    cpu: dict[str, list[float]] = {name: [] for name in cases}
    calls: dict[str, float] = {}

    def batch(name: str, case: Case, environment: Environment) -> Callable[[], float]:
        def once() -> float:
            where.tell(items=case.stored or [])
            for _ in range(WARM_UP):
                environment.invoke(case.payload)
            where.tell()
            spent, started = cpu_ns(environment), time.perf_counter()
            for _ in range(BATCH):
                environment.invoke(case.payload)
            wall = (time.perf_counter() - started) * 1000 / BATCH
            cpu[name].append((cpu_ns(environment) - spent) / 1000 / BATCH)
            calls[name] = where.tell()["calls"] / BATCH
            return wall

        return once

    wall = in_turn({name: batch(name, case, environments[name]) for name, case in cases.items()}, rounds=ROUNDS)
    for environment in environments.values():
        environment.close()
    return {name: Cost(wall[name], Samples(tuple(cpu[name][1:])), calls[name]) for name in cases}


def show(found: dict[str, Cost], *, beside: str = "") -> None:
    """Print costs, and their ratios to the CPU time of one of them."""
    for name, cost in found.items():
        ratio = f"  {cost.cpu_us.over(found[beside].cpu_us):6.3f} x {beside}" if beside else ""
        print(
            f"  {name:24} {cost.wall_ms.median:6.2f} ms ({cost.wall_ms.spread})"
            f"  {cost.cpu_us.median:6.0f} µs CPU ({cost.cpu_us.spread})  {cost.calls:4.2f} calls{ratio}"
        )


def main() -> None:
    """Print the tables."""
    good, forged = event(good_token()), event(forged_token())
    with stage() as where:
        for delay in (0.0, 0.003):
            where.tell(items=items())
            print(f"warm request, DynamoDB answers after {delay * 1000:.0f} ms (target: CPU <= 0.25 x conventional)")
            cases = {
                "empty": Case("empty", good),
                "conventional": Case("conventional", good),
                "tollgate, allowed": Case("tollgate", good),
                "tollgate, forged": Case("tollgate", forged),
            }
            show(measure(where, cases, delay=delay), beside="conventional")
        others = (("limit exhausted", "refused", {"limit": 10}), ("leased counting", "leased", {"leased": True}))
        for title, name, settings in others:
            where.tell(items=items(**settings))
            print(f"warm request, {title}")
            cases = {"conventional": Case("conventional", good), f"tollgate, {name}": Case("tollgate", good)}
            show(measure(where, cases), beside="conventional")


if __name__ == "__main__":
    main()
