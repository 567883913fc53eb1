"""What counting promises beyond one key and one exact write: leases, owners, thresholds, totals, outages."""

import random

import pytest

from access.decisions import Allow, Deny, Reason
from access.gate import DAY_MS, past_day
from access.grants import Grant
from access.keys import Counting
from access.limits import OWNER, Quota, RateLimit
from authorizer.environment import SHARED_MS
from authorizer.memory import FLUSH_MS, LOOK_AGAIN_MS
from store.errors import StoreError, ThrottledError, UnavailableError
from store.keys import read_gate
from store.table import gate_partition, owner_partition

LEASED = Counting(max_staleness_ms=1000)
EVERYTHING = (Grant("*"),)


def allowed(bench, **options):
    return isinstance(bench.request(**options), Allow)


# --- leases --------------------------------------------------------------------------------


def test_a_leased_key_needs_a_tenth_of_the_writes_and_admits_exactly_the_limit(bench):
    bench.policy("hot", grants=EVERYTHING, quotas=(Quota(600, "day"),), counting=LEASED)
    bench.key(policies=("hot",), grants=())
    admitted = 0
    for _ in range(700):
        bench.now_ms += 50
        admitted += allowed(bench)

    assert admitted == 600
    assert bench.recorder.calls.count("UpdateItem") < 120


def test_leases_never_admit_one_too_many_however_environments_die(bench):
    bench.policy(
        "hot", grants=EVERYTHING, quotas=(Quota(400, "day"),), rate_limits=(RateLimit(90, "10s"),), counting=LEASED
    )
    bench.key(policies=("hot",), grants=())
    source, environments, moments = random.Random(5), [bench.other() for _ in range(4)], []
    for _ in range(1500):
        bench.now_ms += source.randint(1, 60)
        if source.random() < 0.01:
            environments[source.randrange(4)] = bench.other()
        if allowed(bench, environment=source.choice(environments)):
            moments.append(bench.now_ms)

    assert 250 < len(moments) <= 400
    assert max(sum(start <= one < start + 10_000 for one in moments) for start in moments) <= 90


def test_a_leased_key_hears_of_a_change_within_the_staleness_of_its_policy(bench):
    bench.policy("hot", grants=EVERYTHING, quotas=(Quota(10_000, "day"),), counting=LEASED)
    record = bench.key(policies=("hot",), grants=())
    for _ in range(60):
        bench.now_ms += 20
        bench.request()
    bench.keys.update(record, record._replace(version=2, enabled=False))

    bench.now_ms += LEASED.max_staleness_ms

    assert bench.request() == Deny(Reason.KEY_DISABLED, record._replace(version=2, enabled=False))


def test_one_exact_policy_makes_a_key_exact(bench):
    bench.policy("hot", grants=EVERYTHING, quotas=(Quota(600, "day"),), counting=LEASED)
    bench.policy("cold", rate_limits=(RateLimit(100, "1s"),))
    bench.key(policies=("hot", "cold"), grants=())
    for _ in range(20):
        bench.now_ms += 100
        bench.request()

    assert bench.recorder.calls.count("UpdateItem") == 20


# --- limits that an owner's keys share -----------------------------------------------------


def test_the_keys_of_an_owner_share_a_limit_and_a_request_counts_in_both_gates_or_in_none(bench):
    shared = Quota(3, "day", scope=OWNER)
    first = bench.key(owner="acme", quotas=(Quota(9, "day"), shared))
    first_id = bench.key_id
    assert allowed(bench)
    bench.key(owner="acme", quotas=(shared,))
    assert [allowed(bench) for _ in range(3)] == [True, True, False]
    bench.key_id = first_id
    bench.now_ms += LOOK_AGAIN_MS
    before = read_gate(bench.boto, bench.table, gate_partition(first.key_hash))

    refused = bench.request()

    assert (refused.reason, refused.refused_by.scope) == (Reason.QUOTA_EXHAUSTED, OWNER)
    assert read_gate(bench.boto, bench.table, gate_partition(first.key_hash)) == before


def test_a_warm_key_with_a_shared_limit_takes_one_transaction(bench):
    bench.key(owner="acme", quotas=(Quota(100, "day", scope=OWNER),), rate_limits=(RateLimit(50, "1s"),))
    bench.request()
    bench.request()
    bench.recorder.taken()

    assert allowed(bench)
    assert bench.recorder.taken() == ["TransactWriteItems"]


def test_what_remains_of_own_and_shared_limits_is_told_exactly_or_as_of_a_second_ago(bench):
    """A transaction does not tell: own requests are taken off at once, those of others once a second."""
    bench.key(owner="acme", quotas=(Quota(50, "day"), Quota(100, "day", scope=OWNER)))

    def remaining():
        return [status.remaining for status in bench.request().limits]

    assert [remaining() for _ in range(3)] == [[49, 99], [48, 98], [47, 97]]
    assert allowed(bench, environment=bench.other())
    assert remaining() == [46, 96]
    bench.now_ms += SHARED_MS
    assert remaining() == [44, 94]


def test_a_shared_rate_limit_is_a_true_ceiling_over_several_keys_and_environments(bench):
    limit, ids, moments = RateLimit(12, "1s", scope=OWNER), [], []
    for _ in range(3):
        bench.key(owner="acme", rate_limits=(limit,))
        ids.append(bench.key_id)
    source, environments = random.Random(2), [bench.other() for _ in range(3)]
    for _ in range(250):
        bench.now_ms += source.randint(0, 60)
        bench.key_id = source.choice(ids)
        if allowed(bench, environment=source.choice(environments)):
            moments.append(bench.now_ms)

    assert len(moments) > 60
    assert max(sum(start <= one < start + 1000 for one in moments) for start in moments) <= 12


def test_without_an_owner_a_shared_limit_is_the_keys_own(bench):
    bench.key(quotas=(Quota(1, "day", scope=OWNER),))

    assert [allowed(bench) for _ in range(2)] == [True, False]
    assert "TransactWriteItems" not in bench.recorder.calls


def test_a_disabled_key_is_refused_though_only_its_owner_is_limited(bench):
    record = bench.key(owner="acme", quotas=(Quota(100, "day", scope=OWNER),))
    assert allowed(bench)
    bench.keys.update(record, record._replace(version=2, enabled=False))

    assert bench.request().reason is Reason.KEY_DISABLED


# --- thresholds ----------------------------------------------------------------------------


def test_each_threshold_of_a_quota_is_crossed_by_one_request_of_all_environments(bench):
    bench.policy("metered", grants=EVERYTHING, quotas=(Quota(40, "minute"),), thresholds=(50, 80, 100))
    bench.key(policies=("metered",), grants=())
    environments, source = [bench.other() for _ in range(3)], random.Random(1)
    for _ in range(2):
        crossed = []
        for _ in range(60):
            outcome = bench.outcome(environment=source.choice(environments))
            crossed += [(crossing.percent, crossing.status.used) for crossing in outcome.crossings]
        assert crossed == [(50, 20), (80, 32), (100, 40)]
        bench.now_ms += 61_000


def crossed(bench, requests, **options):
    """The thresholds that some requests told, with the units used."""
    outcomes = [bench.outcome(**options) for _ in range(requests)]
    return [(one.percent, one.status.scope, one.status.used) for outcome in outcomes for one in outcome.crossings]


def test_a_threshold_is_told_though_the_answer_to_the_write_that_crossed_it_was_lost(bench):
    """The next request of any environment finds it untold, also where it is refused."""
    bench.policy("metered", grants=EVERYTHING, quotas=(Quota(4, "day"),), thresholds=(50, 100))
    bench.key(policies=("metered",), grants=())
    assert crossed(bench, 1) == []
    for expected in ((50, "key", 3), (100, "key", 4)):
        bench.recorder.after = [UnavailableError("lost")]
        with pytest.raises(UnavailableError):
            bench.request()

        assert crossed(bench, 1, environment=bench.other()) == [expected]
    assert crossed(bench, 3) == []


def test_a_threshold_that_could_not_be_claimed_is_told_by_a_later_request(bench):
    bench.policy("metered", grants=EVERYTHING, quotas=(Quota(4, "day"),), thresholds=(50,))
    bench.key(policies=("metered",), grants=())
    assert allowed(bench)
    bench.recorder.before = [None, UnavailableError("gone")]

    assert allowed(bench)

    assert crossed(bench, 2) == [(50, "key", 3)]


def test_thresholds_of_own_and_shared_quotas_are_told_once_over_the_keys_of_an_owner(bench):
    """At once, or within the second after which another environment's requests are seen."""
    quotas = (Quota(4, "day"), Quota(10, "day", scope=OWNER))
    bench.policy("metered", grants=EVERYTHING, quotas=quotas, thresholds=(50, 100))
    told, environments = [], [bench.environment, bench.other()]
    for _ in range(3):
        bench.key(policies=("metered",), grants=(), owner="acme")
        for place in range(4):
            told += crossed(bench, 1, environment=environments[place % 2])
            bench.now_ms += SHARED_MS

    key, owner = [(50, "key", 2), (100, "key", 4)], [(50, "owner", 5), (100, "owner", 10)]
    assert told == [*key, owner[0], *key, key[0], owner[1]]


def test_a_leased_quota_tells_each_threshold_once(bench):
    bench.policy("hot", grants=EVERYTHING, quotas=(Quota(300, "day"),), counting=LEASED, thresholds=(50, 80, 100))
    bench.key(policies=("hot",), grants=())
    environments, told = [bench.other() for _ in range(3)], []
    for place in range(450):
        bench.now_ms += 30
        told += [percent for percent, *_ in crossed(bench, 1, environment=environments[place % 3])]

    assert told == [50, 80, 100]


def test_after_a_reset_thresholds_are_told_again(bench):
    quota = Quota(2, "never")
    bench.policy("metered", thresholds=(100,), quotas=(quota,))
    record = bench.key(policies=("metered",), quotas=(quota,))
    assert crossed(bench, 3) == [(100, "key", 2)]
    bench.reset(record)
    bench.now_ms += LOOK_AGAIN_MS

    assert crossed(bench, 3) == [(100, "key", 2)]


# --- totals of a day -----------------------------------------------------------------------


def totals(bench, record):
    day = bench.now_ms // DAY_MS
    return [(one.day - day, one.allowed, one.refused) for one in bench.keys.usage(record.key_hash, day - 9, day)]


def test_a_day_that_is_over_is_stored_once_with_what_was_allowed_and_refused(bench):
    bench.now_ms = bench.now_ms // DAY_MS * DAY_MS + 1000
    record = bench.key(quotas=(Quota(5, "hour"),))
    for _ in range(8):
        bench.request()
    bench.now_ms += DAY_MS

    assert allowed(bench)

    assert totals(bench, record) == [(-1, 5, 0)]  # the refusals were not told yet, so they count today
    assert allowed(bench)
    gate = read_gate(bench.boto, bench.table, gate_partition(record.key_hash))
    assert (gate["da"], gate["dr"], past_day(gate)) == (2, 3, None)


def test_a_day_whose_environment_died_is_stored_before_the_next_one(bench):
    bench.now_ms = bench.now_ms // DAY_MS * DAY_MS + 1000
    record = bench.key(quotas=(Quota(1000, "day"),))
    bench.request()
    bench.request()
    bench.now_ms += DAY_MS
    dying = bench.other()
    bench.request(environment=bench.environment)
    bench.now_ms += DAY_MS
    dying._client.before = [None, None, None, None, UnavailableError("gone")]  # after the turn
    bench.request(environment=dying)
    assert totals(bench, record) == [(-2, 2, 0)]
    bench.now_ms += DAY_MS

    assert allowed(bench, environment=bench.other())

    assert totals(bench, record) == [(-3, 2, 0), (-2, 1, 0), (-1, 1, 0)]


def test_the_days_of_a_key_with_a_shared_limit_are_stored_too(bench):
    bench.now_ms = bench.now_ms // DAY_MS * DAY_MS + 1000
    record = bench.key(owner="acme", quotas=(Quota(1000, "never", scope=OWNER),))
    for requests in (3, 2, 1):
        assert [allowed(bench) for _ in range(requests)] == [True] * requests
        bench.now_ms += DAY_MS

    assert allowed(bench, environment=bench.other())

    assert totals(bench, record) == [(-3, 3, 0), (-2, 2, 0), (-1, 1, 0)]
    gate = read_gate(bench.boto, bench.table, gate_partition(record.key_hash))
    assert (gate["d"], gate["da"]) == (bench.now_ms // DAY_MS, 1)


def test_a_day_on_which_nobody_called_has_no_totals(bench):
    bench.now_ms = bench.now_ms // DAY_MS * DAY_MS + 1000
    record = bench.key(quotas=(Quota(1000, "never"),))
    assert allowed(bench)
    bench.now_ms += 3 * DAY_MS

    assert allowed(bench)

    assert totals(bench, record) == [(-3, 1, 0)]


def test_refusals_and_unlimited_requests_are_told_within_a_minute(bench):
    record = bench.key(grants=(Grant("*", methods=("GET",)),))
    for _ in range(4):
        bench.request()
    bench.now_ms += FLUSH_MS
    bench.recorder.taken()

    assert allowed(bench)

    assert bench.recorder.taken()[-1:] == ["UpdateItem"]
    gate = read_gate(bench.boto, bench.table, gate_partition(record.key_hash))
    assert (gate["da"], gate["at"]) == (5, bench.now_ms // 1000)
    bench.keys.update(record, record._replace(version=2, enabled=False))
    assert [bench.request().reason for _ in range(3)] == [Reason.KEY_DISABLED] * 3
    bench.now_ms += FLUSH_MS
    bench.request()
    assert read_gate(bench.boto, bench.table, gate_partition(record.key_hash))["dr"] == 4


# --- outages -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "opens"), [(UnavailableError("no answer"), True), (ThrottledError("slow down"), False)]
)
def test_rate_limits_fail_open_on_silence_where_the_policy_says_so_and_quotas_never(bench, failure, opens):
    open_policy = Counting(fail_open=True)
    bench.policy("open", grants=EVERYTHING, rate_limits=(RateLimit(5, "1s"),), counting=open_policy)
    bench.policy("metered", quotas=(Quota(100, "day"),), counting=open_policy)
    bench.policy("closed", grants=EVERYTHING, rate_limits=(RateLimit(5, "1s"),))
    for policies, is_open in ((("open",), True), (("open", "metered"), False), (("closed",), False)):
        bench.key(policies=policies, grants=())
        assert allowed(bench)
        bench.now_ms += 10_000  # policies and definitions are due to be read again, which fails too
        bench.recorder.before = [failure] * 9
        if is_open and opens:
            outcome = bench.outcome()
            assert isinstance(outcome.decision, Allow)
            assert outcome.detail == "DynamoDB did not answer: open"
        else:
            with pytest.raises(StoreError):
                bench.request()
        bench.recorder.before = []


def test_an_outage_longer_than_five_minutes_closes_the_door(bench):
    bench.policy("open", grants=EVERYTHING, rate_limits=(RateLimit(5, "1s"),), counting=Counting(fail_open=True))
    bench.key(policies=("open",), grants=())
    assert allowed(bench)
    bench.now_ms += 300_000
    bench.recorder.before = [UnavailableError("no answer")] * 9

    with pytest.raises(UnavailableError):
        bench.request()


def test_the_gate_of_an_owner_is_made_with_the_first_key(bench):
    bench.key(owner="acme")

    assert read_gate(bench.boto, bench.table, owner_partition("acme")) == {"v": 1}
