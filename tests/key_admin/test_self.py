"""GET /self: any key hears of itself, at no cost, and nobody learns of another."""

import time

import pytest

from access.key_ids import format_opaque_key_id
from key_admin.times import write_time
from tests.conftest import SECRET, call, sign

LIMITS = {
    "rate_limits": [{"limit": 5, "period": "minute"}],
    "quotas": [{"limit": 1, "period": "day", "name": "daily"}],
}


def ask(stack, token, **options):
    return call("GET", f"{stack.admin_url}/self", token=token, **options)


def new_key(admin, kind, **members):
    """A key and its credential."""
    if kind == "JWT":
        key = admin.create_key(**members)
        return key, sign(key["key_id"])
    key = admin("POST", "/keys", {"name": "test", "grants": [{"api": "*"}]} | members).body
    return key, key["key_id"]


@pytest.mark.parametrize("kind", ["JWT", "opaque"])
def test_a_key_hears_its_name_its_grants_its_limits_and_when_it_ends(stack, admin, kind):
    ends_at = write_time(int(time.time()) + 3600)
    key, token = new_key(
        admin, kind, name="mobile", expires_at=ends_at, grants=[{"api": "orders", "methods": ["GET"]}], **LIMITS
    )

    answer = ask(stack, token)

    assert answer.status == 200
    effective = admin("GET", f"/keys/{key['key_hash']}").body["effective"]
    shown = {name: effective[name] for name in ("grants", "rate_limits", "quotas")}
    assert answer.body == {"name": "mobile", "expires_at": ends_at, **shown}
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("kind", ["JWT", "opaque"])
def test_asking_counts_nothing_and_a_key_that_has_spent_its_limits_is_answered(stack, admin, kind):
    key, token = new_key(admin, kind, **LIMITS)
    assert [ask(stack, token).status for _ in range(8)] == [200] * 8
    assert admin("GET", f"/keys/{key['key_hash']}").body["last_used_at"] is None

    statuses = [call("GET", f"{stack.rest_url}/x", token=token).status for _ in range(2)]

    assert statuses == [200, 429]
    assert [(one["name"], one["remaining"]) for one in ask(stack, token).body["quotas"]] == [("daily", 0)]
    assert admin("GET", f"/keys/{key['key_hash']}/usage").body["items"][0]["allowed"] == 1


def test_whatever_fails_before_a_key_is_proved_has_one_answer(stack, admin):
    key, token = new_key(admin, "JWT")
    deleted, gone = new_key(admin, "opaque")
    assert admin("DELETE", f"/keys/{deleted['key_hash']}").status == 204
    tokens = [
        "",
        "abc",
        gone,
        sign("nobody-has-this-id"),
        sign(key["key_id"], secret=SECRET[::-1]),
        sign(key["key_id"], exp=1),
        key["key_id"],
        format_opaque_key_id(bytes(32)),
    ]

    answers = [ask(stack, one) for one in tokens]
    answers.append(ask(stack, "", headers={"Cookie": f"Authorization={token}"}))

    assert {(answer.status, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer error="invalid_token"'}


@pytest.mark.parametrize(
    ("members", "patch", "reason"),
    [
        ({}, {"enabled": False}, "key_disabled"),
        ({"expires_at": ""}, {}, "key_expired"),
        ({"sources": ["198.51.100.0/24"]}, {}, "source_not_allowed"),
        ({"policies": ["asleep-now"], "grants": []}, {}, "policy_unavailable"),
    ],
)
def test_a_key_that_is_not_in_force_hears_why(stack, admin, members, patch, reason):
    admin("PUT", "/policies/asleep-now", {"name": "p", "active": False, "grants": [{"api": "*"}]})
    if "expires_at" in members:
        members = {"expires_at": write_time(int(time.time()) + 2)}
    key, token = new_key(admin, "JWT", **members)
    if "expires_at" in members:
        time.sleep(2.1)
    if patch:
        admin("PATCH", f"/keys/{key['key_hash']}", patch)

    answer = ask(stack, token)

    assert (answer.status, answer.body["reason"]) == (403, reason)


def test_an_admin_key_hears_of_itself_too(stack, admin):
    assert ask(stack, admin.key).body["grants"] == [{"api": "admin", "methods": ["*"], "path": "/*", "cost": 1}]
