"""What one Lambda execution environment remembers between requests.

Records, key objects, effective policies and the gates as they were last seen. Nothing here is
trusted to be current: the gate's version tells, in the write that counts (`authorize`).
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

from access.apis import UNDEFINED, ApiDefinition
from access.credentials import Credential, UnusableMaterialError, algorithm_named, load_public_key
from access.gate import VERSION, Exceeded, GateWrite, Limit
from access.grants import ADMIN_API
from access.key_ids import KeyHash, hash_key_id
from access.keys import KeyRecord, Policy, StoredCredential
from access.policies import Effective, overlay
from authorizer.events import Request
from store import keys as table_keys
from store.client import Client
from store.errors import ConditionFailed, InvalidItemError
from store.keys import Gate
from store.lean import LeanClient
from store.master_secret import Keyring, load_keyring
from store.sealing import unseal

MAX_KEYS = 2048  # records kept; the one unused for longest goes first
STALENESS_MS = 4_000  # an edited policy or API definition holds everywhere within 5 s
LOOK_AGAIN_MS = 1_000  # forged tokens and exhausted limits make us look at the table at most this often


class ConfigurationError(Exception):
    """An environment variable is missing; the message names it."""


class KnownKey:
    """A key as this environment knows it. `gate` is replaced by each answer."""

    __slots__ = ("credentials", "denied", "gate", "looked_again_ms", "record")

    def __init__(self, record: KeyRecord, credentials: tuple[Credential, ...], gate: Gate) -> None:
        self.record = record
        self.credentials = credentials
        self.gate = gate
        self.looked_again_ms = -LOOK_AGAIN_MS
        self.denied: Denied | None = None


class Denied(NamedTuple):
    """A refusal by a limit, remembered until the limit opens. Holds for these limits and this cost."""

    limits: tuple[Limit, ...]
    cost: int
    verdict: Exceeded
    told_at_ms: int

    def wait_ms(self, now_ms: int) -> int | None:
        """How long is still to wait; None where waiting does not help."""
        return None if self.verdict.wait_ms is None else self.told_at_ms + self.verdict.wait_ms - now_ms

    def still_holds(self, limits: tuple[Limit, ...], cost: int, now_ms: int) -> bool:
        """Whether the refusal stands without a look at the gate: at most for a second."""
        wait = self.wait_ms(now_ms)
        is_young = 0 <= now_ms - self.told_at_ms < LOOK_AGAIN_MS
        return is_young and (self.limits, self.cost) == (limits, cost) and (wait is None or wait > 0)


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

    def __init__(self, client: Client, table: str, keyring: Keyring) -> None:
        self._client = client
        self._table = table
        self._keyring = keyring
        self._keys: OrderedDict[KeyHash, KnownKey] = OrderedDict()
        self._policies: dict[str, KnownPolicy] = {}
        self._apis: dict[tuple[str, ...], KnownApi] = {}

    @classmethod
    def start(cls, environ: Mapping[str, str]) -> "Environment":
        """Set up from environment variables. Raises ConfigurationError or StoreError."""
        table, secret_id = _variable(environ, "TABLE_NAME"), _variable(environ, "MASTER_SECRET_ARN")
        _variable(environ, "AWS_REGION")
        client = LeanClient("dynamodb", environ=environ)
        client.connect_early()
        return cls(client, table, load_keyring(LeanClient("secretsmanager", environ=environ), secret_id))

    def remembered(self, key_id: str) -> KnownKey | None:
        """The key from memory, if it is there."""
        for keys in self._keyring.all:
            key_hash = hash_key_id(keys.pepper, key_id)
            if key_hash in self._keys:
                self._keys.move_to_end(key_hash)
                return self._keys[key_hash]
        return None

    def load(self, key_id: str) -> KnownKey | None:
        """The key from the table, remembered from now on; None where it is unknown."""
        for keys in self._keyring.all:
            key_hash = hash_key_id(keys.pepper, key_id)
            found = table_keys.load_key(self._client, self._table, key_hash)
            if found is not None:
                return self._remember(key_hash, *found)
            self._keys.pop(key_hash, None)
        return None

    def effective(self, key: KnownKey, now_ms: int) -> Effective | None:
        """The key with its policies laid over it; None where one is missing or inactive."""
        self._refresh_policies(key.record.policies, now_ms)
        known = {policy_id: self._policies[policy_id].policy for policy_id in key.record.policies}
        return overlay(key.record, {name: policy for name, policy in known.items() if policy})

    def definition(self, request: Request, now_ms: int) -> ApiDefinition:
        """How the called API is set up."""
        names = (request.api_name,) if request.api_name else request.gateways
        known = self._apis.get(names)
        if known is None or now_ms - known.read_at_ms >= STALENESS_MS:
            found = (
                table_keys.load_api(self._client, self._table, request.api_name)
                if request.api_name
                else table_keys.load_api_of(self._client, self._table, names)
            )
            known = self._apis[names] = KnownApi(found or UNDEFINED, now_ms)
        return known.definition

    def api_names(self, request: Request, now_ms: int) -> tuple[str, ...]:
        """The names under which grants may know the called API."""
        if request.api_name == ADMIN_API:
            return (ADMIN_API,)
        name = request.api_name or self.definition(request, now_ms).api_id
        return (name, *request.gateways) if name else request.gateways

    def may_look_again(self, key: KnownKey, now_ms: int) -> bool:
        """Whether a failed signature may make us read the record again; once a second it may."""
        if now_ms - key.looked_again_ms < LOOK_AGAIN_MS:
            return False
        key.looked_again_ms = now_ms
        return True

    def is_current(self, key: KnownKey) -> bool:
        """Whether the gate still has the record's version; one strongly consistent read."""
        gate = table_keys.read_gate(self._client, self._table, key.record.key_hash)
        return gate is not None and gate.get(VERSION) == key.record.version

    def write_gate(self, key: KnownKey, write: GateWrite) -> None:
        """Count, and remember the gate as it is now. Raises ConditionFailed."""
        key.gate = table_keys.write_gate(self._client, self._table, key.record.key_hash, write)

    def gate_found(self, key: KnownKey, refused: ConditionFailed) -> Gate | None:
        """The gate that a failed condition met, remembered from now on."""
        found = table_keys.gate_found(refused)
        if found is not None:
            key.gate = found
        return found

    def _remember(self, key_hash: KeyHash, record: KeyRecord, gate: Gate) -> KnownKey:
        if record.key_hash != key_hash:
            message = "key record: was stored under another key"
            raise InvalidItemError(message)
        credentials = tuple(self._open(one, record) for one in record.credentials)
        key = KnownKey(record, credentials, gate)
        before = self._keys.get(key_hash)
        if before is not None:
            key.looked_again_ms = before.looked_again_ms
        self._keys[key_hash] = key
        self._keys.move_to_end(key_hash)
        if len(self._keys) > MAX_KEYS:
            self._keys.popitem(last=False)
        return key

    def _open(self, stored: StoredCredential, record: KeyRecord) -> Credential:
        algorithm = algorithm_named(stored.algorithm)
        if algorithm is None:
            message = "key record: unknown algorithm"
            raise InvalidItemError(message)
        try:
            key = (
                unseal(self._keyring, stored.sealed, key_hash=record.key_hash, algorithm=algorithm)
                if stored.sealed
                else load_public_key(algorithm, stored.jwk or {})
            )
        except UnusableMaterialError as error:
            message = "key record: unusable material"
            raise InvalidItemError(message) from error
        return Credential(stored.credential_id, algorithm, key, stored.expires_at)

    def _refresh_policies(self, policy_ids: tuple[str, ...], now_ms: int) -> None:
        stale = [
            policy_id
            for policy_id in policy_ids
            if policy_id not in self._policies or now_ms - self._policies[policy_id].read_at_ms >= STALENESS_MS
        ]
        if not stale:
            return
        found = table_keys.load_policies(self._client, self._table, stale)
        self._policies |= {policy_id: KnownPolicy(found.get(policy_id), now_ms) for policy_id in stale}


def _variable(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        message = f"environment variable {name} is not set"
        raise ConfigurationError(message)
    return value
