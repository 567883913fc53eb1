"""How values rest in the table: keys of items, names of attributes, mapping there and back.

    item        PK                         SK
    key record  KEY#<key_hash>             RECORD
    key id      KEY#<hash of a later id>   RECORD, which names the key that the id leads to
    identity    BLOCK#<identity hash>      RECORD: whether an identity is blocked
    policy      POLICY#<policy_id>         RECORD
    API         API#<api_id>               RECORD
    gateway     GATEWAY#<api id>/<stage>   RECORD, a copy of the definition that names it
    issuer      ISSUER#<issuer_id>         RECORD
    audit       AUDIT#<month>              <time>#<id>
    answer      IDEMPOTENCY#<hash>         RECORD
    index       INDEX#<what>#<value>       <created_at>#<key_hash>, the id of a policy, or the SK of an audit entry

What the authorizer writes lies in partitions of its own, and its role may write nothing else:

    gate        GATE#<key_hash>            GATE
    usage       GATE#<key_hash>            USAGE#<date>
    owner gate  OWNER#<owner>              GATE
    identity    IDENTITY#<identity hash>   GATE, and USAGE#<date>
    its list    IDENTITY#ISSUER#<id>       <identity hash>: whose identities have gates
    key set     JWKS#<issuer_id>           JWKS: the last good copy

Index items stand for lists: they are written in the transaction that changes the record, and
read strongly, so that a list misses nothing and no table is ever scanned.

Every item but those carries the number of its shape. It grows when what a member means changes;
readers know all numbers up to theirs. A member more is no other shape: readers take the members
that they know, at every depth, and leave the rest, so that a version before this one can read
what this one wrote.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, TypeVar

from access.apis import ApiDefinition, TokenPlace
from access.gate import LAST_USED, LAYOUT, VERSION, DayTotals, is_counter
from access.grants import Grant, administers
from access.keys import (
    Counting,
    EndedSession,
    IdentityRecord,
    IssuedId,
    KeyRecord,
    Policy,
    StoredCredential,
    TokenRules,
)
from access.limits import Quota, RateLimit
from store.attributes import decode, decode_known, encode, encode_item
from store.errors import InvalidItemError

RECORD = "RECORD"
GATE = "GATE"
JWKS = "JWKS"
DELETING = "deleting"  # attribute of a policy that no key may take any more
ADMINISTERS = "administers"  # mark on a policy with a right on the admin API
USAGE = "USAGE#"
USAGE_DAYS = 400  # how long totals of a day are kept
SHAPE = "shape"
KEY_SHAPE = IDENTITY_SHAPE = POLICY_SHAPE = API_SHAPE = ISSUER_SHAPE = GATE_SHAPE = USAGE_SHAPE = KEY_SET_SHAPE = 1
ANSWER_SHAPE = AUDIT_SHAPE = ID_SHAPE = 1
LEADS_TO = "leads_to"  # attribute of a later key id: the hash of its key
GATE_SHAPE_NAME = "s"  # short: a gate is small
_NOT_OF_THE_CORE = frozenset({"PK", "SK", GATE_SHAPE_NAME})
_GATE_MEMBERS = frozenset({VERSION, LAYOUT, LAST_USED, "d", "da", "dr", "pd", "pa", "pr"})  # marks and counters aside
Values = dict[str, Any]
ValueT = TypeVar("ValueT")


def key_partition(key_hash: str) -> str:
    return f"KEY#{key_hash}"


def gate_partition(key_hash: str) -> str:
    return f"GATE#{key_hash}"


def owner_partition(owner: str) -> str:
    return f"OWNER#{owner}"


def policy_partition(policy_id: str) -> str:
    return f"POLICY#{policy_id}"


def identity_partition(identity_hash: str) -> str:
    return f"IDENTITY#{identity_hash}"


def identities_partition(issuer_id: str) -> str:
    """The list of an issuer's identities; a hash has no `#`, so no gate lies here."""
    return f"IDENTITY#ISSUER#{issuer_id}"


def block_partition(identity_hash: str) -> str:
    return f"BLOCK#{identity_hash}"


def issuer_partition(issuer_id: str) -> str:
    return f"ISSUER#{issuer_id}"


def key_set_partition(issuer_id: str) -> str:
    return f"JWKS#{issuer_id}"


def audit_partition(month: str) -> str:
    return f"AUDIT#{month}"


def idempotency_partition(request_key: str) -> str:
    return f"IDEMPOTENCY#{request_key}"


def api_partition(api_id: str) -> str:
    return f"API#{api_id}"


def gateway_partition(gateway: str) -> str:
    return f"GATEWAY#{gateway}"


def key_of(partition: str, sort: str) -> dict[str, Any]:
    """The primary key of an item, as DynamoDB JSON."""
    return {"PK": {"S": partition}, "SK": {"S": sort}}


ALL_KEYS = "INDEX#KEYS"
ALL_POLICIES = "INDEX#POLICIES"
ALL_APIS = "INDEX#APIS"
ALL_ISSUERS = "INDEX#ISSUERS"


def owner_index(owner: str) -> str:
    return f"INDEX#OWNER#{owner}"


def tag_index(tag: str) -> str:
    return f"INDEX#TAG#{tag}"


def policy_index(policy_id: str) -> str:
    return f"INDEX#POLICY#{policy_id}"


def audit_index(resource: str) -> str:
    return f"INDEX#AUDIT#{resource}"


def index_partitions(record: KeyRecord) -> set[str]:
    """Every list in which a key stands."""
    return {
        ALL_KEYS,
        *([owner_index(record.owner)] if record.owner else []),
        *(tag_index(tag) for tag in record.tags),
        *(policy_index(policy_id) for policy_id in record.policies),
    }


def index_sort(record: KeyRecord) -> str:
    return f"{record.created_at:012d}#{record.key_hash}"


def key_to_item(record: KeyRecord) -> dict[str, Any]:
    return key_of(key_partition(record.key_hash), RECORD) | members_of(record, KEY_SHAPE)


def key_from_item(item: Mapping[str, Any]) -> KeyRecord:
    return value_of(KeyRecord, item, "key record")


def id_to_item(id_hash: str, key_hash: str) -> dict[str, Any]:
    """A later id of a key, which leads to its record."""
    return key_of(key_partition(id_hash), RECORD) | encode_item({SHAPE: ID_SHAPE, LEADS_TO: key_hash})


def identity_to_item(record: IdentityRecord) -> dict[str, Any]:
    return key_of(block_partition(record.identity_hash), RECORD) | members_of(record, IDENTITY_SHAPE)


def identity_from_item(item: Mapping[str, Any]) -> IdentityRecord:
    return value_of(IdentityRecord, item, "identity")


def policy_to_item(policy: Policy) -> dict[str, Any]:
    mark = {ADMINISTERS: {"BOOL": True}} if administers(policy.grants) else {}
    return key_of(policy_partition(policy.policy_id), RECORD) | members_of(policy, POLICY_SHAPE) | mark


def policy_from_item(item: Mapping[str, Any]) -> Policy:
    return value_of(Policy, item, "policy")


def api_to_item(definition: ApiDefinition, partition: str) -> dict[str, Any]:
    """An API definition as an item of its own, or as the copy that a gateway holds."""
    return key_of(partition, RECORD) | members_of(definition, API_SHAPE)


def api_from_item(item: Mapping[str, Any]) -> ApiDefinition:
    return value_of(ApiDefinition, item, "API definition")


def new_gate(partition: str, version: int) -> dict[str, Any]:
    """The item of a gate that has counted nothing."""
    return key_of(partition, GATE) | {VERSION: encode(version), GATE_SHAPE_NAME: encode(GATE_SHAPE)}


def gate_from_item(item: Mapping[str, Any]) -> dict[str, int | str]:
    """A gate as the core sees it: without the keys of its item. InvalidItemError where it is not one."""
    try:
        return {
            name: attribute["S"] if name == LAYOUT else int(attribute["N"])
            for name, attribute in item.items()
            if name not in _NOT_OF_THE_CORE
        }
    except (KeyError, TypeError, ValueError):
        return gate_from_item(_without_strangers(item))


def _without_strangers(item: Mapping[str, Any]) -> dict[str, Any]:
    """A gate without what a later shape may have added. InvalidItemError where nothing of it is the matter."""
    strangers = {
        name
        for name, attribute in item.items()
        if not attribute.keys() <= {"N"} and not (name in _GATE_MEMBERS or name.startswith("_") or is_counter(name))
    }
    if strangers <= _NOT_OF_THE_CORE:
        message = "gate: an attribute is of another type"
        raise InvalidItemError(message)
    return {name: attribute for name, attribute in item.items() if name not in strangers}


def usage_sort(day: int) -> str:
    """The sort key of a day's totals; `day` counts from 1970-01-01, UTC."""
    return f"{USAGE}{datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()}"


def usage_from_item(item: Mapping[str, Any]) -> DayTotals:
    """The totals of a day from their item. InvalidItemError where it is not one."""
    try:
        values = decode_known(item, ("SK", "allowed", "refused"))
        day = (date.fromisoformat(str(values["SK"]).removeprefix(USAGE)) - date(1970, 1, 1)).days
        return DayTotals(day, int(values["allowed"]), int(values["refused"]))
    except (KeyError, TypeError, ValueError) as error:
        message = "usage: an attribute is missing or of another type"
        raise InvalidItemError(message) from error


def members_of(value: NamedTuple, shape: int) -> dict[str, Any]:
    """The members of a value as attributes, with the number of its shape."""
    return {SHAPE: encode(shape)} | encode_item(_members(value))


def value_of(kind: type[ValueT], item: Mapping[str, Any], name: str) -> ValueT:
    """A value from its item, whatever else the item holds. InvalidItemError where it is not one."""
    try:
        return _read(kind, item)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"{name}: an attribute is missing or of another type"
        raise InvalidItemError(message) from error


_EMPTY: tuple[Any, ...] = (None, "", (), [], {})
_NESTED: dict[str, type[tuple[Any, ...]]] = {"token_rules": TokenRules, "counting": Counting, "token": TokenPlace}
_LISTS: dict[str, type[tuple[Any, ...]]] = {  # what members are lists of, where that is a value of its own
    "credentials": StoredCredential,
    "ids": IssuedId,
    "ended_sessions": EndedSession,
    "rate_limits": RateLimit,
    "quotas": Quota,
    "grants": Grant,
}
# Without these an item is broken, though their fields have defaults: every shape writes them.
_ALWAYS = frozenset({"enabled", "active", "enable_jwt", "enable_opaque", "allow_sub", "methods", "path"})


def _members(value: Any) -> Values:
    """By name, without those that are empty and are empty again where they are left out."""
    defaults = value._field_defaults
    return {
        name: _member(member)
        for name, member in value._asdict().items()
        if member not in _EMPTY or name not in defaults or defaults[name] not in _EMPTY
    }


def _member(member: Any) -> Any:
    if hasattr(member, "_fields"):
        return _members(member)
    return [_member(one) for one in member] if isinstance(member, tuple) else member


def _read(kind: type[ValueT], attributes: Mapping[str, Any]) -> ValueT:
    names: tuple[str, ...] = kind._fields  # type: ignore[attr-defined] # each of them is a named tuple
    known = [name for name in names if name in attributes or name in _ALWAYS]
    return kind(**{name: _read_member(name, attributes[name]) for name in known})


def _read_member(name: str, attribute: Mapping[str, Any]) -> Any:
    if name in _LISTS:
        return tuple(_read(_LISTS[name], element["M"]) for element in attribute["L"])
    if name in _NESTED:
        return _read(_NESTED[name], attribute["M"])
    value = decode(attribute)
    return tuple(value) if isinstance(value, list) else value
