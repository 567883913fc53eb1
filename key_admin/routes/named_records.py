"""The four routes of a kind of record that operators name: put, read, list, delete."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Generic, NamedTuple

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from key_admin.callers import find_caller
from key_admin.models.fields import Strict
from key_admin.problems import conflict, invalid_field, not_found
from key_admin.requests import (
    Caller,
    check_absence,
    check_version,
    list_page,
    on_current_version,
    read_body,
    read_label,
)
from key_admin.responses import SHARED_SECONDS, effective_within, respond
from key_admin.service import Service, changed_fields, service
from key_admin.validation import validate
from store.admin.records import RecordStore
from store.admin.transactions import Attached, InUseError, Item, RecordT

_ID = re.compile(r"[A-Za-z0-9._~-]{1,64}", re.ASCII)


class Put(NamedTuple):
    """A record that is to be made, or changed where there is one before."""

    work: Service
    caller: Caller
    before: Any
    after: Any


def _sees_unowned(_work: Service, caller: Caller) -> Callable[[Any], bool]:
    """All of them, unless the caller is limited to an owner. Raises a Problem: 403."""
    caller.check_unowned()
    return lambda _record: True


class Kind(NamedTuple, Generic[RecordT]):
    """A kind of record as the admin API shows it."""

    name: str  # "policy"
    collection: str  # "policies"
    model: type[Strict]
    make: Callable[..., RecordT]
    render: Callable[[RecordT], dict[str, Any]]
    store: Callable[[Service], RecordStore[RecordT]]
    in_use: str  # what to say where another record stands in the way
    check: Callable[[Put], Item | None] = lambda _put: None  # gives what to write beside it
    check_delete: Callable[[Service, Caller, Any], None] = lambda _work, _caller, _record: None
    sees: Callable[[Service, Caller], Callable[[Any], bool]] = _sees_unowned  # which records a caller reads

    @property
    def id_name(self) -> str:
        return f"{self.name}_id"


def every(store: RecordStore[RecordT]) -> Iterator[RecordT]:
    """All records of a kind, page by page."""
    cursor: str | None = None
    while True:
        page = store.page(limit=100, cursor=cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def check_unused(store: RecordStore[RecordT], uses: Callable[[RecordT], bool], tell: Callable[[RecordT], str]) -> None:
    """Refuse, as `tell` words it, what a record of another kind still uses. Raises a Problem: 409."""
    for user in filter(uses, every(store)):
        raise conflict(tell(user))


class NamedRecords(Generic[RecordT]):
    """The routes of one kind."""

    def __init__(self, router: Router, kind: Kind[RecordT]) -> None:
        self._router = router
        self._kind = kind
        one, many = f"/{kind.collection}/<record_id>", f"/{kind.collection}"
        routes = (
            (one, "PUT", self.put),
            (many, "GET", self.page),
            (one, "GET", self.read),
            (one, "DELETE", self.delete),
        )
        for path, method, route in routes:
            router.route(path, method)(route)

    def put(self, record_id: str) -> Response[str]:
        """Make or replace a record."""
        work, event = service(), self._router.current_event
        caller = find_caller(work, event)
        caller.check_unowned()
        self._check_id(record_id)
        wanted: Any = validate(self._kind.model, read_body(event))
        before, after = on_current_version(event, lambda: self._put(work, caller, record_id, wanted))
        body = self._kind.render(after) | effective_within(SHARED_SECONDS)
        return respond(HTTPStatus.OK if before else HTTPStatus.CREATED, body)

    def _put(self, work: Service, caller: Caller, record_id: str, wanted: Any) -> tuple[RecordT | None, RecordT]:
        event, kind = self._router.current_event, self._kind
        before: Any = kind.store(work).find(record_id)
        version = before.version if before else None
        check_absence(event, version)
        check_version(event, version)
        now = work.now()
        after: Any = kind.make(
            **{kind.id_name: record_id},
            version=before.version + 1 if before else 1,
            created_at=before.created_at if before else now,
            updated_at=now,
            **wanted.values(),
        )
        beside = kind.check(Put(work, caller, before, after))
        entry = work.tell(
            caller,
            f"{kind.name}.{'update' if before else 'create'}",
            f"/{kind.collection}/{record_id}",
            changed_fields(before, after),
            after=before.last_audit if before else "",
        )
        after = after._replace(last_audit=entry.link)
        with self._conflicts_told():
            kind.store(work).put(before, after, Attached(work.audit.put(entry), beside=beside))
        return before, after

    def page(self) -> Response[str]:
        """A page of the records that the caller sees."""
        work, event = service(), self._router.current_event
        sees = self._kind.sees(work, find_caller(work, event))
        store = self._kind.store(work)
        parameters = event.query_string_parameters or {}
        label = read_label(parameters)
        body = list_page(
            parameters,
            lambda limit, cursor: store.page(limit=limit, cursor=cursor, label=label, sees=sees),
            self._kind.render,
        )
        return respond(HTTPStatus.OK, body)

    def read(self, record_id: str) -> Response[str]:
        """One record."""
        work = service()
        caller = find_caller(work, self._router.current_event)
        return respond(HTTPStatus.OK, self._kind.render(self.seen(work, caller, record_id)))

    def delete(self, record_id: str) -> Response[str]:
        """Remove a record."""
        work, event = service(), self._router.current_event
        caller = find_caller(work, event)
        caller.check_unowned()
        on_current_version(event, lambda: self._delete(work, caller, record_id))
        return respond(HTTPStatus.NO_CONTENT)

    def _delete(self, work: Service, caller: Caller, record_id: str) -> None:
        kind = self._kind
        record: Any = self.existing(work, record_id)
        check_version(self._router.current_event, record.version)
        kind.check_delete(work, caller, record)
        resource = f"/{kind.collection}/{record_id}"
        entry = work.tell(caller, f"{kind.name}.delete", resource, (), after=record.last_audit)
        with self._conflicts_told():
            kind.store(work).delete(record, Attached(work.audit.put(entry)))

    def seen(self, work: Service, caller: Caller, record_id: str) -> RecordT:
        """The record of an id, where the caller sees it. Raises a Problem: 403 or 404."""
        sees = self._kind.sees(work, caller)
        record = self.existing(work, record_id)
        if not sees(record):
            raise not_found(self._kind.name)
        return record

    def existing(self, work: Service, record_id: str) -> RecordT:
        """The record of an id that a path names. Raises a Problem: 404."""
        found = self._kind.store(work).find(record_id) if _ID.fullmatch(record_id) else None
        if found is None:
            raise not_found(self._kind.name)
        return found

    def _check_id(self, record_id: str) -> None:
        if not _ID.fullmatch(record_id):
            raise invalid_field(self._kind.id_name, "has 1 to 64 characters of A-Z a-z 0-9 . _ ~ -")

    @contextmanager
    def _conflicts_told(self) -> Iterator[None]:
        try:
            yield
        except InUseError:
            raise conflict(self._kind.in_use) from None
