"""Every change of a key holds from its next request on, in every environment, at no extra call before it."""

import pytest

from access.decisions import Allow, Deny, Reason
from access.grants import Grant
from access.limits import Quota, RateLimit
from store.admin.transactions import VersionConflictError
from store.errors import ConditionFailed
from store.sealing import seal
from tests.authorizer.bench import KEYRING
from tests.conftest import sign

OTHER_SECRET = "another-secret-that-is-long-enough-for-all-HMACs-and-is-of-another-key"


def resealed(record, secret=OTHER_SECRET):
    sealed = seal(KEYRING, secret.encode(), key_hash=record.key_hash, algorithm="HS256", nonce=bytes(12))
    return (record.credentials[0]._replace(credential_id="c2", sealed=sealed),)


CHANGES = {
    "disabled": ({"enabled": False}, Reason.KEY_DISABLED),
    "expired": ({"expires_at": 1}, Reason.KEY_EXPIRED),
    "other grants": ({"grants": (Grant("elsewhere"),)}, Reason.NOT_GRANTED),
    "a policy that is missing": ({"policies": ("none",)}, Reason.POLICY_UNAVAILABLE),
    "a limit below what was used": ({"quotas": (Quota(0, "day"),)}, Reason.QUOTA_EXHAUSTED),
    "other material": ({"credentials": None}, Reason.INVALID_SIGNATURE),
}


@pytest.fixture(params=["limited", "unlimited"])
def warm(bench, request):
    """A key that two environments have in memory."""
    limits = {"quotas": (Quota(100, "day"),), "rate_limits": (RateLimit(50, "1s"),)}
    record = bench.key(**(limits if request.param == "limited" else {}))
    environments = [bench.environment, bench.other()]
    for environment in environments * 2:
        assert isinstance(bench.request(environment=environment), Allow)
    return record, environments


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_heard_by_the_next_request_of_every_environment(bench, warm, change):
    record, environments = warm
    members, reason = CHANGES[change]
    if change == "other material":
        members = {"credentials": resealed(record)}
    if members.get("policies"):
        bench.policy("none", active=False)
    after = record._replace(version=2, **members)
    bench.keys.update(record, after)

    outcomes = [bench.request(environment=environment) for environment in environments]

    assert [one.reason for one in outcomes] == [reason] * 2
    assert all(status.remaining >= 0 for one in outcomes for status in one.limits)


def test_a_key_that_is_enabled_again_passes_at_once(bench, warm):
    record, environments = warm
    off, on = record._replace(version=2, enabled=False), record._replace(version=3)
    bench.keys.update(record, off)
    assert {bench.request(environment=one).reason for one in environments} == {Reason.KEY_DISABLED}
    bench.keys.update(off, on)

    assert all(isinstance(bench.request(environment=one), Allow) for one in environments)


def test_a_deleted_key_is_unknown_at_once_and_no_request_brings_its_gate_back(bench, warm):
    record, environments = warm
    bench.keys.delete(record)

    assert [bench.request(environment=one) for one in environments] == [Deny(Reason.UNKNOWN_KEY)] * 2
    assert bench.gate(record) == {}


def test_an_id_that_is_made_again_is_another_key(bench, warm):
    """Though both are at version 1: neither the old material nor the old counters count."""
    record, environments = warm
    old_token = sign(bench.key_id)
    bench.keys.delete(record)
    again = record._replace(life=1 << 20, credentials=resealed(record), quotas=(Quota(2, "day"),))
    bench.keys.create(again)

    assert [bench.request(environment=one, token=old_token) for one in environments] == [
        Deny(Reason.INVALID_SIGNATURE)
    ] * 2
    new_token = sign(bench.key_id, secret=OTHER_SECRET)
    assert [isinstance(bench.request(environment=one, token=new_token), Allow) for one in environments] == [True] * 2
    assert [status.used for status in bench.statuses(again)][-1:] == [2]


def test_a_change_that_was_meant_for_an_earlier_key_of_the_id_is_refused(bench):
    record = bench.key()
    bench.keys.delete(record)
    again = record._replace(life=1 << 20)
    bench.keys.create(again)

    with pytest.raises(VersionConflictError):
        bench.keys.update(record, record._replace(version=2, enabled=False))
    with pytest.raises(VersionConflictError):
        bench.keys.delete(record)

    assert isinstance(bench.request(), Allow)


def test_a_change_between_reading_the_record_and_counting_is_heard(bench):
    """The write meets another version, so the record is read again: in flight too."""
    record = bench.key(quotas=(Quota(100, "day"),))
    after = record._replace(version=2, enabled=False)
    client, counted = bench.recorder._client, []

    class Meddler:
        """Changes the key just before it is counted."""

        def call(self, operation, request):
            if operation == "UpdateItem" and not counted:
                counted.append(operation)
                bench.keys.update(record, after)
            return client.call(operation, request)

    bench.recorder._client = Meddler()

    assert bench.request() == Deny(Reason.KEY_DISABLED, after)
    assert bench.recorder.taken() == ["BatchGetItem", "BatchGetItem", "UpdateItem", "BatchGetItem"]


def test_a_credential_that_is_gone_leaves_nothing_at_the_gate(bench):
    """However often a key is rotated, its gate stays small."""
    record = bench.key(quotas=(Quota(100, "day"),))
    both = record._replace(version=2, credentials=(*resealed(record), *record.credentials))
    bench.keys.update(record, both)
    bench.request()
    assert record.credentials[0].used_mark in bench.gate(record)

    bench.keys.update(both, both._replace(version=3, credentials=both.credentials[:1]))

    assert record.credentials[0].used_mark not in bench.gate(record)


def test_a_key_that_changes_with_every_attempt_is_not_decided(bench):
    bench.key(quotas=(Quota(100, "day"),))
    bench.request()
    bench.recorder.before = [ConditionFailed({"v": {"N": "9"}}), None] * 9

    with pytest.raises(Exception, match="changed faster"):
        bench.request()
