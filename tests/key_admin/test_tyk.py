"""Session objects of Tyk become keys; what a key has no room for is told, and nothing is dropped in silence."""

import math

import pytest

from access.grants import Grant, find_grant
from key_admin.models.keys import KeyInput
from key_admin.problems import Problem
from key_admin.tyk import read_session
from key_admin.validation import validate
from tests.conftest import SECRET

API = {"orders": {"api_id": "orders", "api_name": "Orders", "versions": ["Default"]}}
SESSION = {  # as the gateway of Tyk shows one, with the members that mean nothing here
    "key_id": "53ac07777cbb8c2d53000002acme",  # given beside the object
    "last_check": 0,
    "allowance": 1000,
    "rate": 1000,
    "per": 60,
    "throttle_interval": -1,
    "throttle_retry_limit": -1,
    "max_query_depth": -1,
    "date_created": "2024-08-09T13:08:29.66Z",
    "expires": 0,
    "quota_max": -1,
    "quota_renews": 1406121006,
    "quota_remaining": 0,
    "quota_renewal_rate": 60,
    "access_rights": {
        "orders": API["orders"] | {"allowed_urls": [], "limit": None, "allowance_scope": "", "endpoints": None}
    },
    "org_id": "53ac07777cbb8c2d53000002",
    "oauth_client_id": "",
    "oauth_keys": None,
    "certificate": "",
    "basic_auth_data": {"password": "", "hash_type": ""},
    "jwt_data": {"secret": SECRET, "algorithm": "HS512"},
    "hmac_enabled": False,
    "hmac_string": "",
    "is_inactive": False,
    "apply_policy_id": "",
    "apply_policies": [],
    "data_expires": 0,
    "monitor": {"trigger_limits": None},
    "enable_detailed_recording": False,
    "meta_data": {},
    "tags": [],
    "alias": "acme",
    "last_updated": "1722",
    "session_lifetime": 0,
}


def read(**members):
    return read_session(SESSION | members)


def key_of(imported):
    return validate(KeyInput, imported.body)


def told(imported):
    return {note.field: note.message for note in imported.notes}


def test_a_whole_session_object_is_taken_and_nothing_is_left_to_tell():
    imported = read()

    key = key_of(imported)
    assert (key.name, key.jwt_data.algorithm) == ("acme", "HS512")
    assert [grant.value() for grant in key.grants] == [Grant("orders")]
    assert [(one.limit, one.period) for one in key.rate_limits] == [(1000, "60s")]
    assert (key.quotas, key.expires_at, key.enabled) == ([], "", True)
    assert imported.notes == ()


@pytest.mark.parametrize(
    ("members", "rates", "quotas"),
    [
        ({"rate": 0}, [], []),
        ({"rate": -1, "per": 0}, [], []),
        ({"rate": 5.0, "per": 1}, [(5, "1s")], []),
        ({"quota_max": 0}, [(1000, "60s")], []),
        ({"quota_max": 9, "quota_remaining": 9}, [(1000, "60s")], [(9, "60s")]),
        ({"quota_max": 9, "quota_renewal_rate": 0}, [(1000, "60s")], [(9, "never")]),
        ({"quota_max": 9, "quota_renewal_rate": -1}, [(1000, "60s")], [(9, "never")]),
    ],
)
def test_limits_mean_what_they_mean_in_tyk(members, rates, quotas):
    key = key_of(read(**members))

    assert [(one.limit, one.period) for one in key.rate_limits] == rates
    assert [(one.limit, one.period) for one in key.quotas] == quotas


LIMITED = API["orders"] | {"limit": {"rate": 7, "per": 1, "quota_max": 70, "quota_renewal_rate": 3600}}


def limits_of(imported):
    key = key_of(imported)
    return {(one.api, one.limit) for one in (*key.rate_limits, *key.quotas)}


def test_limits_of_an_api_stand_for_those_of_the_key_there():
    every = read(access_rights={"orders": LIMITED})
    one_other = read(access_rights={"orders": LIMITED, "stock": {}})
    zero = read(access_rights={"orders": API["orders"] | {"limit": {"rate": 0, "per": 0, "quota_max": 0}}})

    assert limits_of(every) == {("orders", 7), ("orders", 70)}
    assert limits_of(one_other) == {("orders", 7), ("orders", 70), ("stock", 1000)}
    assert limits_of(zero) == {("", 1000)}


def test_limits_that_several_other_apis_share_hold_for_all_and_that_is_told():
    imported = read(access_rights={"orders": LIMITED, "stock": {}, "bills": {}})

    assert limits_of(imported) == {("orders", 7), ("orders", 70), ("", 1000)}
    assert told(imported)["access_rights.orders.limit"].startswith("holds beside")


@pytest.mark.parametrize(
    ("url", "path", "granted", "refused"),
    [
        ("/get", "*/get*", "/v1/getaway", "/ge"),
        ("^/get$", "/get", "/get", "/get/1"),
        ("^/users/.*", "/users/*", "/users/1/x", "/user"),
        ("^/users/(.*)$", "/users/*", "/users/1", "/user"),
        ("^/users/[^/]+$", "/users/{segment}", "/users/1", "/users/1/x"),
        ("^/users/{id}/x$", "/users/{id}/x", "/users/1/x", "/users/1"),
        (r"^/v1\.0/a\-b$", "/v1.0/a-b", "/v1.0/a-b", "/v1x0/a-b"),
        ("/a/*", "*/a/*", "/a/b", "/ab"),
        (".*", "*", "/anything", None),
    ],
)
def test_expressions_become_the_paths_that_they_match(url, path, granted, refused):
    """Tyk matches anywhere in the path, unless the expression is anchored."""
    imported = read(access_rights={"orders": {"allowed_urls": [{"url": url, "methods": ["GET"]}]}})

    grants = [grant.value() for grant in key_of(imported).grants]

    assert [grant.path for grant in grants] == [path]
    assert find_grant(grants, apis=["orders"], method="GET", path=granted)
    assert not find_grant(grants, apis=["orders"], method="POST", path=granted)
    assert refused is None or not find_grant(grants, apis=["orders"], method="GET", path=refused)
    assert ("access_rights.orders.allowed_urls.0.url" in told(imported)) == (path != url)


@pytest.mark.parametrize(
    "url", ["/a|/b", "/a/\\d+", "/(a|b)", "/a+", "/[a-z]", "/a{2}", "/x?", "/a.+", "(?i)/a", "a b"]
)
def test_an_expression_that_no_path_says_is_refused(url):
    with pytest.raises(Problem) as raised:
        read(access_rights={"orders": {"allowed_urls": [{"url": url, "methods": ["GET"]}]}})

    assert [error.field for error in raised.value.errors] == ["access_rights.orders.allowed_urls.0.url"]


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"access_rights": {"orders": {"versions": ["v2"]}}}, "access_rights.orders.versions"),
        ({"access_rights": {"orders": {"endpoints": [{"path": "/a"}]}}}, "access_rights.orders.endpoints"),
        ({"access_rights": {"orders": {"limit": {"rate": 1, "per": 1, "throttle_interval": 5}}}},
         "access_rights.orders.limit.throttle_interval"),
        ({"throttle_interval": 5}, "throttle_interval"),
        ({"hmac_enabled": True}, "hmac_enabled"),
        ({"basic_auth_data": {"password": "x"}}, "basic_auth_data"),
        ({"certificate": "abc"}, "certificate"),
        ({"oauth_client_id": "abc"}, "oauth_client_id"),
        ({"monitor": {"trigger_limits": [80]}}, "monitor"),
        ({"session_lifetime": 60}, "session_lifetime"),
        ({"quota_max": 9, "quota_remaining": 3}, "quota_remaining"),
        ({"meta_data": {"rate_limit_pattern": "$tyk_meta.x"}}, "meta_data.rate_limit_pattern"),
        ({"is_inactive": True, "apply_policies": ["gold"]}, "is_inactive"),
        ({"jwt_data": {"secret": SECRET}}, "jwt_data.secret"),
        ({"jwt_data": None, "key_id": None}, "jwt_data"),
        ({"key_id": None}, "key_id"),
        ({"of_a_later_release": {"x": 1}}, "of_a_later_release"),
    ],
)  # fmt: skip
def test_what_a_key_has_no_room_for_is_told(members, field):
    imported = read(**members)

    assert field in told(imported)
    key_of(imported)


def test_one_policy_in_the_older_member_is_taken_too():
    assert key_of(read(apply_policies=None, apply_policy_id="gold")).policies == ["gold"]


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"rate": "ten"}, "rate"),
        ({"rate": True}, "rate"),
        ({"rate": 0.5}, "rate"),
        ({"rate": math.inf}, "rate"),
        ({"rate": 1e300}, "rate"),
        ({"rate": 10**400}, "rate"),
        ({"per": 10**4299, "rate": 1}, "per"),
        ({"expires": 10**400}, "expires"),
        ({"quota_max": 1, "quota_renewal_rate": 10**400}, "quota_renewal_rate"),
        ({"per": 0}, "per"),
        ({"per": 0.5}, "per"),
        ({"per": 86_401}, "per"),
        ({"quota_max": -2}, "quota_max"),
        ({"quota_max": 5, "quota_renewal_rate": 1e12}, "quota_renewal_rate"),
        ({"expires": 1e18}, "expires"),
        ({"expires": -5}, "expires"),
        ({"is_inactive": "yes"}, "is_inactive"),
        ({"alias": 5}, "alias"),
        ({"alias": "a\nb"}, "alias"),
        ({"tags": ["fine", "a b"]}, "tags.1"),
        ({"meta_data": {"a b": "x"}}, "meta_data.a b"),
        ({"meta_data": "x"}, "meta_data"),
        ({"apply_policies": "gold"}, "apply_policies"),
        ({"apply_policies": ["a b"]}, "apply_policies.0"),
        ({"access_rights": {}}, "access_rights"),
        ({"access_rights": []}, "access_rights"),
        ({"access_rights": {"orders": "x"}}, "access_rights.orders"),
        ({"access_rights": {"a b": {}}}, "access_rights.a b"),
        ({"access_rights": {"orders": {"versions": "x"}}}, "access_rights.orders.versions"),
        ({"access_rights": {"orders": {"limit": 5}}}, "access_rights.orders.limit"),
        ({"access_rights": {"orders": {"limit": {"rate": "x"}}}}, "access_rights.orders.limit.rate"),
        ({"access_rights": {"orders": {"allowed_urls": "x"}}}, "access_rights.orders.allowed_urls"),
        ({"access_rights": {"orders": {"allowed_urls": [5]}}}, "access_rights.orders.allowed_urls.0"),
        ({"access_rights": {"orders": {"allowed_urls": [{"url": "/a", "methods": []}]}}},
         "access_rights.orders.allowed_urls.0.methods"),
        ({"access_rights": {"orders": {"allowed_urls": [{"url": "/a", "methods": ["GET", "get"]}]}}},
         "access_rights.orders.allowed_urls.0.methods.1"),
        ({"jwt_data": "x"}, "jwt_data"),
        ({"jwt_data": {"secret": 5}}, "jwt_data.secret"),
        ({"key_id": 5}, "key_id"),
        ({"key_id": ""}, "key_id"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_named_in_the_words_of_tyk(members, field):
    with pytest.raises(Problem) as raised:
        imported = read(**members)
        try:
            key_of(imported)
        except Problem as problem:
            raise imported.in_its_words(problem) from None

    assert field in [error.field for error in raised.value.errors]
