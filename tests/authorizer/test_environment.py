"""What an environment remembers: the keys that are in use, and no more than fit."""

import pytest

from access.decisions import Allow
from access.limits import OWNER, Quota
from authorizer import environment as memory
from store.errors import UnavailableError


@pytest.fixture
def crowded(bench, monkeypatch):
    """An environment with room for two keys, policies and definitions."""
    for name in ("MAX_KEYS", "MAX_POLICIES", "MAX_APIS"):
        monkeypatch.setattr(memory, name, 2)
    bench.environment = bench.other()


def load(bench, key_id):
    return bench.environment.load(bench.environment.hashes_of(key_id), bench.now_ms)


def remembered(bench, key_id):
    return bench.environment.remembered(bench.environment.hashes_of(key_id))


def test_the_key_that_was_unused_for_longest_is_forgotten_first(bench, crowded):
    """However many ids are tried, memory stays bounded, and who calls all the time is read once."""
    ids = []
    for _ in range(3):
        bench.key()
        ids.append(bench.key_id)
    first, second, third = ids
    for key_id in (first, second):
        load(bench, key_id)
    assert remembered(bench, first)

    load(bench, third)

    assert remembered(bench, second) is None
    assert remembered(bench, first)
    assert remembered(bench, third)


def test_a_key_that_is_read_again_takes_no_second_place(bench, crowded):
    ids = []
    for _ in range(2):
        bench.key()
        ids.append(bench.key_id)
        for _ in range(3):
            load(bench, bench.key_id)

    assert all(remembered(bench, one) for one in ids)


def test_an_id_that_nobody_has_is_not_remembered(bench, crowded):
    bench.key()
    load(bench, bench.key_id)

    for number in range(3):
        assert load(bench, f"unknown-{number}") is None

    assert remembered(bench, bench.key_id)


def test_more_owners_than_fit_are_counted_all_the_same(bench, crowded):
    shared = Quota(5, "day", scope=OWNER)
    callers = []
    for owner in ("a", "b", "c"):
        bench.key(owner=owner, quotas=(shared,))
        callers.append(bench.request_token())

    assert all(isinstance(bench.request(token=token), Allow) for token in callers * 2)
    assert [bench.owner_used(owner, shared) for owner in ("a", "b", "c")] == [2, 2, 2]


def test_an_api_whose_definition_was_never_read_is_not_taken_for_one_without(bench):
    """Its defaults may open what the operator shut."""
    bench.key()
    bench.recorder.before = [UnavailableError("x")]

    with pytest.raises(UnavailableError):
        bench.request()


@pytest.mark.parametrize("absent", ["TABLE_NAME", "MASTER_SECRET_ARN", "AWS_REGION"])
def test_a_setting_that_is_missing_stops_the_start_by_its_name(absent):
    environ = dict.fromkeys(("TABLE_NAME", "MASTER_SECRET_ARN", "AWS_REGION"), "x") | {absent: ""}

    with pytest.raises(memory.ConfigurationError, match=absent):
        memory.Environment.start(environ)
