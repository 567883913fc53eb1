"""What an environment remembers: the keys that are in use, and no more than fit."""

import pytest

from access.decisions import Allow
from access.grants import Grant
from access.limits import OWNER, Quota
from authorizer import environment as memory
from authorizer.authorize import authorize
from authorizer.events import read_event
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


def test_more_policies_than_fit_serve_all_the_same(bench, crowded):
    """A token of an outside provider may name any: memory stays bounded, and no answer changes."""
    callers = []
    for name in ("a", "b", "c"):
        bench.policy(name, grants=(Grant("*"),))
        bench.policy(f"{name}-limits", quotas=(Quota(3, "day"),))
        bench.key(policies=(name, f"{name}-limits"), grants=())
        callers.append(bench.request_token())

    outcomes = [isinstance(bench.request(token=token), Allow) for token in callers * 4]

    assert outcomes == [True] * 9 + [False] * 3
    assert len(bench.environment._policies) == 2


def test_a_policy_that_is_in_memory_makes_no_room_for_another_of_the_same_key(bench, crowded):
    """It was read for an earlier key, and is the oldest when the next key's second one comes."""
    for name in ("shared", "first", "second"):
        bench.policy(name, grants=(Grant("*"),))
    callers = []
    for policies in (("shared", "first"), ("second", "shared"), ("shared", "first")):
        bench.key(policies=policies, grants=())
        callers.append(bench.request_token())

    assert all(isinstance(bench.request(token=token), Allow) for token in callers * 3)


def test_more_definitions_than_fit_serve_all_the_same(bench, crowded):
    bench.key()
    for number in range(9):
        event = {
            "type": "TOKEN",
            "authorizationToken": bench.request_token(),
            "methodArn": f"arn:aws:execute-api:us-east-1:1:api-{number}/prod/GET/x",
        }
        outcome = authorize(read_event(event), bench.environment, now_ms=bench.now_ms)
        assert isinstance(outcome.decision, Allow)

    assert len(bench.environment._apis) == 2
