"""Policies laid over a key: what they set replaces its own, and between them the most generous wins."""

import pytest

from access.grants import Grant
from access.key_ids import KeyHash
from access.keys import Counting, KeyRecord, Policy
from access.limits import MAX_LIMITS_PER_KEY, Quota, RateLimit
from access.policies import MAX_TOLD_BYTES, overlay, told_bytes

OWN = KeyRecord(
    KeyHash("h"),
    1,
    "n",
    0,
    0,
    grants=(Grant("own"),),
    rate_limits=(RateLimit(1, "1s"),),
    quotas=(Quota(1, "day"),),
    tags=("own",),
    metadata={"a": "own", "b": "own"},
)


def policy(name="p", **members):
    return Policy(name, 1, name, 0, 0, **members)


def lay(*policies, key=OWN):
    record = key._replace(policies=tuple(one.policy_id for one in policies))
    return overlay(record, {one.policy_id: one for one in policies})


def test_what_a_policy_sets_replaces_the_keys_own_and_what_it_does_not_set_stays():
    found = lay(policy(rate_limits=(RateLimit(9, "1s"),)))

    assert found.rate_limits == (RateLimit(9, "1s"),)
    assert (found.grants, found.quotas) == (OWN.grants, OWN.quotas)


def test_a_larger_own_value_does_not_survive_what_a_policy_sets():
    rich = OWN._replace(quotas=(Quota(1_000_000, "day"),))

    assert lay(policy(quotas=(Quota(5, "day"),)), key=rich).quotas == (Quota(5, "day"),)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (RateLimit(100, "1s"), RateLimit(5_000, "minute")),
        (RateLimit(2, "10s"), RateLimit(1, "10s")),
        (RateLimit(60, "minute"), RateLimit(1, "1s")),
        (RateLimit(1, "1s"), RateLimit(0, "1s")),
    ],
)
def test_the_rate_that_admits_most_per_second_wins_as_a_pair(one, other):
    """Never the larger number with the longer period of another policy (Tyk before 5.4). Equal: the larger."""
    first, second = policy("a", rate_limits=(one,)), policy("b", rate_limits=(other,))

    assert lay(first, second).rate_limits == lay(second, first).rate_limits == (one,)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Quota(100, "day"), Quota(2_999, "month")),
        (Quota(9, "never"), Quota(8, "never")),
        (Quota(1, "month"), Quota(1_000_000, "never")),
        (Quota(5, "day", "calendar"), Quota(4, "day")),
    ],
)
def test_the_quota_that_admits_most_per_second_wins_as_a_pair(one, other):
    first, second = policy("a", quotas=(one,)), policy("b", quotas=(other,))

    assert lay(first, second).quotas == lay(second, first).quotas == (one,)


def test_limits_of_other_names_apis_and_scopes_apply_beside_each_other():
    limits = (Quota(1, "day"), Quota(2, "day", name="x"), Quota(3, "day", api="y"), Quota(4, "day", scope="owner"))

    found = lay(*(policy(str(place), quotas=(limit,)) for place, limit in enumerate(limits)))

    assert found.quotas == limits


def test_grants_tags_and_metadata_are_united_and_the_last_policy_wins_a_name():
    first = policy("a", grants=(Grant("x"), Grant("y")), tags=("t", "own"), metadata={"a": "first", "c": "first"})
    last = policy("b", grants=(Grant("y"), Grant("z")), tags=("u",), metadata={"c": "last"})

    found = lay(first, last)

    assert found.grants == (Grant("x"), Grant("y"), Grant("z"))
    assert found.tags == ("own", "t", "u")
    assert found.metadata == {"a": "first", "b": "own", "c": "last"}


def test_partitions_narrow_what_a_policy_contributes():
    everything = {
        "grants": (Grant("x"),),
        "rate_limits": (RateLimit(9, "1s"),),
        "quotas": (Quota(9, "day"),),
    }

    for part, value in everything.items():
        found = lay(policy(partitions=(part,), **everything))
        assert getattr(found, part) == value
        assert all(getattr(found, other) == getattr(OWN, other) for other in everything if other != part)


def test_a_policy_without_grants_grants_nothing_and_leaves_the_keys_own():
    assert lay(policy(quotas=(Quota(9, "day"),), partitions=("quotas",))).grants == OWN.grants


@pytest.mark.parametrize("absent", [None, policy("b", active=False)])
def test_one_policy_that_is_missing_or_inactive_denies_beside_any_other(absent):
    record = OWN._replace(policies=("a", "b"))
    known = {"a": policy("a"), **({"b": absent} if absent else {})}

    assert overlay(record, known) is None


def test_the_key_itself_is_not_touched():
    before = OWN._replace(metadata=dict(OWN.metadata))

    lay(policy(metadata={"a": "policy"}, tags=("t",)))

    assert before == OWN


def test_a_key_has_as_many_limits_as_a_gate_counts_and_not_one_more():
    def limits(count):
        return tuple(Quota(1, "day", name=f"q{number}") for number in range(count))

    own_rate = len(OWN.rate_limits)
    assert lay(policy(quotas=limits(MAX_LIMITS_PER_KEY - own_rate))) is not None
    assert lay(policy(quotas=limits(MAX_LIMITS_PER_KEY - own_rate + 1))) is None


def test_a_key_has_as_much_to_tell_as_an_answer_holds_and_not_a_byte_more():
    """API Gateway refuses an answer above 8 KB, which would be a 500 at every request."""
    bare = OWN._replace(tags=("t",), metadata={})
    room = MAX_TOLD_BYTES - told_bytes(("t",), {"a": ""})

    assert overlay(bare._replace(policies=("p",)), {"p": policy("p", metadata={"a": "x" * room})}) is not None
    assert overlay(bare._replace(policies=("p",)), {"p": policy("p", metadata={"a": "x" * (room + 1)})}) is None


def test_the_strictest_counting_of_the_policies_that_limit_is_used():
    leased, exact = Counting(2000, fail_open=True), Counting()
    limiting = policy("a", quotas=(Quota(1, "day"),), counting=leased)

    assert lay(limiting, policy("b", counting=exact)).counting == leased
    assert lay(limiting, policy("b", rate_limits=(RateLimit(1, "1s"),), counting=exact)).counting == exact


@pytest.mark.parametrize("where", ["own", "the policy", "another policy", "the policy, narrowed"])
def test_a_key_with_an_admin_right_is_counted_exactly_and_never_fails_open(where):
    """Else a revoked admin key would work on, until its lease is spent or DynamoDB is back."""
    right, leased = (Grant("admin", ("GET",)),), Counting(2000, fail_open=True)
    limiting = policy("a", rate_limits=(RateLimit(1, "1s"),), counting=leased)
    assert lay(limiting).counting == leased

    counting = {
        "own": lambda: overlay(OWN._replace(grants=right, policies=("a",)), {"a": limiting}),
        "the policy": lambda: lay(limiting._replace(grants=right)),
        "another policy": lambda: lay(limiting, policy("b", grants=right)),
        "the policy, narrowed": lambda: lay(limiting._replace(grants=right, partitions=("rate_limits",))),
    }[where]().counting

    assert counting == Counting()
