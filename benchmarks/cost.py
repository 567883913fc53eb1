"""Cost of a million authorizations: arithmetic from measured calls and durations.

Prices of us-east-1, on demand, arm64, as AWS lists them since November 2024 (read on 2026-11-23).
API Gateway itself, logs and data transfer are not part of it.
"""

from math import ceil

from access.limits import Quota
from benchmarks.leases import Scenario, simulate
from benchmarks.stage import event, good_token, items, stage
from benchmarks.warm import Case, Cost, measure

WRITE, READ = 0.625, 0.125  # $ a million units
GB_SECOND = 13.3334  # $ a million
REQUEST = 0.20  # $ a million
MEMORY_GB = 0.5
UNITS = {"conventional": WRITE + READ, "tollgate, exact": WRITE}


def main() -> None:
    """Print the table."""
    good = event(good_token())
    with stage() as where:
        where.tell(items=items())
        cases = {"tollgate, exact": Case("tollgate", good), "conventional": Case("conventional", good)}
        found = measure(where, cases, delay=0.003)
        where.tell(items=items(leased=True))
        found |= measure(where, {"tollgate, leased": Case("tollgate", good)}, delay=0.003)
    writes = simulate(Scenario("", Quota(20_000, "day"), 1000, 1000, 50, 21_000)).writes_per_admitted
    print(
        "a million allowed requests, 512 MB, DynamoDB at 3 ms, whole milliseconds billed (us-east-1, prices of 2024-11)"
    )
    for name, cost in found.items():
        _show(name, cost, UNITS.get(name, WRITE * writes))
    print(f"  leased: {writes:.3f} writes a request, simulated at 20 requests a second of an environment")


def _show(name: str, cost: Cost, dynamodb: float) -> None:
    billed_ms = ceil(cost.wall_ms.median)
    duration = GB_SECOND * MEMORY_GB * billed_ms / 1000
    total = dynamodb + duration + REQUEST
    print(
        f"  {name:17} DynamoDB ${dynamodb:.3f} + {billed_ms} ms ${duration:.3f} + requests ${REQUEST:.2f} = ${total:.2f}"
    )


if __name__ == "__main__":
    main()
