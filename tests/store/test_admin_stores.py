"""Changes of keys and policies, under races, on the emulated DynamoDB over HTTP."""

import threading
from collections import Counter

import pytest

from access.gate import counters_to_clear, plan
from access.grants import Grant
from access.key_ids import KeyHash, hash_key_id
from access.keys import KeyRecord, Policy, StoredCredential, TokenRules
from access.limits import Quota, RateLimit
from store.admin.keys import KeyFilter, KeyStore
from store.admin.records import PolicyStore
from store.admin.transactions import (
    AlreadyExistsError,
    InUseError,
    InvalidCursorError,
    Table,
    UnknownPolicyError,
    VersionConflictError,
)
from store.errors import ConditionFailed, ThrottledError
from store.keys import load_key, load_policies, read_gate, write_gate
from store.table import gate_partition, owner_partition


@pytest.fixture
def keys(client, table):
    return KeyStore(Table(client, table))


@pytest.fixture
def policies(client, table):
    return PolicyStore(Table(client, table))


def record(name: str, **members) -> KeyRecord:
    key_hash = KeyHash(hash_key_id(b"pepper", name))
    return KeyRecord(
        **(
            {
                "key_hash": key_hash,
                "version": 1,
                "name": name,
                "created_at": 1,
                "updated_at": 1,
                "grants": (Grant("*"),),
            }
            | members
        )
    )


def policy(policy_id: str, version: int = 1) -> Policy:
    return Policy(
        policy_id, version, policy_id, 1, 1, grants=(Grant("*"),), quotas=(Quota(1, "day"),), metadata={"a": "b"}
    )


def test_a_key_that_was_judged_without_admin_rights_takes_no_policy_that_has_some(keys, policies):
    """The policy was removed and made anew between the judgement and the write: nobody weighed its rights."""
    policies.put(None, policy("p")._replace(grants=(Grant("admin"),)))
    keys.create(record("plain"))
    plain, raised = record("plain"), record("plain", policies=("p",), version=2)

    with pytest.raises(UnknownPolicyError):
        keys.create(record("k", policies=("p",)))
    with pytest.raises(UnknownPolicyError):
        keys.update(plain, raised)
    keys.create(record("k", policies=("p",)), may_administer=True)
    keys.update(plain, raised, may_administer=True)


def test_a_key_is_read_as_it_was_written(client, table, keys, policies):
    whole = record(
        "whole",
        owner="acme",
        tags=("a", "b"),
        metadata={"tier": "gold"},
        labels={"team": "mobile"},
        expires_at=9,
        credentials=(StoredCredential("c1", "RS256", 2048, "t", 1, 5, jwk={"kty": "RSA", "n": "x", "e": "AQAB"}),),
        token_rules=TokenRules(
            issuers=("i",), audiences=("a", "b"), require_exp=False, max_lifetime_seconds=3, leeway_seconds=2
        ),
        rate_limits=(RateLimit(1, "1s"),),
        quotas=(Quota(2, "day", name="n", api="x"),),
        grants=(Grant("x", ("GET",), "/a", 0), Grant("admin", owner="acme", policies=("gold", "silver"))),
        enabled=False,
        disabled_by="acme",
    )
    keys.create(whole)

    assert load_key(client, table, whole.key_hash) == (whole, {"v": 1})


class Partial:
    """Answers of each batch one item, and leaves the rest for the next, so many times."""

    def __init__(self, client, times):
        self._client, self.left, self.calls = client, times, 0

    def call(self, operation, request):
        self.calls += 1
        ((table, wanted),) = request["RequestItems"].items()
        if not self.left:
            return self._client.call(operation, request)
        self.left -= 1
        first, rest = wanted["Keys"][:1], wanted["Keys"][1:]
        answer = self._client.call(operation, {"RequestItems": {table: wanted | {"Keys": first}}})
        return answer | {"UnprocessedKeys": {table: wanted | {"Keys": rest or first}}}


def test_what_a_batch_leaves_out_is_read_again_as_strongly(client, table, keys):
    """DynamoDB answers so where it throttles a part of the items."""
    key = record("k")
    keys.create(key)
    partial = Partial(client, times=1)

    assert load_key(partial, table, key.key_hash) == (key, {"v": 1})
    assert partial.calls == 2


def test_a_batch_that_never_ends_is_a_throttle_and_no_key_that_is_not_there(client, table, keys):
    """Half a key is none: whoever asks hears that it could not be read."""
    key = record("k")
    keys.create(key)

    with pytest.raises(ThrottledError):
        load_key(Partial(client, times=99), table, key.key_hash)


def test_of_20_creates_of_one_key_one_succeeds(keys, policies):
    outcomes: Counter[str] = Counter()

    def create():
        try:
            keys.create(record("same"))
            outcomes["created"] += 1
        except AlreadyExistsError:
            outcomes["exists"] += 1

    race(create, 20)

    assert outcomes == {"created": 1, "exists": 19}


def test_of_20_updates_of_one_version_one_succeeds(keys, policies):
    before = record("same")
    keys.create(before)
    outcomes: Counter[str] = Counter()

    def update():
        try:
            keys.update(before, before._replace(version=2))
            outcomes["updated"] += 1
        except VersionConflictError:
            outcomes["conflict"] += 1

    race(update, 20)

    assert outcomes == {"updated": 1, "conflict": 19}


def test_pages_lose_and_repeat_nothing(keys, policies):
    names = [f"key-{number}" for number in range(45)]
    for number, name in enumerate(names):
        keys.create(record(name, owner="acme" if number % 3 else "other", tags=("t",) if number % 2 else ()))

    def listed(wanted: KeyFilter) -> list[str]:
        found, cursor = [], None
        while True:
            page = keys.page(wanted, limit=7, cursor=cursor)
            assert len(page.items) <= 7
            found += [one.name for one in page.items]
            cursor = page.cursor
            if cursor is None:
                return found

    assert sorted(listed(KeyFilter())) == sorted(names)
    assert sorted(listed(KeyFilter(owner="acme"))) == sorted(name for number, name in enumerate(names) if number % 3)
    assert sorted(listed(KeyFilter(owner="acme", tag="t"))) == sorted(
        name for number, name in enumerate(names) if number % 3 and number % 2
    )
    with pytest.raises(InvalidCursorError):
        keys.page(KeyFilter(), limit=7, cursor="???")


def test_a_key_names_only_policies_that_exist(client, table, keys, policies):
    with pytest.raises(UnknownPolicyError):
        keys.create(record("k", policies=("gold",)))
    policies.put(None, policy("gold"))
    keys.create(record("k", policies=("gold",)))

    with pytest.raises(InUseError):
        policies.delete(policy("gold"))
    assert load_policies(client, table, ["gold", "none"]) == {"gold": policy("gold")}
    keys.update(record("k", policies=("gold",)), record("k", version=2))
    policies.delete(policy("gold"))
    assert load_policies(client, table, ["gold"]) == {}


def test_a_change_takes_no_policy_that_does_not_exist_and_changes_nothing_then(client, table, keys, policies):
    before = record("k")
    keys.create(before)

    with pytest.raises(UnknownPolicyError):
        keys.update(before, before._replace(version=2, policies=("gold",)))

    assert load_key(client, table, before.key_hash) == (before, {"v": 1})


def test_a_key_that_comes_to_an_owner_finds_the_gate_that_his_keys_share(client, table, keys, policies):
    """Shared limits count there, and no request makes a gate."""
    before = record("k")
    keys.create(before)
    assert read_gate(client, table, owner_partition("acme")) is None

    keys.update(before, before._replace(version=2, owner="acme"))

    assert read_gate(client, table, owner_partition("acme")) == {"v": 1}


def test_a_policy_is_changed_once_a_version(keys, policies):
    policies.put(None, policy("gold"))
    with pytest.raises(VersionConflictError):
        policies.put(None, policy("gold"))
    policies.put(policy("gold"), policy("gold", 2))
    with pytest.raises(VersionConflictError):
        policies.put(policy("gold"), policy("gold", 2))


def test_a_deleted_key_does_not_come_back_through_a_request_in_flight(client, table, keys, policies):
    key = record("k")
    keys.create(key)
    write = plan(version=1, limits=[Quota(9, "day")], seen={"v": 1}, now_ms=1_800_000_000_000, cost=1, marks={})
    keys.delete(key)

    with pytest.raises(ConditionFailed) as raised:
        write_gate(client, table, gate_partition(key.key_hash), write)

    assert raised.value.item is None
    assert read_gate(client, table, gate_partition(key.key_hash)) is None


def test_a_reset_sets_the_counters_to_zero_and_keeps_the_rest(client, table, keys, policies):
    key = record("k")
    keys.create(key)
    limits = [Quota(9, "day"), RateLimit(9, "1s")]
    write_gate(
        client,
        table,
        gate_partition(key.key_hash),
        plan(version=1, limits=limits, seen={"v": 1}, now_ms=1_800_000_000_000, cost=1, marks={"at": 5}),
    )

    gate = read_gate(client, table, gate_partition(key.key_hash)) or {}
    counters = counters_to_clear(gate, limits, now_ms=1_800_000_000_000)

    keys.reset(key, key._replace(version=2), counters)

    after = read_gate(client, table, gate_partition(key.key_hash))
    assert after == {"v": 2, "at": 5, "l": gate["l"]}


def test_a_reset_of_an_earlier_version_is_refused_and_resets_nothing(client, table, keys, policies):
    key = record("k")
    keys.create(key)
    keys.update(key, key._replace(version=2))
    limits = [Quota(9, "day")]
    write = plan(version=2, limits=limits, seen={"v": 2}, now_ms=1_800_000_000_000, cost=1, marks={})
    counted = write_gate(client, table, gate_partition(key.key_hash), write)

    with pytest.raises(VersionConflictError):
        keys.reset(key, key._replace(version=2), counters_to_clear(counted, limits, now_ms=1_800_000_000_000))

    assert read_gate(client, table, gate_partition(key.key_hash)) == counted


def race(work, count):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
