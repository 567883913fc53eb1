"""Where a key may be used from: on every kind of event, in its place among the refusals."""

import json

import pytest

from access.decisions import Allow, Reason
from access.limits import Quota
from authorizer.authorize import authorize
from authorizer.events import read_event
from authorizer.memory import STALENESS_MS
from dev.services import ROOT

HERE = ("198.51.100.0/24",)  # holds the address of the recorded events
ELSEWHERE = ("192.0.2.0/24", "2001:db8::/32")
KINDS = ("rest_request", "http_1", "http_2", "websocket_connect")
GRANT = {"quotas": (Quota(100, "day"),)}


def outcome(bench, kind="rest_request", **members):
    event = json.loads((ROOT / f"events/authorizer_{kind}.json").read_text())
    token = bench.request_token()
    credential = {"headers": {"Authorization": token}, "multiValueHeaders": {}, "authorizationToken": token}
    return authorize(read_event(event | credential | members), bench.environment, now_ms=bench.now_ms)


def reason(bench, kind="rest_request", **members):
    decision = outcome(bench, kind, **members).decision
    return None if isinstance(decision, Allow) else decision.reason


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("sources", "expected"),
    [((), None), (HERE, None), (ELSEWHERE + HERE, None), (ELSEWHERE, Reason.SOURCE_NOT_ALLOWED)],
)
def test_a_key_is_used_from_its_sources_alone_on_every_kind_of_event(bench, kind, sources, expected):
    bench.key(sources=sources)

    assert reason(bench, kind) is expected


@pytest.mark.parametrize("sources", [HERE, ("0.0.0.0/0", "::/0")])
def test_a_token_authorizer_is_sent_no_address_so_it_refuses_a_key_with_sources(bench, sources):
    bench.key(sources=sources)
    refused = outcome(bench, "rest_token")

    assert (refused.decision.reason, refused.detail) == (Reason.SOURCE_NOT_ALLOWED, "from no address")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "address", [None, "", 7, ["198.51.100.7"], "198.51.100.7, 192.0.2.1", "198.51.100.7:80", "x" * 99]
)
def test_what_is_no_address_is_from_nowhere(bench, kind, address):
    bench.key(sources=(*HERE, "0.0.0.0/0"))
    context = {"identity": {"sourceIp": address}, "http": {"method": "GET", "path": "/", "sourceIp": address}}

    assert reason(bench, kind, requestContext=context) is Reason.SOURCE_NOT_ALLOWED
    assert reason(bench, kind, requestContext={"identity": address, "http": address}) is Reason.SOURCE_NOT_ALLOWED
    assert reason(bench, kind, requestContext=None) is Reason.SOURCE_NOT_ALLOWED


@pytest.mark.parametrize(("kind", "other"), [("rest_request", "http"), ("http_2", "identity")])
def test_the_address_is_read_where_the_kind_of_event_has_it(bench, kind, other):
    """Not from a member that this kind does not have, nor from a header."""
    bench.key(sources=HERE)
    headers = {
        "X-Forwarded-For": "198.51.100.7",
        "Forwarded": "for=198.51.100.7",
        "Authorization": bench.request_token(),
    }

    assert reason(bench, kind, requestContext={other: {"sourceIp": "198.51.100.7"}}) is Reason.SOURCE_NOT_ALLOWED
    assert reason(bench, kind, requestContext={}, headers=headers) is Reason.SOURCE_NOT_ALLOWED


def test_the_list_of_the_key_and_of_every_policy_must_hold_the_address(bench):
    """Whatever the partitions: they divide what is given, and sources only take away."""
    bench.policy("here", sources=HERE)
    bench.policy("elsewhere", sources=ELSEWHERE, partitions=("quotas",))
    bench.policy("anywhere")
    cases = {
        (HERE, ("here", "anywhere")): None,
        ((), ("anywhere",)): None,
        ((), ("here", "elsewhere")): Reason.SOURCE_NOT_ALLOWED,
        (HERE, ("elsewhere",)): Reason.SOURCE_NOT_ALLOWED,
        (ELSEWHERE, ("here",)): Reason.SOURCE_NOT_ALLOWED,
    }

    found = {}
    for sources, policies in cases:
        bench.key(sources=sources, policies=policies)
        found[sources, policies] = reason(bench)

    assert found == cases


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"enabled": False}, Reason.KEY_DISABLED),
        ({"expires_at": 1}, Reason.KEY_EXPIRED),
        ({"policies": ("asleep",)}, Reason.SOURCE_NOT_ALLOWED),
        ({"sources": (), "policies": ("asleep", "elsewhere")}, Reason.POLICY_UNAVAILABLE),
        ({"sources": (), "policies": ("elsewhere",), "grants": ()}, Reason.SOURCE_NOT_ALLOWED),
        ({"grants": ()}, Reason.SOURCE_NOT_ALLOWED),
        ({"quotas": (Quota(0, "day"),)}, Reason.SOURCE_NOT_ALLOWED),
    ],
)
def test_sources_are_looked_at_after_expiry_and_before_policies_grants_and_limits(bench, members, expected):
    """Those of policies as soon as the policies are there."""
    bench.policy("asleep", active=False)
    bench.policy("elsewhere", sources=ELSEWHERE)
    bench.key(**({"sources": ELSEWHERE} | members))

    assert reason(bench) is expected


def test_a_refused_source_counts_in_no_limit_and_is_named_in_the_log(bench):
    record = bench.key(sources=ELSEWHERE, **GRANT)

    assert outcome(bench).detail == "from 198.51.100.7"
    assert [status.used for status in bench.statuses(record)] == [0]


def test_a_change_of_sources_holds_from_the_next_request(bench):
    """Of a key's own at once, of a policy's within five seconds, as every change of either."""
    bench.policy("p")
    record = bench.key(policies=("p",), **GRANT)
    assert reason(bench) is None

    narrowed = record._replace(version=2, sources=ELSEWHERE)
    bench.keys.update(record, narrowed)
    assert reason(bench) is Reason.SOURCE_NOT_ALLOWED
    bench.keys.update(narrowed, record._replace(version=3))
    assert reason(bench) is None

    before = bench.policies.find("p")
    bench.policies.put(before, before._replace(version=2, sources=ELSEWHERE))
    bench.now_ms += STALENESS_MS
    assert reason(bench) is Reason.SOURCE_NOT_ALLOWED


def test_a_key_with_sources_takes_one_call_as_any_other_does(bench):
    bench.key(sources=HERE, **GRANT)
    outcome(bench)
    bench.recorder.taken()

    outcome(bench)

    assert bench.recorder.taken() == ["UpdateItem"]
