"""Warm requests through the real runtime client: wall time, CPU time, DynamoDB calls."""

import time
from statistics import median
from typing import NamedTuple

from benchmarks.stage import Stage, cpu_ns, event, forged_token, good_token, items, stage

ROUNDS, BATCH = 9, 60


class Cost(NamedTuple):
    """Of one request: milliseconds on the wall, microseconds of CPU, calls to DynamoDB."""

    wall_ms: float
    cpu_us: float
    calls: float


def measure(where: Stage, cases: dict[str, tuple[str, bytes]], *, delay: float = 0.0) -> dict[str, Cost]:
    """The cost of each case (handler, payload), in interleaved batches."""
    where.tell(delay=delay)
    environments = {name: where.environment(handler) for name, (handler, _) in cases.items()}
    for name, (_, payload) in cases.items():
        for _ in range(20):
            environments[name].invoke(payload)
    found: dict[str, list[Cost]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, (_, payload) in cases.items():
            environment = environments[name]
            where.tell()
            cpu, start = cpu_ns(environment), time.perf_counter()
            for _ in range(BATCH):
                environment.invoke(payload)
            wall = (time.perf_counter() - start) * 1000 / BATCH
            spent = (cpu_ns(environment) - cpu) / 1000 / BATCH
            found[name].append(Cost(wall, spent, where.tell()["calls"] / BATCH))
    for environment in environments.values():
        environment.close()
    return {name: Cost(*(median(column) for column in zip(*costs, strict=True))) for name, costs in found.items()}


def show(found: dict[str, Cost], *, floor: str = "empty", other: str = "conventional") -> None:
    """Print costs; CPU also without what the runtime client itself takes."""
    base = found[floor].cpu_us if floor in found else 0.0
    for name, cost in found.items():
        own = cost.cpu_us - base
        ratio = f"{cost.cpu_us / found[other].cpu_us:5.3f} x" if other in found else ""
        print(
            f"  {name:32} {cost.wall_ms:7.2f} ms {cost.cpu_us:8.0f} µs CPU ({own:6.0f} above empty) {ratio:8}"
            f" {cost.calls:5.2f} calls"
        )


def main() -> None:
    """Print the tables."""
    good, forged = event(good_token()), event(forged_token())
    with stage() as where:
        for delay in (0.0, 0.003):
            where.tell(items=items())
            print(f"warm request, DynamoDB answers after {delay * 1000:.0f} ms (target: CPU <= 0.25 x conventional)")
            cases = {
                "empty": ("empty", good),
                "conventional": ("conventional", good),
                "tollgate, allowed": ("tollgate", good),
                "tollgate, forged": ("tollgate", forged),
            }
            show(measure(where, cases, delay=delay))
        others = (("limit exhausted", "refused", {"limit": 10}), ("leased counting", "leased", {"leased": True}))
        for title, name, settings in others:
            where.tell(items=items(**settings))
            print(f"warm request, {title}")
            cases = {
                "empty": ("empty", good),
                "conventional": ("conventional", good),
                f"tollgate, {name}": ("tollgate", good),
            }
            show(measure(where, cases))


if __name__ == "__main__":
    main()
