"""Times as the admin API writes them, RFC 3339, and as everything inside counts them, Unix seconds."""

import re
from datetime import UTC, date, datetime, timedelta

MAX_TIME = 253_370_764_799  # 9998-12-31T23:59:59Z: no zone and no day more leads out of the calendar
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})", re.ASCII)


def read_time(text: str) -> int:
    """A time as Unix seconds. Raises ValueError where it is none, or is not within the years 1970 to 9998."""
    if not TIME.fullmatch(text):
        raise ValueError("a time is written as in RFC 3339: 2027-01-01T00:00:00Z")
    seconds = (datetime.fromisoformat(text) - _EPOCH) // timedelta(seconds=1)
    if not 0 <= seconds <= MAX_TIME:
        raise ValueError("is not within the years 1970 to 9998")
    return seconds


def read_day(text: str) -> int:
    """A date as days since 1970-01-01. Raises ValueError as `read_time` does."""
    if not _DAY.fullmatch(text):
        raise ValueError("a date is written as in RFC 3339: 2027-01-01")
    days = (date.fromisoformat(text) - _EPOCH.date()).days
    if not 0 <= days <= MAX_TIME // 86_400:
        raise ValueError("is not within the years 1970 to 9998")
    return days


def write_time(seconds: int | None) -> str | None:
    """Unix seconds as a time in UTC; None as None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
