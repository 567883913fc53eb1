"""Secrets that are none: keys in disguise, and what a guesser tries first.

A key that is public, taken as a secret, lets everybody sign (CVE-2022-29217 and its many
successors). No list of disguises is ever complete; what we verify with does not depend on it,
since a key is bound to one algorithm. It is there to tell an operator of a mistake.
"""

import itertools
import re
import zlib
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from access.credentials import CURVES

MAX_ENCODINGS = 2  # base64 of base64 is a usual accident
LEAST_DEFLATED_BYTES = 14  # 128 random bits take 16, and deflate is no exact measure
_NOISE = re.compile(rb"\s|\x00|\\[rnt]|%20|%0[adAD]|^\xef\xbb\xbf|^\xff\xfe|^\xfe\xff")
_KEY_MARK = re.compile(
    rb"begin[a-z0-9]*(publickey|privatekey|certificate)|privatekey-----"
    rb"|(\"|'|%22)kty\\*(\"|'|%22)"
    rb"|^.{0,4}(ssh-|ecdsa-sha2-)",
    re.DOTALL,
)
# What is often found where a secret should be: published examples, words, alphabets, rows of keys.
_USUAL = b" ".join(
    [
        b"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",  # RFC 7515
        b"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",  # RFC 7520
        b"404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",  # tutorials
        b"a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",  # jwt.io
        b"a-string-secret-at-least-256-bits-long your-256-bit-secret your-384-bit-secret your-512-bit-secret",
        b"this-is-a-very-long-secret-key-for-jwt-signing my_secret_key supersecret secretkey secret-key signing-key",
        b"changeme change-me please changeit password passw0rd letmein default example testing development production",
        b"lorem ipsum dolor sit amet correct horse battery staple the quick brown fox jumps over the lazy dog",
        b"qwertyuiop asdfghjkl zxcvbnm qwertzuiop 1234567890 0123456789abcdefghijklmnopqrstuvwxyz0123456789",
    ]
).lower()


def is_key_text(secret: bytes) -> bool:
    """Whether a secret is a key or certificate in some form: PEM, JWK, OpenSSH, DER, or one of them encoded."""
    return any(_is_key(reading) for reading in _readings(secret))


def is_guessable(secret: bytes) -> bool:
    """Whether a secret holds less than it seems: a usual text, a pattern, equal steps, or one of them encoded."""
    readings = [*_readings(secret), urlsafe_b64encode(secret)]
    return any(min(_deflated(reading), _deflated(_steps(reading))) < LEAST_DEFLATED_BYTES for reading in readings)


def _readings(secret: bytes) -> Iterator[bytes]:
    """A secret, and what it is the hex or base64 text of."""
    level = [secret]
    for _ in range(MAX_ENCODINGS + 1):
        yield from level
        level = [decoded for reading in level for decoded in _decoded(reading)]


def _decoded(text: bytes) -> Iterator[bytes]:
    bare = _NOISE.sub(b"", text)
    padded = bare + b"=" * (-len(bare) % 4)
    decoders: list[Callable[[], bytes]] = [
        lambda: b64decode(padded, validate=True),
        lambda: b64decode(padded, altchars=b"-_", validate=True),
        lambda: bytes.fromhex(bare.replace(b":", b"").removeprefix(b"0x").decode()),
    ]
    for decode in decoders:
        try:
            yield decode()
        except ValueError:
            continue


def _is_key(form: bytes) -> bool:
    if _KEY_MARK.search(_NOISE.sub(b"", form).lower()):
        return True
    loaders: list[Callable[[bytes], object]] = [
        serialization.load_der_public_key,
        _load_private_key,
        x509.load_der_x509_certificate,
        *(lambda raw, curve=curve: _load_point(curve(), raw) for curve in CURVES.values()),
    ]
    for load in loaders:
        try:
            load(form)
        except Exception:  # noqa: BLE001, S112 - whatever it raises, it is no such key
            continue
        return True
    return False


def _load_private_key(raw: bytes) -> None:
    try:
        serialization.load_der_private_key(raw, None)
    except TypeError:
        return  # a private key, encrypted


def _load_point(curve: ec.EllipticCurve, raw: bytes) -> None:
    """A point in full; a compressed one cannot be told from random bytes."""
    if raw[:1] != b"\x04":
        message = "no uncompressed point"
        raise ValueError(message)
    ec.EllipticCurvePublicKey.from_encoded_point(curve, raw)


def _deflated(text: bytes) -> int:
    """How many bytes a text takes for somebody who knows the usual ones."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=_USUAL)
    return len(deflate.compress(text.lower()) + deflate.flush())


def _steps(text: bytes) -> bytes:
    return bytes((after - before) % 256 for before, after in itertools.pairwise(text))
