"""Seal HMAC secrets at rest with AES-256-GCM.

The key hash and the algorithm of the item are associated data, so that a copied item does
not open elsewhere.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag

from store.errors import InvalidItemError
from store.master_secret import Keyring

NONCE_BYTES = 12


def seal(keyring: Keyring, secret: bytes, *, key_hash: str, algorithm: str, nonce: bytes) -> str:
    """Seal a secret under the current master keys; `nonce` is 12 fresh random bytes."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - only HMAC keys pay for it

    sealed = AESGCM(keyring.current.sealing_key).encrypt(nonce, secret, _bound_to(key_hash, algorithm))
    return urlsafe_b64encode(nonce + sealed).decode()


def unseal(keyring: Keyring, sealed: str, *, key_hash: str, algorithm: str) -> bytes:
    """Open a sealed secret. InvalidItemError where it was sealed for another key or by another secret."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - only HMAC keys pay for it

    try:
        raw = urlsafe_b64decode(sealed)
    except ValueError as error:
        message = "sealed: is not base64url"
        raise InvalidItemError(message) from error
    for keys in keyring.all:
        try:
            opened = AESGCM(keys.sealing_key).decrypt(
                raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound_to(key_hash, algorithm)
            )
        except (InvalidTag, ValueError):
            continue
        return opened
    message = "sealed: does not open for this key"
    raise InvalidItemError(message)


def _bound_to(key_hash: str, algorithm: str) -> bytes:
    return f"{key_hash}|{algorithm}".encode()
