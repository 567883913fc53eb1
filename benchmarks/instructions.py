"""Instructions instead of time, where valgrind is at hand: the same count on a busy machine.

Counted in user space, one process each: what imports cost at a cold start, stage by stage, and
what one warm request costs, from the difference of two runs.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.stage import HANDLERS, Stage, event, good_token, items, stage

REQUESTS = 100
_WARM = """
import importlib, json, sys, types
sys.stdout = open("/dev/null", "w")
handler = importlib.import_module(sys.argv[1]).handler
event = json.load(open(sys.argv[2]))
context = types.SimpleNamespace(function_name="f", memory_limit_in_mb=512, invoked_function_arn="a", aws_request_id="r")
for _ in range(int(sys.argv[3])):
    handler(event, context)
"""
STAGES = {  # each imports what the one before does, and more
    "the interpreter": "pass",
    "standard library, without hashes and TLS": "import json, re, typing, collections, enum, base64, datetime, functools, string",
    "hashes": "import hmac, hashlib",
    "sockets and TLS": "import ssl, socket, select, threading",
    "cryptography": "from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa",
    "Tollgate, the core": "import access.gate, access.tokens, access.policies, access.leases, access.apis",
    "Tollgate, the store": "import store.keys, store.lean, store.master_secret, store.sealing",
    "Tollgate, the authorizer": "import authorizer.authorize, authorizer.answers, authorizer.log",
}
CONVENTIONAL = "import boto3, jwt; from aws_lambda_powertools import Logger, Metrics; boto3.client('dynamodb')"


def main() -> None:
    """Print both tables, in millions of instructions."""
    if shutil.which("valgrind") is None:
        print("valgrind is not on this machine")
        return
    with stage() as where:
        _imports(where)
        _requests(where)


def _imports(where: Stage) -> None:
    print("imports of a cold start, millions of instructions")
    before, script = 0.0, ""
    for name, line in STAGES.items():
        script = f"{script}\n{line}"
        total = count(where, "tollgate", "-c", script)
        print(f"  {name:42} {total - before:8.1f}")
        before = total
    other = count(where, "conventional", "-c", CONVENTIONAL)
    print(f"  {'together':42} {before:8.1f}   {before / other:.2f} x conventional ({other:.1f})")


def _requests(where: Stage) -> None:
    where.tell(items=items(), delay=0.0)
    print("one warm request, millions of instructions")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "event.json"
        path.write_bytes(event(good_token()))
        for name in ("tollgate", "conventional"):
            few, many = (
                count(where, name, "-c", _WARM, HANDLERS[name], str(path), str(number))
                for number in (10, 10 + REQUESTS)
            )
            found[name] = (many - few) / REQUESTS
    for name, spent in found.items():
        print(f"  {name:42} {spent:8.2f}   {spent / found['conventional']:.2f} x conventional")


def count(where: Stage, handler: str, *arguments: str) -> float:
    """Millions of instructions of a Python process in the tree of a handler."""
    tree = where.tree(handler)
    environ = where.environ(handler) | {"PATH": os.environ["PATH"], "PYTHONPATH": str(tree), "PYTHONHASHSEED": "0"}
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, *arguments]
    done = subprocess.run(command, env=environ, cwd=tree, capture_output=True, text=True, check=True)
    line = next(one for one in done.stderr.splitlines() if "refs:" in one)
    return int(line.rpartition(":")[2].replace(",", "")) / 1e6


if __name__ == "__main__":
    main()
