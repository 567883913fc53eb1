"""Identities of outside providers: whether an operator lets them pass.

The record of an identity and the version of its gate change together, so that an environment
which knows the identity is refused at its next request.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from access.gate import DayTotals
from access.key_ids import KeyHash
from access.keys import IdentityRecord
from store.admin.transactions import (
    ABSENT,
    FAILED,
    NOTHING,
    Attached,
    Item,
    Page,
    Table,
    VersionConflictError,
    at_version,
    read_cursor,
    write_cursor,
)
from store.keys import Gate, load_identity
from store.table import (
    GATE,
    RECORD,
    block_partition,
    gate_from_item,
    identities_partition,
    identity_from_item,
    identity_partition,
    identity_to_item,
    key_of,
)


class ListedIdentity(NamedTuple):
    """An entry in the list of an issuer's identities: what its tokens call it, and when it was first seen."""

    identity_hash: KeyHash
    issuer_id: str
    name: str
    first_used_at: int


def _listed(item: Item) -> ListedIdentity:
    issuer_id = item["PK"]["S"].removeprefix(identities_partition(""))
    return ListedIdentity(KeyHash(item["SK"]["S"]), issuer_id, item["name"]["S"], int(item["since"]["N"]))


class IdentityStore:
    """The identities of one table. The authorizer makes their gates; their records are made here."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, identity_hash: KeyHash) -> tuple[IdentityRecord, Gate] | None:
        """Record and gate of an identity, read strongly; None where none of this hash has called yet."""
        record, gate, _ = load_identity(self._table.client, self._table.name, identity_hash)
        return None if gate is None else (record, gate)

    def place(self, identity_hash: KeyHash, issuer_ids: Iterable[str]) -> ListedIdentity | None:
        """The entry of an identity in the list of one of these issuers; None where it is in none."""
        keys = [key_of(identities_partition(issuer_id), identity_hash) for issuer_id in issuer_ids]
        return next(map(_listed, self._table.items(keys)), None)

    def page(self, issuer_id: str, *, limit: int, cursor: str | None) -> Page[ListedIdentity]:
        """Identities of an issuer that have called, in the order of their hashes. Raises InvalidCursorError."""
        listed_in = identities_partition(issuer_id)
        position = read_cursor(listed_in, cursor)
        first = f"{position}~" if position else " "  # all hashes have one length, so nothing lies between
        items, _ = self._table.between(listed_in, first, "~", limit=limit + 1)
        found = tuple(map(_listed, items[:limit]))
        is_last = len(items) <= limit
        return Page(found, None if is_last else write_cursor(listed_in, found[-1].identity_hash))

    def read(self, identity_hashes: Sequence[KeyHash]) -> dict[KeyHash, tuple[IdentityRecord, Gate]]:
        """Records and gates of several identities, as `find` gives them; those without a gate have an empty one."""
        gates = self._table.items([key_of(identity_partition(one), GATE) for one in identity_hashes])
        records = self._table.items([key_of(block_partition(one), RECORD) for one in identity_hashes])
        gate_of = {item["PK"]["S"]: gate_from_item(item) for item in gates}
        record_of = {record.identity_hash: record for record in map(identity_from_item, records)}
        return {
            one: (record_of.get(one, IdentityRecord.default(one)), gate_of.get(identity_partition(one), {}))
            for one in identity_hashes
        }

    def usage(self, identity_hash: KeyHash, first_day: int, last_day: int) -> list[DayTotals]:
        """The stored totals of days, first and last included; days since 1970-01-01."""
        return self._table.usage(identity_partition(identity_hash), first_day, last_day)

    def update(
        self,
        before: IdentityRecord,
        after: IdentityRecord,
        attached: Attached = NOTHING,
        *,
        counters: Sequence[str] = (),
    ) -> None:
        """Store what an operator says of an identity, and remove counters from its gate.

        Raises VersionConflictError, AlreadyDoneError.
        """
        is_first = before == IdentityRecord.default(before.identity_hash)
        partition = identity_partition(after.identity_hash)
        actions = [
            self._table.put(identity_to_item(after), ABSENT if is_first else at_version(before.version)),
            self._table.update_gate(partition, before.version, after.version, counters),
        ]
        if FAILED in self._table.transact(actions, attached):
            raise VersionConflictError
