"""Records that operators name: policies, API definitions, issuers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Generic, NamedTuple
from uuid import uuid4

from access.apis import ApiDefinition
from access.issuers import Issuer
from access.keys import Policy
from store.admin.labels import LabelFilter
from store.admin.transactions import (
    ABSENT,
    FAILED,
    MAX_FILTERED,
    NOTHING,
    Attached,
    InUseError,
    Item,
    Page,
    RecordT,
    Table,
    VersionConflictError,
    at_version,
    read_cursor,
    write_cursor,
)
from store.attributes import encode
from store.errors import ConditionFailed
from store.issuers import issuer_from_item, issuer_to_item
from store.table import (
    ALL_APIS,
    ALL_ISSUERS,
    ALL_POLICIES,
    DELETING,
    JWKS,
    RECORD,
    api_from_item,
    api_partition,
    api_to_item,
    gateway_partition,
    issuer_partition,
    key_of,
    key_set_partition,
    policy_from_item,
    policy_index,
    policy_partition,
    policy_to_item,
)


class Kind(NamedTuple, Generic[RecordT]):
    """How records of a kind rest in the table."""

    listed_in: str
    partition: Callable[[str], str]
    id_of: Callable[[RecordT], str]
    to_item: Callable[[RecordT], Item]
    from_item: Callable[[Item], RecordT]


POLICIES: Kind[Policy] = Kind(
    ALL_POLICIES, policy_partition, lambda one: one.policy_id, policy_to_item, policy_from_item
)
APIS: Kind[ApiDefinition] = Kind(
    ALL_APIS,
    api_partition,
    lambda one: one.api_id,
    lambda one: api_to_item(one, api_partition(one.api_id)),
    api_from_item,
)
ISSUERS: Kind[Issuer] = Kind(ALL_ISSUERS, issuer_partition, lambda one: one.issuer_id, issuer_to_item, issuer_from_item)


class RecordStore(Generic[RecordT]):
    """The records of one kind in one table."""

    def __init__(self, table: Table, kind: Kind[RecordT]) -> None:
        self._table = table
        self._kind = kind

    def find(self, record_id: str) -> RecordT | None:
        """The record of this id, read strongly; None where there is none."""
        items = self._table.items([key_of(self._kind.partition(record_id), RECORD)])
        return self._kind.from_item(items[0]) if items else None

    def put(self, before: RecordT | None, after: RecordT, attached: Attached = NOTHING) -> None:
        """Store a record. Raises VersionConflictError where it changed or exists by now, InUseError."""
        condition = ABSENT if before is None else at_version(_version(before))
        actions = [
            self._table.put(self._kind.to_item(after), condition),
            self._table.put(key_of(self._kind.listed_in, self._kind.id_of(after))),
            *self._companions(before, after),
        ]
        self._raise(self._table.transact(actions, attached))

    def delete(self, record: RecordT, attached: Attached = NOTHING) -> None:
        """Remove a record. Raises VersionConflictError, InUseError."""
        self._delete(record, at_version(_version(record)), attached)

    def _delete(self, record: RecordT, condition: Mapping[str, Any], attached: Attached) -> None:
        actions = [
            self._table.delete(self._kind.partition(self._kind.id_of(record)), RECORD, condition),
            self._table.delete(self._kind.listed_in, self._kind.id_of(record)),
            *self._companions(record, None),
        ]
        self._raise(self._table.transact(actions, attached))

    def page(
        self,
        *,
        limit: int,
        cursor: str | None,
        label: LabelFilter | None = None,
        sees: Callable[[RecordT], bool] = lambda _record: True,
    ) -> Page[RecordT]:
        """Records by id that have a label, and that who asks `sees`. Raises InvalidCursorError."""
        listed_in, read = self._kind.listed_in, 0
        position = read_cursor(listed_in, cursor)
        covered: list[RecordT] = []
        while True:
            ids, is_last = self._table.sorts(listed_in, after=position, limit=limit)
            records = self._records(ids)
            for record_id in ids:
                if len(covered) == limit:
                    return Page(tuple(covered), write_cursor(listed_in, position or ""))
                position, record = record_id, records.get(record_id)
                if record is not None and (label is None or label.covers(_labels(record))) and sees(record):
                    covered.append(record)
            read += len(ids)
            if is_last or position is None:
                return Page(tuple(covered), None)
            if len(covered) == limit or read >= MAX_FILTERED:
                return Page(tuple(covered), write_cursor(listed_in, position))

    def _records(self, ids: Sequence[str]) -> dict[str, RecordT]:
        items = self._table.items([key_of(self._kind.partition(record_id), RECORD) for record_id in ids])
        return {self._kind.id_of(record): record for record in map(self._kind.from_item, items)}

    def _companions(self, before: RecordT | None, after: RecordT | None) -> Sequence[Item]:
        """Actions on other items that a change of the record brings with it."""
        del before, after
        return ()

    def _raise(self, codes: Sequence[str]) -> None:
        if FAILED in codes[:1]:
            raise VersionConflictError
        if FAILED in codes:
            raise InUseError


class PolicyStore(RecordStore[Policy]):
    """Policies. One that a key names does not go."""

    def __init__(self, table: Table) -> None:
        super().__init__(table, POLICIES)

    def delete(self, record: Policy, attached: Attached = NOTHING) -> None:
        """Remove a policy that no key names. Raises InUseError, VersionConflictError.

        delete A   mark A . . . . . . look who names it . . . . . remove it, if mark A is still there
        create           no key takes a marked policy
        delete B             mark B takes the place of mark A, so A removes nothing

        A mark of one delete is taken away by that delete alone, or by a change of the policy.
        """
        mark, still = uuid4().hex, at_version(record.version)
        try:
            self._change(record, f"SET {DELETING} = :mark", still, {":mark": encode(mark)})
        except ConditionFailed as error:
            raise VersionConflictError from error
        marked = {
            "ConditionExpression": f"{still['ConditionExpression']} AND {DELETING} = :mark",
            "ExpressionAttributeValues": still["ExpressionAttributeValues"] | {":mark": encode(mark)},
        }
        users, _ = self._table.sorts(policy_index(record.policy_id), limit=1)
        if users:
            with suppress(ConditionFailed):
                self._change(record, f"REMOVE {DELETING}", marked)
            raise InUseError
        self._delete(record, marked, attached)

    def _change(self, record: Policy, update: str, condition: Item, values: Item | None = None) -> None:
        request = {
            "TableName": self._table.name,
            "Key": key_of(policy_partition(record.policy_id), RECORD),
            "UpdateExpression": update,
            "ConditionExpression": condition["ConditionExpression"],
            "ExpressionAttributeValues": condition["ExpressionAttributeValues"] | (values or {}),
        }
        self._table.write("UpdateItem", request)


class ApiStore(RecordStore[ApiDefinition]):
    """API definitions. Each gateway that one names holds a copy of it, and belongs to no other."""

    def __init__(self, table: Table) -> None:
        super().__init__(table, APIS)

    def known_as(self, names: Iterable[str]) -> dict[str, ApiDefinition]:
        """The definitions of these ids and gateways, by each of the names; unknown ones are left out."""
        partitions = {gateway_partition(name) if "/" in name else api_partition(name): name for name in names}
        items = self._table.items([key_of(partition, RECORD) for partition in partitions])
        return {partitions[item["PK"]["S"]]: api_from_item(item) for item in items}

    def _companions(self, before: ApiDefinition | None, after: ApiDefinition | None) -> Sequence[Item]:
        named = after.gateways if after else ()
        gone = set(before.gateways if before else ()) - set(named)
        ours = {
            "ConditionExpression": "attribute_not_exists(PK) OR api_id = :api_id",
            "ExpressionAttributeValues": {":api_id": encode(after.api_id if after else "")},
        }
        return [
            *(self._table.put(api_to_item(after, gateway_partition(one)), ours) for one in named if after),
            *(self._table.delete(gateway_partition(one), RECORD) for one in sorted(gone)),
        ]


class IssuerStore(RecordStore[Issuer]):
    """Issuers, with the last good copy of their key sets."""

    def __init__(self, table: Table) -> None:
        super().__init__(table, ISSUERS)

    def _companions(self, before: Issuer | None, after: Issuer | None) -> Sequence[Item]:
        if after is not None or before is None:
            return ()
        return [self._table.delete(key_set_partition(before.issuer_id), JWKS)]


def _version(record: Any) -> int:
    return int(record.version)


def _labels(record: Any) -> Mapping[str, str]:
    labels: Mapping[str, str] = record.labels
    return labels
