"""What one Lambda execution environment remembers between requests.

Records, key objects, effective policies and the gates as they were last seen. Nothing here is
trusted to be current: the gate's version tells, in the write that counts (`counting`).
"""

import os
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from access.apis import UNDEFINED, ApiDefinition
from access.credentials import (
    Credential,
    PublicKey,
    Secret,
    UnusableMaterialError,
    algorithm_named,
    load_public_key,
    load_secret,
)
from access.gate import VERSION, DayTotals, GateWrite
from access.grants import ADMIN_API
from access.key_ids import KeyHash, hash_key_id
from access.keys import KeyRecord, Policy, StoredCredential
from access.policies import Effective, overlay
from access.tokens import RejectedToken, UnverifiedToken
from authorizer.events import Request
from authorizer.memory import OUTAGE_MS, STALENESS_MS, Identity, KnownKey, Overlaid, SeenGate, Untold
from store import keys as table_keys
from store.client import Client
from store.errors import ConditionFailed, InvalidItemError, StoreError, UnavailableError
from store.keys import Gate
from store.lean import Budget, LeanClient
from store.master_secret import Keyring, load_keyring
from store.sealing import unseal
from store.table import gate_partition, identity_partition, owner_partition

if TYPE_CHECKING:
    from access.sessions import Session
    from authorizer.providers import Providers

MAX_KEYS = 2048  # records kept, gates of owners, and later ids of keys
MAX_POLICIES = 1024  # more than one key can name
MAX_APIS = 256
SHARED_MS = 1_000  # an owner's gate, and the key's beside it, are read again after this


KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class Bounded(OrderedDict[KeyT, ValueT]):
    """What is remembered, up to a number; what was unused for longest goes first."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def recall(self, key: KeyT) -> ValueT | None:
        value = self.get(key)
        if value is not None:
            self.move_to_end(key)
        return value

    def keep(self, key: KeyT, value: ValueT) -> None:
        self[key] = value
        self.move_to_end(key)
        if len(self) > self._most:
            self.popitem(last=False)


class ConfigurationError(Exception):
    """An environment variable is missing; the message names it."""


class KnownPolicy(NamedTuple):
    """A policy, or that there is none, and when it was read."""

    policy: Policy | None
    read_at_ms: int


class KnownApi(NamedTuple):
    """The definition of a called gateway, the default where there is none, and when it was read."""

    definition: ApiDefinition
    read_at_ms: int


class Environment:
    """The memory of one environment and its way to the table."""

    is_onlooker = False  # one decides as the others do, and counts nothing (`onlooking`)

    def __init__(self, client: Client, table: str, keyring: Keyring, budget: Budget | None = None) -> None:
        self._client = client
        self._table = table
        self._keyring = keyring
        self._keys: Bounded[KeyHash, KnownKey] = Bounded(MAX_KEYS)
        self._later_ids: Bounded[KeyHash, KeyHash] = Bounded(MAX_KEYS)  # which key an id leads to
        self._policies: Bounded[str, KnownPolicy] = Bounded(MAX_POLICIES)
        self._apis: Bounded[tuple[str, ...], KnownApi] = Bounded(MAX_APIS)
        self._shared: Bounded[str, SeenGate] = Bounded(MAX_KEYS)
        self._providers: Providers | None = None
        self.budget = budget or Budget()
        self.overdue: UnavailableError | None = None  # why copies older than promised are in use

    @classmethod
    def start(cls, environ: Mapping[str, str]) -> "Environment":
        """Set up from environment variables. Raises ConfigurationError or StoreError."""
        table, secret_id = _variable(environ, "TABLE_NAME"), _variable(environ, "MASTER_SECRET_ARN")
        _variable(environ, "AWS_REGION")
        budget = Budget()
        client = LeanClient("dynamodb", environ=environ, budget=budget)
        client.connect_early()
        return cls(client, table, load_keyring(LeanClient("secretsmanager", environ=environ), secret_id), budget)

    def hashes_of(self, name: str) -> tuple[KeyHash, ...]:
        """The hashes that a key id, or the name of an identity, has by each master secret."""
        return tuple(hash_key_id(keys.pepper, name) for keys in self._keyring.all)

    def open_sessions(self, cookies: tuple[str, ...]) -> "tuple[Session, ...]":
        """The different sessions of cookies, without those that were not sealed here."""
        from authorizer.sessions import open_sessions  # noqa: PLC0415 - only requests with such a cookie pay for it

        return open_sessions(self._keyring, cookies)

    def remembered(self, id_hashes: tuple[KeyHash, ...]) -> KnownKey | None:
        """The key that an id leads to, from memory, if it is there."""
        for id_hash in id_hashes:
            known = self._keys.recall(self._later_ids.recall(id_hash) or id_hash)
            if known is not None:
                return known
        return None

    def load(self, id_hashes: tuple[KeyHash, ...], now_ms: int) -> KnownKey | None:
        """The key that an id leads to, from the table, remembered from now on; None where it is unknown."""
        found = table_keys.load_key(self._client, self._table, *id_hashes)
        if found is not None:
            return self._remember(*found, id_hashes=id_hashes, now_ms=now_ms)
        for id_hash in id_hashes:
            self._later_ids.pop(id_hash, None)
            self._keys.pop(id_hash, None)
        return None

    def identify(
        self, token: UnverifiedToken, definition: ApiDefinition, now_ms: int
    ) -> Identity | RejectedToken | None:
        """Whom a token speaks for, why it is not believed, or None where no issuer of the API made it."""
        if self._providers is None:
            from authorizer.providers import Providers  # noqa: PLC0415 - only APIs with issuers pay for it

            self._providers = Providers(self._client, self._table, self.budget)
        return self._providers.identify(token, definition, now_ms)

    def stranger(self, identity: Identity) -> KeyRecord:
        """The key that an identity would be, of which nothing is stored."""
        return KeyRecord(self.hashes_of(identity.name)[0], 0, identity.claim, created_at=0, updated_at=0)

    def remembered_identity(self, identity: Identity) -> KnownKey | None:
        """The key that an identity of an outside provider is, from memory, if it is there."""
        known = self.remembered(self.hashes_of(identity.name))
        if known is not None:
            known.record = known.record._replace(name=identity.claim, policies=identity.policies)
        return known

    def load_identity(self, identity: Identity, now_ms: int) -> KnownKey:
        """The key that an identity is, from the table, its gate made at first use; remembered from now on."""
        found, gate, is_listed = table_keys.load_identity(
            self._client, self._table, *self.hashes_of(identity.name), issuer_id=identity.issuer_id
        )
        partition = identity_partition(found.identity_hash)
        if gate is None:
            gate = self._open_gate(partition, found.version)
        if not is_listed:
            self._list(identity, found.identity_hash, now_ms)
        record = KeyRecord(
            found.identity_hash,
            found.version,
            identity.claim,
            created_at=0,
            updated_at=found.updated_at,
            policies=identity.policies,
            enabled=found.enabled,
        )
        return self._keep(partition, record, (), gate, now_ms=now_ms, is_identity=True)

    def _list(self, identity: Identity, identity_hash: KeyHash, now_ms: int) -> None:
        """Let operators see an identity. No request depends on it; whoever loads the identity next tries anew."""
        with suppress(StoreError):
            table_keys.list_identity(
                self._client,
                self._table,
                identity_hash,
                issuer_id=identity.issuer_id,
                name=identity.claim,
                now=now_ms // 1000,
            )

    def effective(self, key: KnownKey, now_ms: int) -> Effective | None:
        """The key with its policies laid over it; None where one is missing or inactive."""
        self._refresh_policies(key.record.policies, now_ms)
        known = tuple(self._policies[policy_id].policy for policy_id in key.record.policies)
        if key.overlaid is None or key.overlaid.of != (key.record, known):
            by_id = {policy.policy_id: policy for policy in known if policy is not None}
            key.overlaid = Overlaid((key.record, known), overlay(key.record, by_id))
        return key.overlaid.effective

    def definition(self, request: Request, now_ms: int) -> ApiDefinition:
        """How the called API is set up."""
        names = (request.api_name,) if request.api_name else request.gateways
        known = self._apis.recall(names)
        if known is None or now_ms - known.read_at_ms >= STALENESS_MS:
            try:
                found = (
                    table_keys.load_api(self._client, self._table, request.api_name)
                    if request.api_name
                    else table_keys.load_api_of(self._client, self._table, names)
                )
            except UnavailableError as error:
                if known is None:
                    raise
                self._make_do(error, known.read_at_ms, now_ms)
            else:
                known = KnownApi(found or UNDEFINED, now_ms)
                self._apis.keep(names, known)
        return known.definition

    def api_names(self, request: Request, now_ms: int) -> tuple[str, ...]:
        """The names under which grants may know the called API."""
        if request.api_name == ADMIN_API:
            return (ADMIN_API,)
        name = request.api_name or self.definition(request, now_ms).api_id
        return (name, *request.gateways) if name else request.gateways

    def is_current(self, key: KnownKey, now_ms: int) -> bool:
        """Whether the gate still has the record's version; one strongly consistent read."""
        gate = table_keys.read_gate(self._client, self._table, key.partition)
        if gate is None or gate.get(VERSION) != key.record.gate_version:
            return False
        key.saw(gate, now_ms)
        key.confirmed_ms = now_ms
        return True

    def write_gate(self, key: KnownKey, write: GateWrite, now_ms: int) -> None:
        """Count, and remember the gate as it is now. Raises ConditionFailed."""
        key.saw(table_keys.write_gate(self._client, self._table, key.partition, write), now_ms)
        key.confirmed_ms = now_ms

    def claim(self, gate: SeenGate, partition: str, write: GateWrite, now_ms: int) -> bool:
        """Whether we are the one to tell of a threshold. Raises StoreError."""
        try:
            gate.saw(table_keys.write_gate(self._client, self._table, partition, write), now_ms)
        except ConditionFailed as refused:
            gate.saw(table_keys.gate_found(refused) or {}, now_ms)
            return False
        return True

    def gate_found(self, key: KnownKey, refused: ConditionFailed, now_ms: int) -> Gate | None:
        """The gate that a failed condition met, remembered from now on."""
        found = table_keys.gate_found(refused)
        if found is not None:
            key.saw(found, now_ms)
        return found

    def write_gates(self, key: KnownKey, own: GateWrite, shared: GateWrite, now_ms: int) -> None:
        """Count at the key's gate and its owner's, all or nothing. Raises TransactionCancelled."""
        writes = {key.partition: own, owner_partition(key.record.owner): shared}
        table_keys.write_gates(self._client, self._table, writes, token=os.urandom(16).hex())
        key.confirmed_ms = now_ms

    def owner_gate(self, key: KnownKey, now_ms: int) -> SeenGate:
        """The gate of a key's owner; it and the key's are read again where one was seen a second ago."""
        owner = key.record.owner
        known = self._shared.recall(owner)
        if known is None:
            known = SeenGate({}, now_ms - SHARED_MS)
            self._shared.keep(owner, known)
        if now_ms - min(known.seen_ms, key.seen_ms) >= SHARED_MS:
            own, shared = table_keys.read_gates(self._client, self._table, key.partition, owner_partition(owner))
            key.saw(own, now_ms)
            known.saw(shared, now_ms)
        return known

    def store_day(self, key: KnownKey, totals: DayTotals) -> None:
        """Keep the totals of a day that is over."""
        table_keys.store_day(self._client, self._table, key.partition, totals)

    def _open_gate(self, partition: str, version: int) -> Gate:
        """Make the gate of an identity, which has none before its first use."""
        return table_keys.create_gate(self._client, self._table, partition, version)

    def _remember(self, record: KeyRecord, gate: Gate, *, id_hashes: tuple[KeyHash, ...], now_ms: int) -> KnownKey:
        credentials = tuple(self._open(one, record) for one in record.credentials)
        for issued in record.ids:
            if issued.id_hash in id_hashes and issued.id_hash != record.key_hash:
                self._later_ids.keep(issued.id_hash, record.key_hash)
        return self._keep(gate_partition(record.key_hash), record, credentials, gate, now_ms=now_ms)

    def _keep(
        self,
        partition: str,
        record: KeyRecord,
        credentials: tuple[Credential, ...],
        gate: Gate,
        *,
        now_ms: int,
        is_identity: bool = False,
    ) -> KnownKey:
        """A key as it was read, with what was not written yet of what we knew of it."""
        before = self._keys.get(record.key_hash)
        untold = before.untold if before else Untold(now_ms)
        key = KnownKey(partition, record, credentials, gate, untold=untold, now_ms=now_ms, is_identity=is_identity)
        self._keys.keep(record.key_hash, key)
        return key

    def _open(self, stored: StoredCredential, record: KeyRecord) -> Credential:
        algorithm = algorithm_named(stored.algorithm)
        if algorithm is None:
            message = "key record: unknown algorithm"
            raise InvalidItemError(message)
        try:
            key: Secret | PublicKey
            if stored.sealed:
                secret = unseal(self._keyring, stored.sealed, key_hash=record.key_hash, algorithm=algorithm)
                key = load_secret(algorithm, secret)
            else:
                key = load_public_key(algorithm, stored.jwk or {})
        except UnusableMaterialError as error:
            message = "key record: unusable material"
            raise InvalidItemError(message) from error
        return Credential(stored.credential_id, algorithm, key, stored.expires_at)

    def _refresh_policies(self, policy_ids: tuple[str, ...], now_ms: int) -> None:
        """Recalls all of them first, so that none makes room for another one of the same key."""
        known = {policy_id: self._policies.recall(policy_id) for policy_id in policy_ids}
        stale = {
            policy_id: policy
            for policy_id, policy in known.items()
            if policy is None or now_ms - policy.read_at_ms >= STALENESS_MS
        }
        if not stale:
            return
        try:
            found = table_keys.load_policies(self._client, self._table, stale)
        except UnavailableError as error:
            ages = [policy.read_at_ms for policy in stale.values() if policy is not None]
            self._make_do(error, min(ages) if len(ages) == len(stale) else None, now_ms)
        else:
            for policy_id in stale:
                self._policies.keep(policy_id, KnownPolicy(found.get(policy_id), now_ms))

    def _make_do(self, error: UnavailableError, read_at_ms: int | None, now_ms: int) -> None:
        """Go on with a copy that is older than promised, for a policy that fails open to judge.

        Only where DynamoDB was silent: whoever is throttled is answered.
        """
        if self.budget.was_throttled or read_at_ms is None or now_ms - read_at_ms >= OUTAGE_MS:
            raise error
        self.overdue = error


def _variable(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        message = f"environment variable {name} is not set"
        raise ConfigurationError(message)
    return value
