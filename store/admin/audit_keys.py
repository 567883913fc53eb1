"""The keys that chain the audit log, of key_admin alone.

They come from the member `audit` of the master secret, so that a rotation of `current` leaves them
alone: a string, or a list, of which the first is in force and the others are kept to verify what
they chained. Where it is absent, they come from `current` and `previous`.
"""

from collections.abc import Mapping
from typing import NamedTuple

from store.errors import InvalidItemError
from store.master_secret import hkdf_sha256, read_members, read_secret

MAX_KEYS = 20  # a master secret that names more is a mistake
KEY_ID_BYTES = 6
_AUDIT = b"tollgate audit v1"
_KEY_ID = b"tollgate audit key id v1"


class AuditKeys(NamedTuple):
    """Audit keys by their ids. An id is derived from its key, and tells nothing of it."""

    in_force: str  # the id of the key that chains new entries
    by_id: Mapping[str, bytes]

    def __repr__(self) -> str:
        return "AuditKeys(<secret>)"


def parse_audit_keys(text: str) -> AuditKeys:
    """The audit keys of a master secret; InvalidItemError names the member that is wrong."""
    keys = [hkdf_sha256(material, _AUDIT) for material in _materials(read_members(text))]
    return AuditKeys(_id_of(keys[0]), {_id_of(key): key for key in keys})


def _materials(members: Mapping[str, object]) -> list[bytes]:
    """What the keys are derived from, the one in force first."""
    audit = members.get("audit")
    if audit is None:
        named = [name for name in ("current", "previous") if name == "current" or members.get(name) is not None]
        return [read_secret(members.get(name), name) for name in named]
    secrets = audit if isinstance(audit, list) else [audit]
    if not 0 < len(secrets) <= MAX_KEYS:
        message = f"master secret: `audit` must be a string, or a list of 1 to {MAX_KEYS} strings"
        raise InvalidItemError(message)
    return [read_secret(secret, "audit") for secret in secrets]


def _id_of(key: bytes) -> str:
    return hkdf_sha256(key, _KEY_ID, length=KEY_ID_BYTES).hex()
