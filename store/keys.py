"""Read keys and policies, and count at gates: what the authorizer asks of the table."""

import random
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from access.apis import ApiDefinition
from access.gate import VERSION, DayTotals, GateWrite
from access.key_ids import KeyHash
from access.keys import IdentityRecord, KeyRecord, Policy
from store.attributes import encode
from store.client import Client
from store.errors import ConditionFailed, InvalidItemError, ThrottledError, TransactionCancelled
from store.table import (
    GATE,
    GATE_SHAPE,
    GATE_SHAPE_NAME,
    LEADS_TO,
    RECORD,
    USAGE_DAYS,
    USAGE_SHAPE,
    api_from_item,
    api_partition,
    block_partition,
    gate_from_item,
    gate_partition,
    gateway_partition,
    identities_partition,
    identity_from_item,
    identity_partition,
    key_from_item,
    key_of,
    key_partition,
    policy_from_item,
    policy_partition,
    usage_sort,
)

Gate = dict[str, int | str]
MAX_BATCHES = 5  # tries of a read that leaves items out, as DynamoDB does where it throttles
MAX_IDENTITY_NAME = 256  # characters that a list shows
BATCH_SECONDS = 0.01  # of the first pause between two of them, at most; each further one may be twice as long


def load_key(client: Client, table: str, *id_hashes: str) -> tuple[KeyRecord, Gate] | None:
    """Record and gate of the key that an id leads to, read strongly; None where it leads to none.

    The id is given by its hashes under the master secrets in force. Takes one BatchGetItem, and one
    more for an id that came later. Whether the id is still in force, the record says.
    """
    items = _read_keys(client, table, id_hashes)
    for id_hash in id_hashes:
        item = items.get(key_partition(id_hash), {})
        if LEADS_TO in item:
            return read_key(client, table, item[LEADS_TO]["S"])
        if item and gate_partition(id_hash) in items:
            return _record_and_gate(items, id_hash)
    return None


def read_key(client: Client, table: str, key_hash: str) -> tuple[KeyRecord, Gate] | None:
    """Record and gate of the key of this hash, by one BatchGetItem; None where there is none."""
    items = _read_keys(client, table, [key_hash])
    is_key = items.keys() >= {key_partition(key_hash), gate_partition(key_hash)}
    return _record_and_gate(items, key_hash) if is_key else None


def _read_keys(client: Client, table: str, key_hashes: Sequence[str]) -> dict[str, dict[str, Any]]:
    wanted = [(key_partition(key_hash), RECORD) for key_hash in key_hashes]
    return _by_partition(client, table, wanted + [(gate_partition(key_hash), GATE) for key_hash in key_hashes])


def _record_and_gate(items: Mapping[str, Mapping[str, Any]], key_hash: str) -> tuple[KeyRecord, Gate]:
    """InvalidItemError where the record lies under another key than its own."""
    record = key_from_item(items[key_partition(key_hash)])
    if record.key_hash != key_hash:
        message = "key record: was stored under another key"
        raise InvalidItemError(message)
    return record, gate_from_item(items[gate_partition(key_hash)])


class StoredIdentity(NamedTuple):
    """What is stored of an identity: what an operator said, its gate, and whether its issuer's list has it."""

    record: IdentityRecord
    gate: Gate | None
    is_listed: bool


def load_identity(client: Client, table: str, *identity_hashes: KeyHash, issuer_id: str = "") -> StoredIdentity:
    """The first of these identities that has a gate, by one BatchGetItem.

    Where none has, the first of all. The version that the gate must have is the record's: an
    operator may move both while they are read.
    """
    listed_in = identities_partition(issuer_id)
    wanted = [(block_partition(identity_hash), RECORD) for identity_hash in identity_hashes]
    wanted += [(identity_partition(identity_hash), GATE) for identity_hash in identity_hashes]
    wanted += [(listed_in, identity_hash) for identity_hash in identity_hashes] if issuer_id else []
    read = batch_get(client, table, [key_of(*place) for place in dict.fromkeys(wanted)])
    items = {(item["PK"]["S"], item["SK"]["S"]): item for item in read}
    known = (one for one in identity_hashes if (identity_partition(one), GATE) in items)
    identity_hash = next(known, identity_hashes[0])
    record = items.get((block_partition(identity_hash), RECORD))
    gate = items.get((identity_partition(identity_hash), GATE))
    return StoredIdentity(
        identity_from_item(record) if record else IdentityRecord.default(identity_hash),
        gate_from_item(gate) if gate else None,
        (listed_in, identity_hash) in items,
    )


def list_identity(client: Client, table: str, identity_hash: KeyHash, *, issuer_id: str, name: str, now: int) -> None:
    """Put an identity that has a gate into its issuer's list, with the time when it was first seen."""
    client.call(
        "UpdateItem",
        {
            "TableName": table,
            "Key": key_of(identities_partition(issuer_id), identity_hash),
            "UpdateExpression": "SET #n = :n, since = if_not_exists(since, :since)",
            "ExpressionAttributeNames": {"#n": "name"},
            "ExpressionAttributeValues": {":n": encode(name[:MAX_IDENTITY_NAME]), ":since": encode(now)},
        },
    )


def read_gate(client: Client, table: str, partition: str) -> Gate | None:
    """The gate of a key or an owner, read strongly; None where there is none."""
    answer = client.call(
        "GetItem",
        {"TableName": table, "ConsistentRead": True, "Key": key_of(partition, GATE)},
    )
    return gate_from_item(answer["Item"]) if "Item" in answer else None


def read_gates(client: Client, table: str, *partitions: str) -> list[Gate]:
    """The gates of several keys or owners, read strongly; empty ones where there are none."""
    items = batch_get(client, table, [key_of(partition, GATE) for partition in partitions])
    found = {item["PK"]["S"]: gate_from_item(item) for item in items}
    return [found.get(partition, {}) for partition in partitions]


def create_gate(client: Client, table: str, partition: str, version: int) -> Gate:
    """The gate of an identity, made unless it is there. Gates of keys are made by key_admin alone."""
    answer = client.call(
        "UpdateItem",
        {
            "TableName": table,
            "Key": key_of(partition, GATE),
            "UpdateExpression": "SET #v = if_not_exists(#v, :v), #s = :s",
            "ExpressionAttributeNames": {"#v": VERSION, "#s": GATE_SHAPE_NAME},
            "ExpressionAttributeValues": {":v": encode(version), ":s": encode(GATE_SHAPE)},
            "ReturnValues": "ALL_NEW",
        },
    )
    return gate_from_item(answer["Attributes"])


def write_gate(client: Client, table: str, partition: str, write: GateWrite) -> Gate:
    """Count at a gate: one conditional write. The gate as it is now.

    Raises ConditionFailed, whose item `gate_found` reads, and nothing is counted then.
    """
    answer = client.call("UpdateItem", _update(table, partition, write) | {"ReturnValues": "ALL_NEW"})
    return gate_from_item(answer["Attributes"])


def write_gates(client: Client, table: str, writes: Mapping[str, GateWrite], *, token: str) -> None:
    """Count at several gates, by partition: all or nothing, once for each token.

    Raises TransactionCancelled, whose items `gates_found` reads.
    """
    actions = [{"Update": _update(table, partition, write)} for partition, write in writes.items()]
    client.call("TransactWriteItems", {"TransactItems": actions, "ClientRequestToken": token})


def gates_found(cancelled: TransactionCancelled) -> list[Gate | None]:
    """The gates that failed conditions met, None where a condition held."""
    return [gate_from_item(item) if item else None for item in cancelled.items]


def store_day(client: Client, table: str, partition: str, totals: DayTotals) -> None:
    """Keep the totals of a day that is over. The same totals may be stored again."""
    expires_at = (totals.day + USAGE_DAYS) * 86_400
    client.call(
        "UpdateItem",
        {
            "TableName": table,
            "Key": key_of(partition, usage_sort(totals.day)),
            "UpdateExpression": "SET allowed = :allowed, refused = :refused, shape = :shape, #ttl = :ttl",
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {
                ":allowed": encode(totals.allowed),
                ":refused": encode(totals.refused),
                ":shape": encode(USAGE_SHAPE),
                ":ttl": encode(expires_at),
            },
        },
    )


def gate_found(refused: ConditionFailed) -> Gate | None:
    """The gate that a failed condition met."""
    return gate_from_item(refused.item) if refused.item else None


def load_policies(client: Client, table: str, policy_ids: Iterable[str]) -> dict[str, Policy]:
    """The policies of these ids, read strongly; unknown ones are left out."""
    keys = [key_of(policy_partition(policy_id), RECORD) for policy_id in dict.fromkeys(policy_ids)]
    items = batch_get(client, table, keys) if keys else []
    return {policy.policy_id: policy for policy in map(policy_from_item, items)}


def load_api(client: Client, table: str, api_id: str) -> ApiDefinition | None:
    """The definition of this id, read strongly; None where there is none."""
    found = batch_get(client, table, [key_of(api_partition(api_id), RECORD)])
    return api_from_item(found[0]) if found else None


def load_api_of(client: Client, table: str, gateways: Iterable[str]) -> ApiDefinition | None:
    """The definition that names one of these gateways, the first of them before the others."""
    wanted = list(gateways)
    keys = [key_of(gateway_partition(gateway), RECORD) for gateway in wanted]
    found = [api_from_item(item) for item in batch_get(client, table, keys)]
    return next((one for gateway in wanted for one in found if gateway in one.gateways), None)


def batch_get(client: Client, table: str, keys: list[dict[str, Any]], *, attributes: str = "") -> list[dict[str, Any]]:
    """Up to 100 items by key, strongly, in no order: some attributes of them, or all.

    Raises ThrottledError if some stay out.
    """
    items: list[dict[str, Any]] = []
    wanted = {"ProjectionExpression": attributes} if attributes else {}
    pending: dict[str, Any] = {table: {"Keys": keys, "ConsistentRead": True} | wanted}
    for attempt in range(MAX_BATCHES):
        if attempt:
            time.sleep(random.uniform(0, BATCH_SECONDS * 2**attempt))  # noqa: S311 - jitter
        answer = client.call("BatchGetItem", {"RequestItems": pending})
        items += answer.get("Responses", {}).get(table, [])
        pending = answer.get("UnprocessedKeys") or {}
        if not pending:
            return items
    message = "some items were not read"
    raise ThrottledError(message)


def _by_partition(client: Client, table: str, wanted: list[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """Items by their partition keys; of each partition one is wanted."""
    items = batch_get(client, table, [key_of(partition, sort) for partition, sort in dict.fromkeys(wanted)])
    return {item["PK"]["S"]: item for item in items}


def _update(table: str, partition: str, write: GateWrite) -> dict[str, Any]:
    return {
        "TableName": table,
        "Key": key_of(partition, GATE),
        "ConditionExpression": write.condition,
        "UpdateExpression": write.update,
        "ExpressionAttributeNames": write.names,
        "ExpressionAttributeValues": {name: encode(value) for name, value in write.values.items()},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
