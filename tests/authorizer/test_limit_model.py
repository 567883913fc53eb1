"""Every limit there is at once, beside a model that says what each means and is not clever.

Own limits and those of policies, twins of two scopes, limits of an API by each of its names, and
unlimited; keys with and without an owner; two environments; whatever the requests are.
"""

import random
from fractions import Fraction
from typing import NamedTuple

import pytest

from access.decisions import Allow
from access.grants import Grant
from access.limits import KEY, MAX_LIMITS_PER_KEY, OWNER, UNLIMITED, Quota, RateLimit

STAGES = {"prod": {"orders", "api/prod", "api/*"}, "dev": {"api/dev", "api/*"}}
SECONDS = {"1s": 1, "5s": 5, "minute": 60, "hour": 3600}
GRANTS = (Grant("*", path="/one"), Grant("*", path="/two", cost=2), Grant("*", path="/free", cost=0))
COSTS = {"one": 1, "two": 2, "free": 0}
REQUESTS = 40


class Holder(NamedTuple):
    """A key, or a policy, as far as limits go."""

    rate_limits: tuple[RateLimit, ...]
    quotas: tuple[Quota, ...]


def identity(limit):
    return type(limit), limit.name, limit.api, limit.scope


def draw_holder(source, *, may_lift):
    """A few limits, no two of one identity."""
    limits = {}
    for _ in range(source.choice([0, 1, 2, 3])):
        amount = UNLIMITED if may_lift and source.random() < 0.25 else source.choice([4, 7, 12, 30])
        names = {
            "name": source.choice(["default", "x"]),
            "api": source.choice(["", "", "orders", "api/prod", "api/*", "api/dev", "other"]),
            "scope": source.choice([KEY, OWNER]),
        }
        if source.random() < 0.5:
            limit = RateLimit(amount, source.choice(["1s", "5s", "minute"]), **names)
        else:
            anchor = source.choice(["first_use", "calendar"])
            period = source.choice(["minute", "hour", "never"]) if anchor == "first_use" else "minute"
            limit = Quota(amount, period, anchor, **names)
        limits[identity(limit)] = limit
        if source.random() < 0.4:
            twin = limit._replace(scope=KEY if limit.scope == OWNER else OWNER, limit=source.choice([0, 6, 10, 25]))
            limits[identity(twin)] = twin
    found = list(limits.values())
    return Holder(
        tuple(one for one in found if isinstance(one, RateLimit)), tuple(one for one in found if isinstance(one, Quota))
    )


def better(limit, other):
    """Of two limits of one identity the one that holds, as API.md words it."""
    for one in (limit, other):
        if one.limit == UNLIMITED:
            return one

    def rate(one):
        return Fraction(one.limit, SECONDS[one.period]) if one.period != "never" else Fraction(-1)

    return other if (rate(other), other.limit) > (rate(limit), limit.limit) else limit


def in_force(own, policies):
    """The limits that a key with these policies has."""
    found = []
    for kind in ("rate_limits", "quotas"):
        merged = {}
        for limit in [one for policy in policies for one in getattr(policy, kind)]:
            name = identity(limit)
            merged[name] = better(merged[name], limit) if name in merged else limit
        found += [one for one in merged.values() if one.limit != UNLIMITED] if merged else getattr(own, kind)
    return tuple(found)


class Model:
    """A list of what was admitted, for each limit of each holder."""

    def __init__(self, limits, owner):
        self.limits = limits
        self.owner = owner
        self.taken = {}
        self.ends = {}

    def holder(self, limit, key):
        return self.owner if self.owner and limit.scope == OWNER else key

    def request(self, key, stage, cost, now_ms):
        counted = [one for one in self.limits if cost and (not one.api or one.api in STAGES[stage])]
        if any(self.used(one, key, now_ms) + cost > one.limit for one in counted):
            return False
        for limit in counted:
            place = (self.holder(limit, key), identity(limit))
            if isinstance(limit, Quota) and limit.period != "never" and self.ends.get(place, 0) <= now_ms:
                self.taken[place] = []
                length = SECONDS[limit.period] * 1000
                begins = now_ms if limit.anchor == "first_use" else now_ms // length * length
                self.ends[place] = begins + length
            self.taken.setdefault(place, []).append((now_ms, cost))
        return True

    def used(self, limit, key, now_ms):
        place = (self.holder(limit, key), identity(limit))
        taken = self.taken.get(place, [])
        if isinstance(limit, RateLimit):
            tenth = SECONDS[limit.period] * 100
            return sum(cost for at, cost in taken if at // tenth >= now_ms // tenth - 10)
        is_open = limit.period == "never" or now_ms < self.ends.get(place, 0)
        return sum(cost for _, cost in taken) if is_open else 0


def draw(source):
    """Own limits and policies that together are as many as a gate counts, and some."""
    while True:
        own = draw_holder(source, may_lift=False)
        policies = [draw_holder(source, may_lift=True) for _ in range(source.choice([0, 1, 2, 3]))]
        limits = in_force(own, policies)
        if 0 < len(limits) <= MAX_LIMITS_PER_KEY:
            return own, policies, limits


@pytest.mark.parametrize("seed", range(24))
def test_every_request_is_decided_as_the_model_says_and_every_counter_shows_it(bench, seed):
    source = random.Random(seed)
    own, policies, limits = draw(source)
    owner = source.choice(["", "acme"])
    bench.define()
    for place, policy in enumerate(policies):
        bench.policy(f"p{place}", **policy._asdict())
    keys = {}
    for _ in range(2):
        names = tuple(f"p{place}" for place in range(len(policies)))
        record = bench.key(owner=owner, grants=GRANTS, policies=names, **own._asdict())
        keys[record.key_hash] = bench.request_token()
    environments, model = [bench.environment, bench.other()], Model(limits, owner)

    for _ in range(REQUESTS):
        bench.now_ms += source.choice([0, 1, 40, 90, 300, 1100, 5600, 61_000])
        key, path, stage = (source.choice(list(one)) for one in (keys, COSTS, STAGES))
        decision = bench.request(token=keys[key], path=path, stage=stage, environment=source.choice(environments))
        expected = model.request(key, stage, COSTS[path], bench.now_ms)
        assert isinstance(decision, Allow) == expected, (decision, limits)

    bench.now_ms += 1000  # what a transaction left is read again
    for key, token in keys.items():
        for stage in STAGES:
            decision = bench.request(token=token, path="one", stage=stage, environment=bench.other())
            model.request(key, stage, 1, bench.now_ms)
            for status in decision.limits:
                limit = next(one for one in limits if named(one) == named(status))
                assert (status.limit, status.used) == (limit.limit, model.used(limit, key, bench.now_ms))


def named(limit):
    kind = limit.kind if hasattr(limit, "kind") else ("quota" if isinstance(limit, Quota) else "rate")
    return kind, limit.name, limit.api, limit.scope
