"""What grows with limits, grants, tokens, environments and keys stored, and what does not."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks.samples import Samples, in_turn
from benchmarks.stage import Stage, event, good_token, items, stage
from benchmarks.warm import Case, measure, show
from dev.lambda_runtime import Environment

ENVIRONMENTS = (1, 2, 4, 8, 16)
STORED = (10, 10_000, 1_000_000)
ROUNDS, REQUESTS = 5, 60


def main() -> None:
    """Print the tables."""
    good = event(good_token())
    with stage() as where:
        print("limits of a key (warm, allowed)")
        show(measure(where, {f"{one} limits": Case("tollgate", good, items(limits=one)) for one in (0, 1, 5, 10)}))
        print("grants of a key")
        show(measure(where, {f"{one} grants": Case("tollgate", good, items(grants=one)) for one in (1, 100)}))
        print("size of the token")
        where.tell(items=items())
        sizes = (0, 1_000, 5_500)
        show(measure(where, {f"{one} bytes": Case("tollgate", event(good_token(x="y" * one))) for one in sizes}))
        print("environments at once: requests a second")
        for name, found in throughput(where, good).items():
            print(f"  {name:>24} {found.median:6.0f} ({found.spread})")
        print("keys stored: milliseconds of a warm request, and of the first one of a key")
        for number in STORED:
            where.tell(fill=number)
            cost = measure(where, {"warm": Case("tollgate", good)})["warm"]
            first = first_request(where, good)
            print(
                f"  {number:>24,} {cost.wall_ms.median:6.2f} ({cost.wall_ms.spread}) {first.median:6.2f} ({first.spread})"
            )


def throughput(where: Stage, payload: bytes) -> dict[str, Samples]:
    """Requests a second of several environments at once."""
    environments = [where.environment("tollgate") for _ in range(max(ENVIRONMENTS))]
    with ThreadPoolExecutor(len(environments)) as pool:

        def run(number: int) -> Callable[[], float]:
            def once() -> float:
                started = time.perf_counter()
                list(pool.map(lambda one: _invoke(one, payload), environments[:number]))
                return number * REQUESTS / (time.perf_counter() - started)

            return once

        found = in_turn({str(number): run(number) for number in ENVIRONMENTS}, rounds=ROUNDS)
    for environment in environments:
        environment.close()
    return found


def first_request(where: Stage, payload: bytes) -> Samples:
    """Milliseconds of a request whose key the environment has not seen: one more read."""

    def once() -> float:
        environment = where.environment("tollgate")
        environment.wait_until_ready()
        started = time.perf_counter()
        environment.invoke(payload)
        elapsed = (time.perf_counter() - started) * 1000
        environment.close()
        return elapsed

    return in_turn({"first": once}, rounds=ROUNDS)["first"]


def _invoke(environment: Environment, payload: bytes) -> None:
    for _ in range(REQUESTS):
        environment.invoke(payload)


if __name__ == "__main__":
    main()
