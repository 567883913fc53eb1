"""Run every benchmark and print its table. `make bench`; a few minutes."""

import sys
import time

from benchmarks import (
    algorithms,
    cold,
    cost,
    growth,
    instructions,
    keys_as_code,
    leases,
    paths,
    refusals,
    sizes,
    warm,
)

BENCHMARKS = (cold, warm, instructions, algorithms, refusals, paths, sizes, leases, cost, growth, keys_as_code)


def main() -> None:
    """One after the other: they measure time."""
    if sys.platform != "linux" or sys.version_info[:2] != (3, 13):
        sys.exit("make bench needs Linux and python3.13, for which the functions are built")
    wanted = sys.argv[1:]
    for benchmark in BENCHMARKS:
        name = benchmark.__name__.rpartition(".")[2]
        if wanted and name not in wanted:
            continue
        start = time.perf_counter()
        print(f"--- {name}")
        benchmark.main()
        print(f"    ({time.perf_counter() - start:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
