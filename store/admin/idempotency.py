"""Answers kept for requests that may be sent again with the same Idempotency-Key.

The answer is stored in the transaction of the change, sealed, since it may show a key once. A
retry finds it; a retry that races the first one loses the transaction and finds it then.
"""

import hashlib
import json
from typing import NamedTuple

from store.admin.transactions import Item, Table
from store.attributes import decode_known, encode, encode_item
from store.master_secret import Keyring
from store.sealing import seal, unseal
from store.table import ANSWER_SHAPE, RECORD, SHAPE, idempotency_partition, key_of

KEPT_SECONDS = 86_400
_PURPOSE = "idempotency"


class KeptAnswer(NamedTuple):
    """What was answered, and the fingerprint of the request that it answered."""

    fingerprint: str
    status: int
    body: str


class IdempotencyStore:
    """Kept answers of one table."""

    def __init__(self, table: Table, keyring: Keyring) -> None:
        self._table = table
        self._keyring = keyring

    def find(self, request_key: str, now: int) -> KeptAnswer | None:
        """The answer kept for a request key, None where there is none or it is too old."""
        partition = idempotency_partition(request_key)
        items = self._table.items([key_of(partition, RECORD)])
        values = decode_known(items[0], ("fingerprint", "status", "body", "ttl")) if items else {}
        if not values or values["ttl"] <= now:
            return None
        body = unseal(self._keyring, values["body"], key_hash=partition, algorithm=_PURPOSE)
        return KeptAnswer(values["fingerprint"], values["status"], body.decode())

    def keep(self, request_key: str, answer: KeptAnswer, *, now: int, nonce: bytes) -> Item:
        """The action that keeps an answer, for the transaction of the change."""
        partition = idempotency_partition(request_key)
        sealed = seal(self._keyring, answer.body.encode(), key_hash=partition, algorithm=_PURPOSE, nonce=nonce)
        values = {
            "fingerprint": answer.fingerprint,
            "status": answer.status,
            "body": sealed,
            "ttl": now + KEPT_SECONDS,
            SHAPE: ANSWER_SHAPE,
        }
        unless_kept = {
            "ConditionExpression": "attribute_not_exists(PK) OR #ttl <= :now",
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {":now": encode(now)},
        }
        return self._table.put(key_of(partition, RECORD) | encode_item(values), unless_kept)


def request_key_of(principal: str, path: str, key: str) -> str:
    """Names a request: the same key of another caller or on another path is another request."""
    return hashlib.sha256(json.dumps([principal, path, key]).encode()).hexdigest()


def fingerprint_of(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
