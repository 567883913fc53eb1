"""How often the authorizer calls DynamoDB, outcome by outcome, and what it does when DynamoDB fails."""

import pytest

from access.decisions import Allow, Deny, Reason
from access.gate import DAY_MS
from access.grants import Grant
from access.key_ids import hash_key_id
from access.keys import Counting, StoredCredential
from access.limits import Quota, RateLimit
from authorizer.authorize import UndecidedError
from authorizer.environment import Environment
from authorizer.memory import FLUSH_MS, STALENESS_MS
from store.errors import ConditionFailed, InvalidItemError, StoreError, ThrottledError, UnavailableError
from store.keys import read_gate
from store.sealing import seal
from store.table import gate_partition
from tests.authorizer.bench import KEYRING, Recorder
from tests.conftest import sign

QUOTA = Quota(3, "day")


LIMITED = {"quotas": (Quota(1000, "minute"),), "rate_limits": (RateLimit(100, "1s"), RateLimit(300, "5s", "slow"))}


def test_a_cold_limited_key_takes_a_read_and_a_write_and_a_warm_one_a_write(bench):
    """The first request of an environment also reads how the called API is set up."""
    bench.key(**LIMITED)
    assert isinstance(bench.request(), Allow)
    assert bench.recorder.taken() == ["BatchGetItem", "BatchGetItem", "UpdateItem"]
    bench.key(**LIMITED)

    assert isinstance(bench.request(), Allow)
    assert bench.recorder.taken() == ["BatchGetItem", "UpdateItem"]
    for _ in range(40):
        bench.now_ms += 90  # turns sub-windows of both rate limits
        assert isinstance(bench.request(), Allow)
        assert bench.recorder.taken() == ["UpdateItem"]


def test_the_turn_of_every_window_takes_one_write(bench):
    """Sub-windows, a quota, and a lap of the names of sub-windows: each by the write that counts."""
    bench.key(**LIMITED)
    bench.request()
    for later in (100, 1_100, 5_600, 61_000, 409_600, 86_400_000):
        bench.now_ms += later
        bench.recorder.taken()
        assert isinstance(bench.request(), Allow)
        writes = [call for call in bench.recorder.taken() if call == "UpdateItem"]
        stores_a_day = later == 86_400_000
        assert len(writes) == 1 + stores_a_day


def test_a_policy_is_read_with_a_cold_key_and_again_after_four_seconds(bench):
    """So that a change of it holds within five. In between a request takes its one write."""
    bench.policy("gold", grants=(Grant("*"),), **LIMITED)
    bench.key(policies=("gold",), grants=())
    bench.request()
    assert bench.recorder.taken() == ["BatchGetItem", "BatchGetItem", "BatchGetItem", "UpdateItem"]
    seen = []
    for _ in range(9):
        bench.now_ms += STALENESS_MS // 4
        bench.request()
        seen.append(bench.recorder.taken())

    refreshing = ["BatchGetItem", "BatchGetItem", "UpdateItem"]
    assert seen == [["UpdateItem"]] * 3 + [refreshing] + [["UpdateItem"]] * 3 + [refreshing] + [["UpdateItem"]]


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
    before = read_gate(bench.boto, bench.table, gate_partition(record.key_hash))
    forged = sign(bench.key_id, secret="a-secret-that-somebody-else-made-up-by-himself")

    outcomes = {bench.request(token=forged) for _ in range(200)}

    assert outcomes == {Deny(Reason.INVALID_SIGNATURE)}
    assert bench.recorder.taken() == ["BatchGetItem"]
    assert read_gate(bench.boto, bench.table, gate_partition(record.key_hash)) == before


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
    bench.reset(record)
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


def test_the_time_to_wait_is_told_in_whole_seconds_rounded_up(bench):
    """Who comes back when told is not refused for having come a moment early."""
    bench.key(rate_limits=(RateLimit(1, "1s"),))
    bench.now_ms = bench.now_ms // 100 * 100
    bench.request()
    start, waits = bench.now_ms, []

    for later in (0, 99, 100, 101, 1099):
        bench.now_ms = start + later
        waits.append(bench.request().retry_after_seconds)

    assert waits == [2, 2, 1, 1, 1]


def test_a_day_that_another_environment_turned_is_not_stored_again(bench):
    """It turns, and stores, in two calls; who finds the day turned counts as ever."""
    bench.key(quotas=(Quota(1000, "never"),))
    other = bench.other()
    for environment in (bench.environment, other):
        bench.request(environment=environment)
    bench.now_ms += DAY_MS
    bench.request(environment=other)
    bench.recorder.taken()

    for writes in (2, 1):
        assert isinstance(bench.request(), Allow)
        assert bench.recorder.taken().count("UpdateItem") == writes


def test_an_unlimited_key_whose_totals_met_others_is_counted_without_its_record(bench):
    record = bench.key()
    bench.request()
    bench.now_ms += FLUSH_MS
    bench.recorder.taken()
    bench.recorder.before = [None, ConditionFailed({"v": {"N": "1"}})]

    assert isinstance(bench.request(), Allow)

    assert bench.recorder.taken() == ["BatchGetItem", "UpdateItem", "UpdateItem"]
    assert bench.gate(record)["da"] == 2


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


@pytest.mark.parametrize("unread", ["the definition of the API", "the policy"])
def test_copies_older_than_promised_serve_only_who_fails_open(bench, unread):
    """Though the gate answers: what an operator changed must hold within five seconds."""
    failing = [UnavailableError("x")] if unread == "the definition of the API" else [None, UnavailableError("x")]
    passes = {}
    for fail_open in (False, True):
        counting = Counting(fail_open=fail_open)
        bench.policy(f"p{fail_open}", grants=(Grant("*"),), quotas=(QUOTA,), counting=counting)
        bench.key(policies=(f"p{fail_open}",), grants=())
        bench.request()
        bench.now_ms += STALENESS_MS
        bench.recorder.before = list(failing)
        try:
            passes[fail_open] = isinstance(bench.request(), Allow)
        except UnavailableError:
            passes[fail_open] = False

    assert passes == {False: False, True: True}


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


@pytest.mark.parametrize("attribute", ["v", "l", "ae", "au", "d"])
@pytest.mark.parametrize("broken", [{"B": b"x"}, {"L": []}, {"N": "1.5"}, {"BOOL": True}, {"NULL": True}])
def test_a_gate_that_holds_what_nobody_wrote_admits_nobody(bench, attribute, broken):
    """Read by an environment that knew it whole, and by one that meets it first."""
    record = bench.key(quotas=(QUOTA,))
    assert isinstance(bench.request(), Allow)
    update = {"UpdateExpression": "SET #a = :b", "ExpressionAttributeNames": {"#a": attribute}}
    key = {"PK": {"S": gate_partition(record.key_hash)}, "SK": {"S": "GATE"}}
    bench.boto.call(
        "UpdateItem", {"TableName": bench.table, "Key": key, "ExpressionAttributeValues": {":b": broken}} | update
    )

    for environment in (bench.environment, bench.other()):
        with pytest.raises(StoreError):
            bench.request(environment=environment)


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_a_secret_that_is_shorter_than_its_hash_lets_nobody_pass(bench):
    """Whatever came into the table: no empty key verifies anything (CVE-2026-44351, CVE-2025-45768)."""
    for secret in (b"", b"x" * 31):
        key_hash = hash_key_id(KEYRING.current.pepper, f"key-{len(secret)}")
        sealed = seal(KEYRING, secret, key_hash=key_hash, algorithm="HS256", nonce=bytes(12))
        bench.key(key_hash=key_hash, credentials=(StoredCredential("c1", "HS256", 256, "", 1, sealed=sealed),))

        with pytest.raises(InvalidItemError):
            bench.request(token=sign(f"key-{len(secret)}", secret=secret.decode() or "x" * 32))


def test_another_environment_that_used_the_gate_costs_one_more_attempt_at_most(bench):
    bench.key(quotas=(Quota(1000, "day"),), rate_limits=(RateLimit(1000, "1s"),))
    other = Environment(Recorder(bench.boto), bench.table, KEYRING)
    for _ in range(30):
        bench.now_ms += 70
        bench.request(environment=other)
        bench.recorder.taken()
        assert isinstance(bench.request(), Allow)
        assert bench.recorder.taken().count("UpdateItem") <= 2
