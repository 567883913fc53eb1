"""Keys: create, change, reset, delete, list, and their usage."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from access.gate import OWNER_VERSION, VERSION, DayTotals
from access.key_ids import KeyHash
from access.keys import KeyRecord
from store.admin.labels import LabelFilter
from store.admin.transactions import (
    ABSENT,
    FAILED,
    MAX_FILTERED,
    NOTHING,
    AlreadyExistsError,
    Attached,
    Item,
    Page,
    Table,
    UnknownPolicyError,
    VersionConflictError,
    at_version,
    read_cursor,
    write_cursor,
)
from store.attributes import encode
from store.errors import ConditionFailed
from store.keys import Gate
from store.table import (
    ADMINISTERS,
    ALL_KEYS,
    DELETING,
    GATE,
    RECORD,
    USAGE,
    gate_partition,
    id_to_item,
    index_partitions,
    index_sort,
    key_from_item,
    key_of,
    key_partition,
    key_to_item,
    new_gate,
    owner_index,
    owner_partition,
    policy_index,
    policy_partition,
    tag_index,
)

MAX_VALUE = 128  # characters of an owner, a policy id or a tag; the keys of DynamoDB are bounded
NO_USES: Gate = {}


Narrow = Callable[[list[KeyRecord]], Iterable[KeyRecord]]


def covered_by_all(records: list[KeyRecord]) -> list[KeyRecord]:
    """Every key: nothing more is asked for."""
    return records


class KeyFilter(NamedTuple):
    """Which keys a list shows; None and empty ask for nothing."""

    owner: str = ""
    policy: str = ""
    tag: str = ""
    enabled: bool | None = None
    label: LabelFilter | None = None
    name: str = ""  # what the name begins with, in any case

    def covers(self, record: KeyRecord) -> bool:
        return (
            (not self.owner or record.owner == self.owner)
            and (not self.policy or self.policy in record.policies)
            and (not self.tag or self.tag in record.tags)
            and (self.enabled is None or record.enabled == self.enabled)
            and (self.label is None or self.label.covers(record.labels))
            and record.name.casefold().startswith(self.name.casefold())
        )

    @property
    def is_vain(self) -> bool:
        """Whether no key can be covered, since a value is longer than any that keys have."""
        return max(len(self.owner), len(self.policy), len(self.tag)) > MAX_VALUE

    @property
    def partition(self) -> str:
        """The shortest list that holds every key asked for."""
        if self.owner:
            return owner_index(self.owner)
        if self.policy:
            return policy_index(self.policy)
        return tag_index(self.tag) if self.tag else ALL_KEYS


class KeyStore:
    """The keys of one table. Every key names only policies that exist."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def create(self, record: KeyRecord, attached: Attached = NOTHING, *, may_administer: bool = False) -> None:
        """Store a new key. Raises AlreadyExistsError, UnknownPolicyError, AlreadyDoneError.

        Unless it `may_administer`, a policy with a right on the admin API is none that it can name.
        """
        table = self._table
        self._ensure_owner_gate(record.owner)
        actions = [
            table.put(key_to_item(record), ABSENT),
            table.put(new_gate(gate_partition(record.key_hash), record.gate_version), ABSENT),
            *self._policy_checks(record.policies, may_administer=may_administer),
            *(self._put_index(partition, record) for partition in sorted(index_partitions(record))),
        ]
        codes = table.transact(actions, attached)
        if FAILED in codes[:2]:
            raise AlreadyExistsError
        if FAILED in codes:
            raise UnknownPolicyError

    def update(
        self,
        before: KeyRecord,
        after: KeyRecord,
        attached: Attached = NOTHING,
        *,
        uses: Gate = NO_USES,
        may_administer: bool = False,
    ) -> None:
        """Replace a record. The gate takes the marks of last `uses`, and loses those of credentials that are gone.

        Later ids lead to the record from now on, and those that it does not list any more lead nowhere.
        New policies are checked as in `create`.
        Raises VersionConflictError, UnknownPolicyError, AlreadyDoneError.
        """
        table = self._table
        if after.owner != before.owner:
            self._ensure_owner_gate(after.owner)
        old, new = index_partitions(before), index_partitions(after)
        added = [one for one in after.policies if one not in before.policies]
        marks = {one.used_mark for one in after.in_force}
        gone = [one.used_mark for one in before.in_force if one.used_mark not in marks]
        old_ids, new_ids = _later_ids(before), _later_ids(after)
        leading = [table.put(id_to_item(one, after.key_hash), ABSENT) for one in sorted(new_ids - old_ids)]
        actions = [
            table.put(key_to_item(after), at_version(before.version)),
            table.update_gate(gate_partition(after.key_hash), before.gate_version, after.gate_version, gone, uses),
            *leading,
            *(table.delete(key_partition(one), RECORD) for one in sorted(old_ids - new_ids)),
            *self._policy_checks(added, may_administer=may_administer),
            *(self._put_index(partition, after) for partition in sorted(new - old)),
            *(table.delete(partition, index_sort(before)) for partition in sorted(old - new)),
        ]
        codes = table.transact(actions, attached)
        if FAILED in codes[: 2 + len(leading)]:
            raise VersionConflictError
        if FAILED in codes:
            raise UnknownPolicyError

    def reset(
        self,
        before: KeyRecord,
        after: KeyRecord,
        counters: Sequence[str],
        *,
        shared: Sequence[str] = (),
        attached: Attached = NOTHING,
    ) -> None:
        """Remove counters from a key's gate and its owner's. Raises VersionConflictError."""
        own_gate, owner_gate = gate_partition(after.key_hash), owner_partition(after.owner)
        actions = [
            self._table.put(key_to_item(after), at_version(before.version)),
            self._table.update_gate(own_gate, before.gate_version, after.gate_version, counters),
            *([self._table.update_gate(owner_gate, OWNER_VERSION, OWNER_VERSION, shared)] if shared else []),
        ]
        if FAILED in self._table.transact(actions, attached):
            raise VersionConflictError

    def delete(self, record: KeyRecord, attached: Attached = NOTHING) -> None:
        """Remove a key with its ids, its gate and its usage. Raises VersionConflictError."""
        table, gate = self._table, gate_partition(record.key_hash)
        actions = [
            table.delete(key_partition(record.key_hash), RECORD, at_version(record.version)),
            table.delete(gate, GATE, _at_gate_version(record)),
            *(table.delete(key_partition(one), RECORD) for one in sorted(_later_ids(record))),
            *(table.delete(one, index_sort(record)) for one in sorted(index_partitions(record))),
        ]
        if FAILED in table.transact(actions, attached):
            raise VersionConflictError
        days, _ = table.between(gate, USAGE, f"{USAGE}~")
        for day in days:
            table.write("DeleteItem", {"TableName": table.name, "Key": key_of(gate, day["SK"]["S"])})

    def usage(self, key_hash: str, first_day: int, last_day: int) -> list[DayTotals]:
        """The stored totals of days, first and last included; days since 1970-01-01."""
        return self._table.usage(gate_partition(key_hash), first_day, last_day)

    def page(
        self, wanted: KeyFilter, *, limit: int, cursor: str | None, narrow: Narrow = covered_by_all
    ) -> Page[KeyRecord]:
        """Keys by time of creation; `narrow` leaves those of a part of them that are wanted, too.

        Raises InvalidCursorError.
        """
        found: list[KeyRecord] = []
        listed_in, read = wanted.partition, 0
        position = read_cursor(listed_in, cursor)
        while True:
            sorts, is_last = self._table.sorts(listed_in, after=position, limit=limit + 1)
            read_now = self._records([sort.partition("#")[2] for sort in sorts])
            covered = narrow([record for record in read_now if wanted.covers(record)])
            records: dict[str, KeyRecord] = {record.key_hash: record for record in covered}
            for sort in sorts:
                record = records.get(sort.partition("#")[2])
                if record is not None:
                    if position is not None and len(found) == limit:
                        return Page(tuple(found), write_cursor(listed_in, position))
                    found.append(record)
                position = sort
            read += len(sorts)
            if is_last or position is None:
                return Page(tuple(found), None)
            if read >= MAX_FILTERED:
                return Page(tuple(found), write_cursor(listed_in, position))

    def _records(self, key_hashes: Sequence[str]) -> list[KeyRecord]:
        items = self._table.items([key_of(key_partition(key_hash), RECORD) for key_hash in key_hashes])
        return [key_from_item(item) for item in items]

    def _ensure_owner_gate(self, owner: str) -> None:
        """Make the gate that an owner's keys share, unless it is there."""
        if not owner:
            return
        gate = new_gate(owner_partition(owner), OWNER_VERSION)
        with suppress(ConditionFailed):
            self._table.write("PutItem", {"TableName": self._table.name, "Item": gate} | ABSENT)

    def _put_index(self, partition: str, record: KeyRecord) -> Item:
        return self._table.put(key_of(partition, index_sort(record)))

    def _policy_checks(self, policy_ids: Sequence[str], *, may_administer: bool) -> list[Item]:
        """That policies exist and stay, and are no others than the key was judged by.

        One that was removed and made anew since could bring admin rights that nobody weighed.
        """
        condition = f"attribute_exists(PK) AND attribute_not_exists({DELETING})"
        if not may_administer:
            condition += f" AND attribute_not_exists({ADMINISTERS})"
        return [self._table.check(policy_partition(policy_id), RECORD, condition) for policy_id in policy_ids]


def _later_ids(record: KeyRecord) -> set[KeyHash]:
    """The hashes of ids that are items of their own: all but the one that gave the key its hash."""
    return {issued.id_hash for issued in record.ids} - {record.key_hash}


def _at_gate_version(record: KeyRecord) -> dict[str, Any]:
    """The condition that a gate is still the one of this record."""
    return {
        "ConditionExpression": "#v = :v",
        "ExpressionAttributeNames": {"#v": VERSION},
        "ExpressionAttributeValues": {":v": encode(record.gate_version)},
    }
