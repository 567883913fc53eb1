"""Which limit is which, and which of them count a request: on keys with and without an owner, and on identities."""

import pytest

from access.decisions import Allow, Reason
from access.grants import Grant
from access.limits import OWNER, Quota, RateLimit
from authorizer.memory import LOOK_AGAIN_MS
from tests.authorizer.outside import speak_for_ada

NAMES = ("orders", "api/prod", "api/*")  # of the called API, once it is defined


def admitted(bench, requests):
    return sum(isinstance(bench.request(), Allow) for _ in range(requests))


def standing(decision):
    return [(status.kind, status.scope, status.used) for status in decision.limits]


# --- limits of one name that differ in scope -----------------------------------------------


@pytest.mark.parametrize("owner", ["", "acme"])
@pytest.mark.parametrize(("own", "shared"), [(5, 3), (3, 5)])
def test_quotas_of_one_name_count_apart_by_their_scope(bench, owner, own, shared):
    bench.key(owner=owner, quotas=(Quota(own, "day"), Quota(shared, "day", scope=OWNER)))

    assert standing(bench.request()) == [("quota", "key", 1), ("quota", "owner", 1)]
    assert admitted(bench, 6) == 2
    assert bench.request().refused_by.scope == ("key" if own < shared else "owner")


@pytest.mark.parametrize("owner", ["", "acme"])
def test_rate_limits_of_one_name_count_apart_by_their_scope(bench, owner):
    """Through the turns of their sub-windows, too."""
    bench.key(owner=owner, rate_limits=(RateLimit(7, "1s"), RateLimit(4, "1s", scope=OWNER)))
    moments = []
    for _ in range(60):
        bench.now_ms += 70
        if isinstance(bench.request(), Allow):
            moments.append(bench.now_ms)

    assert max(sum(start <= moment < start + 1000 for moment in moments) for start in moments) == 4


def test_an_identity_counts_twins_apart(bench):
    """It has no owner, so both are its own."""
    bench.policy("metered", grants=(Grant("*"),), quotas=(Quota(5, "day"), Quota(3, "day", scope=OWNER)))
    with speak_for_ada(bench, "metered") as token:
        decisions = [bench.request(token=token()) for _ in range(4)]

    assert standing(decisions[0]) == [("quota", "key", 1), ("quota", "owner", 1)]
    assert [isinstance(decision, Allow) for decision in decisions] == [True] * 3 + [False]
    assert decisions[3].refused_by.scope == OWNER


def test_the_reset_of_one_twin_leaves_the_other(bench):
    record = bench.key(quotas=(Quota(5, "day"), Quota(3, "day", scope=OWNER)))
    bench.request()

    bench.reset(record, record.quotas[1:])

    assert [status.used for status in bench.statuses(record)] == [1, 0]


# --- limits of an API ----------------------------------------------------------------------


@pytest.mark.parametrize("granted", [*NAMES, "*"])
@pytest.mark.parametrize("limited", NAMES)
def test_a_limit_that_names_an_api_counts_by_whatever_name_a_grant_covers_it(bench, limited, granted):
    bench.define()
    bench.key(grants=(Grant(granted),), quotas=(Quota(2, "day", api=limited),))

    assert admitted(bench, 4) == 2
    assert bench.request().reason is Reason.QUOTA_EXHAUSTED


@pytest.mark.parametrize("other", ["billing", "api/dev", "other/*", "other/prod"])
def test_a_limit_of_another_api_counts_nothing_here(bench, other):
    bench.define()
    bench.key(quotas=(Quota(0, "day", api=other),))

    assert bench.request().limits == ()


# --- limits that come and go ---------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [lambda name: RateLimit(2, "hour", name), lambda name: Quota(2, "day", name=name)], ids=["rate", "quota"]
)
def test_a_limit_that_is_renamed_again_and_again_counts_from_zero_each_time(bench, make):
    """However many the gate has counted before: the place of one that is gone is taken by the next."""
    record = bench.key()
    for number in range(2, 32):
        limit = make(f"name-{number}")
        kind = "quotas" if isinstance(limit, Quota) else "rate_limits"
        after = record._replace(version=number, **{kind: (limit,)})
        bench.keys.update(record, after)
        record = after
        bench.now_ms += LOOK_AGAIN_MS

        assert admitted(bench, 3) == 2


def test_limits_of_an_owner_that_are_over_make_room_and_those_in_force_never_do(bench):
    """However often they were renamed: else two of them would take each other's place for ever, and limit nothing."""
    record = bench.key(owner="acme")
    for number in range(2, 55):
        after = record._replace(version=number, rate_limits=(RateLimit(9, "1s", f"name-{number}", scope=OWNER),))
        bench.keys.update(record, after)
        record = after
        assert admitted(bench, 1) == 1
        bench.now_ms += 3_600_000
    tokens = []
    for name in ("first", "second"):
        bench.key(owner="acme", quotas=(Quota(3, "day", name=name, scope=OWNER),))
        tokens.append(bench.request_token())

    decisions = [bench.request(token=token) for _ in range(4) for token in tokens]

    assert [isinstance(decision, Allow) for decision in decisions] == [True] * 6 + [False] * 2


def test_an_identity_does_not_renew_a_quota_by_tokens_that_bring_other_policies(bench):
    """Who chooses the scopes of a token chooses its policies, and may choose many."""
    names = [f"p{number}" for number in range(3)]
    for policy in names:
        quotas = tuple(Quota(1, "day", name=f"{policy}-{number}") for number in range(10))
        bench.policy(policy, grants=(Grant("*"),), quotas=quotas)
    with speak_for_ada(bench, policy_claim="policy", allowed_policies=tuple(names)) as token:
        decisions = [bench.request(token=token(policy=policy)) for policy in names * 2]

    assert [isinstance(decision, Allow) for decision in decisions] == [True] * 3 + [False] * 3
