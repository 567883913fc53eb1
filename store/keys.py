"""Read keys and policies, and count at gates: what the authorizer asks of the table."""

from collections.abc import Iterable, Mapping
from typing import Any

from access.apis import ApiDefinition
from access.gate import VERSION, DayTotals, GateWrite
from access.keys import KeyRecord, Policy
from store.attributes import encode
from store.client import Client
from store.errors import ConditionFailed, TransactionCancelled, UnavailableError
from store.table import (
    GATE,
    RECORD,
    USAGE_DAYS,
    api_from_item,
    api_partition,
    gate_from_item,
    gateway_partition,
    key_from_item,
    key_of,
    key_partition,
    policy_from_item,
    policy_partition,
    usage_sort,
)

Gate = dict[str, int | str]
MAX_BATCHES = 5


def load_key(client: Client, table: str, key_hash: str) -> tuple[KeyRecord, Gate] | None:
    """Record and gate of a key by one strongly consistent Query; None where it is unknown."""
    answer = client.call(
        "Query",
        {
            "TableName": table,
            "ConsistentRead": True,
            "KeyConditionExpression": "PK = :pk AND SK BETWEEN :gate AND :record",
            "ExpressionAttributeValues": {
                ":pk": {"S": key_partition(key_hash)},
                ":gate": {"S": GATE},
                ":record": {"S": RECORD},
            },
        },
    )
    items = {item["SK"]["S"]: item for item in answer.get("Items", [])}
    if RECORD not in items or GATE not in items:
        return None
    return key_from_item(items[RECORD]), gate_from_item(items[GATE])


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


def create_gate(client: Client, table: str, partition: str) -> Gate:
    """The gate of an identity, made unless it is there. Gates of keys are made by key_admin alone."""
    answer = client.call(
        "UpdateItem",
        {
            "TableName": table,
            "Key": key_of(partition, GATE),
            "UpdateExpression": "SET #v = if_not_exists(#v, :one)",
            "ExpressionAttributeNames": {"#v": VERSION},
            "ExpressionAttributeValues": {":one": encode(1)},
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
            "UpdateExpression": "SET allowed = :allowed, refused = :refused, #ttl = :ttl",
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {
                ":allowed": encode(totals.allowed),
                ":refused": encode(totals.refused),
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

    Raises UnavailableError if some stay out.
    """
    items: list[dict[str, Any]] = []
    wanted = {"ProjectionExpression": attributes} if attributes else {}
    pending: dict[str, Any] = {table: {"Keys": keys, "ConsistentRead": True} | wanted}
    for _ in range(MAX_BATCHES):
        answer = client.call("BatchGetItem", {"RequestItems": pending})
        items += answer.get("Responses", {}).get(table, [])
        pending = answer.get("UnprocessedKeys") or {}
        if not pending:
            return items
    message = "some items were not read"
    raise UnavailableError(message)


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
