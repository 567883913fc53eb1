"""An opaque key whose id was replaced: one key, one gate, one version, whatever id is presented."""

import pytest

from access.decisions import Allow, Deny, Reason
from access.key_ids import KeyHash, hash_key_id
from access.keys import IssuedId, StoredCredential
from access.limits import Quota
from authorizer import environment as memory
from authorizer.environment import Environment
from authorizer.memory import FLUSH_MS
from store.admin.transactions import VersionConflictError
from store.keys import load_key, read_key
from store.master_secret import Keyring, MasterKeys
from store.sealing import seal
from store.table import RECORD, id_to_item, key_of, key_partition
from tests.authorizer.bench import KEYRING, Recorder, issue, opaque_key, replace
from tests.conftest import SECRET, sign

QUOTA = Quota(100, "day")


def ask(bench, key_id, environment=None):
    decision = bench.request(token=key_id, environment=environment)
    return decision.reason if isinstance(decision, Deny) else Allow


@pytest.fixture(params=[(), (QUOTA,)], ids=["without limits", "with a quota"])
def key(request, bench):
    return opaque_key(bench, quotas=request.param)


def test_both_ids_count_at_one_gate_until_the_old_one_ends_to_the_millisecond(bench, key):
    record, old = key
    end = bench.now_ms // 1000 + 60
    record, new = replace(bench, record, ends_at=end)

    assert [ask(bench, one) for one in (old, new, old, new)] == [Allow] * 4
    if record.quotas:
        assert bench.statuses(record)[0].used == 4
    bench.now_ms = end * 1000 - 1
    assert (ask(bench, old), ask(bench, new)) == (Allow, Allow)
    bench.now_ms += 1
    assert (ask(bench, old), ask(bench, new)) == (Reason.UNKNOWN_KEY, Allow)


def test_an_id_that_ends_at_once_is_refused_by_the_next_request_of_every_environment(bench, key):
    record, old = key
    environments = [bench.environment, bench.other()]
    for environment in environments * 2:
        assert ask(bench, old, environment) is Allow
    _, new = replace(bench, record)

    cold = bench.other()
    for environment in (*environments, cold):
        assert ask(bench, old, environment) is Reason.UNKNOWN_KEY
        assert ask(bench, new, environment) is Allow
        assert ask(bench, old, environment) is Reason.UNKNOWN_KEY


def test_a_cold_later_id_takes_one_read_more_and_a_warm_one_none(bench, key):
    record, _ = key
    _, new = replace(bench, record)
    environment = bench.other()
    writes = ["UpdateItem"] if record.quotas else ["GetItem"]

    assert ask(bench, new, environment) is Allow
    assert environment._client.taken() == ["BatchGetItem"] * 3 + writes  # the definition of the API, the id, the key
    for _ in range(5):
        assert ask(bench, new, environment) is Allow
        assert environment._client.taken() == writes


def test_an_environment_that_knows_the_key_by_one_id_reads_a_later_one_once(bench, key):
    record, old = key
    record, new = replace(bench, record, ends_at=bench.now_ms // 1000 + 60)
    assert ask(bench, old) is Allow
    bench.recorder.taken()

    assert ask(bench, new) is Allow
    assert bench.recorder.taken().count("BatchGetItem") == 2
    assert [ask(bench, one) for one in (old, new) * 5] == [Allow] * 10
    assert set(bench.recorder.taken()) == ({"UpdateItem"} if record.quotas else {"GetItem"})


def test_an_ended_id_costs_at_most_one_look_a_second_where_the_key_is_known(bench, key):
    record, old = key
    _, new = replace(bench, record)
    assert ask(bench, new) is Allow
    bench.recorder.taken()

    assert {ask(bench, old) for _ in range(50)} == {Reason.UNKNOWN_KEY}

    assert len(bench.recorder.taken()) <= 1


def test_an_id_that_ended_stays_ended_whatever_becomes_of_the_key(bench, key):
    record, first = key
    record, second = replace(bench, record)
    record, third = replace(bench, record)
    for members in ({"enabled": False}, {"enabled": True}, {"name": "another"}):
        after = record._replace(version=record.version + 1, **members)
        bench.keys.update(record, after)
        record = after

    for environment in (bench.environment, bench.other()):
        assert [ask(bench, one, environment) for one in (first, second, third)] == [Reason.UNKNOWN_KEY] * 2 + [Allow]
    hashes = [hash_key_id(KEYRING.current.pepper, one) for one in (first, second, third)]
    assert [load_key(bench.boto, bench.table, one) is not None for one in hashes] == [True, False, True]


def test_a_deleted_key_is_unknown_by_each_of_its_ids_and_leaves_no_item(bench, key):
    record, old = key
    record, new = replace(bench, record, ends_at=bench.now_ms // 1000 + 60)
    for environment in (bench.environment, bench.other()):
        assert [ask(bench, one, environment) for one in (old, new)] == [Allow] * 2

    bench.keys.delete(record)

    for environment in (bench.environment, bench.other()):
        assert [ask(bench, one, environment) for one in (old, new)] == [Reason.UNKNOWN_KEY] * 2
    found = bench.boto.call("Scan", {"TableName": bench.table})["Items"]
    assert not [item for item in found if item["PK"]["S"].startswith(("KEY#", "GATE#", "INDEX#"))]


def test_an_item_that_leads_to_a_key_which_does_not_list_it_opens_nothing(bench, key):
    """The record says which ids are in force: an item that was copied or forged is none of them."""
    record, _ = key
    forged, issued = issue()
    bench.boto.call("PutItem", {"TableName": bench.table, "Item": id_to_item(issued.id_hash, record.key_hash)})

    assert ask(bench, forged) is Reason.UNKNOWN_KEY
    assert ask(bench, forged, bench.other()) is Reason.UNKNOWN_KEY


def test_an_item_that_leads_to_another_such_item_or_to_itself_leads_nowhere(bench, key):
    record, _ = key
    record, _ = replace(bench, record)
    for forged, target in ((issue(), record.ids[0].id_hash), (issue(), None)):
        key_id, issued = forged
        item = id_to_item(issued.id_hash, target or issued.id_hash)
        bench.boto.call("PutItem", {"TableName": bench.table, "Item": item})

        assert ask(bench, key_id) is Reason.UNKNOWN_KEY


def test_a_later_id_is_no_hash_of_a_key(bench, key):
    """Its hash names no record for an operator, either."""
    record, _ = key
    record, _ = replace(bench, record)
    later = record.ids[0].id_hash

    assert read_key(bench.boto, bench.table, later) is None
    assert load_key(bench.boto, bench.table, later) == (record, {"v": 2})


def test_the_last_use_of_each_id_reaches_the_gate(bench, key):
    record, old = key
    start = bench.now_ms // 1000
    record, new = replace(bench, record, ends_at=start + 600)
    assert ask(bench, old) is Allow
    bench.now_ms += 5_000
    assert ask(bench, new) is Allow
    bench.now_ms += FLUSH_MS
    assert ask(bench, new) is Allow

    gate = bench.gate(record)
    newest, oldest = record.ids
    assert (gate[oldest.used_mark], gate[newest.used_mark]) == (start, start + 65)
    bench.keys.update(record, record._replace(version=record.version + 1, ids=(newest,)))
    assert oldest.used_mark not in bench.gate(record)


def test_ids_of_both_master_secrets_lead_to_one_key(bench, key):
    """The key lies under the old pepper, its new id under the new one; so the old secret can go."""
    record, old = key
    fresh = MasterKeys(b"n" * 32, b"s" * 32, b"e" * 32)
    both = Environment(Recorder(bench.as_authorizer), bench.table, Keyring(fresh, KEYRING.current))
    assert ask(bench, old, both) is Allow
    record, new = replace(bench, record, ends_at=bench.now_ms // 1000 + 60, keyring=Keyring(fresh))

    for environment in (both, Environment(bench.as_authorizer, bench.table, Keyring(fresh, KEYRING.current))):
        assert [ask(bench, one, environment) for one in (old, new, old, new)] == [Allow] * 4
    without = Environment(bench.as_authorizer, bench.table, Keyring(fresh))
    assert (ask(bench, new, without), ask(bench, old, without)) == (Allow, Reason.UNKNOWN_KEY)


def test_a_token_names_a_key_by_any_id_that_its_record_lists_and_by_no_other(bench):
    """So that a key with material can have a later id, too."""
    kid, later = "a-later-name", hash_key_id(KEYRING.current.pepper, "a-later-name")
    record = bench.key()
    first = IssuedId("first", record.key_hash, "", 1)
    named = record._replace(version=2, ids=(IssuedId("later", later, "", 2), first))
    bench.keys.update(record, named)
    exp = bench.now_ms // 1000 + 60
    assert [ask(bench, sign(one, exp=exp)) for one in (kid, bench.key_id)] == [Allow] * 2

    bench.keys.update(named, named._replace(version=3, ids=named.ids[:1]))

    for environment in (bench.environment, bench.other()):
        outcomes = [ask(bench, sign(one, exp=exp), environment) for one in (kid, bench.key_id)]
        assert outcomes == [Allow, Reason.UNKNOWN_KEY]


def test_an_id_of_an_opaque_key_is_no_key_id_of_tokens_and_a_key_with_material_no_opaque_one(bench, key):
    record, _ = key
    _, new = replace(bench, record)
    assert ask(bench, sign(new, exp=bench.now_ms // 1000 + 60)) is Reason.UNKNOWN_KEY
    key_id, issued = issue()
    sealed = seal(KEYRING, SECRET.encode(), key_hash=issued.id_hash, algorithm="HS256", nonce=bytes(12))
    material = StoredCredential("c1", "HS256", 256, "", 1, sealed=sealed)
    bench.key(key_hash=issued.id_hash, credentials=(material,), ids=(issued,))
    assert ask(bench, sign(key_id, exp=bench.now_ms // 1000 + 60)) is Allow

    assert ask(bench, key_id) is Reason.UNKNOWN_KEY


def test_later_ids_that_are_remembered_are_bounded(bench, monkeypatch):
    monkeypatch.setattr(memory, "MAX_KEYS", 2)
    environment = bench.other()
    record, _ = opaque_key(bench)
    ids = []
    for _ in range(5):
        record, new = replace(bench, record, ends_at=bench.now_ms // 1000 + 600)
        ids.append(new)

    assert [ask(bench, one, environment) for one in ids * 2] == [Allow] * 10
    assert len(environment._later_ids) == 2


def test_an_id_is_given_to_one_key_only(bench, key):
    """However unlikely it is: what lies under the hash of an id is never written over."""
    record, _ = key
    other, _ = opaque_key(bench)
    taken = IssuedId("x", KeyHash(other.key_hash), "", 2)

    with pytest.raises(VersionConflictError):
        bench.keys.update(record, record._replace(version=2, ids=(taken, *record.ids)))

    item = bench.boto.call("GetItem", {"TableName": bench.table, "Key": key_of(key_partition(other.key_hash), RECORD)})[
        "Item"
    ]
    assert "leads_to" not in item
    assert read_key(bench.boto, bench.table, record.key_hash)[0] == record
