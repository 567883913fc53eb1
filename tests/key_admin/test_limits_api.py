"""Limits as operators meet them: resets, usage, thresholds, and the settings of policies."""

import json
import time
from datetime import UTC, datetime

import pytest

from authorizer.memory import LOOK_AGAIN_MS
from tests.conftest import call, sign


def use(stack, key, times=1):
    token = sign(key["key_id"])
    return [call("GET", f"{stack.rest_url}/x", token=token).status for _ in range(times)]


def used(admin, key):
    effective = admin("GET", f"/keys/{key['key_hash']}").body["effective"]
    return {limit["name"]: limit["used"] for limit in [*effective["rate_limits"], *effective["quotas"]]}


def test_one_limit_is_reset_and_the_others_keep_what_was_used(stack, admin):
    key = admin.create_key(
        rate_limits=[{"limit": 50, "period": "hour", "name": "hourly"}],
        quotas=[{"limit": 3, "period": "day", "name": "daily"}, {"limit": 9, "period": "never", "name": "paid"}],
    )
    assert use(stack, key, 4) == [200, 200, 200, 429]

    answer = admin("POST", f"/keys/{key['key_hash']}/reset", {"kind": "quota", "name": "daily"})

    assert answer.status == 200
    assert used(admin, key) == {"hourly": 3, "daily": 0, "paid": 3}
    time.sleep(LOOK_AGAIN_MS / 1000)
    assert use(stack, key, 4) == [200, 200, 200, 429]
    assert admin("POST", f"/keys/{key['key_hash']}/reset", {}).status == 200
    assert used(admin, key) == {"hourly": 0, "daily": 0, "paid": 0}


def test_an_id_that_is_deleted_and_made_again_is_another_key(stack, admin):
    """The authorizer has the deleted one in memory, at the same version."""
    first = admin.create_key(key_id="made-again", quotas=[{"limit": 2, "period": "day"}])
    assert use(stack, first, 2) == [200, 200]
    assert admin("DELETE", f"/keys/{first['key_hash']}").status == 204

    secret = "the-secret-of-the-second-key-which-nobody-had-before"
    second = admin.create_key(
        key_id="made-again",
        quotas=[{"limit": 2, "period": "day"}],
        jwt_data={"algorithm": "HS256", "secret": secret},
    )

    assert (second["version"], use(stack, first)) == (1, [401])
    token = sign("made-again", secret=secret)
    assert [call("GET", f"{stack.rest_url}/x", token=token).status for _ in range(3)] == [200, 200, 429]


def test_a_reset_of_a_limit_that_is_not_there_names_the_field(admin):
    key = admin.create_key(quotas=[{"limit": 3, "period": "day"}])

    answer = admin("POST", f"/keys/{key['key_hash']}/reset", {"name": "nightly"})

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "name")


def test_the_limit_of_an_owner_is_shown_and_reset_through_any_of_its_keys(stack, admin):
    shared = {"quotas": [{"limit": 2, "period": "day", "scope": "owner"}], "owner": "initech"}
    first, second = admin.create_key(**shared), admin.create_key(**shared)
    assert use(stack, first) + use(stack, second) + use(stack, first) == [200, 200, 429]

    shown = admin("GET", f"/keys/{second['key_hash']}").body["effective"]["quotas"][0]

    assert (shown["scope"], shown["used"], shown["remaining"]) == ("owner", 2, 0)
    assert admin("POST", f"/keys/{second['key_hash']}/reset", {"scope": "owner"}).status == 200
    assert used(admin, first) == {"default": 0}


def test_usage_shows_the_requests_of_today(stack, admin):
    key = admin.create_key(quotas=[{"limit": 3, "period": "day"}])
    use(stack, key, 3)
    today = datetime.now(UTC).date().isoformat()

    answer = admin("GET", f"/keys/{key['key_hash']}/usage")

    assert answer.body == {"items": [{"date": today, "allowed": 3, "refused": 0}]}
    assert admin("GET", f"/keys/{key['key_hash']}/usage?from=2020-01-01&to=2020-12-31").body == {"items": []}


@pytest.mark.parametrize(
    ("query", "field"),
    [("from=yesterday", "from"), ("to=2026-13-01", "to"), ("from=2026-02-02&to=2026-02-01", "from")],
)
def test_usage_of_no_interval_names_the_field(admin, query, field):
    key = admin.create_key()

    answer = admin("GET", f"/keys/{key['key_hash']}/usage?{query}")

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, field)


def test_a_threshold_is_published_once_when_it_is_crossed(stack, admin):
    events, queues = stack.services.client("events"), stack.services.client("sqs")
    queue = queues.create_queue(QueueName="thresholds")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="thresholds", EventPattern=json.dumps({"source": ["tollgate"]}))
    events.put_targets(Rule="thresholds", Targets=[{"Id": "queue", "Arn": arn}])
    metered = {"name": "m", "grants": [{"api": "*"}], "quotas": [{"limit": 4, "period": "day"}]}
    assert admin("PUT", "/policies/watched", metered | {"thresholds": [50, 100]}).status == 201
    key = admin.create_key(policies=["watched"], grants=[], owner="globex")

    use(stack, key, 6)

    messages = queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    details = [json.loads(message["Body"])["detail"] for message in messages]
    seen = {(one["percent"], one["used"], one["owner"], one["keyHash"]) for one in details}
    assert len(details) == 2
    assert seen == {(50, 2, "globex", key["key_hash"]), (100, 4, "globex", key["key_hash"])}


def test_a_policy_says_how_its_limits_are_counted(admin):
    wanted = {
        "name": "hot",
        "quotas": [{"limit": 1000, "period": "day"}],
        "counting": {"mode": "leased", "max_staleness_seconds": 2, "fail_open": True},
        "thresholds": [100, 80, 80],
    }

    answer = admin("PUT", "/policies/hot", wanted)

    assert answer.body["counting"] == wanted["counting"]
    assert answer.body["thresholds"] == [80, 100]


@pytest.mark.parametrize(
    ("member", "field"),
    [
        ({"counting": {"mode": "guessed"}}, "counting.mode"),
        ({"counting": {"mode": "leased", "max_staleness_seconds": 60}}, "counting.max_staleness_seconds"),
        ({"thresholds": [0]}, "thresholds.0"),
        ({"thresholds": [101]}, "thresholds.0"),
        ({"quotas": [{"limit": 1, "period": "day", "scope": "planet"}]}, "quotas.0.scope"),
    ],
)
def test_settings_that_make_no_sense_name_the_field(admin, member, field):
    answer = admin("PUT", "/policies/bad", {"name": "bad"} | member)

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, field)


# --- which limit is which ------------------------------------------------------------------


@pytest.mark.parametrize("api", ["*", "", None])
def test_a_limit_of_every_api_is_counted_however_it_is_written(stack, admin, api):
    member = {} if api is None else {"api": api}
    key = admin.create_key(quotas=[{"limit": 2, "period": "day"} | member])

    assert use(stack, key, 3) == [200, 200, 429]
    shown = admin("GET", f"/keys/{key['key_hash']}").body["effective"]["quotas"][0]
    assert (shown["api"], shown["used"], shown["remaining"], shown["reachable"]) == ("", 2, 0, True)
    assert admin("POST", f"/keys/{key['key_hash']}/reset", {"kind": "quota"} | member).status == 200
    assert used(admin, key) == {"default": 0}


def test_a_limit_left_without_api_goes_on_where_it_is_written_with_a_star(stack, admin):
    """In a policy and in a patch, too: one limit, one counter."""
    quota = {"limit": 3, "period": "day"}
    policy = {"name": "p", "grants": [{"api": "*"}], "quotas": [quota]}
    admin("PUT", "/policies/plain", policy)
    admin("PUT", "/policies/starred", policy | {"quotas": [quota | {"api": "*"}]})
    key = admin.create_key(quotas=[quota])
    assert use(stack, key) == [200]

    for change in ({"quotas": [quota | {"api": "*"}]}, {"policies": ["plain"]}, {"policies": ["plain", "starred"]}):
        assert admin("PATCH", f"/keys/{key['key_hash']}", change).status == 200
    assert use(stack, key, 3) == [200, 200, 429]


@pytest.mark.parametrize("owner", ["", "hooli"])
def test_limits_of_one_name_and_another_scope_are_shown_counted_and_reset_apart(stack, admin, owner):
    quotas = [{"limit": 5, "period": "day"}, {"limit": 2, "period": "day", "scope": "owner"}]
    key = admin.create_key(owner=owner, quotas=quotas)

    assert use(stack, key, 3) == [200, 200, 429]
    shown = admin("GET", f"/keys/{key['key_hash']}").body["effective"]["quotas"]
    assert [(limit["scope"], limit["used"], limit["remaining"]) for limit in shown] == [("key", 2, 3), ("owner", 2, 0)]
    assert admin("POST", f"/keys/{key['key_hash']}/reset", {"name": "default", "scope": "owner"}).status == 200
    time.sleep(LOOK_AGAIN_MS / 1000)
    assert use(stack, key, 3) == [200, 200, 429]
    shown = admin("GET", f"/keys/{key['key_hash']}").body["effective"]["quotas"]
    assert [(limit["scope"], limit["used"]) for limit in shown] == [("key", 4), ("owner", 2)]


# --- unlimited -----------------------------------------------------------------------------


def test_an_unlimited_policy_lifts_the_limit_of_its_name_and_leaves_the_others(stack, admin):
    metered = {
        "name": "metered",
        "grants": [{"api": "*"}],
        "quotas": [{"limit": 1, "period": "day"}, {"limit": 4, "period": "day", "name": "other"}],
    }
    admin("PUT", "/policies/capped", metered)
    free = {"name": "free", "quotas": [{"limit": "unlimited", "api": "*"}]}
    answer = admin("PUT", "/policies/uncapped", free)
    assert answer.body["quotas"] == [{"limit": "unlimited", "anchor": "first_use", "name": "default", "scope": "key"}]
    key = admin.create_key(policies=["capped", "uncapped"], grants=[])

    assert use(stack, key, 5) == [200, 200, 200, 200, 429]
    other, lifted = admin("GET", f"/keys/{key['key_hash']}").body["effective"]["quotas"]
    assert (other["name"], other["limit"], other["used"]) == ("other", 4, 4)
    assert lifted == {
        "name": "default",
        "scope": "key",
        "api": "",
        "limit": "unlimited",
        "period": None,
        "used": None,
        "remaining": None,
        "resets_at": None,
        "reachable": True,
    }


def test_what_a_policy_shows_of_unlimited_can_be_put_again(admin):
    wanted = {
        "name": "p",
        "rate_limits": [{"limit": "unlimited", "period": "1s", "name": "burst"}, {"limit": "unlimited"}],
        "quotas": [{"limit": "unlimited", "period": "month", "anchor": "calendar", "scope": "owner"}],
    }
    first = admin("PUT", "/policies/again", wanted).body
    again = admin("PUT", "/policies/again", {name: first[name] for name in wanted}).body

    assert {name: again[name] for name in wanted} == {name: first[name] for name in wanted}
    assert [limit["limit"] for limit in again["rate_limits"] + again["quotas"]] == ["unlimited"] * 3


@pytest.mark.parametrize("kind", ["rate_limits", "quotas"])
def test_a_key_is_never_unlimited_by_itself(admin, kind):
    key = admin.create_key()
    limits = {kind: [{"limit": "unlimited", "period": "1s"}]}

    answers = [
        admin("POST", "/keys", {"name": "n", "grants": [{"api": "*"}]} | limits),
        admin("PATCH", f"/keys/{key['key_hash']}", limits),
    ]

    assert [(answer.status, answer.body["errors"][0]["field"]) for answer in answers] == [(400, f"{kind}.0.limit")] * 2
