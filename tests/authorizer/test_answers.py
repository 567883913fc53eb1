"""The policies that go back to API Gateway: right for the call, within its quotas, never wider than asked for."""

import json

import pytest

from access.decisions import Allow, Deny, LimitStatus, Reason
from access.grants import Grant
from access.keys import KeyHash, KeyRecord
from access.policies import MAX_TOLD_BYTES, Effective, told_bytes
from authorizer.answers import MAX_ANSWER_BYTES, MAX_RESOURCE_LENGTH, render
from authorizer.authorize import Outcome
from authorizer.events import read_event
from dev.gateway.iam import evaluate
from dev.services import ROOT
from key_admin.models import MAX_POLICIES, MAX_TAGS

EVENT = json.loads((ROOT / "events/authorizer_rest_request.json").read_text())
BASE = EVENT["methodArn"].partition("/GET/")[0]


def answer_to(path, grants, metadata=None, *, api="orders"):
    """The answer to an allowed GET of a path."""
    request = read_event(EVENT | {"methodArn": f"{BASE}/GET{path}"})
    record = KeyRecord(KeyHash("A" * 43), 1, "n" * 128, created_at=0, updated_at=0, owner="o" * 128)
    effective = Effective(tuple(grants), (), (), tuple("t" * 64 for _ in range(20)), metadata or {})
    return render(request, Outcome(Allow(record), effective, (api,)), usage_key="k" * 36)


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
    request = read_event(EVENT | {"methodArn": f"{BASE}/GET/{'y' * 900}", "stageVariables": {"tollgateLimits": "429"}})
    effective = Effective((Grant("*"),), (), (), tags, metadata)

    answer = render(request, Outcome(decision, effective, ("orders",)), usage_key="k" * 128)

    assert answer["context"]["reason"] == "quota_exhausted"
    assert len(json.dumps(answer)) <= MAX_ANSWER_BYTES


def test_few_grants_are_all_named_so_that_a_kept_answer_is_right_elsewhere():
    answer = answer_to("/x", [Grant("orders", path="/x"), Grant("orders", ("GET",), "/y/*")])

    assert [verdict(answer, path) for path in ("/x", "/y/1", "/z")] == ["allow", "allow", "implicit deny"]


def test_a_kept_answer_opens_nothing_that_another_api_grants():
    answer = answer_to("/x", [Grant("orders", path="/x"), Grant("stock", path="/y")])

    assert [verdict(answer, path) for path in ("/x", "/y")] == ["allow", "implicit deny"]


def test_a_kept_answer_of_the_admin_api_holds_only_what_names_it():
    """A grant of every API is none of the admin API, in a policy as in a decision."""
    answer = answer_to("/keys", [Grant("admin", ("GET",), "/keys"), Grant("*")], api="admin")

    assert [verdict(answer, path) for path in ("/keys", "/audit")] == ["allow", "implicit deny"]


def test_a_wildcard_in_the_path_that_was_asked_for_grants_no_run_of_characters():
    many = [Grant("orders", path=f"/y{number}") for number in range(30)] + [Grant("orders", path="/f/*")]

    answer = answer_to("/f/*", many)

    assert verdict(answer, "/f/*") == "allow"
    assert verdict(answer, "/f/other") == "implicit deny"


def test_no_resource_is_longer_than_api_gateway_takes():
    many = [Grant("orders", path=f"/y{number}") for number in range(30)] + [Grant("orders", path="/f/*")]
    long = f"/f/{'z' * 600}"

    for grants in (many, many[-1:]):
        answer = answer_to(long, grants)

        assert verdict(answer, long) == "allow"
        assert max(map(len, answer["policyDocument"]["Statement"][0]["Resource"])) <= MAX_RESOURCE_LENGTH
