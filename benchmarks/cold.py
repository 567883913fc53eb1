"""Cold start: from the spawn of a runtime process to its first answer, and its peak memory."""

import time
from statistics import median

from benchmarks.stage import HANDLERS, Stage, event, good_token, items, process_status, stage

RUNS = 15


def measure(where: Stage, runs: int = RUNS) -> dict[str, tuple[list[float], list[float]]]:
    """Milliseconds and MiB of each handler, the runs interleaved."""
    where.tell(items=items(), delay=0.0)
    payload = event(good_token())
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in HANDLERS}
    for run in range(runs + 1):
        for name in HANDLERS:
            start = time.perf_counter()
            environment = where.environment(name)
            environment.invoke(payload)
            elapsed = (time.perf_counter() - start) * 1000
            memory = process_status(environment)[1]
            environment.close()
            if run:  # the first one fills the file cache
                found[name][0].append(elapsed)
                found[name][1].append(memory)
    return found


def main() -> None:
    """Print the table."""
    with stage() as where:
        found = measure(where)
    empty, conventional = median(found["empty"][0]), median(found["conventional"][0])
    print(f"cold start, {RUNS} runs each, interleaved (target: <= 3.0 x empty, <= 0.40 x conventional, <= 40 MiB)")
    for name, (times, memory) in found.items():
        middle = median(times)
        print(
            f"  {name:13} {middle:7.1f} ms ({min(times):.0f}-{max(times):.0f})"
            f"  {middle / empty:5.2f} x empty  {middle / conventional:5.2f} x conventional  {median(memory):5.1f} MiB"
        )


if __name__ == "__main__":
    main()
