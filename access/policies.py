"""What a key may do once its policies are laid over it, on a copy.

Where some policy sets grants, rate limits or quotas, they replace the key's own of that kind;
what no policy sets stays the key's own. Between policies, grants, tags and metadata are united,
and limits of one name, API and scope merge to the one that admits most per second, as a pair:
`never` only where there is no other, and `unlimited`, which lifts them, before all.
Sources are neither replaced nor united: each list that is set must hold the caller's address.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from access.grants import Grant, administers
from access.keys import Counting, KeyRecord, Policy
from access.limits import MAX_LIMITS_PER_KEY, Quota, RateLimit, period_seconds

GRANTS = "grants"
RATE_LIMITS = "rate_limits"
QUOTAS = "quotas"
PARTITIONS = (GRANTS, RATE_LIMITS, QUOTAS)
MAX_TOLD_BYTES = 4_000  # of tags and metadata: with everything else an answer stays below 8 KB

LimitT = TypeVar("LimitT", RateLimit, Quota)


class Effective(NamedTuple):
    """Grants, limits, tags and metadata as they apply to a key. `lifted`: what policies made unlimited."""

    grants: tuple[Grant, ...]
    rate_limits: tuple[RateLimit, ...]
    quotas: tuple[Quota, ...]
    tags: tuple[str, ...]
    metadata: dict[str, str]
    counting: Counting = Counting()
    thresholds: tuple[int, ...] = ()
    lifted: tuple[RateLimit | Quota, ...] = ()
    sources: tuple[tuple[str, ...], ...] = ()  # the list of each policy that has one

    @property
    def limits(self) -> tuple[RateLimit | Quota, ...]:
        return (*self.rate_limits, *self.quotas)


def overlay(record: KeyRecord, policies: Mapping[str, Policy]) -> Effective | None:
    """Lay the key's policies over it.

    None when one of them is missing or inactive, or when together they bring more limits than a
    gate counts (MAX_LIMITS_PER_KEY), or more tags and metadata than an answer holds (MAX_TOLD_BYTES).
    """
    applied = [policies.get(policy_id) for policy_id in record.policies]
    active = [policy for policy in applied if policy is not None and policy.active]
    if len(active) != len(applied):
        return None
    united = [grant for policy in _contributing(active, GRANTS) for grant in policy.grants]
    grants = tuple(dict.fromkeys(united)) or record.grants
    rates = [limit for policy in _contributing(active, RATE_LIMITS) for limit in policy.rate_limits]
    amounts = [limit for policy in _contributing(active, QUOTAS) for limit in policy.quotas]
    rate_limits, lifted_rates = _part(_merge(rates) or record.rate_limits)
    quotas, lifted_quotas = _part(_merge(amounts) or record.quotas)
    tags = tuple(dict.fromkeys([*record.tags, *(tag for policy in active for tag in policy.tags)]))
    metadata = dict(record.metadata)
    for policy in active:
        metadata.update(policy.metadata)
    is_admin = administers([*record.grants, *(grant for policy in active for grant in policy.grants)])
    if len(rate_limits) + len(quotas) > MAX_LIMITS_PER_KEY or told_bytes(tags, metadata) > MAX_TOLD_BYTES:
        return None
    return Effective(
        grants=grants,
        rate_limits=rate_limits,
        quotas=quotas,
        tags=tags,
        metadata=metadata,
        counting=Counting() if is_admin else _counting(active),  # revocation of an admin key waits for nothing
        thresholds=tuple(sorted({percent for policy in active for percent in policy.thresholds})),
        lifted=(*lifted_rates, *lifted_quotas),
        sources=tuple(policy.sources for policy in active if policy.sources),
    )


def told_bytes(tags: Sequence[str], metadata: Mapping[str, str]) -> int:
    """Bytes that tags and metadata take in an answer to API Gateway, in the longest way to write them."""
    return len(json.dumps([",".join(tags), {f"meta_{name}": value for name, value in metadata.items()}]))


def _counting(active: Sequence[Policy]) -> Counting:
    """The strictest way that the policies ask for; those without limits have no say."""
    limiting = {
        policy.policy_id: policy.counting
        for part, kind in ((RATE_LIMITS, "rate_limits"), (QUOTAS, "quotas"))
        for policy in _contributing(active, part)
        if any(not limit.is_unlimited for limit in getattr(policy, kind))
    }
    if not limiting:
        return Counting()
    return Counting(
        min(counting.max_staleness_ms for counting in limiting.values()),
        all(counting.fail_open for counting in limiting.values()),
    )


def _contributing(policies: Sequence[Policy], part: str) -> list[Policy]:
    return [policy for policy in policies if not policy.partitions or part in policy.partitions]


def _merge(limits: Iterable[LimitT]) -> tuple[LimitT, ...]:
    best: dict[tuple[str, str, str], LimitT] = {}
    for limit in limits:
        identity = (limit.name, limit.api, limit.scope)
        if identity not in best or _is_more_generous(limit, best[identity]):
            best[identity] = limit
    return tuple(best.values())


def _part(limits: Sequence[LimitT]) -> tuple[tuple[LimitT, ...], tuple[LimitT, ...]]:
    """The limits that count, and those that are lifted."""
    counting = tuple(limit for limit in limits if not limit.is_unlimited)
    return counting, tuple(limit for limit in limits if limit.is_unlimited)


def _is_more_generous(limit: LimitT, other: LimitT) -> bool:
    """Whether a limit wins over another of its identity; of two equal rates the larger limit does.

    In whole numbers, since rates may differ by less than a float can say.
    """
    if limit.is_unlimited or other.is_unlimited:
        return not other.is_unlimited
    seconds, others = period_seconds(limit.period), period_seconds(other.period)
    if seconds is None or others is None:
        return others is None and (seconds is not None or limit.limit > other.limit)
    return (limit.limit * others, limit.limit) > (other.limit * seconds, other.limit)
