"""Leases under everything at once: several limits of several APIs, deaths, resets, turning windows."""

import random

import pytest

from access.decisions import Allow
from access.gate import VERSION
from access.key_ids import KeyHash
from access.keys import Counting, KeyRecord
from access.limits import Quota, RateLimit
from access.policies import Effective
from authorizer.counting import Call, count
from authorizer.environment import Environment
from authorizer.memory import KnownKey, Untold
from benchmarks.memory_table import MemoryTable
from store.errors import UnavailableError
from store.master_secret import Keyring, MasterKeys
from store.table import GATE, gate_partition

START_MS = 1_800_000_000_000
STALENESS_MS = 1_000
KEY_HASH = KeyHash("k" * 43)
PARTITION = gate_partition(KEY_HASH)


class LossyTable(MemoryTable):
    """Fails some calls, before it takes them or after."""

    def __init__(self, source):
        super().__init__()
        self.source = source

    def call(self, operation, request):
        luck = self.source.random()
        if luck < 0.05:
            raise UnavailableError("never arrived")
        answer = super().call(operation, request)
        if luck < 0.1:
            raise UnavailableError("lost")
        return answer


class Crowd:
    """Environments that count one key on a table in memory, and an operator who changes it."""

    def __init__(self, size, *, table=None, staleness_ms=STALENESS_MS):
        self.effective = Effective((), (), (), (), {}, Counting(staleness_ms))
        self.table = table or MemoryTable()
        self.table.items[PARTITION, GATE] = {VERSION: {"N": "1"}}
        self.record = KeyRecord(KEY_HASH, 1, "leased", 0, 0)
        self.environment = Environment(self.table, "table", Keyring(MasterKeys(b"p" * 32, b"s" * 32, b"e" * 32)))
        self.now_ms = START_MS
        self.members = [self.born() for _ in range(size)]

    def born(self):
        gate = {VERSION: self.record.version}
        return KnownKey(PARTITION, self.record, (), gate, untold=Untold(self.now_ms), now_ms=self.now_ms)

    def dies(self, place):
        """With whatever it had leased."""
        self.members[place] = self.born()

    def reset(self):
        """Of every counter, as the admin function does: the version moves with it."""
        self.record = self.record._replace(version=self.record.version + 1)
        self.table.items[PARTITION, GATE] = {VERSION: {"N": str(self.record.version)}}

    def request(self, place, limits, cost=1):
        for _ in range(2):
            counted = count(Call(limits, cost, {}, self.effective, self.now_ms), self.members[place], self.environment)
            if counted is not None:
                return isinstance(counted.decision, Allow)
            self.members[place] = self.born()
        raise AssertionError("the record is current, so the gate decides")

    def leased(self):
        return sum(lease.units for member in self.members for lease in member.leases.values())


def most_within(period_ms, admitted):
    return max(sum(cost for at, cost in admitted if start <= at < start + period_ms) for start, _ in admitted)


@pytest.mark.parametrize("seed", range(8))
def test_no_limit_is_exceeded_whatever_happens(seed):
    """A quota of the key beside a rate limit of each of two APIs, with costs and deaths."""
    source, crowd = random.Random(seed), Crowd(5)
    quota = Quota(source.choice([300, 900, 2000]), "20s")
    rates = [RateLimit(source.choice([20, 60]), "1s", api=api) for api in ("a", "b")]
    admitted = {rate.api: [] for rate in rates}
    for _ in range(4000):
        crowd.now_ms += source.choice([0, 1, 5, 12, 40])
        if source.random() < 0.01:
            crowd.dies(source.randrange(5))
        rate, cost = source.choice(rates), source.choice([1, 1, 1, 3])
        if crowd.request(source.randrange(5), (rate, quota), cost):
            admitted[rate.api].append((crowd.now_ms, cost))

    for rate in rates:
        assert 0 < most_within(1000, admitted[rate.api]) <= rate.limit
    ends, used = 0, 0
    for at, cost in sorted(admitted["a"] + admitted["b"]):
        if at >= ends:
            ends, used = at + 20_000, 0
        used += cost
        assert used <= quota.limit


@pytest.mark.parametrize("seed", range(6))
def test_clocks_that_differ_by_100_ms_admit_more_only_within_100_ms(seed):
    source, crowd, limit = random.Random(seed), Crowd(4), RateLimit(30, "1s")
    offsets, admitted = [source.randint(0, 100) for _ in range(4)], []
    for _ in range(3000):
        crowd.now_ms += source.choice([0, 2, 7, 25])
        place, now = source.randrange(4), crowd.now_ms
        crowd.now_ms = now + offsets[place]
        if crowd.request(place, (limit,)):
            admitted.append((now, 1))
        crowd.now_ms = now

    assert 0 < most_within(900, admitted) <= 30


@pytest.mark.parametrize("staleness_ms", [0, STALENESS_MS])
@pytest.mark.parametrize("seed", range(4))
def test_lost_requests_and_lost_answers_admit_none_too_many(seed, staleness_ms):
    source = random.Random(seed)
    crowd = Crowd(4, table=LossyTable(source), staleness_ms=staleness_ms)
    rate, quota = RateLimit(40, "1s"), Quota(900, "day")
    admitted, failed = [], 0
    for _ in range(3000):
        crowd.now_ms += source.choice([0, 3, 9, 30])
        cost = source.choice([1, 1, 2])
        try:
            if crowd.request(source.randrange(4), (rate, quota), cost):
                admitted.append((crowd.now_ms, cost))
        except UnavailableError:
            failed += 1

    assert failed > 0
    assert 0 < most_within(1000, admitted) <= 40
    assert 700 < sum(cost for _, cost in admitted) <= 900


@pytest.mark.parametrize("seed", range(4))
def test_a_reset_gives_one_more_round_and_at_most_what_was_leased_before_it(seed):
    source, crowd, quota = random.Random(seed), Crowd(4), Quota(1000, "day")
    before = after = 0
    for _ in range(700):
        crowd.now_ms += 10
        before += crowd.request(source.randrange(4), (quota,))
    leased = crowd.leased()
    crowd.reset()
    for _ in range(3000):
        crowd.now_ms += 10
        after += crowd.request(source.randrange(4), (quota,))

    assert before == 700
    assert 1000 - crowd.leased() <= after <= 1000 + leased


@pytest.mark.parametrize("limit", [1, 7, 100, 2500])
def test_near_the_ceiling_counting_is_exact_again(limit):
    """While nobody dies, every unit finds its request, and none twice."""
    source, crowd, quota = random.Random(limit), Crowd(6), Quota(limit, "day")
    admitted = 0
    for _ in range(limit * 3 + 100):
        crowd.now_ms += 8
        admitted += crowd.request(source.randrange(6), (quota,))

    assert admitted == limit


def test_a_lease_is_not_spent_after_its_staleness_nor_before_it_was_taken():
    """Also by a clock that jumps back."""
    crowd, quota = Crowd(1), (Quota(1000, "day"),)
    for _ in range(40):
        crowd.now_ms += 20
        crowd.request(0, quota)
    (lease,) = crowd.members[0].leases.values()
    assert lease.units > 0

    writes = crowd.table.writes
    for moment in (lease.ends_at_ms, lease.taken_at_ms - 1):
        assert lease.spend(1, moment) is None
    crowd.now_ms = lease.taken_at_ms - 1
    crowd.request(0, quota)
    assert crowd.table.writes == writes + 1


def test_a_lowered_limit_spends_no_lease_of_the_old_one():
    crowd = Crowd(1)
    for _ in range(40):
        crowd.now_ms += 20
        crowd.request(0, (Quota(1000, "day"),))
    assert crowd.leased() > 0

    assert not crowd.request(0, (Quota(40, "day"),))
