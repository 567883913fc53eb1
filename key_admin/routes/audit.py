"""The audit log: who changed what, and whether the log is whole."""

from functools import partial
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from key_admin.callers import find_caller
from key_admin.problems import invalid_field
from key_admin.requests import MAX_INTERVAL_DAYS, check_interval, list_page
from key_admin.responses import respond
from key_admin.service import service
from key_admin.time_left import OutOfTimeError, PunctualClient, has_time_left
from key_admin.times import read_time
from store.admin.audit import AuditFilter, AuditLog, write_moment
from store.admin.transactions import Table
from store.admin.verification import MAX_ENTRIES, TooManyEntriesError
from store.admin.verification import verify as verify_log

router = Router()  # type: ignore[no-untyped-call] # Powertools' own
DEFAULT_SECONDS = 30 * 86_400
MAX_FAULTS = 1_000  # shown; an answer of Lambda holds 6 MB


@router.get("/audit")
def list_all() -> Response[str]:
    work, event = service(), router.current_event
    find_caller(work, event).check_unowned()
    parameters = event.query_string_parameters or {}
    wanted = _filter(parameters)
    body = list_page(
        parameters,
        lambda limit, cursor: work.audit.page(wanted, limit=limit, cursor=cursor),
        lambda entry: entry._asdict() | {"fields": list(entry.fields)},
    )
    return respond(HTTPStatus.OK, body)


@router.get("/audit/verify")
def verify() -> Response[str]:
    work, event = service(), router.current_event
    find_caller(work, event).check_unowned()
    wanted = AuditFilter(*_interval(event.query_string_parameters or {}))
    client = PunctualClient(work.client, partial(has_time_left, router.lambda_context))
    table = Table(client, work.table)
    try:
        checked, faults = verify_log(table, AuditLog(table, work.audit.keys), wanted, now=work.now())
    except TooManyEntriesError:
        raise invalid_field("from", f"the interval holds more than {MAX_ENTRIES} entries") from None
    except OutOfTimeError:
        raise invalid_field("from", "the interval holds more than one request can verify; give a shorter one") from None
    shown = [fault._asdict() for fault in faults[:MAX_FAULTS]]
    body = {"checked": checked, "intact": not faults, "faults": shown}
    return respond(HTTPStatus.OK, body)


def _filter(parameters: dict[str, str]) -> AuditFilter:
    return AuditFilter(*_interval(parameters), _resource(parameters), parameters.get("principal", ""))


def _interval(parameters: dict[str, str]) -> tuple[str, str]:
    """From when to when, as the times of entries begin."""
    last = _moment(parameters, "to", service().now() + 1)
    first = _moment(parameters, "from", last - DEFAULT_SECONDS)
    check_interval(first, last, MAX_INTERVAL_DAYS * 86_400)
    return write_moment(first), write_moment(last)


def _resource(parameters: dict[str, str]) -> str:
    """The resource asked for, by its name or by the hash of a key; empty for all."""
    resource, key_hash = parameters.get("resource", ""), parameters.get("key_hash", "")
    if resource and key_hash:
        raise invalid_field("resource", "is given beside `key_hash`; give one of them")
    return f"/keys/{key_hash}" if key_hash else resource


def _moment(parameters: dict[str, str], name: str, default: int) -> int:
    text = parameters.get(name)
    if not text:
        return default
    a_day = "T23:59:59Z" if name == "to" else "T00:00:00Z"
    try:
        return read_time(text if "T" in text else text + a_day)
    except ValueError:
        raise invalid_field(name, "is a time like 2026-01-31T00:00:00Z, or a date, from 1970 on") from None
