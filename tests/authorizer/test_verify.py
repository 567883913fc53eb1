"""VERIFY: a direct invocation of the authorizer decides by the same recipe, and counts."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from dev.lambda_runtime import FunctionError
from tests.conftest import SECRET, call, sign


def verify(stack, told=None, **members):
    event = {"type": "VERIFY", "api": "orders", "method": "GET", "path": "/v1/x"} | members
    return stack.functions["AuthorizerFunction"].invoke(event, told=told)


def test_an_allowed_call_is_counted_and_answered_with_its_context(stack, admin):
    key = admin.create_key(
        name="worker", owner="acme", tags=["a"], metadata={"tier": "gold"}, quotas=[{"limit": 5, "period": "day"}]
    )

    answers = [verify(stack, credential=credential(key)) for credential in (plain, as_bearer)]

    assert [answer["context"].pop("quotaReset") > 0 for answer in answers] == [True, True]
    assert [answer["context"]["quotaRemaining"] for answer in answers] == [4, 3]
    assert answers[0] | {"context": {}} == {
        "allowed": True,
        "reason": "",
        "retry_after": None,
        "key_hash": key["key_hash"],
        "context": {},
    }
    shown = ("keyHash", "keyName", "owner", "tags", "meta_tier", "quotaLimit", "reason")
    context = answers[0]["context"]
    assert [context[name] for name in shown] == [key["key_hash"], "worker", "acme", "a", "gold", 5, ""]
    assert admin("GET", f"/keys/{key['key_hash']}").body["effective"]["quotas"][0]["used"] == 2


def plain(key):
    return sign(key["key_id"])


def as_bearer(key):
    return f"Bearer {sign(key['key_id'])}"


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"rate_limits": [{"limit": 2, "period": "60s"}]}, "rate_limited"),
        ({"quotas": [{"limit": 2, "period": "hour"}]}, "quota_exhausted"),
    ],
)
def test_a_limit_refuses_with_the_time_to_wait_and_is_the_one_that_the_gateway_counts(stack, admin, limits, reason):
    key = admin.create_key(**limits)
    assert call("GET", f"{stack.rest_url}/x", token=sign(key["key_id"])).status == 200

    first, second = (verify(stack, credential=sign(key["key_id"])) for _ in range(2))

    assert (first["allowed"], second["allowed"], second["reason"]) == (True, False, reason)
    assert 0 < second["retry_after"] <= 3600
    assert (second["key_hash"], second["context"]["reason"]) == (key["key_hash"], reason)
    assert call("GET", f"{stack.rest_url}/x", token=sign(key["key_id"])).status == 429


def test_of_many_callers_at_a_quota_of_20_exactly_20_are_allowed(stack, admin):
    token = sign(admin.create_key(quotas=[{"limit": 20, "period": "day"}])["key_id"])

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: verify(stack, credential=token), range(40)))

    assert sum(answer["allowed"] for answer in answers) == 20


def test_whatever_fails_in_steps_1_to_5_has_one_answer_and_its_reason_in_the_log(stack, admin):
    key = admin.create_key()
    lines: list[str] = []
    credentials = ["", "abc", sign("nobody-has-this-id"), sign(key["key_id"], secret=SECRET[::-1])]

    answers = [verify(stack, lines, credential=one) for one in credentials]

    assert answers == [answers[0]] * 4
    assert (answers[0]["allowed"], answers[0]["reason"], answers[0]["key_hash"]) == (False, "unauthorized", "")
    assert answers[0]["context"]["reason"] == ""
    logged = [json.loads(line)["reason"] for line in lines if line.startswith("{")]
    assert logged == ["missing_credential", "malformed_token", "unknown_key", "invalid_signature"]
    assert not [part for one in credentials[1:] for part in one.split(".") if part in "".join(lines)]


def test_grants_and_sources_are_judged_as_they_are_for_the_gateway(stack, admin):
    key = admin.create_key(grants=[{"api": "orders", "methods": ["GET"], "path": "/v1/*"}], sources=["203.0.113.0/24"])
    calls = [
        {"source": "203.0.113.9"},
        {"source": "203.0.113.9", "method": "POST"},
        {"source": "203.0.113.9", "path": "/v2/x"},
        {"source": "203.0.113.9", "path": "/v1/%2e%2e/x"},
        {"source": "203.0.113.9", "api": "another"},
        {"source": "198.51.100.1"},
        {},
    ]

    reasons = [verify(stack, credential=sign(key["key_id"]), **one)["reason"] for one in calls]

    assert reasons == ["", *["not_granted"] * 4, *["source_not_allowed"] * 2]


def test_an_api_may_be_named_by_its_gateway(stack, admin):
    token = sign(admin.create_key(grants=[{"api": "a1b2c3/prod"}])["key_id"])

    assert [verify(stack, credential=token, api=api)["allowed"] for api in ("a1b2c3/prod", "a1b2c3/test")] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "credential: is missing"),
        ({"credential": 5}, "credential: must be a string"),
        ({"credential": "x", "api": ""}, "api: must be the id"),
        ({"credential": "x", "api": "*"}, "api: must be the id"),
        ({"credential": "x", "method": "get"}, "method: must be a method in capitals"),
        ({"credential": "x", "path": "v1"}, "path: must begin with /"),
        ({"credential": "x", "path": "/v1?a=b"}, "path: must begin with /"),
        ({"credential": "x", "source": "here"}, "source: must be an IP address"),
        ({"credential": "x", "token": "y"}, "token: is not a member"),
        ({"credential": "x", "path": None}, "path: is missing"),
    ],
)
def test_malformed_input_is_named(stack, members, message):
    with pytest.raises(FunctionError) as raised:
        verify(stack, **members)

    assert raised.value.kind == "MalformedEventError"
    assert raised.value.message.startswith(message)
