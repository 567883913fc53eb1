"""`tollgate plan` of ten thousand keys, against the whole stack on this machine: time and memory.

The keys are made by `POST /keys/import` with the labels that `apply` gives them; it would make the same.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cli.api import AdminApi, Endpoint
from dev.services import ROOT
from dev.stack import LocalStack

KEYS = 10_000
PER_REQUEST = 20  # the emulated DynamoDB takes its time, and the function has ten seconds
PLANS = {
    "an empty stack: all to make": 2,
    "all made: no change": 0,
    "a policy that all use, edited": 2,
}


def main() -> None:
    """Print a table."""
    with TemporaryDirectory() as name, LocalStack() as stack:
        folder = Path(name)
        endpoint = Endpoint(stack.admin_url, stack.admin_key)
        _write(folder, limit=10)
        print(f"{'tollgate plan, ' + format(KEYS, ',') + ' keys':<40} {'seconds':>8} {'MB at most':>11}")
        for title, code in PLANS.items():
            if code == 0:
                _make(endpoint)
            elif "edited" in title:
                _write(folder, limit=20)
            seconds, megabytes = _plan(folder, endpoint, code)
            print(f"{title:<40} {seconds:>8.1f} {megabytes:>11.0f}", flush=True)


def _write(folder: Path, *, limit: int) -> None:
    (folder / "tollgate.yaml").write_text(
        "project: bench\nstore: {file: 'secrets/{key}.json'}\npolicies:\n"
        f"  p: {{name: P, grants: [{{api: '*'}}], rate_limits: [{{limit: {limit}, period: second}}]}}\n"
    )
    lines = (f"  {name}: {{owner: {owner}, policies: [p], tags: [bench]}}\n" for name, owner in _keys())
    (folder / "keys.yaml").write_text("keys:\n" + "".join(lines))


def _keys() -> Iterator[tuple[str, str]]:
    return ((f"key-{number:05}", f"owner-{number % 100}") for number in range(KEYS))


def _make(endpoint: Endpoint) -> None:
    """The policy and the keys, as `apply` makes them."""
    with AdminApi(endpoint) as api:
        rights: dict[str, Any] = {"grants": [{"api": "*"}], "rate_limits": [{"limit": 10, "period": "second"}]}
        api.put("/policies/p", {"name": "P", "labels": {"tollgate.project": "bench"}} | rights)
        items = [
            {
                "name": name,
                "owner": owner,
                "policies": ["p"],
                "tags": ["bench"],
                "labels": {"tollgate.project": "bench", "tollgate.key": name},
            }
            for name, owner in _keys()
        ]
        batches = [items[start : start + PER_REQUEST] for start in range(0, KEYS, PER_REQUEST)]
        with ThreadPoolExecutor(2) as pool:
            for answer in pool.map(lambda batch: api.post("/keys/import", {"items": batch}), batches):
                assert all(item["status"] == 201 for item in answer["items"])


def _plan(folder: Path, endpoint: Endpoint, code: int) -> tuple[float, float]:
    """Seconds and the most memory of one run."""
    environment = os.environ | {"TOLLGATE_URL": endpoint.url, "TOLLGATE_KEY": endpoint.key, "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    running = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "plan", str(folder)], env=environment, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(running.pid, 0)
    seconds = time.perf_counter() - start
    assert os.waitstatus_to_exitcode(status) == code, "the plan came out otherwise"
    return seconds, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
