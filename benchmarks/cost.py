"""Cost of a million authorizations: arithmetic from measured calls and durations.

Prices of us-east-1, on demand, arm64, as AWS lists them since November 2024 (read on 2026-11-23).
API Gateway itself and data transfer are not part of it.
"""

from math import ceil

from access.decisions import Allow
from access.key_ids import KeyHash
from access.keys import KeyRecord
from access.limits import Quota
from authorizer.authorize import Outcome
from authorizer.events import read_event
from authorizer.log import Log
from benchmarks.leases import Scenario, simulate
from benchmarks.stage import event, good_token, items, stage
from benchmarks.warm import Case, Cost, measure

WRITE, READ = 0.625, 0.125  # $ a million units
GB_SECOND = 13.3334  # $ a million
REQUEST = 0.20  # $ a million
MEMORY_GB = 0.5
LOG_GB = 0.50  # $ a GB that CloudWatch Logs takes in
METRIC = 0.30  # $ a custom metric a month, of the first 10,000
METRICS = 5  # requests and milliseconds of allow and deny, undecided
_ID = "5b3f9b8e-5c0a-4a59-8b5d-9a2f6f1c7e10"
PLATFORM_LINES = (  # which Lambda writes of every invocation, of a warm one without Init Duration
    f"START RequestId: {_ID} Version: $LATEST\n",
    f"END RequestId: {_ID}\n",
    f"REPORT RequestId: {_ID}\tDuration: 4.50 ms\tBilled Duration: 5 ms\tMemory Size: 512 MB\tMax Memory Used: 78 MB\t\n",
)
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
    own, platform = line_bytes(), platform_bytes()
    print(f"  logs: {own} bytes of ours and {platform} of Lambda's START, END and REPORT: ${logs():.2f}")
    print(f"  metrics: {METRICS} at ${METRIC:.2f} a month: ${METRICS * METRIC:.2f}, whatever the traffic")
    print(f"  leased: {writes:.3f} writes a request, simulated at 20 requests a second of an environment")


def line_bytes() -> int:
    """Of the authorizer's own line of an allowed request."""
    arn = "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/GET/orders"
    request = read_event({"type": "TOKEN", "methodArn": arn, "authorizationToken": "t"})
    outcome = Outcome(Allow(KeyRecord(KeyHash("h" * 43), 1, "acme", 0, 0)), apis=("orders",))
    line = Log.start({}).line(request, outcome, milliseconds=1.234, now_ms=1_784_628_902_123, draw=0)
    return len(f"{line}\n")


def platform_bytes() -> int:
    return sum(map(len, PLATFORM_LINES))


def logs(share: float = 1.0) -> float:
    """$ of what a million invocations log, where one allowed request in 1/share has a line of its own."""
    return LOG_GB * (line_bytes() * share + platform_bytes()) / 1000


def _show(name: str, cost: Cost, dynamodb: float) -> None:
    billed_ms = ceil(cost.wall_ms.median)
    duration = GB_SECOND * MEMORY_GB * billed_ms / 1000
    total = dynamodb + duration + REQUEST
    print(
        f"  {name:17} DynamoDB ${dynamodb:.3f} + {billed_ms} ms ${duration:.3f} + requests ${REQUEST:.2f} = ${total:.2f}"
    )


if __name__ == "__main__":
    main()
