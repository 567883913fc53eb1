"""The master secret, and what is derived from it.

Pepper and sealing key come from one secret by HKDF (RFC 5869) with labels of their own. Two
secrets may be current at once, so that it can be rotated.
"""

import hmac
import json
from typing import NamedTuple

from store.client import Client
from store.errors import InvalidItemError

MIN_SECRET_CHARACTERS = 32
_PEPPER = b"tollgate pepper v1"
_SEALING = b"tollgate sealing v1"


class MasterKeys(NamedTuple):
    """What one master secret gives."""

    pepper: bytes  # of key hashes
    sealing_key: bytes  # of HMAC secrets at rest: AES-256

    def __repr__(self) -> str:
        return "MasterKeys(<secret>)"


class Keyring(NamedTuple):
    """The master keys in force. `previous` is still read, never written with."""

    current: MasterKeys
    previous: MasterKeys | None = None

    @property
    def all(self) -> tuple[MasterKeys, ...]:
        return (self.current,) if self.previous is None else (self.current, self.previous)


def load_keyring(client: Client, secret_id: str) -> Keyring:
    """Read the master secret from Secrets Manager. Raises a StoreError."""
    answer = client.call("GetSecretValue", {"SecretId": secret_id})
    return parse_keyring(str(answer.get("SecretString", "")))


def parse_keyring(text: str) -> Keyring:
    """Read {"current": …, "previous": …?}; InvalidItemError names the member that is wrong."""
    try:
        members = json.loads(text)
    except ValueError as error:
        message = "master secret: is not JSON"
        raise InvalidItemError(message) from error
    if not isinstance(members, dict):
        message = "master secret: is not a JSON object"
        raise InvalidItemError(message)
    previous = members.get("previous")
    return Keyring(
        _derive(members.get("current"), "current"),
        None if previous is None else _derive(previous, "previous"),
    )


def _derive(secret: object, member: str) -> MasterKeys:
    if not isinstance(secret, str) or len(secret) < MIN_SECRET_CHARACTERS:
        message = f"master secret: `{member}` must be a text of {MIN_SECRET_CHARACTERS} characters or more"
        raise InvalidItemError(message)
    return MasterKeys(hkdf_sha256(secret.encode(), _PEPPER), hkdf_sha256(secret.encode(), _SEALING))


def hkdf_sha256(material: bytes, info: bytes, *, salt: bytes = b"", length: int = 32) -> bytes:
    """HKDF with SHA-256 (RFC 5869): extract, then expand to `length` bytes."""
    extracted = hmac.digest(salt or bytes(32), material, "sha256")
    output, block = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(extracted, block + info + bytes([counter]), "sha256")
        output += block
    return output[:length]
