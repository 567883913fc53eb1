"""Sealed cookies of the dashboard's sessions. Loaded only where a request brings such a cookie."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from access.key_ids import KeyHash
from access.sessions import Session
from authorizer.environment import Environment
from store.master_secret import Keyring

NONCE_BYTES = 12
MAX_COOKIE_CHARACTERS = 512
_BOUND_TO = b"tollgate session v1"


def seal_session(keyring: Keyring, session: Session, *, nonce: bytes) -> str:
    """The value of a session's cookie; `nonce` is 12 fresh random bytes."""
    sealed = AESGCM(keyring.current.session_key).encrypt(nonce, json.dumps(session).encode(), _BOUND_TO)
    return urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()


def open_session(keyring: Keyring, cookie: str) -> Session | None:
    """The session of a cookie, which may have ended; None where the cookie was not sealed here."""
    if len(cookie) > MAX_COOKIE_CHARACTERS:
        return None
    try:
        raw = urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
    except ValueError:
        return None
    for keys in keyring.all:
        try:
            opened = AESGCM(keys.session_key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _BOUND_TO)
        except (InvalidTag, ValueError):
            continue
        key_hash, session_id, epoch, ends_at = json.loads(opened)
        return Session(KeyHash(key_hash), session_id, epoch, ends_at)
    return None


def open_sessions(keyring: Keyring, cookies: Iterable[str]) -> tuple[Session, ...]:
    """The different sessions of cookies, without those that were not sealed here."""
    opened = (open_session(keyring, cookie) for cookie in cookies)
    return tuple(dict.fromkeys(session for session in opened if session is not None))


def speaks_for_another(
    session: Session, id_hashes: tuple[KeyHash, ...], environment: Environment, *, now_ms: int
) -> bool:
    """Whether a living session is of another key than the credential beside it; judged on the table, not on memory."""
    if session.key_hash in id_hashes:
        return False
    named = environment.load(id_hashes, now_ms)
    if named is not None and named.record.key_hash == session.key_hash:
        return False
    own = environment.load((session.key_hash,), now_ms)
    return own is not None and session.is_alive(own.record, now=now_ms // 1000)
