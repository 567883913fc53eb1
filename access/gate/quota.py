"""Quotas: windows with an end."""

from typing import NamedTuple

from access.decisions import LimitStatus
from access.gate.expressions import Builder
from access.gate.layout import Gate
from access.limits import CALENDAR, Quota, calendar_end, period_seconds


class QuotaState(NamedTuple):
    """A quota as the gate shows it. `end_ms` is None for `never` and before first use."""

    end_ms: int | None
    used: int
    is_open: bool


def read_quota(quota: Quota, slot: str | None, gate: Gate, now_ms: int) -> QuotaState:
    """The window of a quota; `slot` is None where the gate has not counted it yet."""
    used = int(gate.get(f"{slot}u", 0)) if slot else 0
    end = gate.get(f"{slot}e") if slot else None
    if period_seconds(quota.period) is None:
        return QuotaState(None, used, is_open=True)
    if end is None or now_ms >= int(end):
        return QuotaState(None if end is None else int(end), 0, is_open=False)
    return QuotaState(int(end), used, is_open=True)


def window_end_ms(quota: Quota, now_ms: int) -> int:
    """When a window that opens now ends."""
    if quota.anchor == CALENDAR:
        return calendar_end(quota.period, now_ms // 1000) * 1000
    return now_ms + (period_seconds(quota.period) or 0) * 1000


def open_quota(builder: Builder, quota: Quota, slot: str, now_ms: int, cost: int) -> None:
    """Open a window with its first `cost` units, whatever stands under its letter."""
    if cost > quota.limit:
        builder.require_never()
    if period_seconds(quota.period) is not None:
        builder.assign(f"{slot}e", window_end_ms(quota, now_ms))
    builder.assign(f"{slot}u", cost)


def plan_quota(builder: Builder, quota: Quota, slot: str, seen: Gate, now_ms: int, cost: int) -> None:
    """Count `cost` units in the window, or open the next one with them."""
    state = read_quota(quota, slot, seen, now_ms)
    end, used = f"{slot}e", f"{slot}u"
    if not state.is_open:
        builder.require_same(end, state.end_ms)
        open_quota(builder, quota, slot, now_ms, cost)
        return
    if state.end_ms is not None:
        builder.require_same(end, state.end_ms)
    elif end in seen:  # of the window that it had under another period: `never` has none
        builder.remove(end)
        builder.remove(f"{slot}m")
    builder.require_at_most(used, quota.limit - cost, or_absent=used not in seen)
    builder.add(used, cost)


def quota_status(quota: Quota, slot: str | None, gate: Gate, now_ms: int) -> LimitStatus:
    """How the quota stands; before its first use, as if it began now."""
    state = read_quota(quota, slot, gate, now_ms)
    resets_at_ms = state.end_ms if state.is_open else window_end_ms(quota, now_ms)
    return LimitStatus(
        kind="quota",
        name=quota.name,
        api=quota.api,
        scope=quota.scope,
        limit=quota.limit,
        period=quota.period,
        used=state.used,
        remaining=max(quota.limit - state.used, 0),
        resets_at=None if resets_at_ms is None else -(-resets_at_ms // 1000),
    )


def wait_quota_ms(quota: Quota, state: QuotaState, now_ms: int, cost: int) -> int | None:
    """Milliseconds until `cost` units fit: 0 for now, None for never."""
    if state.used + cost <= quota.limit:
        return 0
    if state.end_ms is None or not state.is_open or cost > quota.limit:
        return None
    return max(state.end_ms - now_ms, 1)
