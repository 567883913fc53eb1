"""Which limit is which, and which of them count a request: on keys with and without an owner, and on identities."""

import pytest

from access.decisions import Allow, Reason
from access.grants import Grant
from access.limits import OWNER, Quota, RateLimit
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
