"""The judgement by itself: when a right lies within another, who asks, and what counts as a right."""

import itertools
import random

import pytest

from access.grants import Grant, find_grant
from access.key_ids import KeyHash
from access.keys import KeyRecord, Policy
from access.limits import RateLimit
from key_admin.rights.grants import AdminApi, KeyInFull, is_unrestricted, lies_within, sources_within
from key_admin.rights.holders import OfOwner, Restricted, Unrestricted, find_holder

NOW = 1_800_000_000
ADMIN_API = AdminApi("a1b2c3d4e5")
ALL = Grant("admin")
READ = Grant("admin", ("GET",))
KEYS = Grant("admin", ("POST", "GET"), "/keys*")


def record(*grants, **members):
    return KeyRecord(KeyHash("k"), 1, "n", 0, 0, grants=grants, **members)


def policy(*grants, **members):
    return Policy("p", 1, "p", 0, 0, grants=grants, **members)


def holder(*grants, method="GET", path="/keys", policies=(), **members):
    by_id = {one.policy_id: one for one in policies}
    key = KeyInFull(record(*grants, policies=tuple(by_id), **members), by_id)
    return find_holder(key, method=method, path=path, now=NOW)


# --- 1. wider ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "own", "is_within"),
    [
        (ALL, ALL, True),
        (READ, ALL, True),
        (ALL, READ, False),
        (ALL._replace(path="*"), ALL, True),
        (ALL, ALL._replace(path="*"), True),
        (Grant("admin", ("GET",), "/keys"), KEYS, True),
        (Grant("admin", ("GET",), "/keys/{key}/usage"), KEYS, True),
        (Grant("admin", ("GET",), "/keys*"), KEYS, True),
        (Grant("admin", ("GET",), "/key*"), KEYS, False),
        (Grant("admin", ("GET",), "*keys"), KEYS, False),
        (Grant("admin", ("GET",), "/{any}"), KEYS, False),
        (Grant("admin", ("GET", "DELETE"), "/keys"), KEYS, False),
        (Grant("admin", ("*",), "/keys"), KEYS, False),
        (Grant("admin", path="/a"), Grant("admin", path="/{x}"), False),
        (Grant("admin", path="/{x}"), Grant("admin", path="/{x}"), True),
        (Grant("admin", path="/{y}"), Grant("admin", path="/{x}"), False),
        (READ._replace(owner="acme"), ALL, True),
        (READ, ALL._replace(owner="acme"), False),
        (READ._replace(owner="acme"), ALL._replace(owner="acme"), False),
    ],
)
def test_a_right_lies_within_another(given, own, is_within):
    assert lies_within(given, own) is is_within


def test_what_lies_within_covers_no_request_that_the_other_does_not():
    """Against the matcher itself, on random patterns and paths of a small alphabet."""
    dice = random.Random(seed := random.randrange(2**32))
    pieces = ("/", "a", "b", "*", "{x}", "/a", "/b*", "/{x}")
    paths = ["/" + "".join(letters) for size in range(6) for letters in itertools.product("ab/", repeat=size)]

    def pattern():
        return "/" + "".join(dice.choice(pieces) for _ in range(dice.randrange(5)))

    found = 0
    for _ in range(3000):
        given, own = (Grant("admin", path=pattern()) for _ in range(2))
        if lies_within(given, own):
            found += 1
            for path in dice.sample(paths, 60):
                if find_grant([given], apis=("admin",), method="GET", path=path):
                    assert find_grant([own], apis=("admin",), method="GET", path=path), (seed, given, own, path)
    assert found > 100


# --- who asks ------------------------------------------------------------------------------


def test_a_holder_is_what_the_grant_says_that_lets_the_request_in():
    of_acme = Grant("admin", path="/keys*", owner="acme", policies=("gold",))

    assert holder(ALL) == Unrestricted()
    assert holder(READ) == Restricted((READ,), has_limits=False, expires_at=None)
    assert holder(of_acme) == OfOwner("acme", ("gold",))
    assert holder(of_acme, READ) == Restricted((READ,), has_limits=False, expires_at=None)
    assert holder(of_acme, READ, method="POST") == OfOwner("acme", ("gold",))
    assert holder(of_acme, path="/policies") is None
    assert holder(READ, method="POST") is None
    assert holder(Grant("*")) is None


def test_a_grant_of_everything_makes_unrestricted_whichever_lets_the_request_in():
    assert holder(Grant("admin", ("GET",), "/keys"), ALL) == Unrestricted()
    assert holder(ALL._replace(methods=("GET", "POST", "PUT", "PATCH", "DELETE"))) != Unrestricted()
    assert is_unrestricted(Grant("admin", ("GET", "*"), "*"))


def test_only_grants_that_are_in_force_let_a_request_in():
    assert holder(ALL, policies=[policy(READ)]) == Restricted((READ,), has_limits=False, expires_at=None)
    assert holder(ALL, policies=[policy(READ, active=False)]) is None
    assert holder(ALL, enabled=False) is None
    assert holder(ALL, expires_at=NOW) is None
    assert holder(ALL, expires_at=NOW + 1) == Unrestricted()


def test_limits_of_a_policy_are_limits_of_the_key():
    limited = policy(READ, rate_limits=(RateLimit(1, "1s"),))

    assert holder(policies=[limited]) == Restricted((READ,), has_limits=True, expires_at=None)


# --- 5. what counts as a right -------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["admin", "admin/$default", "admin/*", "a1b2c3d4e5/$default", "a1b2c3d4e5/*", "a1b2c3d4e5"]
)
def test_the_admin_api_is_meant_by_every_name_of_its_gateway(name):
    assert ADMIN_API.is_meant_by(name)


@pytest.mark.parametrize("name", ["*", "administration", "a1b2c3d4e5f/prod", "other/admin", ""])
def test_the_admin_api_is_meant_by_no_other_name(name):
    assert not ADMIN_API.is_meant_by(name)
    assert not AdminApi().is_meant_by(name)


def test_rights_of_a_policy_count_whether_they_are_in_force_or_not():
    for hidden in ({}, {"active": False}, {"partitions": ("quotas",)}):
        key = KeyInFull(record(Grant("orders"), policies=("p", "missing")), {"p": policy(READ, **hidden)})

        assert key.admin_rights(ADMIN_API) == (READ,)


# --- sources -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "own", "is_within"),
    [
        ([], [], True),
        ([["203.0.113.0/24"]], [], True),
        ([], [["203.0.113.0/24"]], False),
        ([[]], [["203.0.113.0/24"]], False),
        ([["203.0.113.7"]], [["203.0.113.0/24"]], True),
        ([["203.0.113.0/24"]], [["203.0.113.0/25"]], False),
        ([["203.0.113.0/24"]], [["203.0.113.128/25", "203.0.113.0/25"]], True),
        ([["203.0.113.7", "198.51.100.7"]], [["203.0.113.0/24"]], False),
        ([["203.0.113.7", "198.51.100.7"], ["203.0.113.0/24"]], [["203.0.113.0/24"]], True),
        ([["203.0.113.7"]], [["203.0.113.0/24"], ["198.51.100.0/24"]], False),
        ([["203.0.113.7"], ["198.51.100.7"]], [["203.0.113.0/24"], ["198.51.100.0/24"]], True),
        ([["2001:db8::/48"]], [["2001:db8::/32"]], True),
        ([["2001:db8::/32"]], [["0.0.0.0/0"]], False),
        ([["203.0.113.7"]], [["::/0"]], False),
        ([["203.0.113.7", "2001:db8::1"]], [["0.0.0.0/0", "::/0"]], True),
    ],
)
def test_sources_lie_within_others(given, own, is_within):
    """Each list that is set holds the caller's address, so one list within suffices for each of the giver's."""
    assert sources_within(given, own) is is_within
