"""Requests by day, of whatever has a gate."""

from collections.abc import Callable, Iterable
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from access.gate import DAY_MS, DayTotals, current_day, past_day
from key_admin.problems import invalid_field
from key_admin.render import render_day
from key_admin.requests import MAX_INTERVAL_DAYS, check_interval
from key_admin.responses import respond
from key_admin.service import Service
from key_admin.times import read_day
from store.keys import Gate

DAY_SECONDS = DAY_MS // 1000
DEFAULT_USAGE_DAYS = 30


def answer_usage(
    work: Service, parameters: dict[str, str], gate: Gate, stored: Callable[[int, int], Iterable[DayTotals]]
) -> Response[str]:
    """The totals of the days that `from` and `to` name: those that are stored, and those still on the gate."""
    today = work.now() // DAY_SECONDS
    last = _read_day(parameters, "to", today)
    longest = MAX_INTERVAL_DAYS - 1  # between the first and the last day, both included
    first = _read_day(parameters, "from", max(min(last, today) - DEFAULT_USAGE_DAYS + 1, last - longest, 0))
    check_interval(first, last, longest)
    days = {totals.day: totals for totals in stored(first, last)}
    for totals in (past_day(gate), current_day(gate)):
        if totals is not None and first <= totals.day <= last:
            days[totals.day] = totals
    return respond(HTTPStatus.OK, {"items": [render_day(days[day]) for day in sorted(days)]})


def _read_day(parameters: dict[str, str], name: str, default: int) -> int:
    """A date of the query as days since 1970."""
    text = parameters.get(name)
    if not text:
        return default
    try:
        return read_day(text)
    except ValueError:
        raise invalid_field(name, "is a date like 2026-01-31, from 1970 on") from None
