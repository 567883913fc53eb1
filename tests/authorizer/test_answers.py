"""The policies that go back to API Gateway: right for the call, within its quotas, never wider than asked for."""

import json
import random
import re
from functools import partial

import pytest

from access.decisions import Allow, Deny, LimitStatus, Reason
from access.grants import Grant, find_grant
from access.keys import KeyHash, KeyRecord
from access.policies import MAX_TOLD_BYTES, Effective, told_bytes
from authorizer.answers import render
from authorizer.authorize import Outcome
from authorizer.events import read_event
from dev.gateway.iam import evaluate
from dev.services import ROOT
from key_admin.models.keys import MAX_POLICIES
from key_admin.models.rights import MAX_TAGS

MAX_ANSWER_BYTES = 8 * 1024  # both are quotas of API Gateway
MAX_RESOURCE_LENGTH = 512
EVENT = json.loads((ROOT / "events/authorizer_rest_request.json").read_text())
BASE = EVENT["methodArn"].partition("/GET/")[0]


def asked(path, method="GET"):
    return read_event(EVENT | {"methodArn": f"{BASE}/{method}{path}"})


def answer_to(path, grants, metadata=None, *, api="orders"):
    """The answer to an allowed GET of a path."""
    record = KeyRecord(KeyHash("A" * 43), 1, "n" * 128, created_at=0, updated_at=0, owner="o" * 128)
    effective = Effective(tuple(grants), (), (), tuple("t" * 64 for _ in range(20)), metadata or {})
    outcome = Outcome(Allow(record), effective, (api,))
    return render(asked(path), outcome, usage_key="k" * 36)


def verdict(answer, path):
    return evaluate(answer["policyDocument"], f"{BASE}/GET{path}")


MUCH = {f"k{number}": "v" * 240 for number in range(16)}  # about what an admin may give a key


@pytest.mark.parametrize("count", [1, 20, 24, 25, 100])
@pytest.mark.parametrize("metadata", [{}, MUCH], ids=["plain", "with metadata"])
def test_an_answer_allows_the_call_and_fits_however_many_grants_there_are(count, metadata):
    grants = [Grant("orders", path=f"/{'y' * 240}{number}") for number in range(count)] + [Grant("*", path="/x")]

    answer = answer_to("/x", grants, metadata)

    assert verdict(answer, "/x") == "allow"
    assert verdict(answer, "/elsewhere") == "implicit deny"
    assert len(json.dumps(answer).encode()) <= MAX_ANSWER_BYTES


def test_the_longest_that_a_key_may_have_fits_however_it_is_written():
    """Every bound of the admin API at once, in characters that JSON writes longest, at a limit."""
    policies = tuple(f"{number:02}{'p' * 62}" for number in range(MAX_POLICIES))
    record = KeyRecord(KeyHash("A" * 43), 1, "\U0001f511" * 128, 0, 0, owner="o" * 128, policies=policies)
    tags = tuple(f"{number:02}{'t' * 62}" for number in range(MAX_TAGS))
    metadata = {"": '"' * ((MAX_TOLD_BYTES - told_bytes(tags, {"": ""})) // 2)}
    status = LimitStatus("quota", "q", "", "key", 10**12, "month", 10**12, 0, 10**10)
    decision = Deny(Reason.QUOTA_EXHAUSTED, record, (status, status._replace(kind="rate")), status, 10**7)
    effective = Effective((Grant("*"),), (), (), tags, metadata)
    room = MAX_RESOURCE_LENGTH - len(f"{BASE}/GET/")

    for path in ("y" * room, "*" + "y" * 100, "***"):
        event = EVENT | {"methodArn": f"{BASE}/GET/{path}", "stageVariables": {"tollgateLimits": "429"}}
        request = read_event(event)
        answer = render(request, Outcome(decision, effective, ("orders",)), usage_key="k" * 128)

        assert request.can_be_allowed
        assert answer["context"]["reason"] == "quota_exhausted"
        assert len(json.dumps(answer, ensure_ascii=False).encode()) <= MAX_ANSWER_BYTES  # as the runtime writes it


def test_grants_without_wildcards_are_all_named_so_that_a_kept_answer_is_right_elsewhere():
    answer = answer_to(
        "/x", [Grant("orders", path="/x"), Grant("orders", ("GET", "PUT"), "/y/1"), Grant("orders", path="/")]
    )

    assert [verdict(answer, path) for path in ("/x", "/y/1", "/")] == ["allow"] * 3
    assert evaluate(answer["policyDocument"], f"{BASE}/PUT/y/1") == "allow"
    assert [verdict(answer, path) for path in ("/y", "/y/2", "/x/y/1", "/y/1/z")] == ["implicit deny"] * 4
    assert evaluate(answer["policyDocument"], f"{BASE}/POST/y/1") == "implicit deny"


@pytest.mark.parametrize(
    ("pattern", "path", "elsewhere"),
    [
        ("/users/{id}", "/users/1", "/users/1/secrets"),
        ("/users/{id}", "/users/1", "/users/2"),
        ("/files/*", "/files/a", "/files/../secrets"),
        ("/files/*", "/files/a", "/files/%2e%2e/secrets"),
        ("/100%25", "/100%2525", "/100%25"),
        ("/what?", "/what%3f", "/whatx"),
        ("/a/../b", "/c", "/a/../b"),
    ],
)
def test_what_a_policy_cannot_say_exactly_stays_closed_in_a_kept_answer(pattern, path, elsewhere):
    """A `*` of a policy crosses segments and takes dot segments along; it compares paths as they were sent."""
    answer = answer_to(path, [Grant("orders", path=pattern), Grant("orders", path="/c")])

    assert (verdict(answer, path), verdict(answer, elsewhere)) == ("allow", "implicit deny")


def test_a_method_that_is_any_becomes_each_of_them_since_a_wildcard_would_cross_into_the_path():
    answer = answer_to("/x", [Grant("orders", path="/x")])

    assert evaluate(answer["policyDocument"], f"{BASE}/PATCH/x") == "allow"
    assert verdict(answer, "/secrets/x") == "implicit deny"


def test_many_grants_open_nothing_but_what_was_asked_for():
    """Neither too many of them nor too long ones ever made room for `GET/*`."""
    grants = [Grant("orders", path=f"/{'y' * 200}{number}") for number in range(40)] + [Grant("orders", path="/f/*")]

    answer = answer_to("/f/1", grants)

    assert answer["policyDocument"]["Statement"][0]["Resource"] == [f"{BASE}/GET/f/1"]


def test_a_kept_answer_opens_nothing_that_another_api_grants():
    answer = answer_to("/x", [Grant("orders", path="/x"), Grant("stock", path="/y")])

    assert [verdict(answer, path) for path in ("/x", "/y")] == ["allow", "implicit deny"]


def test_a_kept_answer_of_the_admin_api_holds_only_what_names_it():
    """A grant of every API is none of the admin API, in a policy as in a decision."""
    answer = answer_to("/keys", [Grant("admin", ("GET",), "/keys"), Grant("*", path="/audit")], api="admin")

    assert [verdict(answer, path) for path in ("/keys", "/audit")] == ["allow", "implicit deny"]


def test_a_wildcard_in_the_path_that_was_asked_for_grants_no_run_of_characters():
    answer = answer_to("/f/**", [Grant("orders", path="/f/*")])

    assert verdict(answer, "/f/**") == "allow"
    assert [verdict(answer, path) for path in ("/f/other", "/f/*", "/f/***")] == ["implicit deny"] * 3


@pytest.mark.parametrize(
    ("path", "elsewhere"),
    [
        ("/f/**", "/f/.."),
        ("/f/**", "/f/*."),
        ("/f/**", "/f//."),
        ("/f/..*", "/f/..;"),
        ("/f/..*", "/f/..\\"),
        ("/f/..*x", "/f/../x"),
        ("/f/.*2e", "/f/.%2e"),
    ],
)
def test_a_wildcard_in_the_path_that_was_asked_for_makes_no_dot_segment(path, elsewhere):
    answer = answer_to(path, [Grant("orders", path="/f/*")])

    assert (verdict(answer, path), verdict(answer, elsewhere)) == ("allow", "explicit deny")


@pytest.mark.parametrize(
    ("path", "can_be"),
    [
        ("/" + "y" * (MAX_RESOURCE_LENGTH - len(BASE) - len("/GET/")), True),
        ("/" + "y" * (MAX_RESOURCE_LENGTH - len(BASE) - len("/GET")), False),
        ("/logs-*/_search", True),
        ("/logs-*,traces-*/_search", True),
        ("/" + "*" * 30, False),
        ("/logs-%2A%2A%2A%2A%2A%2A%2A", True),
        ("/%25*e", False),
        ("/%20*e", True),
    ],
)
def test_what_no_policy_can_name_alone_cannot_be_allowed_but_by_a_simple_response(path, can_be):
    http = json.loads((ROOT / "events/authorizer_http_2.json").read_text())
    arn = f"{BASE}/GET{path}"

    assert asked(path).can_be_allowed is can_be
    assert read_event(http | {"routeArn": arn, "stageVariables": {"tollgateResponse": "iam"}}).can_be_allowed is can_be
    assert read_event(http | {"routeArn": arn}).can_be_allowed


SENT = ["a", "b", "/", "/a", "*", ".", "..", ";", "%2e", "%2f", "%25", "2e", "\\", "%20", "%2a", "%"]
PATTERNS = [*SENT, "*", "{x}", "{x}", "?", " "]
METHODS = ["GET", "PUT", "GET/a"]
CASES = 8_000


def some(pieces, source):
    return "/" + "".join(source.choices(pieces, k=source.randrange(6)))


def path_of(pattern, source):
    """A path that a pattern stands for, unless that is one of dots."""
    return re.sub(r"\*|\{x\}", lambda _: source.choice(["a", "*", "%2a", "a*", "b"]), pattern.replace("?", "%3f"))


def another(path, source):
    """A path that differs in a few characters, if at all."""
    signs = [source.choice("*a/.;%\\") if sign == "*" else sign for sign in path]
    if signs and source.random() < 0.5:
        signs[source.randrange(len(signs))] = source.choice("a/.;2e*")
    return "".join(signs) + source.choice(["", "", "", "/", "/a", "/.."])


def test_whatever_a_policy_allows_a_grant_covers():
    """So that a kept answer is never wider than the key, whatever was asked for first."""
    seed = random.randrange(2**32)
    source = random.Random(seed)
    allowed, wider = 0, []
    for _ in range(CASES):
        grants = [
            Grant(api, source.choice([("*",), ("GET",), ("GET", "PUT")]), some(PATTERNS, source))
            for api in source.choices(["orders", "*", "stock"], k=source.randrange(1, 4))
        ]
        covers = partial(find_grant, grants, apis=("orders",))
        path = source.choice([some(SENT, source), *(path_of(grant.path, source) for grant in grants)])
        request = asked(path)
        if not request.can_be_allowed or not covers(method=request.method, path=request.path):
            continue
        document = answer_to(path, grants)["policyDocument"]
        assert evaluate(document, request.arn.text) == "allow", f"with the seed {seed}"
        for near in (path, path, path, *(grant.path for grant in grants)):
            later = asked(another(near, source), source.choice(METHODS))
            if evaluate(document, later.arn.text) == "allow":
                allowed += later != request
                wider += [] if covers(method=later.method, path=later.path) else [(path, later.arn.text, grants)]

    assert wider == [], f"with the seed {seed}"
    assert allowed > CASES / 100


RECORD = KeyRecord(KeyHash("A" * 43), 1, "billing", 0, 0, owner="acme", policies=("gold", "eu"))
TOLD = Effective((Grant("orders"),), (), (), ("vip", "beta"), {"plan": "g"})
PER_SECOND = LimitStatus("rate", "default", "", "key", 10, "1s", 4, 6, 1_800_000_002)
PER_DAY = LimitStatus("quota", "default", "", "key", 100, "day", 90, 10, 1_800_080_000)
PREPAID = PER_DAY._replace(name="prepaid", period="never", limit=50, used=50, remaining=0, resets_at=None)
NOBODY = {
    **dict.fromkeys(("keyHash", "keyName", "owner", "policies", "tags", "reason", "retryAfter"), ""),
    **dict.fromkeys(("limit", "remaining", "reset", "rateLimitLimit", "rateLimitRemaining", "rateLimitReset"), ""),
    **dict.fromkeys(("quotaLimit", "quotaRemaining", "quotaReset"), ""),
    "retryAfterJson": "null",
}
KNOWN = NOBODY | {
    "keyHash": "A" * 43,
    "keyName": "billing",
    "owner": "acme",
    "policies": "gold,eu",
    "tags": "vip,beta",
    "meta_plan": "g",
}
RATE = {"rateLimitLimit": 10, "rateLimitRemaining": 6, "rateLimitReset": 1_800_000_002}


def simple(decision, **outcome):
    """The answer to an HTTP API with simple responses."""
    event = json.loads((ROOT / "events/authorizer_http_2.json").read_text())
    return render(read_event(event), Outcome(decision, **outcome), usage_key="")


def test_who_is_allowed_is_told_of_with_the_tightest_limit_of_each_kind_and_of_all():
    looser = PER_SECOND._replace(name="slow", limit=1000, remaining=999, resets_at=1)
    decision = Allow(RECORD, (looser, PER_SECOND, PER_DAY))

    assert simple(decision, effective=TOLD) == {
        "isAuthorized": True,
        "context": KNOWN
        | RATE
        | {"quotaLimit": 100, "quotaRemaining": 10, "quotaReset": 1_800_080_000}
        | {"limit": 100, "remaining": 10, "reset": 1_800_080_000},
    }


def test_a_limited_request_is_told_of_by_the_limit_that_refused_it():
    """Which need not be the one with the smallest share left: a request may cost more than one."""
    decision = Deny(Reason.RATE_LIMITED, RECORD, (PER_SECOND, PREPAID), PER_SECOND, 3)

    assert simple(decision, effective=TOLD) == {
        "isAuthorized": False,
        "context": KNOWN
        | RATE
        | {"quotaLimit": 50, "quotaRemaining": 0, "quotaReset": "", "reason": "rate_limited"}
        | {"limit": 10, "remaining": 6, "reset": 1_800_000_002, "retryAfter": 3, "retryAfterJson": "3"},
    }


def test_whose_credential_failed_hears_no_reason_and_nothing_of_a_key():
    assert simple(Deny(Reason.TOKEN_EXPIRED, RECORD)) == {"isAuthorized": False, "context": NOBODY}


@pytest.mark.parametrize(
    ("decision", "principal"),
    [
        (Allow(RECORD), "acme"),
        (Allow(RECORD._replace(owner="")), "A" * 43),
        (Deny(Reason.UNKNOWN_KEY), "anonymous"),
    ],
)
def test_the_principal_is_the_owner_else_the_key_else_nobody(decision, principal):
    event = json.loads((ROOT / "events/authorizer_http_1.json").read_text())

    assert render(read_event(event), Outcome(decision, TOLD), usage_key="k" * 20)["principalId"] == principal


@pytest.mark.parametrize(
    ("name", "decision", "usage_key", "told"),
    [
        ("rest_request", Allow(RECORD), "", None),
        ("rest_request", Allow(RECORD), "k" * 20, "k" * 20),
        ("rest_request", Deny(Reason.QUOTA_EXHAUSTED, RECORD), "k" * 20, "limit-exceeded"),
        ("rest_request", Deny(Reason.QUOTA_EXHAUSTED, RECORD), "", "limit-exceeded"),
        ("rest_request", Deny(Reason.KEY_DISABLED, RECORD), "", None),
        ("http_1", Allow(RECORD), "k" * 20, None),
    ],
)
def test_a_usage_key_is_named_on_rest_alone_and_one_of_no_plan_where_a_limit_refuses(name, decision, usage_key, told):
    event = json.loads((ROOT / f"events/authorizer_{name}.json").read_text())
    request = read_event(event | {"stageVariables": {"tollgateLimits": "429"}})

    answer = render(request, Outcome(decision, TOLD, ("orders",)), usage_key=usage_key)

    assert answer.get("usageIdentifierKey") == told
