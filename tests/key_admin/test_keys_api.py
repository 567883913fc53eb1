"""The admin API over HTTP, behind the project's own authorizer."""

import json
import time

import pytest

from authorizer.memory import LOOK_AGAIN_MS
from tests.conftest import SECRET, call, sign


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/keys"),
        ("POST", "/keys"),
        ("GET", "/nope"),
        ("PUT", "/policies/x"),
        ("OPTIONS", "/keys"),
        ("GET", "//keys"),
        ("GET", "/keys/%2e%2e/keys"),
    ],
)
def test_everything_but_the_open_pages_asks_for_an_admin_key(stack, admin, method, path):
    ordinary = sign(admin.create_key(grants=[{"api": "*"}])["key_id"])

    assert call(method, stack.admin_url + path).status == 403  # a cookie may come in place of the header
    assert call(method, stack.admin_url + path, token=ordinary).status == 403
    assert call(method, stack.admin_url + path, token="tg_forged").status == 403


def test_health_and_front_are_open(stack):
    assert call("GET", f"{stack.admin_url}/health").body == {"status": "ok"}
    assert call("GET", f"{stack.admin_url}/").status == 200


def test_a_secret_is_shown_once_if_it_was_made_and_never_if_it_was_given(admin):
    given = admin("POST", "/keys", {"name": "n", "jwt_data": {"secret": SECRET}, "grants": [{"api": "*"}]})
    made = admin("POST", "/keys", {"name": "n", "jwt_data": {"generate": True}, "grants": [{"api": "*"}]})

    assert SECRET not in given.text
    assert made.body["jwt_data"]["encoding"] == "base64url"
    again = admin("GET", f"/keys/{made.body['key_hash']}")
    assert made.body["jwt_data"]["secret"] not in again.text
    assert made.body["key_id"] not in again.text


def test_a_record_shows_what_applies_and_what_is_used(stack, admin):
    admin(
        "PUT",
        "/policies/metered",
        {"name": "metered", "quotas": [{"limit": 5, "period": "day"}], "grants": [{"api": "*"}]},
    )
    key = admin.create_key(policies=["metered"], grants=[])
    call("GET", f"{stack.rest_url}/x", token=sign(key["key_id"]))

    found = admin("GET", f"/keys/{key['key_hash']}")

    assert found.headers["etag"] == '"1"'
    quota = found.body["effective"]["quotas"][0]
    assert (quota["limit"], quota["used"], quota["remaining"], quota["scope"], quota["name"]) == (
        5,
        1,
        4,
        "key",
        "default",
    )
    assert found.body["credentials"][0]["last_used_at"] is not None
    assert admin("POST", "/keys/lookup", {"key_id": key["key_id"]}).body["key_hash"] == key["key_hash"]


def test_patch_merges_and_keeps_counters(stack, admin):
    key = admin.create_key(quotas=[{"limit": 5, "period": "day"}], metadata={"a": "1", "b": "2"}, owner="acme")
    call("GET", f"{stack.rest_url}/x", token=sign(key["key_id"]))

    changed = admin(
        "PATCH",
        f"/keys/{key['key_hash']}",
        {"metadata": {"a": None, "c": "3"}, "owner": None, "quotas": [{"limit": 9, "period": "day"}]},
    )

    assert changed.status == 200
    assert (changed.body["metadata"], changed.body["owner"], changed.body["version"]) == ({"b": "2", "c": "3"}, "", 2)
    assert changed.body["effective"]["quotas"][0]["used"] == 1
    assert call("GET", f"{stack.rest_url}/x", token=sign(key["key_id"])).status == 200


def test_reset_sets_the_counters_to_zero_within_a_second(stack, admin):
    key = admin.create_key(quotas=[{"limit": 1, "period": "day"}])
    token = sign(key["key_id"])
    assert [call("GET", f"{stack.rest_url}/x", token=token).status for _ in range(2)] == [200, 429]

    assert admin("POST", f"/keys/{key['key_hash']}/reset").status == 200
    time.sleep(LOOK_AGAIN_MS / 1000)

    assert call("GET", f"{stack.rest_url}/x", token=token).status == 200


def test_a_chosen_key_id_is_taken_once(admin):
    wanted = {"name": "n", "key_id": "chosen:by-me", "jwt_data": {"secret": SECRET}, "grants": [{"api": "*"}]}

    assert [admin("POST", "/keys", wanted).status for _ in range(2)] == [201, 409]


def test_versions_guard_changes(admin):
    key = admin.create_key()
    path = f"/keys/{key['key_hash']}"

    assert admin("PATCH", path, {"name": "b"}, headers={"If-Match": '"9"'}).status == 412
    assert admin("DELETE", path, headers={"If-Match": '"9"'}).status == 412
    assert admin("PATCH", path, {"name": "b"}, headers={"If-Match": '"1"'}).status == 200
    assert admin("DELETE", path, headers={"If-Match": '"2"'}).status == 204
    assert admin("GET", path).status == 404
    assert admin("PUT", "/policies/fresh", {"name": "n"}, headers={"If-Match": '"1"'}).status == 412


GOOD = {"name": "n", "grants": [{"api": "*"}]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (GOOD | {"surprise": 1}, "surprise"),
        (GOOD | {"name": 1}, "name"),
        (GOOD | {"name": None}, "name"),
        (GOOD | {"name": ""}, "name"),
        ({"name": "n"}, "body"),
        (GOOD | {"key_id": "guessable"}, "key_id"),
        (GOOD | {"key_id": ""}, "key_id"),
        (GOOD | {"key_id": "", "jwt_data": {"secret": SECRET}}, "key_id"),
        (GOOD | {"enabled": "yes"}, "enabled"),
        (GOOD | {"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        (GOOD | {"expires_at": "tomorrow"}, "expires_at"),
        (GOOD | {"expires_at": "9999-99-99T00:00:00Z"}, "expires_at"),
        (GOOD | {"policies": ["no-such-policy"]}, "policies"),
        (GOOD | {"rate_limits": [{"limit": -1, "period": "1s"}]}, "rate_limits.0.limit"),
        (GOOD | {"rate_limits": [{"limit": "10", "period": "1s"}]}, "rate_limits.0.limit"),
        (GOOD | {"rate_limits": [{"limit": 1.5, "period": "1s"}]}, "rate_limits.0.limit"),
        (GOOD | {"rate_limits": [{"limit": True, "period": "1s"}]}, "rate_limits.0.limit"),
        (GOOD | {"rate_limits": [{"limit": 10**30, "period": "1s"}]}, "rate_limits.0.limit"),
        (GOOD | {"rate_limits": [{"limit": 1, "period": "never"}]}, "rate_limits.0.period"),
        (GOOD | {"rate_limits": [{"limit": 1, "period": "0s"}]}, "rate_limits.0.period"),
        (GOOD | {"rate_limits": [{"limit": 1, "period": "1s"}] * 2}, "rate_limits"),
        (GOOD | {"quotas": [{"limit": 1, "period": "7s", "anchor": "calendar"}]}, "quotas.0"),
        (GOOD | {"grants": [{"api": "*", "path": "no-slash"}]}, "grants.0.path"),
        (GOOD | {"grants": [{"api": "*", "path": "/{open"}]}, "grants.0.path"),
        (GOOD | {"grants": [{"api": "*", "methods": ["get"]}]}, "grants.0.methods.0"),
        (GOOD | {"metadata": {"a": 1}}, "metadata.a"),
        (GOOD | {"metadata": {"a": "x" * 257}}, "metadata.a"),
        (GOOD | {"jwt_data": None}, "jwt_data"),
        (GOOD | {"jwt_data": {}}, "jwt_data"),
        (GOOD | {"jwt_data": {"secret": SECRET, "algorithm": "none"}}, "jwt_data.algorithm"),
        (GOOD | {"jwt_data": {"secret": "too short"}}, "jwt_data.secret"),
        (GOOD | {"jwt_data": {"secret": SECRET, "leeway_seconds": 61}}, "jwt_data.leeway_seconds"),
    ],
)
def test_bad_input_is_refused_with_its_field_and_without_its_value(admin, body, field):
    answer = admin("POST", "/keys", body)

    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert field in [error["field"] for error in answer.body["errors"]]
    assert "too short" not in answer.text
    assert {"type", "title", "status", "detail"} <= set(answer.body)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b"\xff\xfe{}",
        '{"name":"n"}'.encode("utf-16"),
        b"[" * 50_000,
        b'{"a":' * 30_000,
    ],
)
def test_a_body_that_is_no_json_object_is_400(admin, raw):
    assert admin("POST", "/keys", raw).status == 400


def test_a_large_body_is_413_and_another_type_415(admin):
    assert admin("POST", "/keys", json.dumps({"name": "x" * 300_000}).encode()).status == 413
    assert (
        admin("POST", "/keys", b"name=n", headers={"Content-Type": "application/x-www-form-urlencoded"}).status == 415
    )


def test_wrong_methods_are_405_and_unknown_routes_404(admin):
    answer = admin("PUT", "/keys", {})

    assert (answer.status, answer.headers["allow"]) == (405, "GET, POST")
    assert admin("GET", "/nothing/here").status == 404
    assert admin("GET", "/keys/nonsense").status == 404
    assert admin("PATCH", f"/keys/{'A' * 43}", {"name": "b"}).status == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=!!!", "enabled=maybe"])
def test_bad_parameters_of_a_list_are_400(admin, query):
    assert admin("GET", f"/keys?{query}").status == 400


def test_policies_are_put_read_listed_and_deleted(admin):
    wanted = {"name": "Silver", "grants": [{"api": "*"}], "rate_limits": [{"limit": 5, "period": "second"}]}

    assert [admin("PUT", "/policies/silver", wanted).status for _ in range(2)] == [201, 200]
    assert admin("GET", "/policies/silver").body["version"] == 2
    assert "silver" in [one["policy_id"] for one in admin("GET", "/policies?limit=200").body["items"]]
    key = admin.create_key(policies=["silver"], grants=[])
    assert admin("DELETE", "/policies/silver").status == 409
    admin("DELETE", f"/keys/{key['key_hash']}")
    assert admin("DELETE", "/policies/silver").status == 204
    assert admin("GET", "/policies/silver").status == 404


def test_only_a_direct_invocation_makes_an_admin_key(stack, admin):
    function = stack.functions["KeyAdminFunction"]

    made = function.invoke({"operation": "create_admin_key", "name": "second"})

    assert call("GET", f"{stack.admin_url}/keys?limit=1", token=made["key_id"]).status == 200
    (entry,) = admin("GET", f"/audit?key_hash={made['key_hash']}").body["items"]
    assert (entry["principal"], bool(entry["request_id"])) == ("iam", True)
    assert function.invoke({"operation": "drop_everything", "name": "x"})["errors"][0]["field"] == "operation"
    assert admin("POST", "/", {"operation": "create_admin_key", "name": "x"}).status == 405
