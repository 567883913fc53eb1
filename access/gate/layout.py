"""Which letter of a gate belongs to which limit."""

from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from string import ascii_letters

from access.gate.expressions import Builder
from access.limits import MAX_RATE_PERIOD_SECONDS, Quota, RateLimit, period_seconds

LAYOUT = "l"
SUB_WINDOWS = 10  # of the period of a rate limit
LAP = 4096  # sub-window numbers modulo this make attribute names
CODE_LENGTH = 2
_CODE_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LIMIT_ID_LENGTH = 5
_MAX_SLOTS = 24  # letters, while there are enough; limits that are gone make room beyond it
_STATE_SUFFIXES = ("w", "e", "u")  # of attributes of which every count changes or makes one, once a limit is over
_MEMORY_MS = 2 * MAX_RATE_PERIOD_SECONDS * 1000  # more than a rate limit looks back, clocks included

Limit = RateLimit | Quota
Gate = Mapping[str, int | str]


class FullGateError(Exception):
    """A gate has no letter left for a limit, so the request cannot be decided."""


@lru_cache(maxsize=64)
def codes_until(newest: int, count: int) -> Mapping[str, int]:
    """The last `count` sub-windows up to `newest`, by their two characters."""
    return {code_of(number): number for number in range(newest - count + 1, newest + 1)}


@lru_cache(maxsize=LAP)
def code_of(number: int) -> str:
    """The two characters that name the counter of a sub-window; they repeat after 4096."""
    high, low = divmod(number % LAP, len(_CODE_ALPHABET))
    return _CODE_ALPHABET[high] + _CODE_ALPHABET[low]


def is_counter(attribute: str) -> bool:
    """Whether an attribute of a gate belongs to a limit."""
    letter, suffix = attribute[:1], attribute[1:]
    is_code = len(suffix) == CODE_LENGTH and all(one in _CODE_ALPHABET for one in suffix)
    return letter in ascii_letters and (suffix in {"w", "e", "u", "m"} or is_code)


def known_slots(limits: Sequence[Limit], gate: Gate) -> list[str | None]:
    """The letters of these limits, None for one that the gate has not counted yet."""
    return list(_slots(tuple(limits), str(gate.get(LAYOUT, ""))))


def assign_slots(
    builder: Builder, limits: Sequence[Limit], kept: Sequence[Limit] | None, seen: Gate, now_ms: int
) -> tuple[list[str], Collection[str]]:
    """The letters of these limits, and those among them that the write being built gives.

    Where letters run short, a limit that is gone makes room: one that is none of `kept`, or, where
    nobody knows all limits of the gate (None), one whose counters are of no use any more. What
    stands under a letter that is given anew counts for nothing. Raises FullGateError.
    """
    known = known_slots(limits, seen)
    builder.require_same(LAYOUT, seen.get(LAYOUT))
    slots = [slot for slot in known if slot is not None]
    if len(slots) == len(limits):
        return slots, ()
    layout = _split(str(seen.get(LAYOUT, "")))
    wanted = [_limit_id(limit) for limit in limits]
    needed = {*wanted, *map(_limit_id, kept or ())}
    given = []
    for limit_id in dict.fromkeys(wanted):
        if limit_id in layout:
            continue
        place = _free_place(layout, needed, seen, now_ms, is_known=kept is not None)
        given.append(ascii_letters[place])
        if place < len(layout):
            _clear(builder, ascii_letters[place], seen)
        layout[place:] = [limit_id, *layout[place + 1 :]]
    builder.assign(LAYOUT, "".join(layout))
    return [ascii_letters[layout.index(limit_id)] for limit_id in wanted], given


def _free_place(layout: Sequence[str], needed: Collection[str], seen: Gate, now_ms: int, *, is_known: bool) -> int:
    """The next place of a layout, or one that a limit which is gone holds."""
    if len(layout) < _MAX_SLOTS:
        return len(layout)
    others = [place for place, limit_id in enumerate(layout) if limit_id not in needed]
    over = [place for place in others if _is_over(ascii_letters[place], seen, now_ms)]
    gone = over or (others if is_known else [])
    if gone:
        return gone[0]
    if len(layout) == len(ascii_letters):
        message = f"the gate counts {len(layout)} limits, and none of them is over: give limits fewer names"
        raise FullGateError(message)
    return len(layout)


def _clear(builder: Builder, slot: str, seen: Gate) -> None:
    """Remove what stands under a letter, unless somebody counted there since."""
    for suffix in _STATE_SUFFIXES:
        builder.require_same(f"{slot}{suffix}", seen.get(f"{slot}{suffix}"))
    for attribute in counters_of(slot, seen):
        builder.remove(attribute)


def _is_over(slot: str, gate: Gate, now_ms: int) -> bool:
    """Whether nothing that a letter counted can matter any more, whichever limit it belonged to.

    Of a rate limit we know the number of its newest sub-window, not the period: where no period of
    whole seconds puts that number near to now, it is over.
    """
    newest, end = gate.get(f"{slot}w"), gate.get(f"{slot}e")
    if newest is not None:
        per_second = int(newest) * 1000 // SUB_WINDOWS
        seconds = min((now_ms + _MEMORY_MS) // per_second, MAX_RATE_PERIOD_SECONDS)
        return seconds * per_second < now_ms - _MEMORY_MS
    return int(end) <= now_ms if end is not None else f"{slot}u" not in gate


def counters_of(slot: str, gate: Gate) -> list[str]:
    """The attributes of a letter."""
    return [attribute for attribute in gate if attribute[0] == slot and is_counter(attribute)]


@lru_cache(maxsize=1024)
def _limit_id(limit: Limit) -> str:
    """Names the counters of a limit. Sub-windows of another length are other counters."""
    length = period_seconds(limit.period) if isinstance(limit, RateLimit) else ""
    text = f"{type(limit).__name__}\0{limit.name}\0{limit.api}\0{limit.scope}\0{length}"
    return urlsafe_b64encode(sha256(text.encode()).digest())[:_LIMIT_ID_LENGTH].decode()


@lru_cache(maxsize=1024)
def _slots(limits: tuple[Limit, ...], layout: str) -> tuple[str | None, ...]:
    letters = dict(zip(_split(layout), ascii_letters, strict=False))
    return tuple(letters.get(_limit_id(limit)) for limit in limits)


def _split(text: str) -> list[str]:
    return [text[start : start + _LIMIT_ID_LENGTH] for start in range(0, len(text), _LIMIT_ID_LENGTH)]
