"""The audit log: who changed what, written in the transaction of the change.

An entry carries the hash of the one before it for the same resource; the record of the
resource holds the last one, so writers of different resources never wait for each other.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from store.admin.transactions import Item, Page, Table, read_cursor, write_cursor
from store.attributes import decode_item, encode_item
from store.errors import InvalidItemError
from store.table import (
    RECORD,
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
        return key_of(audit_partition(self.at[:7]), f"{self.at}#{self.id}") | encode_item(self._asdict())

    @classmethod
    def from_item(cls, item: Item) -> "AuditEntry":
        values = decode_item(item)
        try:
            members = {name: values[name] for name in cls._fields}
        except KeyError as error:
            message = "audit entry: an attribute is missing"
            raise InvalidItemError(message) from error
        return cls(**(members | {"fields": tuple(members["fields"])}))


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


class Fault(NamedTuple):
    """Where a chain is broken."""

    id: str
    resource: str
    message: str


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
        for read, (entry, sort) in enumerate(self._entries(wanted, position)):
            if position is not None and (len(found) == limit or read == MAX_READ):
                return Page(tuple(found), write_cursor(LISTED, position))
            position = sort
            if wanted.covers(entry):
                found.append(entry)
        return Page(tuple(found), None)

    def verify(self, wanted: AuditFilter) -> tuple[int, list[Fault]]:
        """How many entries were checked, and where a chain is broken."""
        last_hashes: dict[str, str] = {}
        faults: list[Fault] = []
        checked = 0
        for entry, _ in self._entries(wanted, None):
            checked += 1
            expected = last_hashes.get(entry.resource)
            if entry.hash != entry.expected_hash():
                faults.append(Fault(entry.id, entry.resource, "was changed after it was written"))
            elif expected is not None and entry.previous_hash != expected:
                faults.append(Fault(entry.id, entry.resource, "does not follow the entry before it"))
            last_hashes[entry.resource] = "" if entry.action.endswith(".delete") else entry.hash
        return checked, [*faults, *self._missing_ends(last_hashes, wanted)]

    def _missing_ends(self, last_hashes: dict[str, str], wanted: AuditFilter) -> Iterator[Fault]:
        """Records whose last change has no entry, as far as the interval reaches to now."""
        keys = {resource: key_of(partition_of(resource), RECORD) for resource in last_hashes}
        items = self._table.items(list(keys.values()))
        records = {item["PK"]["S"]: decode_item(item) for item in items}
        for resource, key in keys.items():
            record = records.get(key["PK"]["S"])
            expected = record.get("last_audit", "") if record else ""
            changed_at = int(record["updated_at"]) if record else 0
            if expected != last_hashes[resource] and _time(changed_at) <= wanted.last:
                yield Fault("", resource, "its last change has no entry")

    def _entries(self, wanted: AuditFilter, after: str | None) -> Iterator[tuple[AuditEntry, str]]:
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


def partition_of(resource: str) -> str:
    """The partition of the record that a resource ("/keys/<key_hash>") names."""
    _, kind, name = resource.split("/", 2)
    return {
        "keys": key_partition,
        "policies": policy_partition,
        "apis": api_partition,
        "issuers": issuer_partition,
    }[kind](name)


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _months(first: str, last: str) -> Iterator[str]:
    year, month = int(first[:4]), int(first[5:7])
    while (year, month) <= (int(last[:4]), int(last[5:7])):
        yield f"{year:04d}-{month:02d}"
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)  # noqa: PLR2004 - months
