"""Transactions, queries and pages of one table.

Record, gate, index items and the audit entry of a change are written together, under version
conditions. Index items stand for lists, so that a list misses nothing and nothing is scanned.
"""

import random
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from access.gate import VERSION, DayTotals
from store.attributes import encode
from store.client import Client
from store.errors import StoreError, ThrottledError, TransactionCancelled
from store.keys import batch_get
from store.table import GATE, key_of, usage_from_item, usage_sort

MAX_CONFLICTS = 8  # tries when other writes touch the same items
CONFLICT_SECONDS = 0.01
MAX_FILTERED = 2_000  # index items read for one page of a filtered list
MAX_POSITION = 128  # characters of a sort key; ours have fewer
FAILED = "ConditionalCheckFailed"
Item = dict[str, Any]
RecordT = TypeVar("RecordT")


class AlreadyExistsError(StoreError):
    """There is a key of this id already."""


class VersionConflictError(StoreError):
    """The record was changed since it was read."""


class UnknownPolicyError(StoreError):
    """A key names a policy that does not exist."""


class InUseError(StoreError):
    """Something else still needs the record, or has what it asks for."""


class InvalidCursorError(StoreError):
    """The cursor is none that this list gave."""


class AlreadyDoneError(StoreError):
    """The same request, by its Idempotency-Key, was performed before."""


class Page(NamedTuple, Generic[RecordT]):
    """One page of a list; `cursor` leads to the next one, None at the end."""

    items: tuple[RecordT, ...]
    cursor: str | None


class Attached(NamedTuple):
    """Actions that go into the transaction of a change: its audit entry, the answer to keep, one more item."""

    audit: Sequence[Item] = ()
    answer: Item | None = None  # its condition fails where the answer is kept already
    beside: Item | None = None


NOTHING = Attached()


class Table:
    """One table, as key_admin works with it."""

    def __init__(self, client: Client, name: str) -> None:
        self.client = client
        self.name = name

    # --- actions of a transaction ----------------------------------------------------------

    def put(self, item: Item, condition: Mapping[str, Any] | None = None) -> Item:
        return {"Put": {"TableName": self.name, "Item": item} | dict(condition or {})}

    def delete(self, partition: str, sort: str, condition: Mapping[str, Any] | None = None) -> Item:
        return {"Delete": {"TableName": self.name, "Key": key_of(partition, sort)} | dict(condition or {})}

    def check(self, partition: str, sort: str, condition: str) -> Item:
        request = {"TableName": self.name, "Key": key_of(partition, sort), "ConditionExpression": condition}
        return {"ConditionCheck": request}

    def update_gate(
        self,
        partition: str,
        old: int,
        new: int,
        removed: Sequence[str] = (),
        marks: Mapping[str, int | str] | None = None,
    ) -> Item:
        """Move a gate from one version to another, remove attributes of it, and set marks of last uses."""
        names = {f"#r{place}": attribute for place, attribute in enumerate(removed)}
        marked = {f"#m{place}": mark for place, mark in enumerate(marks or {})}
        values = {f":m{place}": encode(at) for place, at in enumerate((marks or {}).values())}
        update = ", ".join(["SET #v = :new", *(f"{name} = :{name[1:]}" for name in marked)])
        update += f" REMOVE {', '.join(names)}" if names else ""
        return {
            "Update": {
                "TableName": self.name,
                "Key": key_of(partition, GATE),
                "ConditionExpression": "#v = :old",
                "UpdateExpression": update,
                "ExpressionAttributeNames": {"#v": VERSION} | names | marked,
                "ExpressionAttributeValues": {":old": encode(old), ":new": encode(new)} | values,
            }
        }

    def transact(self, actions: Sequence[Item], attached: Attached = NOTHING) -> tuple[str, ...]:
        """Perform a transaction; the reasons of `actions`, none where it happened.

        Raises AlreadyDoneError where the answer to the same request is kept already.
        """
        tail = [*attached.audit, *(action for action in (attached.beside, attached.answer) if action is not None)]
        for attempt in range(MAX_CONFLICTS):
            try:
                self.client.call("TransactWriteItems", {"TransactItems": [*actions, *tail]})
            except TransactionCancelled as cancelled:
                if FAILED in cancelled.codes:
                    if attached.answer and cancelled.codes[-1] == FAILED:
                        raise AlreadyDoneError from cancelled
                    return cancelled.codes[: len(actions)]
                if "TransactionConflict" not in cancelled.codes:
                    raise
                _wait_for_others(attempt)
            else:
                return ()
        message = "other transactions kept changing the same items"
        raise ThrottledError(message)

    def write(self, operation: str, request: Item) -> Item:
        """One write outside a transaction, again where a transaction holds the item."""
        for attempt in range(MAX_CONFLICTS - 1):
            try:
                return self.client.call(operation, request)
            except ThrottledError:
                _wait_for_others(attempt)
        return self.client.call(operation, request)

    # --- reads -----------------------------------------------------------------------------

    def items(self, keys: Sequence[Item], *, attributes: str = "") -> list[Item]:
        """Items by key, strongly, in no order, a hundred at a time; some attributes of them, or all."""
        batches = [list(keys[start : start + 100]) for start in range(0, len(keys), 100)]
        return [item for batch in batches for item in batch_get(self.client, self.name, batch, attributes=attributes)]

    def sorts(self, partition: str, *, after: str | None = None, limit: int) -> tuple[list[str], bool]:
        """Sort keys of a partition after one of them, and whether these are the last."""
        condition, values = "PK = :pk", {":pk": encode(partition)}
        if after is not None:
            condition, values = f"{condition} AND SK > :after", values | {":after": encode(after)}
        items, is_last = self._query(condition, values, limit)
        return [item["SK"]["S"] for item in items], is_last

    def between(self, partition: str, first: str, last: str, *, limit: int = 1000) -> tuple[list[Item], bool]:
        """Items of a partition between two sort keys, and whether these are all."""
        values = {":pk": encode(partition), ":first": encode(first), ":last": encode(last)}
        return self._query("PK = :pk AND SK BETWEEN :first AND :last", values, limit)

    def usage(self, partition: str, first_day: int, last_day: int) -> list[DayTotals]:
        """The stored totals of days beside a gate, first and last included; days since 1970-01-01."""
        items, _ = self.between(partition, usage_sort(first_day), usage_sort(last_day))
        return [usage_from_item(item) for item in items]

    def _query(self, condition: str, values: Item, limit: int) -> tuple[list[Item], bool]:
        answer = self.client.call(
            "Query",
            {
                "TableName": self.name,
                "ConsistentRead": True,
                "KeyConditionExpression": condition,
                "ExpressionAttributeValues": values,
                "Limit": limit,
            },
        )
        return answer.get("Items", []), "LastEvaluatedKey" not in answer


def _wait_for_others(attempt: int) -> None:
    time.sleep(random.uniform(0, CONFLICT_SECONDS * 2**attempt))  # noqa: S311 - jitter


ABSENT = {"ConditionExpression": "attribute_not_exists(PK)"}


def at_version(version: int) -> dict[str, Any]:
    """The condition that a record still has a version."""
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": encode(version)},
    }


def write_cursor(listed: str, position: str) -> str:
    """What leads to the page after a position (a sort key) of a list."""
    return urlsafe_b64encode(f"{listed}\n{position}".encode()).rstrip(b"=").decode()


def read_cursor(listed: str, cursor: str | None) -> str | None:
    """The position that a cursor of this list stands for. Raises InvalidCursorError."""
    if cursor is None:
        return None
    try:
        text = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise InvalidCursorError from error
    name, _, position = text.rpartition("\n")
    if name != listed or not 0 < len(position) <= MAX_POSITION or not position.isascii():
        raise InvalidCursorError
    return position
