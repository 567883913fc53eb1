"""Identities of outside providers: a gate of its own for whoever is counted, and nothing in the table for others."""

import pytest

from access.decisions import Allow, Reason
from access.grants import Grant
from access.limits import Quota
from authorizer import environment as memory
from authorizer.memory import FLUSH_MS
from store.errors import UnavailableError
from tests.authorizer.outside import speak_for_ada


def identities(bench):
    """The partitions of identities that the table holds."""
    items = bench.boto.call("Scan", {"TableName": bench.table})["Items"]
    return [item["PK"]["S"] for item in items if item["PK"]["S"].startswith("IDENTITY#")]


def writes(bench):
    return [call for call in bench.recorder.taken() if call not in {"BatchGetItem", "GetItem", "Query"}]


REFUSED = {
    "no policy": ({}, Reason.POLICY_UNAVAILABLE),
    "more policies than a token may bring": (
        {"policy": " ".join(f"p{number}" for number in range(21))},
        Reason.POLICY_UNAVAILABLE,
    ),
    "a policy that does not exist": ({"policy": "unheard-of"}, Reason.POLICY_UNAVAILABLE),
    "an inactive policy": ({"policy": "inactive"}, Reason.POLICY_UNAVAILABLE),
    "a policy without this call": ({"policy": "elsewhere"}, Reason.NOT_GRANTED),
}


@pytest.fixture
def token(bench):
    bench.policy("metered", grants=(Grant("*"),), quotas=(Quota(2, "day"),))
    bench.policy("elsewhere", grants=(Grant("elsewhere"),))
    bench.policy("inactive", grants=(Grant("*"),), active=False)
    with speak_for_ada(bench, policy_claim="policy") as make:
        yield make


@pytest.mark.parametrize("claims", REFUSED)
def test_a_token_that_passes_nowhere_leaves_nothing_in_the_table(bench, token, claims):
    """However many a provider signs, and for whomever: items of identities stay for ever."""
    said, reason = REFUSED[claims]
    bench.request(token=token(policy="metered"))
    bench.recorder.taken()

    decisions = [bench.request(token=token(sub=f"person-{number}", **said)) for number in range(5)]
    bench.now_ms += FLUSH_MS
    decisions += [bench.request(token=token(sub="person-1", **said)) for _ in range(3)]

    assert {decision.reason for decision in decisions} == {reason}
    assert writes(bench) == []
    assert len(identities(bench)) == 1


def test_an_identity_that_is_refused_first_is_counted_from_its_first_call_on(bench, token):
    assert bench.request(token=token()).reason is Reason.POLICY_UNAVAILABLE
    assert bench.request(token=token(policy="elsewhere")).reason is Reason.NOT_GRANTED
    assert identities(bench) == []

    decisions = [bench.request(token=token(policy="metered"), environment=one) for one in (None, bench.other(), None)]

    assert [isinstance(decision, Allow) for decision in decisions] == [True, True, False]
    assert len(identities(bench)) == 1


def test_an_identity_without_limits_takes_one_read_once_it_is_known(bench):
    bench.policy("free", grants=(Grant("*"),))
    with speak_for_ada(bench, "free") as token:
        assert isinstance(bench.request(token=token()), Allow)
        bench.recorder.taken()

        assert isinstance(bench.request(token=token()), Allow)

    assert bench.recorder.taken() == ["GetItem"]


def test_policies_that_tokens_name_fill_no_memory(bench, token, monkeypatch):
    """Whoever may name policies in a claim may name others in each token."""
    monkeypatch.setattr(memory, "MAX_POLICIES", 8)
    for number in range(40):
        named = " ".join(f"p{number}-{place}" for place in range(5))
        assert bench.request(token=token(policy=named)).reason is Reason.POLICY_UNAVAILABLE

    assert len(bench.environment._policies) <= 8 + 5
    assert isinstance(bench.request(token=token(policy="metered")), Allow)


def test_a_policy_that_was_forgotten_is_read_again_and_one_in_use_is_not(bench, monkeypatch):
    monkeypatch.setattr(memory, "MAX_POLICIES", 2)
    callers = []
    for number in range(4):
        bench.policy(f"p{number}", grants=(Grant("*"),))
        bench.policy(f"q{number}", quotas=(Quota(9, "day"),))
        bench.key(policies=(f"p{number}", f"q{number}"), grants=())
        callers.append(bench.request_token())

    assert all(isinstance(bench.request(token=one), Allow) for one in callers * 2)
    bench.recorder.taken()
    assert isinstance(bench.request(token=callers[-1]), Allow)
    assert bench.recorder.taken() == ["UpdateItem"]


def test_an_identity_whose_gate_cannot_be_made_is_not_decided(bench, token):
    bench.request(token=token(policy="metered"))
    bench.recorder.before = [None, UnavailableError("gone")]

    with pytest.raises(UnavailableError):
        bench.request(token=token(sub="grace", policy="metered"))
