"""Issuers and their key sets: in the table, and at the provider."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from access.issuers import Issuer, KeySet, read_key_set
from store.attributes import decode_known, encode, encode_item
from store.client import Client
from store.errors import ConditionFailed, InvalidItemError, UnavailableError
from store.fetch import fetch_json, within
from store.keys import batch_get
from store.table import (
    ISSUER_SHAPE,
    JWKS,
    KEY_SET_SHAPE,
    RECORD,
    SHAPE,
    issuer_partition,
    key_of,
    key_set_partition,
    members_of,
    value_of,
)

METADATA = "/.well-known/openid-configuration"
JWK_MEMBERS = ("kty", "n", "e", "crv", "x", "y", "kid", "alg")  # of public keys: RFC 7517, RFC 7518, section 6
FETCH_SECONDS = 2.5  # for metadata and key set together; the authorizer has 5 s for everything


class StoredIssuer(NamedTuple):
    """An issuer and the copy of its key set. `fetching_since`: Unix seconds, 0 where nobody fetches it now."""

    issuer: Issuer
    key_set: KeySet | None
    fetching_since: int


def issuer_to_item(issuer: Issuer) -> dict[str, Any]:
    return key_of(issuer_partition(issuer.issuer_id), RECORD) | members_of(issuer, ISSUER_SHAPE)


def issuer_from_item(item: Mapping[str, Any]) -> Issuer:
    return value_of(Issuer, item, "issuer")


def load_issuers(client: Client, table: str, issuer_ids: Iterable[str]) -> dict[str, StoredIssuer]:
    """The issuers of these ids with their key sets, read strongly; unknown ones are left out."""
    ids = list(dict.fromkeys(issuer_ids))
    keys = [key_of(issuer_partition(issuer_id), RECORD) for issuer_id in ids]
    keys += [key_of(key_set_partition(issuer_id), JWKS) for issuer_id in ids]
    items = batch_get(client, table, keys) if keys else []
    sets = {item["PK"]["S"]: _read_copy(item) for item in items if item["SK"]["S"] == JWKS}
    issuers = [issuer_from_item(item) for item in items if item["SK"]["S"] == RECORD]
    return {one.issuer_id: _stored(one, sets.get(key_set_partition(one.issuer_id), {})) for one in issuers}


def claim_fetch(client: Client, table: str, issuer_id: str, *, now: int, cool_down: int) -> bool:
    """Whether this environment may fetch now: one of all, and not right after another."""
    values = {":now": now, ":before": now - cool_down, ":shape": KEY_SET_SHAPE}
    request = {
        "TableName": table,
        "Key": key_of(key_set_partition(issuer_id), JWKS),
        "UpdateExpression": "SET tried_at = :now, shape = :shape",
        "ConditionExpression": "attribute_not_exists(tried_at) OR tried_at <= :before",
        "ExpressionAttributeValues": encode_item(values),
    }
    try:
        client.call("UpdateItem", request)
    except ConditionFailed:
        return False
    return True


def note_failure(client: Client, table: str, issuer_id: str, *, tried_at: int) -> None:
    """Tell those who wait that a fetch came to nothing."""
    client.call(
        "UpdateItem",
        {
            "TableName": table,
            "Key": key_of(key_set_partition(issuer_id), JWKS),
            "UpdateExpression": "SET failed_at = :at",
            "ExpressionAttributeValues": {":at": encode(tried_at)},
        },
    )


def store_key_set(client: Client, table: str, issuer: Issuer, key_set: KeySet) -> None:
    """Keep the last good copy of a key set. Raises ConditionFailed where the issuer's is another one by now."""
    values = _key_set_values(issuer, key_set)
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    client.call(
        "UpdateItem",
        {
            "TableName": table,
            "Key": key_of(key_set_partition(issuer.issuer_id), JWKS),
            "UpdateExpression": f"SET {assignments}",
            "ConditionExpression": "attribute_not_exists(origin) OR origin = :origin",
            "ExpressionAttributeValues": encode_item({f":{name}": value for name, value in values.items()}),
        },
    )


def key_set_to_item(issuer: Issuer, key_set: KeySet) -> dict[str, Any]:
    """The copy of a key set as an item."""
    return key_of(key_set_partition(issuer.issuer_id), JWKS) | encode_item(_key_set_values(issuer, key_set))


def fetch_key_set(issuer: Issuer, *, now: int, seconds: float = FETCH_SECONDS) -> KeySet:
    """The key set at the provider, within so many seconds, and FETCH_SECONDS at most.

    Raises UnavailableError, whose message tells what was wrong.
    """
    return within(min(seconds, FETCH_SECONDS), lambda: _fetch(issuer, now))


def _fetch(issuer: Issuer, now: int) -> KeySet:
    document = fetch_json(issuer.jwks_uri or _discover(issuer))
    try:
        return read_key_set(document, fetched_at=now)
    except ValueError as error:
        raise UnavailableError(f"the key set {error}") from error


def _discover(issuer: Issuer) -> str:
    """Where an issuer's metadata says that its keys are (OpenID Connect Discovery 1.0, section 4)."""
    metadata = fetch_json(_metadata_of(issuer))
    if metadata.get("issuer") != issuer.issuer:
        raise UnavailableError("the metadata names another issuer")
    uri = metadata.get("jwks_uri")
    if not isinstance(uri, str):
        raise UnavailableError("the metadata has no jwks_uri")
    if issuer.issuer.startswith("https:") and not uri.startswith("https:"):
        raise UnavailableError("the metadata leads away from https")
    return uri


def _metadata_of(issuer: Issuer) -> str:
    return issuer.issuer.rstrip("/") + METADATA


def _key_set_values(issuer: Issuer, key_set: KeySet) -> dict[str, Any]:
    at = key_set.fetched_at
    members = {"key_set": list(key_set.keys), "fetched_at": at, "tried_at": at, "origin": _origin_of(issuer)}
    return members | {SHAPE: KEY_SET_SHAPE}


def _origin_of(issuer: Issuer) -> str:
    return issuer.jwks_uri or _metadata_of(issuer)


def _read_copy(item: Mapping[str, Any]) -> dict[str, Any]:
    """The copy of a key set as it was stored. InvalidItemError where it is none."""
    values = decode_known(item, ("fetched_at", "tried_at", "failed_at", "origin"))
    try:
        keys = item.get("key_set", {"L": []})["L"]
        return values | {"key_set": tuple(decode_known(one["M"], JWK_MEMBERS) for one in keys)}
    except (KeyError, TypeError, AttributeError) as error:
        message = "key set: an attribute is of another type"
        raise InvalidItemError(message) from error


def _stored(issuer: Issuer, values: dict[str, Any]) -> StoredIssuer:
    """An issuer with its copy; one that came from elsewhere, before the issuer was changed, is not its own."""
    key_set = KeySet(values.get("key_set", ()), values.get("fetched_at", 0))
    is_own = values.get("origin") == _origin_of(issuer)
    tried_at, settled_at = values.get("tried_at", 0), max(key_set.fetched_at, values.get("failed_at", 0))
    return StoredIssuer(issuer, key_set if is_own else None, tried_at if tried_at > settled_at else 0)
