"""Key ids, and the keyed hash under which a key is stored.

The key id is what the client holds; it is stored and logged nowhere. An opaque key id is
a credential of its own: `tg_`, then base64url of 32 random bytes and a 4-byte checksum,
so that a mistyped or invented one is refused without a look-up.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import NewType

KeyId = NewType("KeyId", str)  # what the client holds
KeyHash = NewType("KeyHash", str)  # what we store and log: 43 characters of base64url

OPAQUE_PREFIX = "tg_"
OPAQUE_ENTROPY_BYTES = 32
_CHECKSUM_BYTES = 4
_KEY_ID = re.compile(r"[A-Za-z0-9._~:@+-]{3,256}", re.ASCII)
_OPAQUE = re.compile(r"tg_[A-Za-z0-9_-]{48}", re.ASCII)
_KEY_HASH = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def hash_key_id(pepper: bytes, key_id: str) -> KeyHash:
    """HMAC-SHA-256 of the key id under the pepper, base64url without padding."""
    digest = hmac.digest(pepper, key_id.encode(), "sha256")
    return KeyHash(urlsafe_b64encode(digest).rstrip(b"=").decode())


def is_key_id(text: str) -> bool:
    """Whether `text` may name a key: 3 to 256 characters of A-Z a-z 0-9 . _ ~ : @ + -."""
    return _KEY_ID.fullmatch(text) is not None


def is_key_hash(text: str) -> bool:
    """Whether `text` has the shape of a key hash."""
    return _KEY_HASH.fullmatch(text) is not None


def format_opaque_key_id(entropy: bytes) -> KeyId:
    """The opaque key id made of 32 random bytes; any other length is a ValueError."""
    if len(entropy) != OPAQUE_ENTROPY_BYTES:
        message = f"an opaque key id takes {OPAQUE_ENTROPY_BYTES} bytes, not {len(entropy)}"
        raise ValueError(message)
    return KeyId(OPAQUE_PREFIX + urlsafe_b64encode(entropy + _checksum(entropy)).decode())


def is_opaque_key_id(text: str) -> bool:
    """Whether `text` is an opaque key id with the right checksum."""
    if not _OPAQUE.fullmatch(text):
        return False
    raw = urlsafe_b64decode(text.removeprefix(OPAQUE_PREFIX))
    return raw[OPAQUE_ENTROPY_BYTES:] == _checksum(raw[:OPAQUE_ENTROPY_BYTES])


def _checksum(entropy: bytes) -> bytes:
    return sha256(OPAQUE_PREFIX.encode() + entropy).digest()[:_CHECKSUM_BYTES]
