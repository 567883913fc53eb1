"""The gate: plans the one conditional write that counts a request, and reads its refusal.

Pure. A gate is the small item of a key that counts, seen here as a mapping from attribute
name to number or text. `plan` makes the write: the condition holds the key's version and
the ceiling of every limit, the update adds the cost to every counter, all or nothing. When
the condition fails, `diagnose` says why from the item that DynamoDB found.

Layout. `l` lists the limits of the key by the hash of their kind, name and API; the place
in the list gives a limit its letter, and the letter begins the names of its attributes:

    rate limit   A  Aw   number of the newest sub-window
                    Axx  units counted in a sub-window, xx being its number modulo 4096
    quota        B  Be   Unix milliseconds at which the window ends
                    Bu   units used in it

A rate limit cuts its period into ten sub-windows and admits while the newest sub-window and
the ten before it hold less than the limit:

    |<------------------- any interval of the period ------------------->|
    ..][ w-10 ][ w-9 ][ w-8 ][ w-7 ][ w-6 ][ w-5 ][ w-4 ][ w-3 ][ w-2 ][ w-1 ][ w ..

Every such interval that ends in `w` lies inside these eleven, so it is a true ceiling, and a
unit comes back at most one sub-window late. `Aw` never falls, so sub-windows below it are
final and enter the condition as one number. Those that others may have used since the gate
was last seen share the room that is left, each with a bound of its own; if that was too
careful, the item that comes back tells the exact counts and the second attempt uses them.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from string import ascii_letters
from typing import NamedTuple

from access.decisions import LimitStatus, Reason
from access.limits import CALENDAR, Quota, RateLimit, calendar_end, period_seconds

VERSION = "v"
LAYOUT = "l"
LAST_USED = "at"

SUB_WINDOWS = 10
_CODES = 4096  # sub-window numbers modulo this make attribute names: two characters
_CODE_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LIMIT_ID_LENGTH = 5
_MAX_SLOTS = 24  # letters in use at once; limits that are gone make room beyond it
_MAX_BOUNDS = 40  # sub-windows bounded one by one: DynamoDB allows 300 operators, 4 KB a condition

Limit = RateLimit | Quota
Gate = Mapping[str, int | str]


class GateWrite(NamedTuple):
    """One conditional UpdateItem. `names` and `values` map placeholders (`#a`, `:a`)."""

    condition: str
    update: str
    names: dict[str, str]
    values: dict[str, int | str]


class Stale(NamedTuple):
    """The key was changed or deleted since its record was read: read it again."""


class Rolled(NamedTuple):
    """Others used the gate since it was last seen, and there is room: plan again."""


class Exceeded(NamedTuple):
    """A limit refuses. `wait_ms` is None where waiting does not help."""

    reason: Reason
    refused_by: LimitStatus
    statuses: tuple[LimitStatus, ...]
    wait_ms: int | None


def plan(
    *,
    version: int,
    limits: Sequence[Limit],
    seen: Gate,
    now_ms: int,
    cost: int,
    marks: Mapping[str, int],
) -> GateWrite:
    """The write that counts a request of `cost` units in every limit, all or nothing.

    `seen` is the gate as this environment saw it last, `marks` are attributes to set beside
    the counters (when the key was last used). The write fails rather than admit one too many.
    """
    builder = _Builder()
    builder.require(f"{builder.name(VERSION)} = {builder.value(version)}")
    slots = _assign_slots(builder, limits, seen)
    for limit, slot in zip(limits, slots, strict=True):
        if isinstance(limit, RateLimit):
            _plan_rate(builder, limit, _RateState.read(limit, slot, seen, now_ms), cost)
        else:
            _plan_quota(builder, limit, slot, seen, now_ms, cost)
    for attribute, number in marks.items():
        builder.assign(attribute, number)
    return builder.build()


def diagnose(
    found: Gate | None, *, version: int, limits: Sequence[Limit], now_ms: int, cost: int
) -> Stale | Rolled | Exceeded:
    """Why the condition failed, told from the item that DynamoDB found (None: no item)."""
    if found is None or found.get(VERSION) != version:
        return Stale()
    slots = _known_slots(limits, found)
    waits = [_wait_ms(limit, slot, found, now_ms, cost) for limit, slot in zip(limits, slots, strict=True)]
    if not any(wait != 0 for wait in waits):
        return Rolled()
    everything = statuses(found, limits, now_ms=now_ms)
    refused = [(wait, status) for wait, status in zip(waits, everything, strict=True) if wait != 0]
    first_kind = "rate" if any(status.kind == "rate" for _, status in refused) else "quota"
    longest, refused_by = max(
        ((wait, status) for wait, status in refused if status.kind == first_kind),
        key=lambda pair: (pair[0] is None, pair[0] or 0),
    )
    for wait, _ in refused:
        longest = None if wait is None or longest is None else max(longest, wait)
    return Exceeded(
        Reason.RATE_LIMITED if first_kind == "rate" else Reason.QUOTA_EXHAUSTED,
        refused_by,
        everything,
        longest,
    )


def statuses(gate: Gate, limits: Sequence[Limit], *, now_ms: int) -> tuple[LimitStatus, ...]:
    """How each limit stands at `now_ms`, in the order given."""
    slots = _known_slots(limits, gate)
    return tuple(
        _rate_status(limit, _RateState.read(limit, slot, gate, now_ms))
        if isinstance(limit, RateLimit)
        else _quota_status(limit, slot, gate, now_ms)
        for limit, slot in zip(limits, slots, strict=True)
    )


def tightest(found: Sequence[LimitStatus]) -> LimitStatus | None:
    """The limit with the smallest share left, None where there is none."""
    return min(found, key=lambda status: status.remaining / max(status.limit, 1), default=None)


def is_counter(attribute: str) -> bool:
    """Whether an attribute of a gate belongs to a limit, and goes when the gate is reset."""
    return attribute == LAYOUT or (attribute[0] in ascii_letters and attribute[1:] in _FIXED_OR_CODES)


class _Builder:
    """Collects the parts of one UpdateItem and hands out placeholders."""

    def __init__(self) -> None:
        self._conditions: list[str] = []
        self._assignments: list[str] = []
        self._additions: list[str] = []
        self._removals: list[str] = []
        self._names: dict[str, str] = {}
        self._values: dict[str, int | str] = {}
        self.bounds_left = _MAX_BOUNDS

    def name(self, attribute: str) -> str:
        return self._names.setdefault(attribute, f"#{len(self._names)}")

    def value(self, value: int | str) -> str:
        placeholder = f":{len(self._values)}"
        self._values[placeholder] = value
        return placeholder

    def require(self, condition: str) -> None:
        self._conditions.append(condition)

    def require_at_most(self, attribute: str, bound: int, *, or_absent: bool) -> None:
        name = self.name(attribute)
        within = f"{name} <= {self.value(bound)}"
        absent = f"attribute_not_exists({name}) OR "
        self.require(f"({absent}{within})" if or_absent and bound >= 0 else within)

    def require_same(self, attribute: str, seen: int | str | None) -> None:
        name = self.name(attribute)
        self.require(f"attribute_not_exists({name})" if seen is None else f"{name} = {self.value(seen)}")

    def require_never(self) -> None:
        """A condition that no item meets, so that the item found tells why."""
        self.require(f"attribute_not_exists({self.name(VERSION)})")

    def assign(self, attribute: str, value: int | str) -> None:
        self._assignments.append(f"{self.name(attribute)} = {self.value(value)}")

    def add(self, attribute: str, value: int) -> None:
        self._additions.append(f"{self.name(attribute)} {self.value(value)}")

    def remove(self, attribute: str) -> None:
        self._removals.append(self.name(attribute))

    def build(self) -> GateWrite:
        clauses = (("SET", self._assignments), ("ADD", self._additions), ("REMOVE", self._removals))
        return GateWrite(
            condition=" AND ".join(self._conditions),
            update=" ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses if parts),
            names={placeholder: attribute for attribute, placeholder in self._names.items()},
            values=self._values,
        )


# --- layout: which letter belongs to which limit -------------------------------------------


def _limit_id(limit: Limit) -> str:
    """Names the counters of a limit. Sub-windows of another length are other counters."""
    length = period_seconds(limit.period) if isinstance(limit, RateLimit) else ""
    text = f"{type(limit).__name__}\0{limit.name}\0{limit.api}\0{length}"
    return urlsafe_b64encode(sha256(text.encode()).digest())[:_LIMIT_ID_LENGTH].decode()


def _layout(gate: Gate) -> list[str]:
    text = str(gate.get(LAYOUT, ""))
    return [text[start : start + _LIMIT_ID_LENGTH] for start in range(0, len(text), _LIMIT_ID_LENGTH)]


def _known_slots(limits: Sequence[Limit], gate: Gate) -> list[str | None]:
    letters = dict(zip(_layout(gate), ascii_letters, strict=False))
    return [letters.get(_limit_id(limit)) for limit in limits]


def _assign_slots(builder: _Builder, limits: Sequence[Limit], seen: Gate) -> list[str]:
    layout = _layout(seen)
    builder.require_same(LAYOUT, seen.get(LAYOUT))
    wanted = [_limit_id(limit) for limit in limits]
    for limit_id in wanted:
        if limit_id in layout:
            continue
        if len(layout) < _MAX_SLOTS:
            layout.append(limit_id)
        else:
            place = next(place for place, known in enumerate(layout) if known not in wanted)
            layout[place] = limit_id
            _clear_slot(builder, ascii_letters[place], seen)
    if layout != _layout(seen):
        builder.assign(LAYOUT, "".join(layout))
    return [ascii_letters[layout.index(limit_id)] for limit_id in wanted]


def _clear_slot(builder: _Builder, slot: str, seen: Gate) -> None:
    for attribute in seen:
        if attribute[0] == slot and is_counter(attribute) and attribute != LAYOUT:
            builder.remove(attribute)


# --- rate limits ---------------------------------------------------------------------------


class _RateState(NamedTuple):
    """A rate limit as the gate shows it. `newest` is None before the first request."""

    slot: str
    length_ms: int  # of a sub-window
    window: int  # the sub-window of now, never behind the newest
    newest: int | None
    counts: dict[int, int]  # units by sub-window number, those that still matter
    forgotten: tuple[str, ...]  # attributes of sub-windows that no longer do

    @classmethod
    def read(cls, limit: RateLimit, slot: str | None, gate: Gate, now_ms: int) -> "_RateState":
        length_ms = (period_seconds(limit.period) or 0) * 1000 // SUB_WINDOWS
        window = now_ms // length_ms
        newest = gate.get(f"{slot}w") if slot else None
        if slot is None or newest is None:
            return cls(slot or "", length_ms, window, None, {}, ())
        window = max(window, int(newest))
        numbers = {f"{slot}{_code(number)}": number for number in range(int(newest) - SUB_WINDOWS, int(newest) + 1)}
        counters = {name: int(gate[name]) for name in gate if len(name) == 3 and name[0] == slot}  # noqa: PLR2004 - letter and code
        counts = {
            numbers[name]: units
            for name, units in counters.items()
            if name in numbers and numbers[name] >= window - SUB_WINDOWS
        }
        forgotten = tuple(name for name in counters if name not in {f"{slot}{_code(number)}" for number in counts})
        return cls(slot, length_ms, window, int(newest), counts, forgotten)

    @property
    def used(self) -> int:
        return sum(self.counts.values())

    def attribute(self, number: int) -> str:
        return f"{self.slot}{_code(number)}"


def _code(number: int) -> str:
    high, low = divmod(number % _CODES, len(_CODE_ALPHABET))
    return _CODE_ALPHABET[high] + _CODE_ALPHABET[low]


_FIXED_OR_CODES = frozenset({"w", "e", "u", *(_code(number) for number in range(_CODES))})


def _plan_rate(builder: _Builder, limit: RateLimit, state: _RateState, cost: int) -> None:
    newest_attribute = f"{state.slot}w"
    room = limit.limit - cost
    if state.newest is None:
        builder.require_same(newest_attribute, None)
        if room < 0:
            builder.require_never()
    elif not _bound_open_windows(builder, state, room):
        _require_unchanged(builder, state, room)
    if state.window != state.newest:
        builder.assign(newest_attribute, state.window)
    current = state.attribute(state.window)
    if current in state.forgotten:
        builder.assign(current, cost)
    else:
        builder.add(current, cost)
    for attribute in state.forgotten:
        if attribute != current:
            builder.remove(attribute)


def _bound_open_windows(builder: _Builder, state: _RateState, room: int) -> bool:
    """Bound each sub-window that others may have used since; False if there are too many."""
    newest = state.newest or 0
    unseen = range(max(newest, state.window - SUB_WINDOWS), state.window + 1)
    lap_is_known = state.window - newest < _CODES - 2 * SUB_WINDOWS
    names_are_free = all(state.attribute(number) not in state.forgotten for number in unseen)
    if len(unseen) > builder.bounds_left or not lap_is_known or not names_are_free:
        return False
    builder.bounds_left -= len(unseen)
    builder.require_at_most(f"{state.slot}w", state.window, or_absent=False)
    slack = room - state.used
    share, rest = divmod(max(slack, 0), len(unseen))
    for number in unseen:
        bound = state.counts.get(number, 0) + share
        if number == state.window:
            bound += rest
        if number == unseen[0]:
            bound += min(slack, 0)
        builder.require_at_most(state.attribute(number), bound, or_absent=number not in state.counts)
    return True


def _require_unchanged(builder: _Builder, state: _RateState, room: int) -> None:
    """Require that nobody turned a sub-window since; then only the newest may have grown."""
    newest = state.newest or 0
    builder.require_same(f"{state.slot}w", newest)
    bound = room - state.used + state.counts.get(newest, 0)
    if newest in state.counts:
        builder.require_at_most(state.attribute(newest), bound, or_absent=False)
    elif bound < 0:
        builder.require_never()


def _rate_status(limit: RateLimit, state: _RateState) -> LimitStatus:
    oldest = min((number for number, units in state.counts.items() if units), default=state.window)
    return LimitStatus(
        kind="rate",
        name=limit.name,
        api=limit.api,
        limit=limit.limit,
        period=limit.period,
        used=state.used,
        remaining=max(limit.limit - state.used, 0),
        resets_at=-(-_leaves_at_ms(oldest, state) // 1000),
    )


def _leaves_at_ms(number: int, state: _RateState) -> int:
    """When the units of a sub-window come back."""
    return (number + SUB_WINDOWS + 1) * state.length_ms


def _wait_rate_ms(limit: RateLimit, state: _RateState, now_ms: int, cost: int) -> int | None:
    excess = state.used + cost - limit.limit
    if excess <= 0:
        return 0
    for number in sorted(state.counts):
        excess -= state.counts[number]
        if excess <= 0:
            return max(_leaves_at_ms(number, state) - now_ms, 1)
    return None


# --- quotas --------------------------------------------------------------------------------


class _QuotaState(NamedTuple):
    """A quota as the gate shows it. `end_ms` is None for `never` and before first use."""

    end_ms: int | None
    used: int
    is_open: bool


def _read_quota(quota: Quota, slot: str | None, gate: Gate, now_ms: int) -> _QuotaState:
    used = int(gate.get(f"{slot}u", 0)) if slot else 0
    end = gate.get(f"{slot}e") if slot else None
    if period_seconds(quota.period) is None:
        return _QuotaState(None, used, is_open=True)
    if end is None or now_ms >= int(end):
        return _QuotaState(None if end is None else int(end), 0, is_open=False)
    return _QuotaState(int(end), used, is_open=True)


def _window_end_ms(quota: Quota, now_ms: int) -> int:
    if quota.anchor == CALENDAR:
        return calendar_end(quota.period, now_ms // 1000) * 1000
    return now_ms + (period_seconds(quota.period) or 0) * 1000


def _plan_quota(builder: _Builder, quota: Quota, slot: str, seen: Gate, now_ms: int, cost: int) -> None:
    state = _read_quota(quota, slot, seen, now_ms)
    end, used = f"{slot}e", f"{slot}u"
    room = quota.limit - cost
    if state.is_open:
        if state.end_ms is not None:
            builder.require_same(end, state.end_ms)
        builder.require_at_most(used, room, or_absent=used not in seen)
        builder.add(used, cost)
        return
    builder.require_same(end, state.end_ms)
    if room < 0:
        builder.require_never()
    builder.assign(end, _window_end_ms(quota, now_ms))
    builder.assign(used, cost)


def _quota_status(quota: Quota, slot: str | None, gate: Gate, now_ms: int) -> LimitStatus:
    state = _read_quota(quota, slot, gate, now_ms)
    resets_at_ms = state.end_ms if state.is_open else _window_end_ms(quota, now_ms)
    return LimitStatus(
        kind="quota",
        name=quota.name,
        api=quota.api,
        limit=quota.limit,
        period=quota.period,
        used=state.used,
        remaining=max(quota.limit - state.used, 0),
        resets_at=None if resets_at_ms is None else -(-resets_at_ms // 1000),
    )


def _wait_quota_ms(quota: Quota, state: _QuotaState, now_ms: int, cost: int) -> int | None:
    if state.used + cost <= quota.limit:
        return 0
    if state.end_ms is None or not state.is_open or cost > quota.limit:
        return None
    return max(state.end_ms - now_ms, 1)


def _wait_ms(limit: Limit, slot: str | None, gate: Gate, now_ms: int, cost: int) -> int | None:
    """Milliseconds until a limit admits `cost` units: 0 for now, None for never."""
    if isinstance(limit, RateLimit):
        return _wait_rate_ms(limit, _RateState.read(limit, slot, gate, now_ms), now_ms, cost)
    return _wait_quota_ms(limit, _read_quota(limit, slot, gate, now_ms), now_ms, cost)
