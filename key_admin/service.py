"""What the routes share: the stores, the keyring, the clock, and the audit entry of a change."""

import os
import secrets
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from access.key_ids import KeyHash, hash_key_id, is_key_hash
from access.keys import KeyRecord, Policy
from key_admin.problems import not_found
from key_admin.requests import Caller
from key_admin.rights.grants import KeyInFull
from store.admin.audit import AuditEntry, AuditLog
from store.admin.audit_keys import AuditKeys, parse_audit_keys
from store.admin.idempotency import IdempotencyStore
from store.admin.identities import IdentityStore
from store.admin.keys import KeyStore
from store.admin.records import ApiStore, IssuerStore, PolicyStore
from store.admin.transactions import Table
from store.boto import BotoClient
from store.client import Client
from store.keys import Gate, load_key, load_policies, read_gate, read_key
from store.master_secret import Keyring, load_master_secret, parse_keyring
from store.table import owner_partition


class Service(NamedTuple):
    """The parts that every route works with; made once for an environment."""

    client: Client
    table: str
    keyring: Keyring
    keys: KeyStore
    policies: PolicyStore
    apis: ApiStore
    issuers: IssuerStore
    identities: IdentityStore
    audit: AuditLog
    idempotency: IdempotencyStore

    @classmethod
    def of(cls, client: Client, table: str, keyring: Keyring, audit_keys: AuditKeys) -> "Service":
        """The service on one table."""
        shared = Table(client, table)
        return cls(
            client,
            table,
            keyring,
            KeyStore(shared),
            PolicyStore(shared),
            ApiStore(shared),
            IssuerStore(shared),
            IdentityStore(shared),
            AuditLog(shared, audit_keys),
            IdempotencyStore(shared, keyring),
        )

    def now(self) -> int:
        return int(time.time())

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def random_bytes(self, size: int) -> bytes:
        return secrets.token_bytes(size)

    def hash_of(self, key_id: str) -> KeyHash:
        return hash_key_id(self.keyring.current.pepper, key_id)

    def find_by_id(self, key_id: str) -> tuple[KeyRecord, Gate]:
        """Record and gate of the key of this id, whichever master secret hashed it; a 404 where there is none."""
        id_hashes = [hash_key_id(keys.pepper, key_id) for keys in self.keyring.all]
        found = load_key(self.client, self.table, *id_hashes)
        if found is None or found[0].find_id(id_hashes, now=self.now()) is None:
            raise not_found("key")
        return found

    def was_taken(self, key_id: str) -> bool:
        """Whether a key has this id by the master secret before; no more keys are made with that one."""
        before = self.keyring.previous
        return before is not None and load_key(self.client, self.table, hash_key_id(before.pepper, key_id)) is not None

    def load_key(self, key_hash: str) -> tuple[KeyRecord, Gate] | None:
        """Record and gate of a key, read strongly; None where there is none."""
        return read_key(self.client, self.table, key_hash) if is_key_hash(key_hash) else None

    def find_key(self, key_hash: str) -> tuple[KeyRecord, Gate]:
        """Record and gate of a key; a 404 where there is none."""
        found = self.load_key(key_hash)
        if found is None:
            raise not_found("key")
        return found

    def in_full(self, record: KeyRecord) -> KeyInFull:
        """A key with its policies, as far as they exist."""
        return KeyInFull(record, self.policies_of(record.policies))

    def policies_of(self, policy_ids: Iterable[str]) -> dict[str, Policy]:
        """The policies of these ids; unknown ones are left out."""
        return load_policies(self.client, self.table, policy_ids)

    def owner_gate(self, owner: str) -> Gate:
        """The gate that the keys of an owner share."""
        return read_gate(self.client, self.table, owner_partition(owner)) or {}

    def tell(self, caller: Caller, action: str, resource: str, fields: Iterable[str], *, after: str) -> AuditEntry:
        """The audit entry of a change; `after` is the link of the one before it."""
        return AuditEntry.make(
            self.audit.keys,
            entry_id=secrets.token_hex(8),
            now=time.time(),
            principal=caller.principal,
            action=action,
            resource=resource,
            fields=tuple(sorted(fields)),
            request_id=caller.request_id,
            after=after,
        )


@lru_cache(maxsize=1)
def service() -> Service:
    """The service of this environment. Raises KeyError for a variable that is not set."""
    secret = load_master_secret(BotoClient("secretsmanager"), os.environ["MASTER_SECRET_ARN"])
    client, table = BotoClient("dynamodb"), os.environ["TABLE_NAME"]
    return Service.of(client, table, parse_keyring(secret), parse_audit_keys(secret))


def changed_fields(before: Any, after: Any) -> list[str]:
    """The names of the members in which two records differ, apart from versions and times."""
    ignored = {"version", "created_at", "updated_at", "last_audit", "disabled_by"}
    return [
        name for name in after._fields if name not in ignored and getattr(before, name, None) != getattr(after, name)
    ]
