"""The audit log: who changed what, written in the transaction of the change.

An entry carries the hash of the one before it for the same resource; the record of the
resource holds the last one, so writers of different resources never wait for each other.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from store.admin.transactions import Item, Page, Table, read_cursor, write_cursor
from store.attributes import decode_known, encode_item
from store.table import (
    AUDIT_SHAPE,
    SHAPE,
    api_partition,
    audit_partition,
    issuer_partition,
    key_of,
    key_partition,
    policy_partition,
)

MAX_READ = 2_000  # entries read for one page
LISTED = "AUDIT"  # what cursors of the log say


class AuditEntry(NamedTuple):
    """One change. `fields` are the names of members, never their values."""

    id: str
    at: str  # RFC 3339, UTC, with microseconds
    principal: str
    action: str
    resource: str
    fields: tuple[str, ...]
    request_id: str
    previous_hash: str
    hash: str

    @classmethod
    def make(
        cls,
        *,
        entry_id: str,
        now: float,
        principal: str,
        action: str,
        resource: str,
        fields: tuple[str, ...],
        request_id: str,
        previous_hash: str,
    ) -> "AuditEntry":
        """An entry with its hash."""
        at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        entry = cls(entry_id, at, principal, action, resource, fields, request_id, previous_hash, "")
        return entry._replace(hash=entry.expected_hash())

    def expected_hash(self) -> str:
        """SHA-256 over every other member, as hexadecimal digits."""
        members = self._asdict() | {"hash": ""}
        return hashlib.sha256(json.dumps(members, sort_keys=True).encode()).hexdigest()

    def to_item(self) -> Item:
        members = encode_item(self._asdict() | {SHAPE: AUDIT_SHAPE})
        return key_of(audit_partition(self.at[:7]), f"{self.at}#{self.id}") | members

    @classmethod
    def from_item(cls, item: Item) -> "AuditEntry":
        """The entry of an item, whatever became of it: what is gone is empty, and the hash tells."""
        values = decode_known(item, cls._fields)
        members: dict[str, Any] = {name: str(values.get(name, "")) for name in cls._fields}
        fields = values.get("fields")
        return cls(**(members | {"fields": tuple(map(str, fields)) if isinstance(fields, list) else ()}))


class AuditFilter(NamedTuple):
    """Which entries a list shows; empty asks for nothing. `first` and `last` are RFC 3339 times."""

    first: str
    last: str
    resource: str = ""
    principal: str = ""

    def covers(self, entry: AuditEntry) -> bool:
        return (not self.resource or entry.resource == self.resource) and (
            not self.principal or entry.principal == self.principal
        )


class AuditLog:
    """The entries of one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, entry: AuditEntry) -> Item:
        """The action that writes an entry, for the transaction of the change."""
        return self._table.put(entry.to_item())

    def page(self, wanted: AuditFilter, *, limit: int, cursor: str | None) -> Page[AuditEntry]:
        """Entries by time. Raises InvalidCursorError."""
        position = read_cursor(LISTED, cursor)
        found: list[AuditEntry] = []
        for read, (entry, sort) in enumerate(self._between(wanted, position)):
            if position is not None and (len(found) == limit or read == MAX_READ):
                return Page(tuple(found), write_cursor(LISTED, position))
            position = sort
            if wanted.covers(entry):
                found.append(entry)
        return Page(tuple(found), None)

    def entries(self, wanted: AuditFilter) -> Iterator[AuditEntry]:
        """The entries of an interval by time, of every resource and principal."""
        return (entry for entry, _ in self._between(wanted, None))

    def _between(self, wanted: AuditFilter, after: str | None) -> Iterator[tuple[AuditEntry, str]]:
        """Entries of an interval by time, with their sort keys."""
        start, end = (max(wanted.first, f"{after}~") if after else wanted.first), f"{wanted.last}~"
        if start > end:
            return
        for month in _months(wanted.first, wanted.last):
            position = start
            while True:
                items, is_last = self._table.between(audit_partition(month), position, end, limit=200)
                for item in items:
                    yield AuditEntry.from_item(item), item["SK"]["S"]
                if is_last:
                    break
                position = f"{items[-1]['SK']['S']}~"


def partition_of(resource: str) -> str | None:
    """The partition of the record that a resource ("/keys/<key_hash>") names; None where it names none."""
    _, kind, name = [*resource.split("/", 2), "", ""][:3]
    make = _PARTITIONS.get(kind)
    return make(name) if make and name else None


_PARTITIONS = {
    "keys": key_partition,
    "policies": policy_partition,
    "apis": api_partition,
    "issuers": issuer_partition,
}


def write_moment(seconds: int) -> str:
    """Unix seconds as the times of entries begin."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _months(first: str, last: str) -> Iterator[str]:
    year, month = int(first[:4]), int(first[5:7])
    while (year, month) <= (int(last[:4]), int(last[5:7])):
        yield f"{year:04d}-{month:02d}"
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)  # noqa: PLR2004 - months
