"""`tollgate plan` of ten thousand keys, against the whole stack on this machine: time and memory.

The stores of key_admin say how keys rest in the table; they are written there without `apply`, which would take minutes.
"""

import os
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from access.grants import Grant
from access.key_ids import KeyHash
from access.keys import KeyRecord, Policy
from access.limits import RateLimit
from cli.api import Endpoint
from dev.account import REGION
from dev.services import ROOT
from dev.stack import TABLE_NAME, LocalStack
from store.admin.keys import KeyStore
from store.admin.records import PolicyStore
from store.admin.transactions import NOTHING, Attached, Item, Table
from store.boto import BotoClient
from store.client import Client

KEYS = 10_000
BATCH = 25  # of BatchWriteItem
NOW = 1_767_225_600
MEASURED = """
import pathlib, re, sys, time
from cli.main import run
code = run(sys.argv[1:])
print(time.process_time(), re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
sys.exit(code)
"""
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
        print(
            f"{'tollgate plan, ' + format(KEYS, ',') + ' keys':<40} {'seconds':>8} {'of them CPU':>12} {'MB at most':>11}"
        )
        for title, code in PLANS.items():
            if code == 0:
                _make(stack)
            elif "edited" in title:
                _write(folder, limit=20)
            seconds, cpu, megabytes = _plan(folder, endpoint, code)
            print(f"{title:<40} {seconds:>8.1f} {cpu:>12.1f} {megabytes:>11.0f}", flush=True)


def _write(folder: Path, *, limit: int) -> None:
    (folder / "tollgate.yaml").write_text(
        "project: bench\nstore: {file: 'secrets/{key}.json'}\npolicies:\n"
        f"  p: {{name: P, grants: [{{api: '*'}}], rate_limits: [{{limit: {limit}, period: second}}]}}\n"
    )
    lines = (f"  {name}: {{owner: {owner}, policies: [p], tags: [bench]}}\n" for name, owner in _keys())
    (folder / "keys.yaml").write_text("keys:\n" + "".join(lines))


def _keys() -> Iterator[tuple[str, str]]:
    return ((f"key-{number:05}", f"owner-{number % 100}") for number in range(KEYS))


def _make(stack: LocalStack) -> None:
    """The policy and the keys, as `apply` leaves them; written at once, since only what reads them is measured."""
    table = _Collector(BotoClient("dynamodb", region_name=REGION), TABLE_NAME)
    labels = {"tollgate.project": "bench"}
    rights: dict[str, Any] = {"grants": (Grant("*"),), "rate_limits": (RateLimit(10, "second"),)}
    PolicyStore(table).put(None, Policy("p", 1, "P", NOW, NOW, labels=labels, **rights))
    keys = KeyStore(table)
    for place, (name, owner) in enumerate(_keys()):
        key_hash = KeyHash(urlsafe_b64encode(place.to_bytes(32)).rstrip(b"=").decode())
        members: dict[str, Any] = {"owner": owner, "policies": ("p",), "tags": ("bench",)}
        keys.create(KeyRecord(key_hash, 1, name, NOW, NOW, labels=labels | {"tollgate.key": name}, **members))
    table.write_all(stack.services.client("dynamodb"))


class _Collector(Table):
    """Keeps the items that the stores would write, by their keys."""

    def __init__(self, client: Client, name: str) -> None:
        super().__init__(client, name)
        self.items_by_key: dict[tuple[str, str], Item] = {}

    def transact(self, actions: Sequence[Item], _attached: Attached = NOTHING) -> tuple[str, ...]:
        for action in actions:
            if "Put" in action:
                self._keep(action["Put"]["Item"])
        return ()

    def write(self, _operation: str, request: Item) -> Item:
        self._keep(request["Item"])
        return {}

    def write_all(self, client: Any) -> None:
        requests = [{"PutRequest": {"Item": item}} for item in self.items_by_key.values()]
        for start in range(0, len(requests), BATCH):
            left = client.batch_write_item(RequestItems={self.name: requests[start : start + BATCH]})
            assert not left["UnprocessedItems"]

    def _keep(self, item: Item) -> None:
        self.items_by_key[item["PK"]["S"], item["SK"]["S"]] = item


def _plan(folder: Path, endpoint: Endpoint, code: int) -> tuple[float, float, float]:
    """Seconds, seconds of CPU, and the most memory of one run."""
    environment = os.environ | {"TOLLGATE_URL": endpoint.url, "TOLLGATE_KEY": endpoint.key, "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "plan", folder], env=environment, stdout=subprocess.PIPE, check=False
    )
    seconds = time.perf_counter() - start
    assert done.returncode == code, "the plan came out otherwise"
    cpu, kilobytes = done.stdout.split()[-2:]
    return seconds, float(cpu), int(kilobytes) / 1024


if __name__ == "__main__":
    main()
