"""How values rest in the table: keys of items, names of attributes, mapping there and back.

    item        PK                         SK
    key record  KEY#<key_hash>             RECORD
    gate        KEY#<key_hash>             GATE
    policy      POLICY#<policy_id>         RECORD
    API         API#<api_id>               RECORD
    gateway     GATEWAY#<api id>/<stage>   RECORD, a copy of the definition that names it
    usage       KEY#<key_hash>             USAGE#<date>
    owner gate  OWNER#<owner>              GATE
    identity    IDENTITY#<hash>            GATE
    issuer      ISSUER#<issuer_id>         RECORD, and JWKS: the last good copy of its key set
    audit       AUDIT#<month>              <time>#<id>
    answer      IDEMPOTENCY#<hash>         RECORD
    index       INDEX#<what>#<value>       <created_at>#<key_hash>, the id of a policy, or the SK of an audit entry

Index items stand for lists: they are written in the transaction that changes the record, and
read strongly, so that a list misses nothing and no table is ever scanned.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from access.apis import ApiDefinition, TokenPlace
from access.gate import LAYOUT, DayTotals
from access.grants import Grant
from access.key_ids import KeyHash
from access.keys import Counting, KeyRecord, Policy, StoredCredential, TokenRules
from access.limits import Quota, RateLimit
from store.attributes import decode_item, encode_item
from store.errors import InvalidItemError

RECORD = "RECORD"
GATE = "GATE"
JWKS = "JWKS"
DELETING = "deleting"  # attribute of a policy that no key may take any more
USAGE = "USAGE#"
_KEYS = ("PK", "SK")
USAGE_DAYS = 400  # how long totals of a day are kept
Values = dict[str, Any]


def key_partition(key_hash: str) -> str:
    return f"KEY#{key_hash}"


def owner_partition(owner: str) -> str:
    return f"OWNER#{owner}"


def policy_partition(policy_id: str) -> str:
    return f"POLICY#{policy_id}"


def identity_partition(identity_hash: str) -> str:
    return f"IDENTITY#{identity_hash}"


def issuer_partition(issuer_id: str) -> str:
    return f"ISSUER#{issuer_id}"


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
    """A key record as an item; empty values are left out."""
    values = record._asdict() | {
        "credentials": [slim(one._asdict()) for one in record.credentials],
        "token_rules": slim(record.token_rules._asdict()),
        "rate_limits": [one._asdict() for one in record.rate_limits],
        "quotas": [one._asdict() for one in record.quotas],
        "grants": [one._asdict() for one in record.grants],
    }
    return key_of(key_partition(record.key_hash), RECORD) | encode_item(slim(values))


def key_from_item(item: Mapping[str, Any]) -> KeyRecord:
    """A key record from its item. InvalidItemError where it is not one."""
    values = decode_item(item)
    try:
        return KeyRecord(
            key_hash=KeyHash(values["key_hash"]),
            version=int(values["version"]),
            name=values["name"],
            created_at=int(values["created_at"]),
            updated_at=int(values["updated_at"]),
            owner=values.get("owner", ""),
            credentials=tuple(StoredCredential(**({"thumbprint": ""} | one)) for one in values.get("credentials", ())),
            token_rules=_token_rules(values.get("token_rules", {})),
            policies=tuple(values.get("policies", ())),
            enabled=bool(values["enabled"]),
            expires_at=values.get("expires_at"),
            last_audit=values.get("last_audit", ""),
            life=int(values.get("life", 0)),
            **_rights(values),
        )
    except (KeyError, TypeError, ValueError) as error:
        message = "key record: an attribute is missing or of another type"
        raise InvalidItemError(message) from error


def policy_to_item(policy: Policy) -> dict[str, Any]:
    """A policy as an item; empty values are left out."""
    values = policy._asdict() | {
        "rate_limits": [one._asdict() for one in policy.rate_limits],
        "quotas": [one._asdict() for one in policy.quotas],
        "grants": [one._asdict() for one in policy.grants],
        "counting": policy.counting._asdict(),
    }
    return key_of(policy_partition(policy.policy_id), RECORD) | encode_item(slim(values))


def policy_from_item(item: Mapping[str, Any]) -> Policy:
    """A policy from its item. InvalidItemError where it is not one."""
    values = decode_item(item)
    try:
        return Policy(
            policy_id=values["policy_id"],
            version=int(values["version"]),
            name=values["name"],
            created_at=int(values["created_at"]),
            updated_at=int(values["updated_at"]),
            active=bool(values["active"]),
            partitions=tuple(values.get("partitions", ())),
            key_expires_in_seconds=values.get("key_expires_in_seconds"),
            counting=Counting(**values.get("counting", {})),
            thresholds=tuple(values.get("thresholds", ())),
            last_audit=values.get("last_audit", ""),
            **_rights(values),
        )
    except (KeyError, TypeError, ValueError) as error:
        message = "policy: an attribute is missing or of another type"
        raise InvalidItemError(message) from error


def api_to_item(definition: ApiDefinition, partition: str) -> dict[str, Any]:
    """An API definition as an item of its own, or as the copy that a gateway holds."""
    values = definition._asdict() | {"token": slim(definition.token._asdict())}
    return key_of(partition, RECORD) | encode_item(slim(values))


def api_from_item(item: Mapping[str, Any]) -> ApiDefinition:
    """An API definition from its item. InvalidItemError where it is not one."""
    values = decode_item(item)
    try:
        return ApiDefinition(
            api_id=values["api_id"],
            version=int(values["version"]),
            name=values["name"],
            created_at=int(values["created_at"]),
            updated_at=int(values["updated_at"]),
            gateways=tuple(values.get("gateways", ())),
            enable_jwt=bool(values["enable_jwt"]),
            enable_opaque=bool(values["enable_opaque"]),
            allow_sub=bool(values["allow_sub"]),
            token=TokenPlace(*(values.get("token", {}).get(place, "") for place in TokenPlace._fields)),
            issuers=tuple(values.get("issuers", ())),
            last_audit=values.get("last_audit", ""),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = "API definition: an attribute is missing or of another type"
        raise InvalidItemError(message) from error


def gate_from_item(item: Mapping[str, Any]) -> dict[str, int | str]:
    """A gate as the core sees it: without the keys of its item. InvalidItemError where it is not one."""
    try:
        return {
            name: attribute["S"] if name == LAYOUT else int(attribute["N"])
            for name, attribute in item.items()
            if name not in _KEYS
        }
    except (KeyError, TypeError, ValueError) as error:
        message = "gate: an attribute is of another type"
        raise InvalidItemError(message) from error


def usage_sort(day: int) -> str:
    """The sort key of a day's totals; `day` counts from 1970-01-01, UTC."""
    return f"{USAGE}{datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()}"


def usage_from_item(item: Mapping[str, Any]) -> DayTotals:
    """The totals of a day from their item. InvalidItemError where it is not one."""
    values = decode_item(item)
    try:
        day = (date.fromisoformat(str(values["SK"]).removeprefix(USAGE)) - date(1970, 1, 1)).days
        return DayTotals(day, int(values["allowed"]), int(values["refused"]))
    except (KeyError, TypeError, ValueError) as error:
        message = "usage: an attribute is missing or of another type"
        raise InvalidItemError(message) from error


def _rights(values: Values) -> Values:
    return {
        "rate_limits": tuple(RateLimit(**one) for one in values.get("rate_limits", ())),
        "quotas": tuple(Quota(**one) for one in values.get("quotas", ())),
        "grants": tuple(Grant(**(one | {"methods": tuple(one["methods"])})) for one in values.get("grants", ())),
        "tags": tuple(values.get("tags", ())),
        "metadata": dict(values.get("metadata", {})),
    }


def _token_rules(values: Values) -> TokenRules:
    lists = {name: tuple(values.get(name, ())) for name in ("issuers", "audiences")}
    return TokenRules(**(values | lists))


def slim(values: Values) -> Values:
    """Without the members that hold nothing."""
    return {name: value for name, value in values.items() if value not in (None, "", (), [], {})}
