"""The master secret, and what is derived from it.

Pepper, sealing key and session key come from one secret by HKDF (RFC 5869) with labels of their own. Two
secrets may be current at once, so that it can be rotated. The audit key is no business of whoever
decides: key_admin alone derives it (store/admin/audit_keys.py).
"""

import hmac
import json
from typing import Any, NamedTuple

from store.client import Client
from store.errors import InvalidItemError

MIN_SECRET_CHARACTERS = 32
_PEPPER = b"tollgate pepper v1"
_SEALING = b"tollgate sealing v1"
_SESSIONS = b"tollgate sessions v1"


class MasterKeys(NamedTuple):
    """What one master secret gives."""

    pepper: bytes  # of key hashes
    sealing_key: bytes  # of HMAC secrets at rest: AES-256
    session_key: bytes  # of the cookies of the dashboard: AES-256

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
    return parse_keyring(load_master_secret(client, secret_id))


def load_master_secret(client: Client, secret_id: str) -> str:
    """The master secret as it is stored. Raises a StoreError."""
    answer = client.call("GetSecretValue", {"SecretId": secret_id})
    return str(answer.get("SecretString", ""))


def parse_keyring(text: str) -> Keyring:
    """Read {"current": …, "previous": …?}; InvalidItemError names the member that is wrong."""
    members = read_members(text)
    previous = members.get("previous")
    return Keyring(
        _derive(members.get("current"), "current"),
        None if previous is None else _derive(previous, "previous"),
    )


def read_members(text: str) -> dict[str, Any]:
    """The members of a master secret. Raises InvalidItemError where it is no JSON object."""
    try:
        members = json.loads(text)
    except ValueError as error:
        message = "master secret: is not JSON"
        raise InvalidItemError(message) from error
    if not isinstance(members, dict):
        message = "master secret: is not a JSON object"
        raise InvalidItemError(message)
    return members


def read_secret(secret: object, member: str) -> bytes:
    """What keys are derived from. Raises InvalidItemError, which names the member, where it is too short."""
    if not isinstance(secret, str) or len(secret) < MIN_SECRET_CHARACTERS:
        message = f"master secret: `{member}` must be a string of {MIN_SECRET_CHARACTERS} characters or more"
        raise InvalidItemError(message)
    return secret.encode()


def _derive(secret: object, member: str) -> MasterKeys:
    material = read_secret(secret, member)
    return MasterKeys(*(hkdf_sha256(material, label) for label in (_PEPPER, _SEALING, _SESSIONS)))


def hkdf_sha256(material: bytes, info: bytes, *, salt: bytes = b"", length: int = 32) -> bytes:
    """HKDF with SHA-256 (RFC 5869): extract, then expand to `length` bytes."""
    extracted = hmac.digest(salt or bytes(32), material, "sha256")
    output, block = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(extracted, block + info + bytes([counter]), "sha256")
        output += block
    return output[:length]
