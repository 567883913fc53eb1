"""Identities of outside providers: whether an operator lets them pass.

The record of an identity and the version of its gate change together, so that an environment
which knows the identity is refused at its next request.
"""

from access.key_ids import KeyHash
from access.keys import IdentityRecord
from store.admin.transactions import (
    ABSENT,
    FAILED,
    NOTHING,
    Attached,
    Table,
    VersionConflictError,
    at_version,
)
from store.keys import Gate, load_identity
from store.table import identity_partition, identity_to_item


class IdentityStore:
    """The identities of one table. The authorizer makes their gates; their records are made here."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, identity_hash: KeyHash) -> tuple[IdentityRecord, Gate] | None:
        """Record and gate of an identity, read strongly; None where none of this hash has called yet."""
        record, gate = load_identity(self._table.client, self._table.name, identity_hash)
        return None if gate is None else (record, gate)

    def update(self, before: IdentityRecord, after: IdentityRecord, attached: Attached = NOTHING) -> None:
        """Store what an operator says of an identity. Raises VersionConflictError, AlreadyDoneError."""
        is_first = before == IdentityRecord.default(before.identity_hash)
        partition = identity_partition(after.identity_hash)
        actions = [
            self._table.put(identity_to_item(after), ABSENT if is_first else at_version(before.version)),
            self._table.update_gate(partition, before.version, after.version),
        ]
        if FAILED in self._table.transact(actions, attached):
            raise VersionConflictError
