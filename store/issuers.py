"""Issuers and their key sets: in the table, and at the provider."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from access.issuers import Issuer, KeySet, read_key_set
from store.attributes import decode_item, encode, encode_item
from store.client import Client
from store.errors import ConditionFailed, InvalidItemError, UnavailableError
from store.fetch import fetch_json
from store.keys import batch_get
from store.table import JWKS, RECORD, issuer_partition, key_of, slim

METADATA = "/.well-known/openid-configuration"


class StoredIssuer(NamedTuple):
    """An issuer, the copy of its key set, and when somebody tried last to fetch it."""

    issuer: Issuer
    key_set: KeySet | None
    tried_at: int


def issuer_to_item(issuer: Issuer) -> dict[str, Any]:
    """An issuer as an item; empty values are left out."""
    return key_of(issuer_partition(issuer.issuer_id), RECORD) | encode_item(slim(issuer._asdict()))


def issuer_from_item(item: Mapping[str, Any]) -> Issuer:
    """An issuer from its item. InvalidItemError where it is not one."""
    values = {name: value for name, value in decode_item(item).items() if name in Issuer._fields}
    lists = {name: tuple(values.get(name, ())) for name in ("algorithms", "audiences", "default_policies")}
    try:
        return Issuer(**(values | lists))
    except TypeError as error:
        message = "issuer: an attribute is missing"
        raise InvalidItemError(message) from error


def load_issuers(client: Client, table: str, issuer_ids: Iterable[str]) -> dict[str, StoredIssuer]:
    """The issuers of these ids with their key sets, read strongly; unknown ones are left out."""
    ids = list(dict.fromkeys(issuer_ids))
    keys = [key_of(issuer_partition(one), sort) for one in ids for sort in (RECORD, JWKS)]
    items = batch_get(client, table, keys) if keys else []
    sets = {item["PK"]["S"]: decode_item(item) for item in items if item["SK"]["S"] == JWKS}
    issuers = [issuer_from_item(item) for item in items if item["SK"]["S"] == RECORD]
    return {one.issuer_id: _stored(one, sets.get(issuer_partition(one.issuer_id), {})) for one in issuers}


def claim_fetch(client: Client, table: str, issuer_id: str, *, now: int, cool_down: int) -> bool:
    """Whether this environment may fetch now: one of all, and not right after another."""
    request = {
        "TableName": table,
        "Key": key_of(issuer_partition(issuer_id), JWKS),
        "UpdateExpression": "SET tried_at = :now",
        "ConditionExpression": "attribute_not_exists(tried_at) OR tried_at <= :before",
        "ExpressionAttributeValues": {":now": encode(now), ":before": encode(now - cool_down)},
    }
    try:
        client.call("UpdateItem", request)
    except ConditionFailed:
        return False
    return True


def store_key_set(client: Client, table: str, issuer_id: str, key_set: KeySet) -> None:
    """Keep the last good copy of a key set."""
    values = encode_item({":keys": list(key_set.keys), ":at": key_set.fetched_at})
    client.call(
        "UpdateItem",
        {
            "TableName": table,
            "Key": key_of(issuer_partition(issuer_id), JWKS),
            "UpdateExpression": "SET key_set = :keys, fetched_at = :at, tried_at = :at",
            "ExpressionAttributeValues": values,
        },
    )


def fetch_key_set(issuer: Issuer, *, now: int) -> KeySet:
    """The key set at the provider. Raises UnavailableError, whose message tells what was wrong."""
    uri: Any = issuer.jwks_uri
    if not uri:
        metadata = fetch_json(issuer.issuer.rstrip("/") + METADATA)
        if metadata.get("issuer") != issuer.issuer:
            raise UnavailableError("the metadata names another issuer")
        uri = metadata.get("jwks_uri")
        if not isinstance(uri, str):
            raise UnavailableError("the metadata has no jwks_uri")
    document = fetch_json(uri)
    try:
        return read_key_set(document, fetched_at=now)
    except ValueError as error:
        raise UnavailableError(f"the key set {error}") from error


def _stored(issuer: Issuer, values: dict[str, Any]) -> StoredIssuer:
    keys = values.get("key_set")
    key_set = KeySet(tuple(keys), values["fetched_at"]) if keys else None
    return StoredIssuer(issuer, key_set, values.get("tried_at", 0))
