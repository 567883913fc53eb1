"""The audit log: who changed what, written in the transaction of the change.

An entry is authenticated by the audit key that it names (HMAC-SHA-256), so who can write the table
can neither make nor change one. It names the entry before it for the same resource, by place and
hash; the record of the resource names the last one, so writers of different resources never wait
for each other. A list for each resource holds the places of its entries, and nothing else: whatever
is written there shows no entry that is not in the log.
"""

import hmac
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from store.admin.audit_keys import AuditKeys
from store.admin.transactions import Item, Page, Table, read_cursor, write_cursor
from store.attributes import encode_item
from store.table import (
    AUDIT_SHAPE,
    SHAPE,
    api_partition,
    audit_index,
    audit_partition,
    block_partition,
    issuer_partition,
    key_of,
    key_partition,
    policy_partition,
)

MAX_READ = 2_000  # entries read for one page
MAX_BATCH = 200  # entries read at once
MAX_RESOURCE = 128  # characters; those of ours have fewer
MAX_PLACE = 128
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
    audit_key: str  # the id of the key of the hash
    previous: str  # the place of the entry before it, empty for the first
    previous_hash: str
    hash: str

    @classmethod
    def make(
        cls,
        keys: AuditKeys,
        *,
        entry_id: str,
        now: float,
        principal: str,
        action: str,
        resource: str,
        fields: tuple[str, ...],
        request_id: str,
        after: str,
    ) -> "AuditEntry":
        """An entry with its hash, under the key in force.

        `after` is the link of the one before it, empty for the first of a resource.
        """
        at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        previous, _, previous_hash = after.rpartition("#")
        said = (entry_id, at, principal, action, resource, fields, request_id)
        entry = cls(*said, keys.in_force, previous, previous_hash, "")
        return entry._replace(hash=entry.expected_hash(keys.by_id[keys.in_force]))

    @property
    def place(self) -> str:
        """Its sort key, in the partition of its month, and in the list of its resource."""
        return f"{self.at}#{self.id}"

    @property
    def link(self) -> str:
        """What the record of the resource keeps, for the next entry to follow."""
        return f"{self.place}#{self.hash}"

    def expected_hash(self, key: bytes) -> str:
        """HMAC-SHA-256 over every other member, as hexadecimal digits."""
        members = self._asdict() | {"hash": ""}
        return hmac.digest(key, json.dumps(members, sort_keys=True).encode(), "sha256").hex()

    def to_item(self) -> Item:
        return _place_of(self.place) | encode_item(self._asdict() | {SHAPE: AUDIT_SHAPE})

    def is_at(self, item: Item) -> bool:
        """Whether it was found where it was written to."""
        return _place_of(self.place).items() <= item.items()

    @classmethod
    def from_item(cls, item: Item) -> "AuditEntry":
        """The entry of an item, whatever became of it: what is no string is empty, and its hash is another then."""
        members: dict[str, Any] = {name: _read_string(item, name) for name in cls._fields}
        return cls(**(members | {"fields": _read_strings(item, "fields")}))


class StoredEntry(NamedTuple):
    """An entry as it was found."""

    entry: AuditEntry
    is_in_place: bool  # where it was written to


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

    @property
    def partitions(self) -> tuple[str, ...]:
        """What to read: the list of a resource, else the months. Nothing, where no resource has so long a name."""
        if self.resource:
            return (audit_index(self.resource),) if len(self.resource) <= MAX_RESOURCE else ()
        return tuple(map(audit_partition, _months(self.first, self.last)))


class AuditLog:
    """The entries of one table, and the keys that authenticate them."""

    def __init__(self, table: Table, keys: AuditKeys) -> None:
        self.keys = keys
        self._table = table

    def put(self, entry: AuditEntry) -> tuple[Item, Item]:
        """The actions that write an entry, for the transaction of the change."""
        listed = key_of(audit_index(entry.resource), entry.place)
        return self._table.put(entry.to_item()), self._table.put(listed)

    def page(self, wanted: AuditFilter, *, limit: int, cursor: str | None) -> Page[AuditEntry]:
        """Entries by time. Raises InvalidCursorError.

        Those of a resource come from its list, so no page of others is read. A principal is looked
        for among the entries, so a page may be short, even empty, and lead on all the same.
        """
        listed = audit_index(wanted.resource) if wanted.resource else LISTED
        position = read_cursor(listed, cursor)
        found: list[AuditEntry] = []
        batch = MAX_BATCH if wanted.principal else limit + 1
        for read, (sort, entry) in enumerate(self._read(wanted, position, batch)):
            if position is not None and (len(found) == limit or read == MAX_READ):
                return Page(tuple(found), write_cursor(listed, position))
            position = sort
            if entry is not None and wanted.covers(entry):
                found.append(entry)
        return Page(tuple(found), None)

    def entries(self, first: str, last: str) -> Iterator[StoredEntry]:
        """The entries of an interval by time, of every resource and principal, whatever the lists say."""
        for items in self._pages(AuditFilter(first, last), None, MAX_BATCH):
            yield from map(_found, items)

    def find(self, places: Iterable[str]) -> dict[str, StoredEntry]:
        """The entries at some places; there are none at the others."""
        items = self._table.items([_place_of(place) for place in dict.fromkeys(places)])
        return {item["SK"]["S"]: _found(item) for item in items}

    def listed(self, entries: Iterable[AuditEntry]) -> set[AuditEntry]:
        """Those of the entries that stand in the list of their resource."""
        wanted = {(audit_index(entry.resource), entry.place): entry for entry in entries}
        items = self._table.items([key_of(partition, sort) for partition, sort in wanted])
        return {wanted[item["PK"]["S"], item["SK"]["S"]] for item in items}

    def _read(self, wanted: AuditFilter, after: str | None, batch: int) -> Iterator[tuple[str, AuditEntry | None]]:
        """Places by time with their entries; None where a list names a place of no entry."""
        for items in self._pages(wanted, after, batch):
            sorts = [item["SK"]["S"] for item in items]
            found = self.find(sorts) if wanted.resource else {item["SK"]["S"]: _found(item) for item in items}
            yield from ((sort, found[sort].entry if sort in found else None) for sort in sorts)

    def _pages(self, wanted: AuditFilter, after: str | None, batch: int) -> Iterator[list[Item]]:
        """Items of an interval by time: of the log, or of the list of a resource."""
        start, end = (max(wanted.first, f"{after}~") if after else wanted.first), f"{wanted.last}~"
        for partition in wanted.partitions if start <= end else ():
            position, is_last = start, False
            while not is_last:
                items, is_last = self._table.between(partition, position, end, limit=min(batch, MAX_BATCH))
                yield items
                position = f"{items[-1]['SK']['S']}~" if items else end


def _read_string(item: Item, name: str) -> str:
    """A string of an item; empty where it is of another type, or absent."""
    return str(item.get(name, {}).get("S", ""))


def _read_strings(item: Item, name: str) -> tuple[str, ...]:
    return tuple(one["S"] for one in item.get(name, {}).get("L", ()) if "S" in one)


def is_place(text: str) -> bool:
    """Whether a text may be the place of an entry; what somebody wrote into the table may be anything."""
    return 0 < len(text) <= MAX_PLACE


def _place_of(place: str) -> Item:
    return key_of(audit_partition(place[:7]), place)


def _found(item: Item) -> StoredEntry:
    entry = AuditEntry.from_item(item)
    return StoredEntry(entry, entry.is_at(item))


def partition_of(resource: str) -> str | None:
    """The partition of the record that a resource ("/keys/<key_hash>") names; None where it names none."""
    _, kind, name = [*resource.split("/", 2), "", ""][:3]
    make = _PARTITIONS.get(kind)
    return make(name) if make and 0 < len(name) <= MAX_RESOURCE else None


_PARTITIONS = {
    "keys": key_partition,
    "policies": policy_partition,
    "apis": api_partition,
    "issuers": issuer_partition,
    "identities": block_partition,
}


def write_moment(seconds: int) -> str:
    """Unix seconds as the times of entries begin."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _months(first: str, last: str) -> Iterator[str]:
    year, month = int(first[:4]), int(first[5:7])
    while (year, month) <= (int(last[:4]), int(last[5:7])):
        yield f"{year:04d}-{month:02d}"
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)  # noqa: PLR2004 - months
