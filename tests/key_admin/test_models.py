"""What is wrong with a body is told by the path that its sender wrote, in words of ours."""

import itertools
import re

import pytest

from key_admin.models import patterns
from key_admin.models.issuers import IssuerInput
from key_admin.models.keys import ImportInput, KeyInput, ResetInput
from key_admin.models.policies import PolicyInput
from key_admin.models.rights import MAX_SOURCES
from key_admin.problems import Problem
from key_admin.validation import validate

KEY = {"name": "n", "grants": [{"api": "*"}]}


@pytest.mark.parametrize(
    ("model", "body", "field", "message"),
    [
        (KeyInput, {}, "name", "is missing"),
        (KeyInput, KEY | {"grants": [{}]}, "grants.0.api", "is missing"),
        (KeyInput, KEY | {"grants": [{"api": "x", "foo": 1}]}, "grants.0.foo", "is not known here"),
        (
            KeyInput,
            KEY | {"grants": [{"api": "x", "path": "/a\tb"}]},
            "grants.0.path",
            "begins with / or *, and has no",
        ),
        (KeyInput, KEY | {"grants": [{"api": "x", "path": "/a?b"}]}, "grants.0.path", "begins with / or *, and has no"),
        (KeyInput, KEY | {"grants": [{"api": "x", "path": "/{1}"}]}, "grants.0.path", "in a path `*` stands for"),
        (KeyInput, KEY | {"grants": [{"api": "x", "path": "/a/{b}{c}"}]}, "grants.0.path", "a segment of a path has"),
        (PolicyInput, KEY | {"grants": [{"api": "x", "path": "/{b}*{c}/d"}]}, "grants.0.path", "a segment of a path"),
        (KeyInput, KEY | {"sources": "203.0.113.7"}, "sources", "must be a list"),
        (KeyInput, KEY | {"sources": ["203.0.113.7", "here"]}, "sources.1", "is not an IP address or a block of them"),
        (KeyInput, KEY | {"sources": ["203.0.113.7/24"]}, "sources.0", "has bits set beyond its prefix of 24"),
        (PolicyInput, {"name": "p", "sources": ["::/129"]}, "sources.0", "has a prefix length that is not a number"),
        (PolicyInput, {"name": "p", "sources": ["::1%eth0"]}, "sources.0", "is not an IP address"),
        (KeyInput, KEY | {"sources": ["1" * 65]}, "sources.0", "has at most 64 characters"),
        (KeyInput, KEY | {"sources": ["::1"] * (MAX_SOURCES + 1)}, "sources", "has at most 100 members"),
        (
            KeyInput,
            KEY | {"jwt_data": {"audience": {"x": 1}}},
            "jwt_data.audience",
            "must be a text, or must be a list",
        ),
        (KeyInput, KEY | {"jwt_data": {"audience": 5}}, "jwt_data.audience", "must be a text, or must be a list"),
        (KeyInput, KEY | {"jwt_data": {"secret": None}}, "jwt_data.secret", "must be a text"),
        (KeyInput, KEY | {"jwt_data": "x"}, "jwt_data", "must be an object"),
        (KeyInput, KEY | {"metadata": {"a b": "x"}}, "metadata.a b", "has a name of A-Z a-z 0-9 _ -"),
        (KeyInput, KEY | {"metadata": {"a": "x\n"}}, "metadata.a", "has no control characters"),
        (KeyInput, KEY | {"tags": ["fine", "a b"]}, "tags.1", "has only A-Z a-z 0-9 . _ : @ / + -"),
        (KeyInput, KEY | {"tags": "a"}, "tags", "must be a list"),
        (KeyInput, KEY | {"enabled": 1}, "enabled", "must be true or false"),
        (PolicyInput, {"name": "p", "key_expires_in_seconds": -1}, "key_expires_in_seconds", "must be 0 or more"),
        (
            PolicyInput,
            {"name": "p", "partitions": ["x"]},
            "partitions.0",
            "must be 'grants', 'rate_limits' or 'quotas'",
        ),
        (PolicyInput, {"name": "p", "quotas": [{"limit": 1}]}, "quotas.0.period", "is missing"),
        (PolicyInput, {"name": "p", "rate_limits": [{"limit": 1, "period": ""}]}, "rate_limits.0.period", "is missing"),
        (
            PolicyInput,
            {"name": "p", "quotas": [{"limit": "Unlimited", "period": "day"}]},
            "quotas.0.limit",
            "must be a whole number, or must be 'unlimited'",
        ),
        (
            PolicyInput,
            {"name": "p", "rate_limits": [{"limit": "unlimited", "period": "week"}]},
            "rate_limits.0.period",
            "a rate limit has a period of 1 second to a day",
        ),
        (
            KeyInput,
            KEY | {"quotas": [{"limit": "unlimited", "period": "day"}]},
            "quotas.0.limit",
            'is a whole number; "unlimited" stands in policies only',
        ),
        (IssuerInput, {"issuer": "https://i", "scope_policies": {"a b": "x"}}, "scope_policies.a b", "has no spaces"),
        (ImportInput, {"items": []}, "items", "has at least 1 members"),
        (ImportInput, {"items": [5]}, "items.0", "must be an object"),
        (ResetInput, {"api": "a b"}, "api", "is the id of an API definition"),
    ],
)
def test_a_member_that_is_wrong_is_named_and_explained(model, body, field, message):
    with pytest.raises(Problem) as raised:
        validate(model, body)

    told = {error.field: error.message for error in raised.value.errors}
    assert told[field].startswith(message)


NO_API = ["orders*", "*x", "**", "a/b/c", "a/", "/a", "a/b*", "a.b/prod", "*/prod", " ", "a b", "é", "x" * 129]
LIMIT = {"limit": 1, "period": "1s"}


@pytest.mark.parametrize("api", NO_API)
@pytest.mark.parametrize("kind", ["rate_limits", "quotas"])
def test_a_limit_is_of_an_api_that_a_grant_may_name_or_of_every_api_and_of_nothing_else(kind, api):
    for model in (KeyInput, PolicyInput):
        with pytest.raises(Problem) as raised:
            validate(model, KEY | {kind: [LIMIT | {"api": api}]})
        assert [error.field for error in raised.value.errors] == [f"{kind}.0.api"]
    with pytest.raises(Problem):
        validate(KeyInput, {"name": "n", "grants": [{"api": api}]})
    with pytest.raises(Problem):
        validate(ResetInput, {"api": api})


@pytest.mark.parametrize("api", ["orders", "a.b~c-d_e", "a1b2/prod", "a1b2/$default", "a1b2/*"])
def test_a_limit_and_a_grant_name_an_api_alike(api):
    body = KEY | {"grants": [{"api": api}], "quotas": [LIMIT | {"api": api}]}

    for model in (KeyInput, PolicyInput):
        values = validate(model, body).values()
        assert (values["grants"][0].api, values["quotas"][0].api) == (api, api)


@pytest.mark.parametrize("kind", ["rate_limits", "quotas"])
def test_a_star_and_no_api_at_all_are_one_limit(kind):
    limits = [LIMIT | {"api": "*"}, LIMIT, LIMIT | {"api": ""}]

    values = [validate(KeyInput, KEY | {kind: [limit]}).values()[kind] for limit in limits]

    assert values[0] == values[1] == values[2]
    for model in (KeyInput, PolicyInput):
        for pair in itertools.combinations(limits, 2):
            with pytest.raises(Problem) as raised:
                validate(model, KEY | {kind: list(pair)})
            assert [error.field for error in raised.value.errors] == [kind]
        for other in ({"name": "x"}, {"api": "x"}, {"scope": "owner"}):
            validate(model, KEY | {kind: [limits[0], LIMIT | other]})


def test_in_a_policy_unlimited_is_one_more_limit_of_its_name():
    for pair in ([LIMIT, {"limit": "unlimited"}], [{"limit": "unlimited"}, {"limit": "unlimited", "api": "*"}]):
        with pytest.raises(Problem):
            validate(PolicyInput, {"name": "p", "quotas": pair})


@pytest.mark.parametrize("path", ["/a b/{c}/v{d}.json/*", "*", "/ ", "/\u00e9\u3000/{_x}"])
def test_a_path_pattern_may_hold_spaces_and_a_name_in_each_segment(path):
    """Paths are compared once they are decoded."""
    assert validate(KeyInput, KEY | {"grants": [{"api": "x", "path": path}]}).grants[0].value().path == path


def test_sources_are_blocks_in_one_way_to_write_them_each_once():
    """A bare address is a block of one, and an IPv4-mapped one is IPv4 (RFC 4291, section 2.5.5.2)."""
    sources = [
        "203.0.113.7",
        "203.0.113.7/32",
        "2001:DB8:0:0::/32",
        "::1",
        "::ffff:203.0.113.0/120",
        "0.0.0.0/0",
        "::/0",
    ]

    values = validate(PolicyInput, {"name": "p", "sources": sources}).values()

    shown = ("203.0.113.7/32", "2001:db8::/32", "::1/128", "203.0.113.0/24", "0.0.0.0/0", "::/0")
    assert values["sources"] == shown


def test_a_list_of_texts_names_the_place_of_the_wrong_one():
    with pytest.raises(Problem) as raised:
        validate(KeyInput, KEY | {"jwt_data": {"audience": ["a", 5]}})

    assert "jwt_data.audience.1" in [error.field for error in raised.value.errors]


def test_every_pattern_has_its_words():
    written = {value for name, value in vars(patterns).items() if name.isupper() and isinstance(value, str)}

    assert written == patterns.WORDS.keys()
    assert all(re.compile(one) for one in written)
