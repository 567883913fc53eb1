"""Real processes against one gate over HTTP: exact, whatever comes in between."""

import time

from access.grants import Grant
from access.keys import Counting
from access.limits import OWNER, Quota, RateLimit

ROUNDS = 20


def test_two_hundred_racers_on_a_hundred_units_twenty_times(race):
    for _ in range(ROUNDS):
        race.bench.key(quotas=(Quota(100, "day"),))
        race.start()
        outcomes, _ = race.finish()
        assert outcomes == {"allow": 100, "quota_exhausted": 100}


def test_several_limits_at_once_admit_what_the_smallest_admits(race):
    record = race.bench.key(
        rate_limits=(RateLimit(60, "hour"), RateLimit(500, "1s", "burst")),
        quotas=(Quota(80, "day"), Quota(70, "never", name="paid")),
    )
    race.start()
    outcomes, _ = race.finish()

    assert outcomes == {"allow": 60, "rate_limited": 140}
    assert [status.used for status in race.bench.statuses(record)] == [60, 60, 60, 60]


def test_a_rate_limit_holds_over_every_interval_while_windows_turn(race):
    race.bench.key(rate_limits=(RateLimit(40, "1s"),))
    race.start(racers=4, requests=60, spread=0.04)
    outcomes, moments = race.finish()

    assert outcomes["rate_limited"] > 0
    assert set(outcomes) == {"allow", "rate_limited"}
    assert max(sum(start <= one < start + 0.999 for one in moments) for start in moments) <= 40


def test_a_reset_in_mid_flight_gives_exactly_one_more_round(race):
    record = race.bench.key(quotas=(Quota(100, "day"),))
    race.start(racers=10, requests=25, spread=0.02)
    time.sleep(0.35)
    race.bench.reset(record)
    outcomes, _ = race.finish()
    used = race.bench.statuses(record)[0].used

    assert used <= 100
    assert used < outcomes["allow"] <= 100 + used


def test_a_key_that_is_disabled_in_mid_flight_admits_nobody_afterwards(race):
    record = race.bench.key(rate_limits=(RateLimit(100_000, "1s"),))
    race.start(racers=5, requests=40, spread=0.03)
    time.sleep(0.5)
    race.bench.keys.update(record, record._replace(version=2, enabled=False))
    answered = time.time()
    outcomes, moments = race.finish()

    assert set(outcomes) == {"allow", "key_disabled"}
    assert max(moments) < answered


def test_leases_of_processes_that_are_killed_never_admit_one_too_many(race):
    bench = race.bench
    bench.policy("hot", grants=(Grant("*"),), quotas=(Quota(900, "day"),), counting=Counting(max_staleness_ms=1000))
    bench.key(policies=("hot",), grants=())
    allowed = 0
    for place in range(4):
        race.start(racers=2, requests=40, spread=0.01)
        time.sleep(0.3)
        race.kill(place)
        outcomes, _ = race.finish(killed=place)
        allowed += outcomes["allow"]

    assert 0 < allowed <= 900


def test_racers_with_several_keys_of_one_owner_share_its_units(race):
    bench = race.bench
    tokens = []
    for _ in range(2):
        bench.key(owner="acme", quotas=(Quota(30, "day", scope=OWNER),))
        tokens.append(bench.request_token())
    allowed = 0
    for token in tokens * 3:
        race.start(racers=1, requests=3, spread=0.05, token=token)
        outcomes, _ = race.finish()
        allowed += outcomes["allow"]

    assert allowed <= 30
    assert bench.owner_used("acme", Quota(30, "day", scope=OWNER)) == allowed
