"""One key in a table, and environments of the authorizer that judge requests for it."""

import json
import os
import time
import uuid

from access.apis import ApiDefinition
from access.gate import DAY_MS, counters_to_clear, statuses
from access.grants import Grant
from access.key_ids import KeyHash, KeyId, format_opaque_key_id, hash_key_id
from access.keys import IssuedId, KeyRecord, Policy, StoredCredential
from authorizer.authorize import authorize
from authorizer.environment import Environment
from authorizer.events import read_event
from store.admin.keys import KeyStore
from store.admin.records import ApiStore, PolicyStore
from store.admin.transactions import Table
from store.boto import BotoClient
from store.errors import StoreError
from store.keys import read_gate
from store.master_secret import Keyring, parse_keyring
from store.sealing import seal
from store.table import gate_partition, owner_partition
from tests.conftest import SECRET, sign
from tests.roles import Role, RoleClient

KEYRING = parse_keyring(json.dumps({"current": "c" * 64}))
ROLE = Role("AuthorizerFunction")


TEN_MINUTES_MS = 600_000


def off_midnight(now_ms: int) -> int:
    """A time that is not about to turn the day: where a test wants that, it goes there itself."""
    return now_ms - TEN_MINUTES_MS if now_ms % DAY_MS > DAY_MS - TEN_MINUTES_MS else now_ms


class Recorder:
    """A client that notes every call, and fails as told: an error before or after the call is made."""

    def __init__(self, client):
        self._client = client
        self.calls: list[str] = []
        self.before: list[StoreError | None] = []
        self.after: list[StoreError | None] = []

    def call(self, operation, request):
        self.calls.append(operation)
        if self.before and (error := self.before.pop(0)):
            raise error
        answer = self._client.call(operation, request)
        if self.after and (error := self.after.pop(0)):
            raise error
        return answer

    def taken(self) -> list[str]:
        calls, self.calls = self.calls, []
        return calls


class Bench:
    """One key in a table, and environments that judge requests for it, with the authorizer's role and no more."""

    def __init__(self, services, table, monkeypatch):
        for name, value in services.environ().items():
            monkeypatch.setenv(name, value)
        self.table = table
        self.boto = BotoClient("dynamodb")
        self.keys = KeyStore(Table(self.boto, table))
        self.policies = PolicyStore(Table(self.boto, table))
        self.as_authorizer = RoleClient(self.boto, ROLE)
        self.recorder = Recorder(self.as_authorizer)
        self.environment = Environment(self.recorder, table, KEYRING)
        self.now_ms = off_midnight(int(time.time() * 1000))

    def other(self) -> Environment:
        """One more environment, with a memory of its own."""
        return Environment(Recorder(self.as_authorizer), self.table, KEYRING)

    def policy(self, policy_id: str, **members) -> None:
        self.policies.put(None, Policy(policy_id, 1, policy_id, 1, 1, **members))

    def define(self, **members) -> None:
        """The called API, known as `orders`."""
        definition = ApiDefinition("orders", 1, "Orders", 1, 1, gateways=("api/prod",), **members)
        ApiStore(Table(self.boto, self.table)).put(None, definition)

    def key(self, **members) -> KeyRecord:
        self.key_id = KeyId(f"key-{uuid.uuid4().hex}")
        key_hash = KeyHash(hash_key_id(KEYRING.current.pepper, self.key_id))
        sealed = seal(KEYRING, SECRET.encode(), key_hash=key_hash, algorithm="HS256", nonce=bytes(12))
        credential = StoredCredential("c1", "HS256", 256, "t", 1, sealed=sealed)
        record = KeyRecord(
            **(
                {
                    "key_hash": key_hash,
                    "version": 1,
                    "name": "n",
                    "created_at": 1,
                    "updated_at": 1,
                    "grants": (Grant("*"),),
                    "credentials": (credential,),
                }
                | members
            )
        )
        self.keys.create(record)
        return record

    def request_token(self) -> str:
        return sign(self.key_id, exp=self.now_ms // 1000 + 3600)

    def limits_of(self, record):
        return (*record.rate_limits, *record.quotas)

    def gate(self, record):
        return read_gate(self.boto, self.table, gate_partition(record.key_hash)) or {}

    def statuses(self, record):
        return statuses(self.gate(record), self.limits_of(record), now_ms=int(time.time() * 1000))

    def reset(self, record, limits=None):
        """Set counters of a key to zero, all unless limits say which, as the admin function does."""
        wanted = self.limits_of(record) if limits is None else limits
        counters = counters_to_clear(self.gate(record), wanted, now_ms=int(time.time() * 1000))
        self.keys.reset(record, record._replace(version=record.version + 1), counters)

    def owner_gate(self, owner):
        return read_gate(self.boto, self.table, owner_partition(owner)) or {}

    def owner_used(self, owner, limit) -> int:
        return statuses(self.owner_gate(owner), [limit], now_ms=int(time.time() * 1000))[0].used

    def request(self, **options):
        return self.outcome(**options).decision

    def outcome(self, *, token="", environment=None, path="x", stage="prod"):
        event = {
            "type": "TOKEN",
            "authorizationToken": token or sign(self.key_id, exp=self.now_ms // 1000 + 60),
            "methodArn": f"arn:aws:execute-api:us-east-1:1:api/{stage}/GET/{path}",
        }
        return authorize(read_event(event), environment or self.environment, now_ms=self.now_ms)


def issue(created_at: int = 1, keyring: Keyring = KEYRING) -> tuple[KeyId, IssuedId]:
    """A new opaque id, and what a record says of it."""
    key_id = format_opaque_key_id(os.urandom(32))
    id_hash = hash_key_id(keyring.current.pepper, key_id)
    return key_id, IssuedId(os.urandom(4).hex(), id_hash, key_id[-4:], created_at)


def opaque_key(bench: Bench, **members) -> tuple[KeyRecord, KeyId]:
    """An opaque key, with its first id."""
    key_id, issued = issue()
    return bench.key(key_hash=issued.id_hash, credentials=(), ids=(issued,), **members), key_id


def replace(
    bench: Bench, before: KeyRecord, *, ends_at: int | None = None, keyring: Keyring = KEYRING
) -> tuple[KeyRecord, KeyId]:
    """The record with one more id, whose older ones end then, and that id. None: the older ones end now."""
    now = bench.now_ms // 1000
    key_id, issued = issue(max(now, before.known_ids[0].created_at + 1), keyring)
    older = tuple(one._replace(expires_at=ends_at) for one in before.known_ids) if ends_at else ()
    after = before._replace(version=before.version + 1, ids=(issued, *older))
    bench.keys.update(before, after)
    return after, key_id
