"""What one Lambda execution environment remembers between requests.

Records, key objects, effective policies and the gates as they were last seen. Nothing here is
trusted to be current: the gate's version tells, in the write that counts (`counting`).
"""

import os
from collections import OrderedDict
from collections.abc import Mapping
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
from access.decisions import Reason
from access.gate import VERSION, DayTotals, GateWrite
from access.grants import ADMIN_API
from access.key_ids import KeyHash, hash_key_id
from access.keys import KeyRecord, Policy, StoredCredential
from access.policies import Effective, overlay
from access.tokens import UnverifiedToken
from authorizer.events import Request
from authorizer.memory import OUTAGE_MS, STALENESS_MS, Identity, KnownKey, Overlaid, SeenGate, Untold
from store import keys as table_keys
from store.client import Client
from store.errors import ConditionFailed, InvalidItemError, UnavailableError
from store.keys import Gate
from store.lean import Budget, LeanClient
from store.master_secret import Keyring, load_keyring
from store.sealing import unseal
from store.table import identity_partition, key_partition, owner_partition

if TYPE_CHECKING:
    from authorizer.providers import Providers

MAX_KEYS = 2048  # records kept; the one unused for longest goes first
MAX_POLICIES = 1024  # and definitions of APIs; the one read first goes first
FIRST_VERSION = 1  # of the gate of an identity
SHARED_MS = 1_000  # an owner's gate, and the key's beside it, are read again after this


IdT = TypeVar("IdT")
KnownT = TypeVar("KnownT")


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

    def __init__(self, client: Client, table: str, keyring: Keyring, budget: Budget | None = None) -> None:
        self._client = client
        self._table = table
        self._keyring = keyring
        self._keys: OrderedDict[KeyHash, KnownKey] = OrderedDict()
        self._policies: dict[str, KnownPolicy] = {}
        self._apis: dict[tuple[str, ...], KnownApi] = {}
        self._shared: OrderedDict[str, SeenGate] = OrderedDict()
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

    def remembered(self, key_id: str) -> KnownKey | None:
        """The key from memory, if it is there."""
        for keys in self._keyring.all:
            key_hash = hash_key_id(keys.pepper, key_id)
            if key_hash in self._keys:
                self._keys.move_to_end(key_hash)
                return self._keys[key_hash]
        return None

    def load(self, key_id: str, now_ms: int) -> KnownKey | None:
        """The key from the table, remembered from now on; None where it is unknown."""
        for keys in self._keyring.all:
            key_hash = hash_key_id(keys.pepper, key_id)
            found = table_keys.load_key(self._client, self._table, key_hash)
            if found is not None:
                return self._remember(key_hash, *found, now_ms=now_ms)
            self._keys.pop(key_hash, None)
        return None

    def identify(self, token: UnverifiedToken, definition: ApiDefinition, now_ms: int) -> Identity | Reason | None:
        """Whom a token speaks for, why it is not believed, or None where no issuer of the API made it."""
        if self._providers is None:
            from authorizer.providers import Providers  # noqa: PLC0415 - only APIs with issuers pay for it

            self._providers = Providers(self._client, self._table, self.budget)
        return self._providers.identify(token, definition, now_ms)

    def identity_record(self, identity: Identity) -> KeyRecord:
        """What stands for the record of an identity; nothing is read for it."""
        identity_hash = hash_key_id(self._keyring.current.pepper, identity.name)
        return KeyRecord(identity_hash, FIRST_VERSION, identity.claim, 0, 0, policies=identity.policies)

    def identity(self, identity: Identity, now_ms: int) -> KnownKey:
        """The key that an identity of an outside provider is. It has no gate before it is counted first."""
        name = identity.name
        for keys in self._keyring.all:
            identity_hash = hash_key_id(keys.pepper, name)
            known = self._keys.get(identity_hash)
            gate = known.gate if known else self._identity_gate(identity_hash)
            if gate is not None:
                break
        else:
            identity_hash, gate = hash_key_id(self._keyring.current.pepper, name), {}
        version = int(gate.get(VERSION, FIRST_VERSION))
        record = self.identity_record(identity)._replace(key_hash=identity_hash, version=version)
        if known is None:
            partition, untold = identity_partition(identity_hash), Untold(now_ms)
            known = KnownKey(partition, record, (), gate, untold=untold, now_ms=now_ms, is_identity=True)
            self._keep(identity_hash, known)
        known.record = record
        self._keys.move_to_end(identity_hash)
        return known

    def make_gate(self, key: KnownKey, now_ms: int) -> None:
        """Make the gate of an identity that is to be counted, unless it is there by now."""
        gate = table_keys.create_gate(self._client, self._table, key.partition)
        key.record = key.record._replace(version=int(gate[VERSION]))
        key.saw(gate, now_ms)

    def forget(self, key: KnownKey) -> None:
        """Forget a key whose gate turned out to be another than we knew."""
        self._keys.pop(key.record.key_hash, None)

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
        names: tuple[str, ...] = (request.api_name,) if request.api_name else request.gateways
        _forget_first(self._apis)
        known = self._apis.get(names)
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
                _put_last(self._apis, {names: known})
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
        known = self._shared.setdefault(owner, SeenGate({}, now_ms - SHARED_MS))
        if now_ms - min(known.seen_ms, key.seen_ms) >= SHARED_MS:
            own, shared = table_keys.read_gates(self._client, self._table, key.partition, owner_partition(owner))
            key.saw(own, now_ms)
            known.saw(shared, now_ms)
            if len(self._shared) > MAX_KEYS:
                self._shared.popitem(last=False)
        self._shared.move_to_end(owner)
        return known

    def store_day(self, key: KnownKey, totals: DayTotals) -> None:
        """Keep the totals of a day that is over."""
        table_keys.store_day(self._client, self._table, key.partition, totals)

    def _remember(self, key_hash: KeyHash, record: KeyRecord, gate: Gate, *, now_ms: int) -> KnownKey:
        if record.key_hash != key_hash:
            message = "key record: was stored under another key"
            raise InvalidItemError(message)
        credentials = tuple(self._open(one, record) for one in record.credentials)
        before = self._keys.get(key_hash)
        untold = before.untold if before else Untold(now_ms)
        key = KnownKey(key_partition(key_hash), record, credentials, gate, untold=untold, now_ms=now_ms)
        self._keep(key_hash, key)
        return key

    def _keep(self, key_hash: KeyHash, key: KnownKey) -> None:
        self._keys[key_hash] = key
        self._keys.move_to_end(key_hash)
        if len(self._keys) > MAX_KEYS:
            self._keys.popitem(last=False)

    def _identity_gate(self, identity_hash: KeyHash) -> Gate | None:
        return table_keys.read_gate(self._client, self._table, identity_partition(identity_hash))

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
        """Read those that are not known or were read too long ago; all of them are known then."""
        _forget_first(self._policies)
        stale = [
            policy_id
            for policy_id in policy_ids
            if policy_id not in self._policies or now_ms - self._policies[policy_id].read_at_ms >= STALENESS_MS
        ]
        if not stale:
            return
        try:
            found = table_keys.load_policies(self._client, self._table, stale)
        except UnavailableError as error:
            ages = [self._policies[one].read_at_ms if one in self._policies else None for one in stale]
            oldest = None if None in ages else min(age for age in ages if age is not None)
            self._make_do(error, oldest, now_ms)
        else:
            _put_last(self._policies, {policy_id: KnownPolicy(found.get(policy_id), now_ms) for policy_id in stale})

    def _make_do(self, error: UnavailableError, read_at_ms: int | None, now_ms: int) -> None:
        """Go on with a copy that is older than promised, for a policy that fails open to judge.

        Only where DynamoDB was silent: whoever is throttled is answered.
        """
        if self.budget.was_throttled or read_at_ms is None or now_ms - read_at_ms >= OUTAGE_MS:
            raise error
        self.overdue = error


def _put_last(known: dict[IdT, KnownT], found: Mapping[IdT, KnownT]) -> None:
    """Remember what was read now, behind all that was read before."""
    for name in found:
        known.pop(name, None)
    known |= found


def _forget_first(known: dict[IdT, KnownT]) -> None:
    """Forget what was read first, where there is too much."""
    while len(known) > MAX_POLICIES:
        del known[next(iter(known))]


def _variable(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        message = f"environment variable {name} is not set"
        raise ConfigurationError(message)
    return value
