"""The JSON Schema says what the API's models say, and is the one that stands in the repository."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cli.code.records import canonical, essentials
from cli.code.rules import judge_rules
from cli.code.schema import judge
from dev.cli_schema import PATH, schema
from key_admin.models.apis import ApiInput
from key_admin.models.issuers import IssuerInput
from key_admin.models.keys import KeyFields
from key_admin.models.policies import PolicyInput

MODELS = {"keys": KeyFields, "policies": PolicyInput, "apis": ApiInput, "issuers": IssuerInput}
LIMITS = st.fixed_dictionaries(
    {
        "limit": st.sampled_from([0, 1, -1, "1", "unlimited", 10**12, 10**13]),
        "period": st.sampled_from(["1s", "second", "month", "0s", "86401s", "never", "x", ""]),
    },
    optional={
        "name": st.sampled_from(["a", "b", "", "a b"]),
        "api": st.sampled_from(["", "orders", "a b"]),
        "scope": st.sampled_from(["key", "owner", "all"]),
    },
)
QUOTAS = st.tuples(LIMITS, st.sampled_from([{}, {"anchor": "calendar"}, {"anchor": "first_use"}])).map(
    lambda pair: pair[0] | pair[1]
)
GRANTS = st.fixed_dictionaries(
    {"api": st.sampled_from(["orders", "*", "admin", "a b", ""])},
    optional={
        "methods": st.sampled_from([["GET"], ["*"], [], ["get"]]),
        "path": st.sampled_from(["/*", "*", "/a/{b}", "/a b", "/{a}{b}", "/{", "a", "/a?b", "/{1}"]),
        "cost": st.sampled_from([0, 1, -1, 1_000_001]),
        "owner": st.sampled_from(["", "acme", "a b"]),
        "policies": st.sampled_from([[], ["gold"], ["*"], ["*", "gold"]]),
    },
)
NAMES = {"name": st.sampled_from(["n", "n", "n", "", "x" * 129, 5])}
RIGHTS = {
    "rate_limits": st.lists(LIMITS, max_size=2),
    "quotas": st.lists(QUOTAS, max_size=2),
    "grants": st.lists(GRANTS, max_size=2),
    "tags": st.sampled_from([[], ["a"], ["a b"], "a"]),
    "metadata": st.sampled_from([{}, {"a": "b"}, {"a b": "c"}, {"a": 1}]),
    "labels": st.sampled_from([{}, {"a": "b"}, {"a:b": "c"}]),
    "sources": st.sampled_from(
        [[], ["203.0.113.0/24", "::1"], ["203.0.113.1/24"], ["x"], ["::ffff:1.2.3.4"], ["1.2.3.0/255.255.255.0"]]
    ),
    "unknown": st.just(1),
}
BODIES = {
    "keys": st.fixed_dictionaries(
        NAMES,
        optional=RIGHTS
        | {
            "owner": st.sampled_from(["", "acme", "a b"]),
            "policies": st.sampled_from([[], ["gold"], ["a b"]]),
            "enabled": st.sampled_from([True, False, "yes"]),
            "expires_at": st.sampled_from(["", "2027-01-01T00:00:00Z", "2027-01-01", "2027-01-01T00:00:00+02:00"]),
        },
    ),
    "policies": st.fixed_dictionaries(
        NAMES,
        optional=RIGHTS
        | {
            "counting": st.sampled_from([{}, {"mode": "leased"}, {"mode": "x"}, {"max_staleness_seconds": 9}]),
            "thresholds": st.sampled_from([[], [80], [0], [101]]),
            "active": st.sampled_from([True, "no"]),
            "partitions": st.sampled_from([[], ["grants"], ["x"]]),
            "key_expires_in_seconds": st.sampled_from([0, 5, -1]),
        },
    ),
    "apis": st.fixed_dictionaries(
        NAMES,
        optional={
            "gateways": st.sampled_from([[], ["a/b"], ["a/*"], ["a"]]),
            "enable_jwt": st.sampled_from([True, 1]),
            "token": st.sampled_from([{"header": "X"}, {"query": "q"}, {"header": "a b"}]),
            "issuers": st.sampled_from([[], ["i"], ["a b"]]),
            "unknown": st.just(1),
        },
    ),
    "issuers": st.fixed_dictionaries(
        {"issuer": st.just("https://idp.example.com"), "audience": st.sampled_from(["a", ["a", "b"], 5, []])},
        optional={
            "jwks_uri": st.sampled_from(["", "https://idp.example.com/jwks"]),
            "discovery": st.booleans(),
            "algorithms": st.sampled_from([["RS256"], [], ["HS256"]]),
            "default_policies": st.sampled_from([[], ["gold"]]),
            "scope_claim": st.sampled_from(["", "scope"]),
            "scope_policies": st.sampled_from([{}, {"read": "gold"}, {"a b": "gold"}]),
            "leeway_seconds": st.sampled_from([0, 60, 61]),
            "any_audience": st.booleans(),
            "policy_claim": st.sampled_from(["", "plan"]),
            "allowed_policies": st.sampled_from([[], ["gold"], ["a b"]]),
        },
    ),
}


def test_the_schema_in_the_repository_is_the_one_that_the_models_make():
    """`make cli-schema` makes it anew."""
    assert json.loads(PATH.read_text()) == json.loads(json.dumps(schema()))


@pytest.mark.parametrize("collection", MODELS)
def test_files_refuse_what_the_api_refuses_and_nothing_else(collection):
    @settings(max_examples=300, deadline=None)
    @given(BODIES[collection])
    def compare(body):
        try:
            MODELS[collection].model_validate(body)
            is_taken = True
        except ValidationError:
            is_taken = False
        mistakes = [*judge(collection, body)] or [*judge_rules(collection, body)]

        assert is_taken == (not mistakes), (body, mistakes)

    compare()


@pytest.mark.parametrize("collection", MODELS)
def test_a_record_in_its_short_form_says_the_same(collection):
    @settings(max_examples=200, deadline=None)
    @given(BODIES[collection])
    def compare(body):
        if not [*judge(collection, body)]:
            whole = canonical(collection, body)
            assert canonical(collection, essentials(collection, whole)) == whole

    compare()
