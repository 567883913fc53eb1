"""How often the authorizer calls DynamoDB, outcome by outcome, and what it does when DynamoDB fails."""

import json
import time
import uuid

import pytest

from access.decisions import Allow, Deny, Reason
from access.gate import counters_to_clear
from access.grants import Grant
from access.key_ids import KeyHash, KeyId, hash_key_id
from access.keys import KeyRecord, StoredCredential
from access.limits import Quota, RateLimit
from authorizer.authorize import UndecidedError, authorize
from authorizer.environment import Environment
from authorizer.events import read_event
from store.boto import BotoClient
from store.errors import ConditionFailed, StoreError, ThrottledError, UnavailableError
from store.key_writer import KeyWriter
from store.keys import read_gate
from store.master_secret import parse_keyring
from store.sealing import seal
from store.table import key_partition
from tests.conftest import SECRET, sign

KEYRING = parse_keyring(json.dumps({"current": "c" * 64}))
QUOTA = Quota(3, "day")


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
    """One key in a table, and environments that judge requests for it."""

    def __init__(self, services, table, monkeypatch):
        for name, value in services.environ().items():
            monkeypatch.setenv(name, value)
        self.table = table
        self.boto = BotoClient("dynamodb")
        self.writer = KeyWriter(self.boto, table)
        self.recorder = Recorder(self.boto)
        self.environment = Environment(self.recorder, table, KEYRING)
        self.now_ms = int(time.time() * 1000)

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
        self.writer.create_key(record)
        return record

    def request(self, *, token="", environment=None):
        event = {
            "type": "TOKEN",
            "authorizationToken": token or sign(self.key_id),
            "methodArn": "arn:aws:execute-api:us-east-1:1:api/prod/GET/x",
        }
        return authorize(read_event(event), environment or self.environment, now_ms=self.now_ms).decision


@pytest.fixture
def bench(services, table, monkeypatch):
    return Bench(services, table, monkeypatch)


def test_a_cold_limited_key_takes_a_read_and_a_write_and_a_warm_one_a_write(bench):
    bench.key(quotas=(Quota(1000, "day"),), rate_limits=(RateLimit(100, "1s"),))

    assert isinstance(bench.request(), Allow)
    assert bench.recorder.taken() == ["BatchGetItem", "Query", "UpdateItem"]
    for later in (10, 900, 1500, 90_000):
        bench.now_ms += later
        bench.request(token=sign(bench.key_id, exp=bench.now_ms // 1000 + 60))
        assert bench.recorder.taken()[-1:] == ["UpdateItem"]
        bench.request(token=sign(bench.key_id, exp=bench.now_ms // 1000 + 60))
        assert bench.recorder.taken() == ["UpdateItem"]


def test_a_key_without_limits_takes_one_read(bench):
    bench.key()
    bench.request()
    bench.recorder.taken()

    assert isinstance(bench.request(), Allow)
    assert bench.recorder.taken() == ["GetItem"]


def test_forged_tokens_write_nothing_and_read_at_most_once_a_second(bench):
    record = bench.key(quotas=(QUOTA,))
    bench.request()
    bench.recorder.taken()
    before = read_gate(bench.boto, bench.table, key_partition(record.key_hash))
    forged = sign(bench.key_id, secret="a-secret-that-somebody-else-made-up-by-himself")

    outcomes = {bench.request(token=forged) for _ in range(200)}

    assert outcomes == {Deny(Reason.INVALID_SIGNATURE)}
    assert bench.recorder.taken() == ["Query"]
    assert read_gate(bench.boto, bench.table, key_partition(record.key_hash)) == before


def test_malformed_tokens_and_invented_ids_take_no_call(bench):
    bench.key()
    bench.request()
    bench.recorder.taken()
    for token in ("x", "a.b.c", "tg_" + "A" * 48, "tg_short"):
        assert isinstance(bench.request(token=token), Deny)

    assert bench.recorder.taken() == []


def test_an_exhausted_key_is_looked_at_once_a_second(bench):
    bench.key(quotas=(QUOTA,))
    for _ in range(3):
        bench.request()
    bench.recorder.taken()

    refused = [bench.request() for _ in range(50)]
    assert bench.recorder.taken() == ["UpdateItem"]
    bench.now_ms += 1000
    bench.request()

    assert {one.reason for one in refused} == {Reason.QUOTA_EXHAUSTED}
    assert bench.recorder.taken() == ["UpdateItem"]


def test_a_reset_after_an_exhaustion_is_honoured_within_a_second(bench):
    record = bench.key(quotas=(QUOTA,))
    for _ in range(4):
        bench.request()
    gate = read_gate(bench.boto, bench.table, key_partition(record.key_hash)) or {}
    counters = counters_to_clear(gate, [QUOTA], now_ms=bench.now_ms)
    bench.writer.reset_key(record, record._replace(version=2), counters)
    bench.now_ms += 1000

    assert isinstance(bench.request(), Allow)


def test_a_rate_limit_opens_as_soon_as_a_unit_comes_back(bench):
    bench.key(rate_limits=(RateLimit(1, "1s"),))
    bench.now_ms = bench.now_ms // 100 * 100
    bench.request()
    assert isinstance(bench.request(), Deny)
    bench.now_ms += 1099
    assert isinstance(bench.request(), Deny)
    bench.now_ms += 1

    assert isinstance(bench.request(), Allow)


@pytest.mark.parametrize("error", [ThrottledError("x"), UnavailableError("x")])
def test_when_dynamodb_fails_nobody_passes_and_at_most_one_unit_is_lost(bench, error):
    """The answer may be lost after the write: then one unit too many is counted, never one too few."""
    bench.key(quotas=(QUOTA,))
    bench.request()
    bench.recorder.before = [error]
    with pytest.raises(StoreError):
        bench.request()
    bench.recorder.after = [error]
    with pytest.raises(StoreError):
        bench.request()

    assert isinstance(bench.request(), Allow)
    assert isinstance(bench.request(), Deny)


def test_a_gate_that_is_contended_in_every_attempt_decides_nothing(bench):
    bench.key(quotas=(QUOTA,))
    bench.request()
    found = {"v": {"N": "1"}}
    bench.recorder.before = [ConditionFailed(found)] * 3

    with pytest.raises(UndecidedError):
        bench.request()


def test_a_broken_record_or_gate_lets_nobody_pass(bench):
    record = bench.key(quotas=(QUOTA,))
    key = {"PK": {"S": f"KEY#{record.key_hash}"}, "SK": {"S": "RECORD"}}
    bench.boto.call("UpdateItem", {"TableName": bench.table, "Key": key, "UpdateExpression": "REMOVE created_at"})

    with pytest.raises(StoreError):
        bench.request()


def test_another_environment_that_used_the_gate_costs_one_more_attempt_at_most(bench):
    bench.key(quotas=(Quota(1000, "day"),), rate_limits=(RateLimit(1000, "1s"),))
    other = Environment(Recorder(bench.boto), bench.table, KEYRING)
    for _ in range(30):
        bench.now_ms += 70
        bench.request(environment=other)
        bench.recorder.taken()
        assert isinstance(bench.request(), Allow)
        assert bench.recorder.taken().count("UpdateItem") <= 2
