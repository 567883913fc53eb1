"""Secrets at rest, and the keys that they are sealed with (RFC 5869)."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from store.errors import InvalidItemError
from store.master_secret import hkdf_sha256, parse_keyring
from store.sealing import seal, unseal

KEYRING = parse_keyring(json.dumps({"current": "c" * 64}))
NONCE = bytes(range(12))


def test_hkdf_gives_the_first_vector_of_rfc_5869():
    found = hkdf_sha256(bytes([0x0B] * 22), bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"), salt=bytes(range(13)), length=42)

    assert found.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"


def test_a_sealed_secret_opens_for_its_own_key_and_algorithm_only():
    sealed = seal(KEYRING, b"secret", key_hash="h1", algorithm="HS256", nonce=NONCE)

    assert unseal(KEYRING, sealed, key_hash="h1", algorithm="HS256") == b"secret"
    for key_hash, algorithm in (("h2", "HS256"), ("h1", "HS512")):
        with pytest.raises(InvalidItemError):
            unseal(KEYRING, sealed, key_hash=key_hash, algorithm=algorithm)


@pytest.mark.parametrize("place", [0, 11, 12, 20, -1])
def test_a_sealed_secret_that_was_changed_or_cut_does_not_open(place):
    sealed = bytearray(urlsafe_b64decode(seal(KEYRING, b"secret", key_hash="h1", algorithm="HS256", nonce=NONCE)))
    cut = bytes(sealed[:place])
    sealed[place] ^= 1

    for raw in (bytes(sealed), cut, b""):
        with pytest.raises(InvalidItemError, match="does not open"):
            unseal(KEYRING, urlsafe_b64encode(raw).decode(), key_hash="h1", algorithm="HS256")


@pytest.mark.parametrize("text", ["A", "\u00fc", "AAA"])
def test_what_is_no_base64url_was_never_sealed(text):
    with pytest.raises(InvalidItemError):
        unseal(KEYRING, text, key_hash="h1", algorithm="HS256")


def test_a_rotated_master_secret_still_opens_what_the_previous_one_sealed():
    sealed = seal(KEYRING, b"secret", key_hash="h1", algorithm="HS256", nonce=NONCE)
    rotated = parse_keyring(json.dumps({"current": "d" * 64, "previous": "c" * 64}))

    assert unseal(rotated, sealed, key_hash="h1", algorithm="HS256") == b"secret"


@pytest.mark.parametrize("audit", ["a" * 64, ["a" * 64, "b" * 64], "too short for key_admin", 5, None])
def test_who_decides_neither_derives_nor_holds_an_audit_key(audit):
    """Nor does it stop deciding where that member is wrong: key_admin alone reads it."""
    assert parse_keyring(json.dumps({"current": "c" * 64, "audit": audit})) == KEYRING


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"current": 1}', '{"current": "short"}', '{"current": "%s", "previous": 1}' % ("c" * 64)]
)
def test_a_malformed_master_secret_is_named_without_its_value(text):
    with pytest.raises(InvalidItemError) as raised:
        parse_keyring(text)

    assert "master secret" in str(raised.value)
    assert "short" not in str(raised.value)
