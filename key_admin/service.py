"""What the routes share: the table, the keyring, the clock, and reading a request."""

import os
import secrets
import time
from base64 import b64decode
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple

from access.key_ids import KeyHash, hash_key_id, is_key_hash
from access.keys import KeyRecord
from access.strict_json import read_object
from key_admin.problems import Problem, invalid_field, malformed, not_found, version_mismatch
from store.boto import BotoClient
from store.client import Client
from store.key_writer import KeyWriter
from store.keys import Gate, load_key, read_gate
from store.master_secret import Keyring, load_keyring
from store.table import owner_partition

MAX_BODY_BYTES = 256 * 1024
DEFAULT_PAGE, MAX_PAGE = 50, 200


class Service(NamedTuple):
    """The parts that every route works with; made once for an environment."""

    client: Client
    table: str
    keyring: Keyring
    writer: KeyWriter

    def now(self) -> int:
        return int(time.time())

    def random_bytes(self, size: int) -> bytes:
        return secrets.token_bytes(size)

    def hash_of(self, key_id: str) -> KeyHash:
        return hash_key_id(self.keyring.current.pepper, key_id)

    def find_key(self, key_hash: str) -> tuple[KeyRecord, Gate]:
        """Record and gate of a key; a 404 where there is none."""
        found = load_key(self.client, self.table, key_hash) if is_key_hash(key_hash) else None
        if found is None:
            raise not_found("key")
        return found

    def owner_gate(self, owner: str) -> Gate:
        """The gate that the keys of an owner share."""
        return read_gate(self.client, self.table, owner_partition(owner)) or {}


@lru_cache(maxsize=1)
def service() -> Service:
    """The service of this environment. Raises KeyError for a variable that is not set."""
    client = BotoClient("dynamodb")
    table = os.environ["TABLE_NAME"]
    keyring = load_keyring(BotoClient("secretsmanager"), os.environ["MASTER_SECRET_ARN"])
    return Service(client, table, keyring, KeyWriter(client, table))


def read_body(event: Any, *, content_types: tuple[str, ...] = ("application/json",)) -> dict[str, Any]:
    """The JSON object that a request brings. Raises a Problem: 400, 413 or 415."""
    raw: str = event.raw_event.get("body") or ""
    if len(raw) > MAX_BODY_BYTES * 4 // 3 + 4:
        raise _too_large()
    kind = str(event.headers.get("content-type", "")).partition(";")[0].strip().lower()
    if kind not in content_types:
        accepted = " or ".join(content_types)
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", f"The body must be {accepted}.")
    if event.raw_event.get("isBase64Encoded"):
        try:
            raw = b64decode(raw, validate=True).decode()
        except ValueError:
            raise malformed("The body is not UTF-8.") from None
    try:
        size = len(raw.encode())
    except UnicodeEncodeError:
        raise malformed("The body is not UTF-8.") from None
    if size > MAX_BODY_BYTES:
        raise _too_large()
    try:
        return read_object(raw)
    except ValueError as error:
        detail = f"The body {error}."
        raise malformed(detail) from None


def check_version(event: Any, version: int) -> None:
    """Honour If-Match; a 412 where it names another version."""
    wanted = event.headers.get("if-match")
    if wanted is not None and wanted.strip() not in {"*", etag(version)}:
        raise version_mismatch()


def etag(version: int) -> str:
    return f'"{version}"'


def read_page(parameters: dict[str, str]) -> tuple[int, str | None]:
    """`limit` and `cursor` of a list."""
    text = parameters.get("limit", str(DEFAULT_PAGE))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= MAX_PAGE:
        raise invalid_field("limit", f"must be a number from 1 to {MAX_PAGE}")
    return int(text), parameters.get("cursor") or None


def _too_large() -> Problem:
    detail = f"The body has more than {MAX_BODY_BYTES // 1024} KB."
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail)
