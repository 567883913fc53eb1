"""Rate limits and quotas as values, and the periods that they are written in.

A rate limit is a true ceiling over any interval of its period. A quota is a window with an
end: `first_use` opens it at the first counted request, `calendar` at UTC boundaries, and a
period of `never` renews only by reset.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

NEVER = "never"
FIRST_USE = "first_use"
CALENDAR = "calendar"
KEY = "key"  # scope of a limit: counted for each key
OWNER = "owner"  # shared by all keys of an owner
DEFAULT_NAME = "default"
PERIOD_SECONDS = {
    "second": 1,
    "minute": 60,
    "hour": 3_600,
    "day": 86_400,
    "week": 7 * 86_400,
    "month": 30 * 86_400,  # of a quota that starts at its first use; calendar months are true ones
}
CALENDAR_PERIODS = frozenset(PERIOD_SECONDS)
MAX_RATE_PERIOD_SECONDS = 86_400
MAX_LIMIT = 10**12
UNLIMITED = -1  # in a policy: lifts the limit of this name, API and scope. A gate would refuse everything by it
MAX_LIMITS_PER_KEY = 10
_SECONDS = re.compile(r"[1-9][0-9]{0,8}s", re.ASCII)


class RateLimit(NamedTuple):
    """At most `limit` units in any interval of `period`. `api` empty: all APIs of the key."""

    limit: int  # or UNLIMITED, which needs no period
    period: str
    name: str = DEFAULT_NAME
    api: str = ""
    scope: str = KEY

    @property
    def is_unlimited(self) -> bool:
        return self.limit == UNLIMITED


class Quota(NamedTuple):
    """At most `limit` units in each window of `period`. `api` empty: all APIs of the key."""

    limit: int  # or UNLIMITED, which needs no period
    period: str
    anchor: str = FIRST_USE
    name: str = DEFAULT_NAME
    api: str = ""
    scope: str = KEY

    @property
    def is_unlimited(self) -> bool:
        return self.limit == UNLIMITED


def period_seconds(period: str) -> int | None:
    """Seconds in a period as written ("10s", "minute"); None for `never`.

    Raises ValueError on any other text.
    """
    if period == NEVER:
        return None
    if period in PERIOD_SECONDS:
        return PERIOD_SECONDS[period]
    if _SECONDS.fullmatch(period):
        return int(period[:-1])
    message = "a period is '<n>s', second, minute, hour, day, week, month or never"
    raise ValueError(message)


def calendar_end(period: str, now_seconds: int) -> int:
    """The end of the UTC calendar window that holds `now`; weeks start on Monday (ISO 8601)."""
    if period not in {"week", "month"}:
        length = PERIOD_SECONDS[period]
        return now_seconds // length * length + length
    day = datetime.fromtimestamp(now_seconds, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "week":
        return int((day + timedelta(days=7 - day.weekday())).timestamp())
    first = day.replace(day=1)
    return int((first + timedelta(days=32)).replace(day=1).timestamp())
