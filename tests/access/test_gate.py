"""The gate's plan and diagnosis, against a small interpreter of the expressions that it makes."""

import random
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.decisions import Reason
from access.gate import (
    DAY_MS,
    Exceeded,
    FullGateError,
    GateWrite,
    Rolled,
    Stale,
    Tally,
    diagnose,
    is_counter,
    plan,
    statuses,
)
from access.gate.layout import LAP
from access.limits import CALENDAR, KEY, OWNER, Quota, RateLimit

START_MS = 1_800_000_000_000


def meets(write: GateWrite, item: Mapping[str, Any] | None) -> bool:
    """Whether an item meets the write's condition, as DynamoDB would judge it."""
    expression = re.sub(r"attribute_not_exists\((#\d+)\)", r"absent('\1')", write.condition)
    expression = re.sub(r"(#\d+) (=|<=) (:\d+)", r"compare('\1', '\2', '\3')", expression)
    expression = expression.replace(" AND ", " and ").replace(" OR ", " or ")
    stored = item or {}

    def compare(name: str, operator: str, value: str) -> bool:
        found = stored.get(write.names[name])
        if found is None:
            return False
        return found == write.values[value] if operator == "=" else found <= write.values[value]

    return bool(eval(expression, {"absent": lambda name: write.names[name] not in stored, "compare": compare}))  # noqa: S307


def apply(write: GateWrite, item: Mapping[str, Any]) -> dict[str, Any]:
    """The item after the write. DynamoDB refuses an update that names an attribute twice, MiniStack does not."""
    after, touched = dict(item), list[str]()
    clauses = re.split(r"\b(SET|ADD|REMOVE) ", write.update)[1:]
    for verb, parts in zip(clauses[::2], clauses[1::2], strict=True):
        for part in parts.strip().split(", "):
            name, *rest = part.replace(" = ", " ").split(" ")
            attribute = write.names[name]
            touched.append(attribute)
            if verb == "SET":
                after[attribute] = write.values[rest[0]] if rest[0][0] == ":" else item[write.names[rest[0]]]
            elif verb == "ADD":
                after[attribute] = after.get(attribute, 0) + write.values[rest[0]]
            else:
                after.pop(attribute, None)
    assert len(touched) == len(set(touched))
    return after


class Gate:
    """One gate, used by several environments that each remember what they saw last."""

    def __init__(self, limits, *, environments=1):
        self.item: dict[str, Any] = {"v": 1}
        self.limits = limits
        self.seen = [dict(self.item) for _ in range(environments)]
        self.attempts = 0

    def request(self, now_ms: int, *, environment=0, cost=1) -> Exceeded | None:
        for _ in range(3):
            self.attempts += 1
            write = plan(
                version=1,
                limits=self.limits,
                seen=self.seen[environment],
                now_ms=now_ms,
                cost=cost,
                marks={"at": now_ms // 1000},
            )
            assert len(write.condition) < 4096
            if meets(write, self.item):
                self.item = apply(write, self.item)
                self.seen[environment] = dict(self.item)
                return None
            self.seen[environment] = dict(self.item)
            verdict = diagnose(self.item, version=1, limits=self.limits, now_ms=now_ms, cost=cost)
            if isinstance(verdict, Exceeded):
                return verdict
            assert isinstance(verdict, Rolled)
        raise AssertionError("not decided in three attempts")


PERIODS = st.sampled_from(["1s", "7s", "minute", "hour", "day"])


@settings(max_examples=150, deadline=None)
@given(data=st.data(), period=PERIODS, limit=st.integers(0, 12), environments=st.integers(1, 4))
def test_no_interval_of_the_period_admits_more_than_the_limit(data, period, limit, environments):
    """Whatever the arrivals, whichever environment counts, wherever the interval starts."""
    rate = RateLimit(limit, period)
    seconds = {"1s": 1, "7s": 7, "minute": 60, "hour": 3600, "day": 86400}[period]
    gate, now, admitted = Gate([rate], environments=environments), START_MS, []
    for _ in range(data.draw(st.integers(1, 60))):
        now += data.draw(st.integers(0, seconds * 400))
        if gate.request(now, environment=data.draw(st.integers(0, environments - 1))) is None:
            admitted.append(now)

    for start in admitted:
        assert sum(start <= moment < start + seconds * 1000 for moment in admitted) <= limit


@settings(max_examples=100, deadline=None)
@given(data=st.data(), period=PERIODS, limit=st.integers(1, 8))
def test_a_request_is_refused_only_if_a_little_more_than_a_period_held_the_limit(data, period, limit):
    """A unit comes back at most a tenth of the period late, and waiting as told admits."""
    seconds = {"1s": 1, "7s": 7, "minute": 60, "hour": 3600, "day": 86400}[period]
    gate, now, admitted = Gate([RateLimit(limit, period)]), START_MS, []
    for _ in range(40):
        now += data.draw(st.integers(0, seconds * 300))
        refused = gate.request(now)
        if refused is None:
            admitted.append(now)
        else:
            assert sum(moment > now - seconds * 1100 for moment in admitted) >= limit
            assert refused.wait_ms is not None
            assert refused.wait_ms <= seconds * 1100
            now += refused.wait_ms
            assert gate.request(now) is None
            admitted.append(now)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), period=st.sampled_from(["1s", "2s", "7s"]), limit=st.integers(1, 12))
def test_clocks_that_differ_by_100_ms_admit_more_only_within_100_ms(data, period, limit):
    """Any interval that is 100 ms shorter than the period still holds at most the limit."""
    length = int(period[:-1]) * 1000
    gate, now, admitted = Gate([RateLimit(limit, period)], environments=4), START_MS, []
    offsets = [data.draw(st.integers(0, 100)) for _ in range(4)]
    for _ in range(data.draw(st.integers(1, 80))):
        now += data.draw(st.integers(0, length // 3))
        place = data.draw(st.integers(0, 3))
        if gate.request(now + offsets[place], environment=place) is None:
            admitted.append(now)

    for start in admitted:
        assert sum(start <= moment < start + length - 100 for moment in admitted) <= limit


class Model:
    """The limits as their documentation puts it: a list of what was admitted, and no cleverness."""

    def __init__(self, limits):
        self.limits = limits
        self.taken: dict[int, list[tuple[int, int]]] = {place: [] for place in range(len(limits))}
        self.ends: dict[int, int] = {}

    def request(self, now_ms: int, cost: int, api: str) -> bool:
        counted = [(place, limit) for place, limit in enumerate(self.limits) if limit.api in {"", api}]
        fits = [self._used(place, limit, now_ms) + cost <= limit.limit for place, limit in counted]
        if all(fits):
            for place, limit in counted:
                if isinstance(limit, Quota) and self.ends.get(place, 0) <= now_ms:
                    self.ends[place] = self._end(limit, now_ms)
                    self.taken[place] = []
                self.taken[place].append((now_ms, cost))
        return all(fits)

    def _used(self, place, limit, now_ms):
        if isinstance(limit, Quota):
            return sum(cost for _, cost in self.taken[place]) if now_ms < self.ends.get(place, 0) else 0
        tenth = SECONDS[limit.period] * 100
        return sum(cost for at, cost in self.taken[place] if at // tenth >= now_ms // tenth - 10)

    def _end(self, limit, now_ms):
        length = SECONDS[limit.period] * 1000
        return now_ms // length * length + length if limit.anchor == CALENDAR else now_ms + length


SECONDS = {"1s": 1, "5s": 5, "minute": 60, "hour": 3600}
LAPS = [tenth * LAP + late for tenth in (100, 500) for late in (-1200, -1, 0, 1, 99, 1100)]  # names repeat after these
NAMES = {"name": st.sampled_from("ab"), "api": st.sampled_from(["", "x", "y"]), "scope": st.sampled_from([KEY, OWNER])}
LIMITS = st.lists(
    st.one_of(
        st.builds(RateLimit, st.integers(0, 20), st.sampled_from(list(SECONDS)), **NAMES),
        st.builds(
            Quota,
            st.integers(0, 20),
            st.sampled_from(["minute", "hour"]),
            st.sampled_from(["first_use", CALENDAR]),
            **NAMES,
        ),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda limit: (type(limit), limit.name, limit.api, limit.scope),
)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), limits=LIMITS, environments=st.integers(1, 3))
def test_the_gate_answers_as_the_model_does(data, limits, environments):
    """Any limits, twins of two scopes among them, any API, costs and arrivals, through any of several environments."""
    gate, model, now = Gate(limits, environments=environments), Model(limits), START_MS
    for _ in range(40):
        now += data.draw(st.sampled_from([0, 1, 30, 99, 100, 101, 900, 1100, 7000, 61_000, *LAPS]))
        cost, place = data.draw(st.integers(1, 4)), data.draw(st.integers(0, environments - 1))
        api = data.draw(st.sampled_from("xy"))
        gate.limits = [limit for limit in limits if limit.api in {"", api}]
        assert (gate.request(now, environment=place, cost=cost) is None) == model.request(now, cost, api)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), limits=LIMITS)
def test_waiting_as_told_admits_and_less_does_not(data, limits):
    """Any limits and costs, nobody else calling; where no wait is told, none helps."""
    gate, now = Gate(limits), START_MS
    for _ in range(30):
        now += data.draw(st.sampled_from([0, 1, 99, 900, 7000]))
        cost = data.draw(st.integers(1, 6))
        refused = gate.request(now, cost=cost)
        if refused is None:
            continue
        if refused.wait_ms is None:
            assert any(cost > limit.limit for limit in limits)
            assert gate.request(now + 10 * 86_400_000, cost=cost) is not None
            continue
        assert refused.wait_ms > 0
        assert gate.request(now + refused.wait_ms - 1, cost=cost) is not None
        in_whole_seconds = -(-refused.wait_ms // 1000) * 1000
        now += data.draw(st.sampled_from([refused.wait_ms, in_whole_seconds]))
        assert gate.request(now, cost=cost) is None


def test_one_environment_never_needs_a_second_attempt():
    """The turn of a window is planned from what was seen last."""
    gate, now = Gate([RateLimit(5, "1s"), RateLimit(1000, "hour", "hourly"), Quota(10_000, "day")]), START_MS
    source, admitted = random.Random(7), 0
    for _ in range(2000):
        now += source.choice([1, 20, 90, 150, 1100, 500_000])
        before = gate.attempts
        if gate.request(now) is None:
            admitted += 1
            assert gate.attempts == before + 1

    assert admitted > 500


def test_environments_that_turn_windows_for_each_other_rarely_need_a_second_attempt():
    gate, source, now = Gate([RateLimit(10_000, "1s")], environments=10), random.Random(3), START_MS
    for _ in range(3000):
        now += source.randint(0, 30)
        assert gate.request(now, environment=source.randrange(10)) is None

    assert gate.attempts < 3000 * 1.05


def test_a_first_use_quota_starts_with_the_first_request_and_ends_a_period_later():
    gate = Gate([Quota(2, "60s")])

    assert gate.request(START_MS) is None
    assert gate.request(START_MS + 59_000) is None
    refused = gate.request(START_MS + 59_500)
    assert isinstance(refused, Exceeded)
    assert (refused.reason, refused.wait_ms) == (Reason.QUOTA_EXHAUSTED, 500)
    assert gate.request(START_MS + 59_999) is not None
    assert gate.request(START_MS + 60_000) is None


def test_a_calendar_quota_ends_at_the_utc_boundary():
    gate = Gate([Quota(1, "hour", CALENDAR)])
    boundary = START_MS // 3_600_000 * 3_600_000 + 3_600_000

    assert gate.request(boundary - 2000) is None
    assert gate.request(boundary - 1) is not None
    assert gate.request(boundary) is None


def test_a_prepaid_quota_never_renews():
    gate = Gate([Quota(2, "never")])

    assert [gate.request(START_MS + year * 31_536_000_000) is None for year in range(4)] == [True, True, False, False]


def test_limits_are_counted_all_or_nothing():
    gate = Gate([RateLimit(100, "hour"), Quota(1, "day")])
    gate.request(START_MS)
    before = dict(gate.item)

    assert gate.request(START_MS + 1) is not None

    assert gate.item == before


def test_cost_is_taken_of_every_limit():
    gate = Gate([RateLimit(10, "hour"), Quota(7, "day")])

    assert gate.request(START_MS, cost=5) is None
    assert gate.request(START_MS, cost=3) is not None
    assert gate.request(START_MS, cost=2) is None
    assert [status.remaining for status in statuses(gate.item, gate.limits, now_ms=START_MS)] == [3, 0]


@pytest.mark.parametrize("limit", [RateLimit(0, "1s"), Quota(0, "day"), Quota(0, "never")])
def test_a_limit_of_zero_refuses_everything(limit):
    refused = Gate([limit]).request(START_MS)

    assert isinstance(refused, Exceeded)


def test_raising_and_lowering_a_limit_keeps_what_was_used():
    gate = Gate([Quota(3, "day")])
    for _ in range(3):
        gate.request(START_MS)

    gate.limits = [Quota(5, "day")]
    assert gate.request(START_MS) is None
    gate.limits = [Quota(1, "day")]
    refused = gate.request(START_MS)

    assert refused is not None
    assert refused.refused_by.remaining == 0


@pytest.mark.parametrize("period", ["never", "hour", "month"])
def test_a_quota_of_another_period_goes_on_with_what_was_used(period):
    """`never` too, which has no use for the end that its window had."""
    gate = Gate([Quota(3, "day")])
    gate.request(START_MS)

    gate.limits = [Quota(3, period)]

    assert [gate.request(START_MS + 1) is None for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    "make", [lambda name: RateLimit(5, "1s", name, "a"), lambda name: Quota(5, "day", name=name, api="a")]
)
def test_limits_that_are_gone_make_room_and_those_of_other_apis_never_do(make):
    """However often limits of a key are renamed, the counters of the ones that it has stay."""
    elsewhere = Quota(4, "never", name="elsewhere", api="b")
    item = {"v": 1}
    for round_ in range(60):
        limits = [elsewhere] if round_ in {0, 59} else [make(f"name-{round_}")]
        kept = [elsewhere, *limits]
        for expected in (1, 2):
            write = plan(version=1, limits=limits, kept=kept, seen=item, now_ms=START_MS, cost=1, marks={})
            assert meets(write, item)
            item = apply(write, item)
            assert limits == [elsewhere] or statuses(item, limits, now_ms=START_MS)[0].used == expected

    assert statuses(item, [elsewhere], now_ms=START_MS)[0].used == 4
    assert len(item["l"]) == 24 * 5


@pytest.mark.parametrize("number", [24, 30, 52])
def test_more_limits_than_a_key_should_have_are_counted_all_the_same(number):
    """Policies may bring more than the ten that one of them may have."""
    limits = [Quota(2, "day", name=f"quota-{place}") for place in range(number)]
    gate = Gate(limits)

    assert [gate.request(START_MS) is None for _ in range(3)] == [True, True, False]
    assert [status.used for status in statuses(gate.item, limits, now_ms=START_MS)] == [2] * number


def test_a_gate_without_a_letter_left_decides_nothing_until_a_limit_is_over():
    """Where nobody knows which limits are gone, none that is in force makes room."""
    limits = [Quota(2, "hour" if place % 2 else "never", name=f"quota-{place}") for place in range(50)]
    limits += [RateLimit(2, "1s", "second"), RateLimit(2, "day", "daily")]
    gate = Gate(limits)
    gate.request(START_MS)
    gate.limits = [Quota(1, "day", name="one more")]
    for later in (0, 3_599_999):
        with pytest.raises(FullGateError):
            gate.request(START_MS + later)

    assert gate.request(START_MS + 3_600_000) is None
    assert gate.request(START_MS + 3_600_000) is not None


@pytest.mark.parametrize("make", [lambda name: Quota(9, "hour", name=name), lambda name: RateLimit(9, "1s", name)])
def test_a_limit_that_is_used_again_just_now_keeps_its_letter(make):
    """Though somebody saw it when it was over, and is about to give its letter to another one."""
    limits = [make(f"limit-{place}") for place in range(52)]
    gate = Gate(limits, environments=2)
    for environment in (0, 1):
        assert gate.request(START_MS, environment=environment) is None
    later = START_MS + 10 * 86_400_000
    gate.limits = limits[:1]
    assert gate.request(later, environment=1) is None

    gate.limits = [Quota(1, "day", name="one more")]
    assert gate.request(later, environment=0) is None

    assert statuses(gate.item, limits[:1], now_ms=later)[0].used == 1
    assert gate.attempts == 6


@pytest.mark.parametrize("period", ["1s", "59s", "minute", "hour", "21600s", "day"])
def test_a_rate_limit_in_force_never_makes_room(period):
    """Whatever the others count, and however long its last request is ago, within what it looks back."""
    seconds = {"1s": 1, "59s": 59, "minute": 60, "hour": 3600, "21600s": 21_600, "day": 86_400}[period]
    limit, others = RateLimit(1, period), [Quota(1, "never", name=f"quota-{place}") for place in range(51)]
    gate = Gate([limit, *others])
    gate.request(START_MS)
    gate.limits = [Quota(1, "hour", name="one more")]
    for later in (0, seconds * 500, seconds * 1000, seconds * 1099):
        with pytest.raises(FullGateError):
            gate.request(START_MS + later)


@pytest.mark.parametrize("change", [Quota(3, "never"), Quota(3, "day", CALENDAR)])
def test_a_limit_that_a_gate_met_before_keeps_its_letter(change):
    gate = Gate([Quota(3, "hour")])
    gate.request(START_MS)
    gate.limits = [change]

    gate.request(START_MS + 1)

    assert len(gate.item["l"]) == 5


def test_another_version_or_no_gate_at_all_is_stale():
    limits = [Quota(3, "day")]
    write = plan(version=1, limits=limits, seen={"v": 1}, now_ms=START_MS, cost=1, marks={})

    assert not meets(write, {"v": 2})
    assert not meets(write, None)
    assert diagnose({"v": 2}, version=1, limits=limits, now_ms=START_MS, cost=1) == Stale()
    assert diagnose(None, version=1, limits=limits, now_ms=START_MS, cost=1) == Stale()


def test_a_clock_that_lags_never_turns_a_window_back():
    """An environment whose clock is behind counts in the newest window that it finds."""
    gate = Gate([RateLimit(3, "1s")], environments=2)
    gate.request(START_MS + 1000, environment=0)
    for _ in range(2):
        assert gate.request(START_MS + 600, environment=1) is None

    assert gate.request(START_MS + 600, environment=1) is not None
    assert gate.request(START_MS + 1000, environment=0) is not None


def size_of(item):
    """Of a gate as DynamoDB counts it: names and texts, and numbers at two digits a byte and one more."""
    keys = len("PK") + len("GATE#") + 43 + len("SK") + len("GATE")
    return keys + sum(
        len(name) + (len(value) if isinstance(value, str) else (len(str(value)) + 1) // 2 + 1)
        for name, value in item.items()
    )


@pytest.mark.parametrize(
    "periods",
    [
        ["1s"] * 10,
        [f"{seconds}s" for seconds in range(1, 11)],
        ["1s", "2s", "5s", "10s", "30s", "minute", "600s", "hour", "21600s", "day"],
    ],
)
def test_ten_rate_limits_at_all_that_an_item_takes_fit_one_write_unit_and_the_bounds_of_an_expression(periods):
    """1,000 requests a second for more than each period, four credentials, two days of totals."""
    limits = [RateLimit(10**12, period, f"limit-{place}") for place, period in enumerate(periods)]
    used = {f"_{place:08x}": START_MS // 1000 for place in range(4)}
    day = START_MS // DAY_MS + 1
    item = {"v": 2**52} | used | {"d": day, "da": 10**8 - 1, "dr": 10**8 - 1, "pd": day - 1, "pa": 10**8, "pr": 10**8}
    now, sizes = START_MS, []
    for pause_ms in (8_640_000, 2_160_000, 360_000, 60_000, 6_000, 3_000, 1_000, 500, 100, 10):
        for _ in range(24):
            now += pause_ms
            write = plan(
                version=2**52,
                limits=limits,
                seen=item,
                now_ms=now,
                cost=pause_ms,
                marks={"at": now // 1000, "_00000003": now // 1000},
                tally=Tally(pause_ms, 34),
            )
            assert max(len(write.condition), len(write.update)) < 4096
            assert len(re.findall(r"AND|OR|<=|=|attribute_not_exists", write.condition)) < 300
            assert meets(write, item)
            item = apply(write, item)
            sizes.append(size_of(item))

    assert max(sizes) < 1024


def test_counters_are_told_from_the_rest_of_a_gate():
    gate = Gate([RateLimit(5, "1s"), Quota(5, "day")])
    gate.request(START_MS)

    assert {name for name in gate.item if not is_counter(name)} == {"v", "at", "l"}
