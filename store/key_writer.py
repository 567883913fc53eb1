"""Change keys and policies: what key_admin asks of the table.

Record, gate and index items change together in one transaction under a version condition.
Every key names only policies that exist, and a policy goes only when no key names it.
"""

import json
import random
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Generic, NamedTuple, TypeVar

from access.apis import ApiDefinition
from access.gate import OWNER_VERSION, VERSION, DayTotals
from access.keys import KeyRecord, Policy
from store.attributes import encode
from store.client import Client
from store.errors import ConditionFailed, StoreError, TransactionCancelled, UnavailableError
from store.keys import batch_get
from store.table import (
    ALL_APIS,
    ALL_KEYS,
    ALL_POLICIES,
    GATE,
    RECORD,
    USAGE,
    api_from_item,
    api_partition,
    api_to_item,
    gateway_partition,
    index_partitions,
    index_sort,
    key_from_item,
    key_of,
    key_partition,
    key_to_item,
    owner_index,
    owner_partition,
    policy_from_item,
    policy_index,
    policy_partition,
    policy_to_item,
    tag_index,
    usage_from_item,
    usage_sort,
)

MAX_CONFLICTS = 8  # tries when other writes touch the same items
CONFLICT_SECONDS = 0.01
MAX_FILTERED = 2_000  # index items read for one page of a filtered list
_DELETING = "deleting"
Item = dict[str, Any]
RecordT = TypeVar("RecordT")


class AlreadyExistsError(StoreError):
    """There is a key of this id already."""


class NotFoundError(StoreError):
    """There is no such key or policy."""


class VersionConflictError(StoreError):
    """The record was changed since it was read."""


class UnknownPolicyError(StoreError):
    """A key names a policy that does not exist."""


class InUseError(StoreError):
    """Keys still name the policy."""


class InvalidCursorError(StoreError):
    """The cursor is not one of ours."""


class KeyFilter(NamedTuple):
    """Which keys a list shows; None and empty ask for nothing."""

    owner: str = ""
    policy: str = ""
    tag: str = ""
    enabled: bool | None = None

    def covers(self, record: KeyRecord) -> bool:
        return (
            (not self.owner or record.owner == self.owner)
            and (not self.policy or self.policy in record.policies)
            and (not self.tag or self.tag in record.tags)
            and (self.enabled is None or record.enabled == self.enabled)
        )

    @property
    def partition(self) -> str:
        """The shortest list that holds every key asked for."""
        if self.owner:
            return owner_index(self.owner)
        if self.policy:
            return policy_index(self.policy)
        return tag_index(self.tag) if self.tag else ALL_KEYS


class Page(NamedTuple, Generic[RecordT]):
    """One page of a list; `cursor` leads to the next one, None at the end."""

    items: tuple[RecordT, ...]
    cursor: str | None


class KeyWriter:
    """Writes and lists the keys and policies of one table."""

    def __init__(self, client: Client, table: str) -> None:
        self._client = client
        self._table = table

    # --- keys ------------------------------------------------------------------------------

    def create_key(self, record: KeyRecord) -> None:
        """Store a new key. Raises AlreadyExistsError, UnknownPolicyError."""
        self._ensure_owner_gate(record.owner)
        absent = {"ConditionExpression": "attribute_not_exists(PK)"}
        gate = key_of(key_partition(record.key_hash), GATE) | {VERSION: encode(record.version)}
        actions = [
            self._put(key_to_item(record), absent),
            self._put(gate, absent),
            *self._policy_checks(record.policies),
            *(self._put_index(partition, record) for partition in sorted(index_partitions(record))),
        ]
        codes = self._transact(actions)
        if "ConditionalCheckFailed" in codes[:2]:
            raise AlreadyExistsError
        self._raise_unknown_policy(codes)

    def update_key(self, before: KeyRecord, after: KeyRecord) -> None:
        """Replace a record. Raises VersionConflictError, UnknownPolicyError."""
        if after.owner != before.owner:
            self._ensure_owner_gate(after.owner)
        old, new = index_partitions(before), index_partitions(after)
        added = [one for one in after.policies if one not in before.policies]
        actions = [
            self._put(key_to_item(after), _at_version("version", before.version)),
            self._update_gate(key_partition(after.key_hash), before.version, after.version, ()),
            *self._policy_checks(added),
            *(self._put_index(partition, after) for partition in sorted(new - old)),
            *(self._delete(partition, index_sort(before)) for partition in sorted(old - new)),
        ]
        codes = self._transact(actions)
        if "ConditionalCheckFailed" in codes[:2]:
            raise VersionConflictError
        self._raise_unknown_policy(codes)

    def reset_key(
        self, before: KeyRecord, after: KeyRecord, counters: Sequence[str], shared: Sequence[str] = ()
    ) -> None:
        """Remove counters from a key's gate and its owner's. Raises VersionConflictError."""
        codes = self._transact(
            [
                self._put(key_to_item(after), _at_version("version", before.version)),
                self._update_gate(key_partition(after.key_hash), before.version, after.version, counters),
                *(
                    [self._update_gate(owner_partition(after.owner), OWNER_VERSION, OWNER_VERSION, shared)]
                    if shared
                    else []
                ),
            ]
        )
        if "ConditionalCheckFailed" in codes:
            raise VersionConflictError

    def delete_key(self, record: KeyRecord) -> None:
        """Remove a key with its gate. Raises VersionConflictError."""
        partition = key_partition(record.key_hash)
        codes = self._transact(
            [
                self._delete(partition, RECORD, _at_version("version", record.version)),
                self._delete(partition, GATE),
                *(self._delete(one, index_sort(record)) for one in sorted(index_partitions(record))),
            ]
        )
        if "ConditionalCheckFailed" in codes:
            raise VersionConflictError
        for sort in self._sorts(partition, USAGE, f"{USAGE}~"):
            self._client.call("DeleteItem", {"TableName": self._table, "Key": key_of(partition, sort)})

    def list_usage(self, key_hash: str, first_day: int, last_day: int) -> list[DayTotals]:
        """The stored totals of days, first and last included; days since 1970-01-01."""
        partition = key_partition(key_hash)
        sorts = self._sorts(partition, usage_sort(first_day), usage_sort(last_day))
        items = self._items([key_of(partition, sort) for sort in sorts])
        return sorted(map(usage_from_item, items))

    def list_keys(self, wanted: KeyFilter, *, limit: int, cursor: str | None) -> Page[KeyRecord]:
        """Keys by time of creation. Raises InvalidCursorError."""
        found: list[KeyRecord] = []
        position, read = _read_cursor(cursor), 0
        while True:
            sorts, is_last = self._query(wanted.partition, position, min(100, limit + 1))
            records = self._records([sort.partition("#")[2] for sort in sorts])
            for sort in sorts:
                record = records.get(sort.partition("#")[2])
                if record is not None and wanted.covers(record):
                    if len(found) == limit:
                        return Page(tuple(found), _write_cursor(position))
                    found.append(record)
                position = sort
            read += len(sorts)
            if is_last:
                return Page(tuple(found), None)
            if read >= MAX_FILTERED:
                return Page(tuple(found), _write_cursor(position))

    # --- policies --------------------------------------------------------------------------

    def put_policy(self, before: Policy | None, after: Policy) -> None:
        """Store a policy. Raises VersionConflictError where it changed, or exists by now."""
        condition = (
            {"ConditionExpression": "attribute_not_exists(PK)"}
            if before is None
            else _at_version("version", before.version)
        )
        index = key_of(ALL_POLICIES, after.policy_id)
        codes = self._transact([self._put(policy_to_item(after), condition), self._put(index)])
        if "ConditionalCheckFailed" in codes:
            raise VersionConflictError

    def list_policies(self, *, limit: int, cursor: str | None) -> Page[Policy]:
        """Policies by id. Raises InvalidCursorError."""
        ids, is_last = self._query(ALL_POLICIES, _read_cursor(cursor), limit)
        items = self._items([key_of(policy_partition(one), RECORD) for one in ids])
        found = {policy.policy_id: policy for policy in map(policy_from_item, items)}
        known = tuple(found[one] for one in ids if one in found)
        return Page(known, None if is_last else _write_cursor(ids[-1]))

    def delete_policy(self, policy: Policy) -> None:
        """Remove a policy that no key names. Raises InUseError, VersionConflictError.

        It is marked first, so that no key can take it while we look who names it.
        """
        condition = _at_version("version", policy.version)
        self._mark_deleting(policy, condition)
        users, _ = self._query(policy_index(policy.policy_id), None, 1)
        if users:
            self._write(policy.policy_id, f"REMOVE {_DELETING}", condition)
            raise InUseError
        codes = self._transact(
            [
                self._delete(policy_partition(policy.policy_id), RECORD, condition),
                self._delete(ALL_POLICIES, policy.policy_id),
            ]
        )
        if "ConditionalCheckFailed" in codes:
            raise VersionConflictError

    # --- API definitions -------------------------------------------------------------------

    def put_api(self, before: ApiDefinition | None, after: ApiDefinition) -> None:
        """Store a definition. Raises VersionConflictError, and InUseError for a gateway of another one."""
        condition = (
            {"ConditionExpression": "attribute_not_exists(PK)"}
            if before is None
            else _at_version("version", before.version)
        )
        ours = {
            "ConditionExpression": "attribute_not_exists(PK) OR api_id = :api_id",
            "ExpressionAttributeValues": {":api_id": encode(after.api_id)},
        }
        gone = set(before.gateways if before else ()) - set(after.gateways)
        codes = self._transact(
            [
                self._put(api_to_item(after, api_partition(after.api_id)), condition),
                self._put(key_of(ALL_APIS, after.api_id)),
                *(self._put(api_to_item(after, gateway_partition(one)), ours) for one in after.gateways),
                *(self._delete(gateway_partition(one), RECORD) for one in sorted(gone)),
            ]
        )
        if "ConditionalCheckFailed" in codes[:1]:
            raise VersionConflictError
        if "ConditionalCheckFailed" in codes:
            raise InUseError

    def delete_api(self, definition: ApiDefinition) -> None:
        """Remove a definition and what its gateways hold of it. Raises VersionConflictError."""
        condition = _at_version("version", definition.version)
        codes = self._transact(
            [
                self._delete(api_partition(definition.api_id), RECORD, condition),
                self._delete(ALL_APIS, definition.api_id),
                *(self._delete(gateway_partition(one), RECORD) for one in definition.gateways),
            ]
        )
        if "ConditionalCheckFailed" in codes:
            raise VersionConflictError

    def list_apis(self, *, limit: int, cursor: str | None) -> Page[ApiDefinition]:
        """API definitions by id. Raises InvalidCursorError."""
        ids, is_last = self._query(ALL_APIS, _read_cursor(cursor), limit)
        items = self._items([key_of(api_partition(one), RECORD) for one in ids])
        found = {one.api_id: one for one in map(api_from_item, items)}
        known = tuple(found[one] for one in ids if one in found)
        return Page(known, None if is_last else _write_cursor(ids[-1]))

    # --- actions ---------------------------------------------------------------------------

    def _ensure_owner_gate(self, owner: str) -> None:
        """Make the gate that an owner's keys share, unless it is there."""
        if not owner:
            return
        request = {
            "TableName": self._table,
            "Item": key_of(owner_partition(owner), GATE) | {VERSION: encode(OWNER_VERSION)},
            "ConditionExpression": "attribute_not_exists(PK)",
        }
        with suppress(ConditionFailed):
            self._client.call("PutItem", request)

    def _put(self, item: Item, condition: Mapping[str, Any] | None = None) -> Item:
        return {"Put": {"TableName": self._table, "Item": item} | dict(condition or {})}

    def _put_index(self, partition: str, record: KeyRecord) -> Item:
        return self._put(key_of(partition, index_sort(record)))

    def _delete(self, partition: str, sort: str, condition: Mapping[str, Any] | None = None) -> Item:
        return {"Delete": {"TableName": self._table, "Key": key_of(partition, sort)} | dict(condition or {})}

    def _update_gate(self, partition: str, old: int, new: int, removed: Sequence[str]) -> Item:
        names = {f"#r{place}": attribute for place, attribute in enumerate(removed)}
        update = "SET #v = :new" + (f" REMOVE {', '.join(names)}" if names else "")
        return {
            "Update": {
                "TableName": self._table,
                "Key": key_of(partition, GATE),
                "ConditionExpression": "#v = :old",
                "UpdateExpression": update,
                "ExpressionAttributeNames": {"#v": VERSION} | names,
                "ExpressionAttributeValues": {":old": encode(old), ":new": encode(new)},
            }
        }

    def _policy_checks(self, policy_ids: Sequence[str]) -> list[Item]:
        return [
            {
                "ConditionCheck": {
                    "TableName": self._table,
                    "Key": key_of(policy_partition(policy_id), RECORD),
                    "ConditionExpression": f"attribute_exists(PK) AND attribute_not_exists({_DELETING})",
                }
            }
            for policy_id in policy_ids
        ]

    def _raise_unknown_policy(self, codes: Sequence[str]) -> None:
        if "ConditionalCheckFailed" in codes:
            raise UnknownPolicyError

    def _mark_deleting(self, policy: Policy, condition: Mapping[str, Any]) -> None:
        try:
            self._write(policy.policy_id, f"SET {_DELETING} = :new", condition, {":new": encode(value=True)})
        except ConditionFailed as error:
            raise VersionConflictError from error

    def _write(
        self, policy_id: str, update: str, condition: Mapping[str, Any], values: Mapping[str, Any] | None = None
    ) -> None:
        request = {
            "TableName": self._table,
            "Key": key_of(policy_partition(policy_id), RECORD),
            "UpdateExpression": update,
            **condition,
        }
        request["ExpressionAttributeValues"] = condition["ExpressionAttributeValues"] | dict(values or {})
        self._client.call("UpdateItem", request)

    def _transact(self, actions: Sequence[Item]) -> tuple[str, ...]:
        """Perform a transaction; the reasons of its actions, none where it happened."""
        for attempt in range(MAX_CONFLICTS):
            try:
                self._client.call("TransactWriteItems", {"TransactItems": list(actions)})
            except TransactionCancelled as cancelled:
                if "ConditionalCheckFailed" in cancelled.codes:
                    return cancelled.codes
                if "TransactionConflict" not in cancelled.codes:
                    raise
                time.sleep(random.uniform(0, CONFLICT_SECONDS * 2**attempt))  # noqa: S311 - jitter
            else:
                return ()
        message = "other transactions kept changing the same items"
        raise UnavailableError(message)

    def _query(self, partition: str, after: str | None, limit: int) -> tuple[list[str], bool]:
        """Sort keys of an index after one of them, and whether these are the last."""
        condition, values = "PK = :pk", {":pk": encode(partition)}
        if after is not None:
            condition, values = f"{condition} AND SK > :after", values | {":after": encode(after)}
        answer = self._client.call(
            "Query",
            {
                "TableName": self._table,
                "ConsistentRead": True,
                "KeyConditionExpression": condition,
                "ExpressionAttributeValues": values,
                "Limit": limit,
            },
        )
        return [item["SK"]["S"] for item in answer.get("Items", [])], "LastEvaluatedKey" not in answer

    def _sorts(self, partition: str, first: str, last: str) -> list[str]:
        """The sort keys of a partition between two of them."""
        answer = self._client.call(
            "Query",
            {
                "TableName": self._table,
                "ConsistentRead": True,
                "KeyConditionExpression": "PK = :pk AND SK BETWEEN :first AND :last",
                "ExpressionAttributeValues": {
                    ":pk": encode(partition),
                    ":first": encode(first),
                    ":last": encode(last),
                },
            },
        )
        return [item["SK"]["S"] for item in answer.get("Items", [])]

    def _records(self, key_hashes: Sequence[str]) -> dict[str, KeyRecord]:
        items = self._items([key_of(key_partition(key_hash), RECORD) for key_hash in key_hashes])
        return {record.key_hash: record for record in map(key_from_item, items)}

    def _items(self, keys: list[Item]) -> list[Item]:
        """Items by key, strongly, in no order, a hundred at a time."""
        batches = [keys[start : start + 100] for start in range(0, len(keys), 100)]
        return [item for batch in batches for item in batch_get(self._client, self._table, batch)]


def _at_version(attribute: str, version: int) -> dict[str, Any]:
    return {
        "ConditionExpression": f"{attribute} = :version",
        "ExpressionAttributeValues": {":version": encode(version)},
    }


def _write_cursor(position: str | None) -> str:
    return urlsafe_b64encode(json.dumps([position]).encode()).rstrip(b"=").decode()


def _read_cursor(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    try:
        (position,) = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError) as error:
        raise InvalidCursorError from error
    if position is not None and not isinstance(position, str):
        raise InvalidCursorError
    return position
