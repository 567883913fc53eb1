"""Where handlers are measured: real runtime processes against services in a process of their own.

The authorizer is built by the recipe that `sam build` calls, with wheels for this machine; the two
handlers beside it lie in trees that are made and compiled in the same way.
"""

import compileall
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import botocore
import jwt

from access.grants import Grant
from access.key_ids import KeyHash, hash_key_id
from access.keys import Counting, KeyRecord, Policy, StoredCredential
from access.limits import Quota, RateLimit
from benchmarks.services import MASTER_SECRET
from dev.authority import make_authority
from dev.lambda_runtime import Environment, FunctionConfig
from dev.processes import end
from dev.services import CREDENTIALS, ROOT
from store.attributes import encode_item
from store.master_secret import Keyring, parse_keyring
from store.sealing import seal
from store.table import GATE, gate_partition, key_of, key_to_item, policy_to_item
from store.trust import AMAZON

SECRET = "a-secret-of-the-benchmark-0123456789-abcdefgh"  # noqa: S105 - made up
KEY_ID = "bench-key"
EXP = 4_102_444_800
HANDLERS = {"tollgate": "authorizer.handler", "empty": "empty", "conventional": "conventional"}
UNUSED = ("access", "store", "key_admin", "pydantic", "pydantic_core", "annotated_types", "typing_inspection")


class Stage(NamedTuple):
    """Running services, and where the code of each handler is."""

    port: int  # of the services, TLS
    orders: int  # the port that takes orders
    folder: Path

    def tree(self, handler: str) -> Path:
        """The unpacked zip of a handler."""
        return self.folder / handler

    def environ(self, handler: str) -> dict[str, str]:
        """What points a handler at the services. It reads the roots that it would read on AWS, and one more."""
        endpoint = f"https://127.0.0.1:{self.port}"
        return CREDENTIALS | {
            "TABLE_NAME": "bench",
            "MASTER_SECRET_ARN": "bench",
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": endpoint,
            "AWS_CA_BUNDLE": str(self.folder / f"roots-{handler}.pem"),
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }

    def tell(self, **order: Any) -> dict[str, Any]:
        """Give the services items or a delay; the number of calls since the last time."""
        request = Request(f"http://127.0.0.1:{self.orders}/", data=json.dumps(order).encode(), method="POST")
        with urlopen(request) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def environment(self, handler: str) -> Environment:
        """A fresh execution environment of a handler."""
        name = f"{HANDLERS[handler]}.handler"
        return Environment(
            FunctionConfig(handler, name, self.tree(handler), 10.0, 512, self.environ(handler)),
            quiet=True,
        )


@contextmanager
def stage() -> Iterator[Stage]:
    """Build the handlers, start the services."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder)
        authority = make_authority(folder)
        for handler, bundle in (
            ("tollgate", Path(AMAZON)),
            ("conventional", Path(botocore.__file__).parent / "cacert.pem"),
        ):
            (folder / f"roots-{handler}.pem").write_bytes(bundle.read_bytes() + authority.root.read_bytes())
        command = [sys.executable, "-m", "benchmarks.services", str(authority.server)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        secure, plain = map(int, process.stdout.readline().split())
        try:
            yield Stage(secure, plain, folder)
        finally:
            end(process)  # type: ignore[arg-type] # text or not
            process.stdout.close()


def lay_out(folder: Path) -> None:
    """The trees of the three handlers. The conventional one has the pinned packages of the admin function."""
    _build("AuthorizerFunction", folder / "tollgate")
    _build("KeyAdminFunction", folder / "conventional")
    for name in UNUSED:
        shutil.rmtree(folder / "conventional" / name)
    (folder / "empty").mkdir()
    for name in ("conventional", "empty"):
        shutil.copy2(ROOT / "benchmarks" / "handlers" / f"{name}.py", folder / name)
        compileall.compile_dir(folder / name, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)


def _build(function: str, tree: Path) -> None:
    tree.mkdir()
    command = ["make", "-s", f"build-{function}", f"ARTIFACTS_DIR={tree}", f"MACHINE={platform.machine()}"]
    subprocess.run(command, cwd=ROOT, check=True)


def keyring() -> Keyring:
    return parse_keyring(json.dumps({"current": MASTER_SECRET}))


def items(*, limits: int = 2, grants: int = 1, limit: int = 10**9, leased: bool = False) -> list[dict[str, Any]]:
    """A key, for both kinds of authorizer, and a policy that chooses leased counting."""
    ring = keyring()
    key_hash = KeyHash(hash_key_id(ring.current.pepper, KEY_ID))
    sealed = seal(ring, SECRET.encode(), key_hash=key_hash, algorithm="HS256", nonce=bytes(12))
    rates = tuple(RateLimit(limit, f"{number + 60}s", f"rate-{number}") for number in range(limits - limits // 2))
    quotas = tuple(Quota(limit, "day", name=f"quota-{number}") for number in range(limits // 2))
    counted: dict[str, Any] = {"rate_limits": rates, "quotas": quotas}
    record = KeyRecord(
        key_hash=key_hash,
        version=1,
        name="bench",
        created_at=1,
        updated_at=1,
        credentials=(StoredCredential("c1", "HS256", 360, "t", 1, sealed=sealed),),
        grants=(*(Grant("*", path=f"/path-{number}/*") for number in range(grants - 1)), Grant("*")),
        policies=("leased",) if leased else (),
        **({} if leased else counted),
    )
    policy = Policy("leased", 1, "leased", 1, 1, counting=Counting(max_staleness_ms=1_000), **counted)
    plain = {"secret": SECRET, "name": "bench", "rate": limit, "quota": limit}
    return [
        key_to_item(record),
        policy_to_item(policy),
        key_of(gate_partition(key_hash), GATE) | {"v": {"N": "1"}},
        key_of(f"PLAIN#{KEY_ID}", "RECORD") | encode_item(plain),
        key_of(f"PLAIN#{KEY_ID}", "COUNTS"),
    ]


def event(token: str) -> bytes:
    """An HTTP API event of payload 2.0 that carries a token."""
    known = json.loads((ROOT / "events" / "authorizer_http_2.json").read_text())
    known["headers"] = {"authorization": f"Bearer {token}"}
    known["identitySource"] = [f"Bearer {token}"]
    return json.dumps(known).encode()


def good_token(**claims: Any) -> str:
    return jwt.encode({"exp": EXP} | claims, SECRET, algorithm="HS256", headers={"kid": KEY_ID})


def forged_token() -> str:
    return jwt.encode({"exp": EXP}, SECRET[::-1], algorithm="HS256", headers={"kid": KEY_ID})


def peak_mebibytes(environment: Environment) -> float:
    """Peak memory of an environment's process so far."""
    lines = Path(f"/proc/{environment.pid}/status").read_text().splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024


def cpu_ns(environment: Environment) -> int:
    """CPU nanoseconds of all threads of an environment's process."""
    tasks = Path(f"/proc/{environment.pid}/task")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir())
