"""Cold start: from the spawn of a runtime process to its first answer, and its peak memory."""

import time
from collections.abc import Callable

from benchmarks.samples import Samples, in_turn
from benchmarks.stage import HANDLERS, Stage, event, good_token, items, peak_mebibytes, stage

ROUNDS = 15


def measure(where: Stage) -> tuple[dict[str, Samples], dict[str, Samples]]:
    """Milliseconds and MiB of each handler."""
    where.tell(items=items(), delay=0.0)
    payload = event(good_token())
    memory: dict[str, list[float]] = {name: [] for name in HANDLERS}

    def start(name: str) -> Callable[[], float]:
        def once() -> float:
            started = time.perf_counter()
            environment = where.environment(name)
            environment.invoke(payload)
            elapsed = (time.perf_counter() - started) * 1000
            memory[name].append(peak_mebibytes(environment))
            environment.close()
            return elapsed

        return once

    times = in_turn({name: start(name) for name in HANDLERS}, rounds=ROUNDS)
    return times, {name: Samples(tuple(values)) for name, values in memory.items()}


def main() -> None:
    """Print the table."""
    with stage() as where:
        times, memory = measure(where)
    print(f"cold start, {ROUNDS} in turn (targets: <= 3.0 x empty, <= 0.40 x conventional, <= 40 MiB)")
    for name, taken in times.items():
        print(
            f"  {name:13} {taken.median:7.1f} ms ({taken.spread})  {taken.over(times['empty']):5.2f} x empty"
            f"  {taken.over(times['conventional']):5.2f} x conventional  {memory[name].median:5.1f} MiB"
        )


if __name__ == "__main__":
    main()
