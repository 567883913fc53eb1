"""Cost of a million authorizations: arithmetic from measured calls and durations.

Prices of us-east-1, arm64, on demand: DynamoDB as of November 2024,
$0.625 a million write units and $0.125 a million read units, Lambda $0.0000133334 a GB-second
and $0.20 a million requests. API Gateway itself and logs are not part of it.
"""

from access.limits import Quota
from benchmarks.leases import Scenario, simulate
from benchmarks.stage import event, good_token, items, stage
from benchmarks.warm import measure

WRITE, READ = 0.625, 0.125
GB_SECOND = 13.3334  # a million GB-seconds
REQUEST = 0.20
MEMORY_GB = 0.5


def main() -> None:
    """Print the table."""
    good = event(good_token())
    with stage() as where:
        where.tell(items=items())
        cases = {"tollgate, exact": ("tollgate", good), "conventional": ("conventional", good)}
        found = measure(where, cases, delay=0.003)
    leased = simulate(Scenario("", Quota(20_000, "day"), 1000, 1000, 50, 21_000)).writes_per_admitted
    print("cost of a million allowed requests, DynamoDB at 3 ms, 512 MB (us-east-1, November 2026)")
    dynamodb = {"tollgate, exact": WRITE, "conventional": WRITE + READ}
    for name, cost in found.items():
        duration = GB_SECOND * MEMORY_GB * cost.wall_ms / 1000
        total = dynamodb[name] + duration + REQUEST
        print(
            f"  {name:18} DynamoDB ${dynamodb[name]:.3f} + duration ${duration:.3f} + requests ${REQUEST:.2f} = ${total:.2f}"
        )
    print(f"  tollgate, leased   DynamoDB ${WRITE * leased:.3f} ({leased:.3f} writes a request, simulated)")


if __name__ == "__main__":
    main()
