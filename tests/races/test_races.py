"""Real processes against one gate over HTTP: exact, whatever comes in between."""

from access.grants import Grant
from access.keys import Counting
from access.limits import OWNER, Quota, RateLimit
from tests.authorizer.bench import opaque_key, replace
from tests.races.racer import now_ms

ROUNDS = 20
UNDECIDED = "UndecidedError"  # on a machine so busy that an answer takes as long as a sub-window


def most_within(period_ms, allowed):
    """The most requests that were asked and answered within one interval of the period.

    Each was counted at some moment between the two.
    """
    asked_from = sorted(asked for asked, _ in allowed)
    return max(
        sum(start <= asked and answered < start + period_ms for asked, answered in allowed) for start in asked_from
    )


def used(race, record):
    return race.bench.statuses(record)[0].used


def test_two_hundred_racers_on_a_hundred_units_twenty_times(race):
    for _ in range(ROUNDS):
        race.bench.key(quotas=(Quota(100, "day"),))
        race.start()
        outcomes, _ = race.finish()
        assert outcomes == {"allow": 100, "quota_exhausted": 100}


def test_of_two_hundred_racers_one_tells_of_each_threshold(race):
    quotas = (Quota(100, "day"), Quota(90, "day", scope=OWNER))
    race.bench.policy("own", grants=(Grant("*"),), quotas=quotas[:1], thresholds=(50, 80, 100))
    race.bench.policy("shared", grants=(Grant("*"),), quotas=quotas[1:], thresholds=(80,))
    race.bench.key(policies=("own",), grants=())
    race.start()
    outcomes, _ = race.finish()
    assert outcomes == {"allow": 100, "quota_exhausted": 100, "told 50%": 1, "told 80%": 1, "told 100%": 1}

    record = race.bench.key(policies=("shared",), grants=(), owner="acme")
    race.start(racers=1, requests=0, spread=0.05)
    race.until(record, lambda _: race.bench.owner_used("acme", quotas[1]) == 90)
    race.until(record, lambda _: "am" in race.bench.owner_gate("acme"))
    outcomes, _ = race.finish()
    assert (outcomes["allow"], outcomes["told 80%"]) == (90, 1)


def test_several_limits_at_once_admit_what_the_smallest_admits(race):
    record = race.bench.key(
        rate_limits=(RateLimit(60, "hour"), RateLimit(500, "minute", "burst")),
        quotas=(Quota(80, "day"), Quota(70, "never", name="paid")),
    )
    race.start()
    outcomes, _ = race.finish()

    assert outcomes == {"allow": 60, "rate_limited": 140}
    assert [status.used for status in race.bench.statuses(record)] == [60, 60, 60, 60]


def test_a_rate_limit_holds_over_every_interval_while_windows_turn(race):
    race.bench.key(rate_limits=(RateLimit(40, "1s"),))
    race.start(racers=4, requests=60, spread=0.04)
    outcomes, allowed = race.finish()

    assert outcomes["rate_limited"] > 0
    assert outcomes.keys() <= {"allow", "rate_limited", UNDECIDED}
    assert most_within(1000, allowed) <= 40


def test_quotas_of_a_second_are_exact_in_every_window_while_they_turn(race):
    """A window ends a second after its first request, whoever opens the next one."""
    record = race.bench.key(quotas=(Quota(10, "1s"),))
    race.start(racers=4, requests=0, spread=0.04)
    race.until(record, lambda gate: gate.get("da", 0) >= 35)
    outcomes, allowed = race.finish()

    assert outcomes.keys() <= {"allow", "quota_exhausted", UNDECIDED}
    assert most_within(1000, allowed) <= 20
    assert race.bench.gate(record)["da"] == outcomes["allow"]


def test_a_reset_in_mid_flight_gives_exactly_one_more_round(race):
    record = race.bench.key(quotas=(Quota(100, "day"),))
    race.start(racers=10, requests=0, spread=0.02)
    race.until(record, lambda _: used(race, record) >= 50)
    race.bench.reset(record)
    race.until(record, lambda _: used(race, record) == 100)
    outcomes, _ = race.finish()

    assert outcomes.keys() <= {"allow", "quota_exhausted"}
    assert 150 <= outcomes["allow"] <= 200
    assert race.bench.gate(record)["da"] == outcomes["allow"]


def test_a_key_that_is_disabled_in_mid_flight_admits_nobody_afterwards(race):
    record = race.bench.key(quotas=(Quota(100_000, "day"),))
    race.start(racers=5, requests=0, spread=0.03)
    race.until(record, lambda _: used(race, record) >= 100)
    race.bench.keys.update(record, record._replace(version=2, enabled=False))
    changed_ms = now_ms()
    race.until(record, lambda _: now_ms() > changed_ms + 300)
    outcomes, allowed = race.finish()

    assert outcomes.keys() == {"allow", "key_disabled"}
    assert max(asked for asked, _ in allowed) <= changed_ms


def test_a_limit_that_is_lowered_and_raised_in_mid_flight_keeps_what_was_used(race):
    record = race.bench.key(quotas=(Quota(100, "day"),))
    race.start(racers=5, requests=0, spread=0.02)
    race.until(record, lambda _: used(race, record) >= 30)
    lowered = record._replace(version=2, quotas=(Quota(20, "day"),))
    race.bench.keys.update(record, lowered)
    stood_at = used(race, record)
    raised = record._replace(version=3, quotas=(Quota(150, "day"),))
    race.bench.keys.update(lowered, raised)
    race.until(record, lambda _: used(race, record) == 150)
    outcomes, _ = race.finish()

    assert 30 <= stood_at <= 100
    assert outcomes["allow"] == used(race, record) == 150


def test_an_id_that_is_made_again_in_mid_flight_starts_with_all_of_its_units(race):
    record = race.bench.key(quotas=(Quota(100, "day"),))
    race.start(racers=5, requests=0, spread=0.02)
    race.until(record, lambda _: used(race, record) >= 30)
    race.bench.keys.delete(record)
    race.bench.keys.create(record._replace(life=1 << 20))
    race.until(record, lambda _: used(race, record) == 100)
    outcomes, _ = race.finish()

    assert outcomes.keys() <= {"allow", "unknown_key", "quota_exhausted"}
    assert 130 <= outcomes["allow"] <= 200
    assert race.bench.gate(record)["da"] == 100


def test_leases_of_processes_that_are_killed_never_admit_one_too_many(race):
    bench = race.bench
    limits = {"quotas": (Quota(900, "day"),), "rate_limits": (RateLimit(200, "1s"),)}
    bench.policy("hot", grants=(Grant("*"),), counting=Counting(max_staleness_ms=1000), **limits)
    record = bench.key(policies=("hot",), grants=())
    admitted, allowed = 0, []
    for place in range(4):
        race.start(racers=2, requests=0, spread=0.01)
        race.until(record, lambda gate, mark=admitted: gate.get("da", 0) >= mark + 40)
        race.kill(place)
        outcomes, told = race.finish(killed=place)
        admitted += outcomes["allow"]
        allowed += told
    race.start(racers=2, requests=0, spread=0.01)
    race.until(record, lambda gate: gate.get("bu") == 900)
    outcomes, told = race.finish()

    assert 0 < admitted + outcomes["allow"] <= 900
    assert most_within(1000, allowed + told) <= 200


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


def test_racers_with_several_ids_of_one_key_share_its_units(race):
    record, first = opaque_key(race.bench, quotas=(Quota(60, "day"),))
    record, second = replace(race.bench, record, ends_at=now_ms() // 1000 + 600)
    allowed = 0
    for token in (first, second) * 2:
        race.start(racers=5, requests=1, token=token)
        outcomes, _ = race.finish()
        allowed += outcomes["allow"]

    assert allowed == used(race, record) == 60


def test_an_id_that_is_replaced_in_mid_flight_admits_nobody_afterwards_and_renews_nothing(race):
    record, old = opaque_key(race.bench, quotas=(Quota(400, "day"),))
    race.start(racers=5, requests=0, spread=0.03, token=old)
    race.until(record, lambda _: used(race, record) >= 100)
    record, new = replace(race.bench, record)
    replaced_ms = now_ms()
    race.until(record, lambda _: now_ms() > replaced_ms + 300)
    outcomes, allowed = race.finish()

    assert outcomes.keys() == {"allow", "unknown_key"}
    assert max(asked for asked, _ in allowed) <= replaced_ms
    assert used(race, record) == outcomes["allow"]
    race.start(racers=50, requests=1, token=new)
    after, _ = race.finish()
    assert outcomes["allow"] + after["allow"] == used(race, record) == 400


def test_a_key_that_is_deleted_in_mid_flight_admits_nobody_by_any_of_its_ids(race):
    record, _ = opaque_key(race.bench, quotas=(Quota(100_000, "day"),))
    record, new = replace(race.bench, record, ends_at=now_ms() // 1000 + 600)
    race.start(racers=5, requests=0, spread=0.03, token=new)
    race.until(record, lambda _: used(race, record) >= 100)
    race.bench.keys.delete(record)
    deleted_ms = now_ms()
    race.until(record, lambda _: now_ms() > deleted_ms + 300)
    outcomes, allowed = race.finish()

    assert outcomes.keys() == {"allow", "unknown_key"}
    assert max(asked for asked, _ in allowed) <= deleted_ms
    assert race.bench.gate(record) == {}
