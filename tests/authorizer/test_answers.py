"""The policies that go back to API Gateway: right for the call, within its quotas, never wider than asked for."""

import json

import pytest

from access.decisions import Allow
from access.grants import Grant
from access.keys import KeyHash, KeyRecord
from access.policies import Effective
from authorizer.answers import MAX_ANSWER_BYTES, MAX_RESOURCE_LENGTH, render
from authorizer.authorize import Outcome
from authorizer.events import read_event
from dev.gateway.iam import evaluate
from dev.services import ROOT

EVENT = json.loads((ROOT / "events/authorizer_rest_request.json").read_text())
BASE = EVENT["methodArn"].partition("/GET/")[0]


def answer_to(path, grants, metadata=None):
    """The answer to an allowed GET of a path."""
    request = read_event(EVENT | {"methodArn": f"{BASE}/GET{path}"})
    record = KeyRecord(KeyHash("A" * 43), 1, "n" * 128, created_at=0, updated_at=0, owner="o" * 128)
    effective = Effective(tuple(grants), (), (), tuple("t" * 64 for _ in range(20)), metadata or {})
    return render(request, Outcome(Allow(record), effective, ("orders",)), usage_key="k" * 36)


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


def test_few_grants_are_all_named_so_that_a_kept_answer_is_right_elsewhere():
    answer = answer_to("/x", [Grant("orders", path="/x"), Grant("orders", ("GET",), "/y/*")])

    assert [verdict(answer, path) for path in ("/x", "/y/1", "/z")] == ["allow", "allow", "implicit deny"]


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
