"""Records in one full form, whether the API shows them or files declare them, so that they compare.

Defaults are filled in by the JSON Schema; what the API writes in its own way is written so here.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from cli.code.schema import DEFINITIONS, KEY_FIELDS, complete, slim

PROJECT, KEY, PENDING = "tollgate.project", "tollgate.key", "tollgate.pending"
OURS = "tollgate."  # how the names of our labels begin
PARTITIONS = ["grants", "rate_limits", "quotas"]
Object = dict[str, Any]


class Kind(NamedTuple):
    """A kind of record that operators name."""

    collection: str
    name: str

    @property
    def id_name(self) -> str:
        return f"{self.name}_id"


KINDS = (
    Kind("policies", "policy"),
    Kind("issuers", "issuer"),
    Kind("apis", "api"),
    Kind("catalogue", "entry"),
)
NAMES = {kind.collection: kind.name for kind in KINDS} | {"catalogue": "catalogue entry", "keys": "key"}


def canonical(collection: str, body: Mapping[str, Any]) -> Object:
    """The record in full form; members that only the API adds are left out."""
    record = complete(_definition(collection), body)
    return _WAYS[collection](record) if collection in _WAYS else record


@lru_cache
def _defaults(collection: str) -> Object:
    return canonical(collection, {})


def essentials(collection: str, record: Mapping[str, Any]) -> Object:
    """A record in full form without what its defaults say: what somebody would write."""
    defaults = _defaults(collection)
    return {
        name: slim(_definition(collection), name, value)
        for name, value in record.items()
        if value != defaults.get(name)
    }


def shorten(collection: str, member: str, value: Any) -> Any:
    """A member as somebody would write it."""
    return slim(_definition(collection), member, value)


def _definition(collection: str) -> str:
    return KEY_FIELDS if collection == "keys" else DEFINITIONS[collection]


def is_ours(labels: Mapping[str, str], project: str) -> bool:
    return labels.get(PROJECT) == project


def _key(record: Object) -> Object:
    return record | {
        "expires_at": _utc(record["expires_at"]),
        "tags": _distinct(record["tags"]),
        "policies": _distinct(record["policies"]),
    }


def _policy(record: Object) -> Object:
    parts = record["partitions"] or PARTITIONS
    counting = record["counting"]
    if counting["mode"] == "exact":
        counting = counting | {"max_staleness_seconds": 1}
    return record | {
        "tags": _distinct(record["tags"]),
        "partitions": [part for part in PARTITIONS if part in parts],
        "counting": counting,
        "thresholds": sorted(set(record["thresholds"])),
    }


def _api(record: Object) -> Object:
    return record | {"gateways": _distinct(record["gateways"]), "issuers": _distinct(record["issuers"])}


def _issuer(record: Object) -> Object:
    audience = record["audience"]
    return record | {
        "audience": [audience] if isinstance(audience, str) else audience,
        "algorithms": _distinct(record["algorithms"]),
        "default_policies": _distinct(record["default_policies"]),
    }


_WAYS: dict[str, Callable[[Object], Object]] = {
    "keys": _key,
    "policies": _policy,
    "apis": _api,
    "issuers": _issuer,
}


def _distinct(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _utc(text: str) -> str:
    """A time as the API writes it: UTC, whole seconds."""
    if not text:
        return text
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
