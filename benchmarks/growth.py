"""What grows with limits, grants, tokens, keys and environments, and what does not."""

import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from benchmarks.stage import Stage, event, good_token, items, stage
from benchmarks.warm import measure, show
from store.table import key_of

STORED = (10, 10_000, 100_000)


def main() -> None:
    """Print the tables."""
    with stage() as where:
        print("limits of a key (warm, allowed)")
        _by(where, {f"{number} limits": items(limits=number) for number in (0, 1, 5, 10)})
        print("grants of a key")
        _by(where, {f"{number} grants": items(grants=number) for number in (1, 100)})
        print("size of the token")
        where.tell(items=items())
        tokens = {f"{size} bytes of claims": event(good_token(x="y" * size)) for size in (0, 1_000, 5_500)}
        show(measure(where, {name: ("tollgate", payload) for name, payload in tokens.items()}), floor="", other="")
        print("environments at once: requests a second")
        for number in (1, 2, 4, 8, 16):
            print(f"  {number:3} {_throughput(where, number):8.0f}")
        print("keys stored: milliseconds of a warm request")
        known = 0
        for number in STORED:
            for start in range(known, number, 5_000):
                more = [key_of(f"KEY#{one:043d}", "RECORD") for one in range(start, min(start + 5_000, number))]
                where.tell(items=more)
            known = number
            cost = measure(where, {"warm": ("tollgate", event(good_token()))})["warm"]
            print(f"  {number:7} {cost.wall_ms:6.2f} ms {cost.calls:5.2f} calls")


def _by(where: Stage, cases: dict[str, list[dict[str, object]]]) -> None:
    for name, stored in cases.items():
        where.tell(items=stored)
        show(measure(where, {name: ("tollgate", event(good_token()))}), floor="", other="")


def _throughput(where: Stage, number: int) -> float:
    """Requests a second of several environments at once, the best of three."""
    payload = event(good_token())
    environments = [where.environment("tollgate") for _ in range(number)]
    for environment in environments:
        environment.invoke(payload)
    found = []
    with ThreadPoolExecutor(number) as pool:
        for _ in range(3):
            start = time.perf_counter()
            list(pool.map(lambda one: [one.invoke(payload) for _ in range(60)], environments))
            found.append(number * 60 / (time.perf_counter() - start))
    for environment in environments:
        environment.close()
    return median(found)


if __name__ == "__main__":
    main()
