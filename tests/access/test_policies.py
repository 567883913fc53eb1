"""Policies laid over a key: what they set replaces its own, and between them the most generous wins."""

import itertools

import pytest

from access.grants import Grant
from access.key_ids import KeyHash
from access.keys import Counting, KeyRecord, Policy
from access.limits import CALENDAR, MAX_LIMITS_PER_KEY, UNLIMITED, Quota, RateLimit
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
    ("best", "others"),
    [
        (RateLimit(100, "1s"), [RateLimit(5_000, "minute"), RateLimit(200_000, "hour")]),
        (RateLimit(2, "10s"), [RateLimit(1, "10s"), RateLimit(0, "1s")]),
        (RateLimit(60, "minute"), [RateLimit(1, "1s"), RateLimit(30, "30s")]),
        (RateLimit(1, "1s"), [RateLimit(0, "1s"), RateLimit(86_399, "day")]),
        (RateLimit(999_999_999_998, "86398s"), [RateLimit(999_999_999_999, "86399s")]),
        (RateLimit(UNLIMITED, ""), [RateLimit(10**12, "1s"), RateLimit(1, "day")]),
        (Quota(100, "day"), [Quota(2_999, "month"), Quota(699, "week"), Quota(4, "hour")]),
        (Quota(1, "month"), [Quota(1_000_000, "never")]),
        (Quota(0, "day"), [Quota(1_000_000, "never"), Quota(0, "never")]),
        (Quota(9, "never"), [Quota(8, "never"), Quota(0, "never")]),
        (Quota(0, "month"), [Quota(5, "never")]),
        (Quota(30, "month"), [Quota(1, "day"), Quota(6, "week")]),
        (Quota(5, "day", CALENDAR), [Quota(4, "day"), Quota(34, "week")]),
        (Quota(UNLIMITED, ""), [Quota(10**12, "second"), Quota(10**12, "never"), Quota(0, "day")]),
    ],
)
def test_the_limit_that_admits_most_per_second_wins_as_a_pair_in_any_order(best, others):
    """Never the larger number with the longer period of another policy (Tyk before 5.4). Equal rates: the larger."""
    kind = "quotas" if isinstance(best, Quota) else "rate_limits"
    for order in itertools.permutations([best, *others]):
        found = lay(*(policy(str(place), **{kind: (limit,)}) for place, limit in enumerate(order)))

        assert (*getattr(found, kind), *found.lifted) == (best,)


def test_of_limits_that_differ_in_nothing_but_their_words_the_first_policys_holds():
    same = [RateLimit(1, "second"), RateLimit(1, "1s")]

    for order in (same, same[::-1]):
        assert lay(*(policy(str(place), rate_limits=(one,)) for place, one in enumerate(order))).rate_limits == (
            order[0],
        )


@pytest.mark.parametrize("make", [lambda **m: RateLimit(9, "1s", **m), lambda **m: Quota(9, "day", **m)])
def test_limits_of_other_names_apis_and_scopes_apply_beside_each_other(make):
    """Whatever merges beside them, and in whichever policies they stand."""
    differing = [{}, {"name": "x"}, {"api": "y"}, {"api": "y/*"}, {"scope": "owner"}, {"name": "x", "api": "y"}]
    limits = [make(**members) for members in differing]
    smaller = [limit._replace(limit=1) for limit in limits]
    kind = "quotas" if isinstance(limits[0], Quota) else "rate_limits"

    apart = lay(*(policy(str(place), **{kind: (limit,)}) for place, limit in enumerate([*limits, *smaller])))
    together = lay(policy("a", **{kind: tuple(smaller)}), policy("b", **{kind: tuple(limits)}))

    assert getattr(apart, kind) == getattr(together, kind) == tuple(limits)


def test_unlimited_lifts_the_limit_of_its_name_api_and_scope_and_no_other():
    limits = [Quota(1, "day"), Quota(2, "day", name="x"), Quota(3, "day", api="y"), Quota(4, "day", scope="owner")]
    for lifted in limits:
        freeing = Quota(UNLIMITED, "", name=lifted.name, api=lifted.api, scope=lifted.scope)

        found = lay(policy("metered", quotas=tuple(limits)), policy("free", quotas=(freeing,)))

        assert found.quotas == tuple(limit for limit in limits if limit != lifted)
        assert found.lifted == (freeing,)
        assert found.rate_limits == OWN.rate_limits


@pytest.mark.parametrize("part", ["rate_limits", "quotas"])
def test_unlimited_alone_replaces_the_keys_own_limits_of_that_kind_and_the_key_counts_none(part):
    """As any limit of a policy does; the other kind stays the key's own."""
    lift = {"rate_limits": RateLimit(UNLIMITED, ""), "quotas": Quota(UNLIMITED, "")}[part]

    found = lay(policy("free", **{part: (lift,)}))

    assert getattr(found, part) == ()
    assert found.limits == tuple(limit for limit in OWN.rate_limits + OWN.quotas if type(limit) is not type(lift))


def test_what_is_lifted_takes_no_place_among_the_limits_of_a_gate():
    most = tuple(Quota(1, "day", name=f"q{number}") for number in range(MAX_LIMITS_PER_KEY - 1))
    lifts = tuple(RateLimit(UNLIMITED, "", f"r{number}") for number in range(5))
    rates = tuple(limit._replace(limit=1, period="1s") for limit in lifts)

    assert lay(policy("a", quotas=most, rate_limits=rates)) is None
    assert lay(policy("a", quotas=most, rate_limits=rates), policy("b", rate_limits=lifts)).limits == most


def test_a_policy_that_a_partition_narrows_lifts_nothing_beyond_it():
    free = policy("free", rate_limits=(RateLimit(UNLIMITED, ""),), partitions=("grants",))

    assert lay(free).rate_limits == OWN.rate_limits


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
    assert lay(limiting, policy("b", rate_limits=(RateLimit(UNLIMITED, ""),), counting=exact)).counting == leased


@pytest.mark.parametrize("own", [True, False])
def test_a_key_with_an_admin_right_is_always_counted_exactly_and_never_fails_open(own):
    """Whoever loses such a key is to lose it at once."""
    admin, leased = Grant("admin", path="/keys"), Counting(2000, fail_open=True)
    limiting = policy("a", quotas=(Quota(1, "day"),), counting=leased)
    key = OWN._replace(grants=(Grant("x"), admin)) if own else OWN

    found = lay(limiting, *([] if own else [policy("b", grants=(Grant("x"), admin))]), key=key)

    assert found.counting == Counting()


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
