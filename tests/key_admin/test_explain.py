"""What POST /explain says is what the authorizer decides, for every reason, and asking leaves no trace."""

import json
import re
import time
import uuid
from typing import Any, NamedTuple

import jwt
import pytest

from access.decisions import AUTHENTICATION_REASONS, LIMIT_REASONS, Reason
from dev.deployed import direct
from dev.services import ROOT
from key_admin.explanation import FAILURES, STEPS
from key_admin.times import write_time
from tests.conftest import SECRET, Admin, sign
from tests.key_admin.provider import Provider

SOURCE = "203.0.113.9"
ZERO = {"limit": 0, "period": "day"}


class Case(NamedTuple):
    """What makes a request end as it does: members of the key, and of the token."""

    reason: str
    step: int
    key: dict[str, Any] = {}  # noqa: RUF012 - never mutated
    claims: dict[str, Any] = {}  # noqa: RUF012 - never mutated
    credential: str | None = None  # in place of a token of the key
    patch: dict[str, Any] = {}  # noqa: RUF012 - never mutated


CASES = {
    "allowed": Case("", 7),
    "no credential": Case("missing_credential", 1, credential=""),
    "no token": Case("malformed_token", 2, credential="abc"),
    "names no key": Case("malformed_token", 3, credential=jwt.encode({"exp": 1}, SECRET, algorithm="HS256")),
    "unknown": Case("unknown_key", 4, credential=sign("nobody-has-this-id")),
    "other algorithm": Case("unsupported_algorithm", 5, claims={"algorithm": "HS512"}),
    "other secret": Case("invalid_signature", 5, claims={"secret": SECRET[::-1]}),
    "expired token": Case("token_expired", 5, claims={"exp": 1}),
    "early token": Case("token_not_yet_valid", 5, claims={"nbf": int(time.time()) + 3600}),
    "other claims": Case(
        "invalid_claims", 5, key={"jwt_data": {"algorithm": "HS256", "secret": SECRET, "issuer": "me"}}
    ),
    "disabled": Case("key_disabled", 6, patch={"enabled": False}),
    "expired": Case("key_expired", 6, key={"expires_at": ""}),
    "elsewhere": Case("source_not_allowed", 6, key={"sources": ["198.51.100.0/24"]}),
    "asleep": Case("policy_unavailable", 6, key={"policies": ["asleep-now"], "grants": []}),
    "not granted": Case("not_granted", 6, key={"grants": [{"api": "another"}]}),
    "rate": Case("rate_limited", 7, key={"rate_limits": [ZERO]}),
    "quota": Case("quota_exhausted", 7, key={"quotas": [ZERO]}),
    "shared quota": Case("quota_exhausted", 7, key={"owner": "acme", "quotas": [ZERO | {"scope": "owner"}]}),
}


def prepare(admin, case):
    """The key of a case, and the credential that is presented."""
    admin("PUT", "/policies/asleep-now", {"name": "p", "active": False, "grants": [{"api": "*"}]})
    members = dict(case.key)
    if "expires_at" in members:
        members["expires_at"] = write_time(int(time.time()) + 2)
    key = admin.create_key(**members)
    if "expires_at" in members:
        time.sleep(2.1)
    if case.patch:
        assert admin("PATCH", f"/keys/{key['key_hash']}", case.patch).status == 200
    return key, sign(key["key_id"], **case.claims) if case.credential is None else case.credential


def status_of(reason):
    if not reason:
        return 200
    return 401 if reason in AUTHENTICATION_REASONS else 429 if reason in LIMIT_REASONS else 403


def decide(stack, call):
    """What the authorizer decides, as its log names it."""
    lines: list[str] = []
    answer = stack.functions["AuthorizerFunction"].invoke({"type": "VERIFY", **call}, told=lines)
    logged = next(
        line for line in map(json.loads, filter(lambda one: one.startswith("{"), lines)) if "decision" in line
    )
    return answer, logged


def test_every_reason_has_a_step_and_a_case():
    assert FAILURES.keys() == set(Reason)
    assert {step for step, _ in FAILURES.values()} <= STEPS.keys()
    assert {case.reason for case in CASES.values()} == {"", *Reason}


def test_the_page_has_advice_for_every_reason_and_no_other():
    script = (ROOT / "key_admin/web/dashboard/explain.js").read_text()
    advice = script.partition("const ADVICE = {")[2].partition("};")[0]

    assert set(re.findall(r"^  (\w+):", advice, re.MULTILINE)) == set(Reason)


@pytest.mark.parametrize("name", CASES)
def test_what_is_explained_is_what_the_authorizer_decides(stack, admin, name):
    case = CASES[name]
    key, credential = prepare(admin, case)
    call = {"credential": credential, "api": "orders", "method": "GET", "path": "/v1/x", "source": SOURCE}

    explained = admin("POST", "/explain", call).body
    answer, logged = decide(stack, call)

    assert (explained["decision"], explained["reason"]) == (logged["decision"], logged["reason"])
    assert explained["reason"] == case.reason
    assert explained["status"] == status_of(case.reason)
    assert answer["allowed"] is (explained["decision"] == "allow")
    assert [step["step"] for step in explained["steps"]] == list(range(1, case.step + 1))
    assert [step["ok"] for step in explained["steps"]] == [True] * (case.step - 1) + [not case.reason]
    assert explained["key_hash"] == (key["key_hash"] if case.step > 4 else "")
    assert (explained["grant"] is not None) is (case.step == 7)
    assert bool(explained["limits"]) is (case.reason in LIMIT_REASONS)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.step > 5])
def test_a_key_is_explained_without_its_credential_from_step_6_on(admin, name):
    case = CASES[name]
    key, _ = prepare(admin, case)
    call = {"key_hash": key["key_hash"], "api": "orders", "method": "GET", "path": "/v1/x", "source": SOURCE}

    explained = admin("POST", "/explain", call).body

    assert (explained["reason"], explained["status"]) == (case.reason, status_of(case.reason))
    assert [step["step"] for step in explained["steps"]] == list(range(6, case.step + 1))
    assert explained["key_hash"] == key["key_hash"]


def test_an_api_is_meant_by_its_id_as_by_its_gateway(admin):
    """A grant and a limit may know it by either."""
    name = f"orders-{uuid.uuid4().hex[:8]}"
    gateway = f"{uuid.uuid4().hex[:10]}/prod"
    assert admin("PUT", f"/apis/{name}", {"name": "n", "gateways": [gateway]}).status == 201
    by_id = admin.create_key(grants=[{"api": name}])["key_hash"]
    by_gateway = admin.create_key(grants=[{"api": gateway}])["key_hash"]

    decisions = [
        admin("POST", "/explain", {"key_hash": key, **called, "method": "GET", "path": "/x"}).body["decision"]
        for key in (by_id, by_gateway)
        for called in ({"api": name}, {"gateway": gateway}, {"api": "another"})
    ]

    assert decisions == ["allow", "allow", "deny"] * 2


def test_a_spent_limit_is_named_with_the_time_until_there_is_room(stack, admin):
    key = admin.create_key(rate_limits=[{"limit": 1, "period": "day", "name": "slow"}])
    call = {"credential": sign(key["key_id"]), "api": "orders", "method": "GET", "path": "/x"}
    decide(stack, call)

    explained = admin("POST", "/explain", call).body

    assert explained["reason"] == "rate_limited"
    assert "slow: 1 of 1 used, period day." in explained["steps"][-1]["detail"]
    assert "There is room in " in explained["steps"][-1]["detail"]
    assert explained["limits"][0]["remaining"] == 0


def everything(services, table):
    """Every item of the table but the copies of key sets, which are not of the caller."""
    items = services.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
    return [item for item in items if not item["PK"]["S"].startswith("JWKS#")]


@pytest.mark.parametrize("name", ["allowed", "disabled", "quota", "shared quota", "other secret"])
def test_asking_changes_no_item_of_the_table(function, services, name):
    case = CASES[name]
    members = {"name": "n", "jwt_data": {"secret": SECRET}, "grants": [{"api": "*"}]} | case.key
    _, key = function("POST", "/keys", members)
    if case.patch:
        function("PATCH", f"/keys/{key['key_hash']}", case.patch)
    call = {"credential": sign(key["key_id"], **case.claims), "api": "orders", "method": "GET", "path": "/x"}
    before = everything(services, function.table)

    answers = [function("POST", "/explain", call) for _ in range(3)]

    assert [(status, body["reason"]) for status, body in answers] == [(200, case.reason)] * 3
    assert everything(services, function.table) == before


def test_asking_for_an_identity_makes_no_gate(function, services):
    with Provider() as provider:
        issuer = {"issuer": provider.url, "jwks_uri": provider.jwks_uri, "audience": "orders"}
        function("PUT", "/policies/gold", {"name": "Gold", "grants": [{"api": "orders"}]})
        assert function("PUT", "/issuers/idp", issuer | {"default_policies": ["gold"]})[0] == 201
        assert function("PUT", "/apis/orders", {"name": "Orders", "issuers": ["idp"]})[0] == 201
        before = everything(services, function.table)
        call = {"api": "orders", "method": "GET", "path": "/x"}

        _, good = function("POST", "/explain", call | {"credential": provider.token()})
        _, late = function("POST", "/explain", call | {"credential": provider.token(exp=1)})
        provider.shutdown()

    assert (good["decision"], late["reason"]) == ("allow", "token_expired")
    assert everything(services, function.table) == before


def test_neither_answer_nor_log_holds_anything_of_the_credential(stack, admin):
    key = admin.create_key()
    operator = admin("POST", "/keys/lookup", {"key_id": admin.key}).body["key_hash"]
    for token in (sign(key["key_id"]), sign(key["key_id"], secret=SECRET[::-1]), sign("nobody"), "bm8.Z29vZA.dG9rZW4"):
        body = {"credential": token, "api": "orders", "method": "GET", "path": "/x"}
        lines: list[str] = []

        answer = stack.functions["KeyAdminFunction"].invoke(direct("POST", "/explain", body, by=operator), told=lines)

        seen = json.dumps(answer) + "".join(lines)
        assert answer["statusCode"] == 200
        assert not [part for part in (token, key["key_id"], *token.split(".")) if part in seen]


def test_an_admin_of_an_owner_hears_of_the_keys_of_others_what_is_said_of_keys_that_do_not_exist(stack, admin):
    owner = f"acme-{uuid.uuid4().hex[:8]}"
    made = admin.create_key(owner=owner, grants=[{"api": "admin", "owner": owner}], jwt_data={"secret": SECRET})
    limited = Admin(stack.admin_url, sign(made["key_id"]))
    own, other = admin.create_key(owner=owner), admin.create_key(owner="umbrella")
    call = {"api": "orders", "method": "GET", "path": "/x"}

    def explain(credential):
        return limited("POST", "/explain", call | {"credential": credential}).body

    foreign = [
        explain(sign(other["key_id"])),
        explain(sign(other["key_id"], secret=SECRET[::-1])),
        explain(sign(other["key_id"], exp=1)),
    ]

    assert foreign == [explain(sign("nobody-has-this-id"))] * 3
    assert foreign[0]["reason"] == "unknown_key"
    assert explain(sign(own["key_id"]))["key_hash"] == own["key_hash"]
    for key_hash in (other["key_hash"], "C" * 43):
        answer = limited("POST", "/explain", call | {"key_hash": key_hash})
        assert (answer.status, answer.body["detail"]) == (404, "There is no such key.")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "method"),
        ({"method": "get"}, "method"),
        ({"method": "*"}, "method"),
        ({"path": "x"}, "path"),
        ({"path": "/x?y=1"}, "path"),
        ({"source": "nowhere"}, "source"),
        ({"api": "a/b"}, "api"),
        ({"gateway": "a"}, "gateway"),
        ({"key_hash": "C" * 43}, "body"),
        ({"gateway": "a/b"}, "body"),
        ({"credential": 5}, "credential"),
        ({"token": "x"}, "token"),
    ],
)
def test_a_question_that_makes_no_sense_names_its_field(function, body, field):
    whole = {"credential": "x", "api": "orders", "method": "GET", "path": "/x"} if body else {}

    status, problem = function("POST", "/explain", whole | body)

    assert status == 400
    assert field in {error["field"] for error in problem["errors"]}
