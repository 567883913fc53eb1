"""Verification material, bound to the one algorithm that it is stored with.

Pure. Public keys are built from the raw numbers of a JWK (RFC 7517) by the public interface
of cryptography, which costs a tenth of loading a general JOSE library at a cold start.
Follows RFC 7518, section 3, and RFC 8037; RFC 8725, sections 3.1 and 3.2.
"""

import hmac
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from hashlib import sha512
from typing import NamedTuple, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm


class Algorithm(StrEnum):
    """The algorithms that a key may be bound to; names are case-sensitive (RFC 8725bis)."""

    HS256 = "HS256"
    HS384 = "HS384"
    HS512 = "HS512"
    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    EDDSA = "EdDSA"


Secret = bytes
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
HASHES: dict[str, type[HashAlgorithm]] = {"256": SHA256, "384": SHA384, "512": SHA512}
CURVES: dict[str, type[ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
}
CURVE_OF = {Algorithm.ES256: "P-256", Algorithm.ES384: "P-384", Algorithm.ES512: "P-521"}
MIN_RSA_BITS = 2048
MAX_RSA_EXPONENT = 2**32  # a long exponent makes a verification a hundred times as heavy
MAX_RSA_BITS = 8192  # one verification stays below 0.2 ms


class Credential(NamedTuple):
    """Material ready to verify with. `expires_at`: Unix seconds, the end of a grace."""

    credential_id: str
    algorithm: Algorithm
    key: Secret | PublicKey
    expires_at: int | None = None

    def __repr__(self) -> str:
        return f"Credential({self.credential_id!r}, {self.algorithm.value}, <secret>)"


class UnusableMaterialError(ValueError):
    """The stored material does not make a key of its algorithm."""


def algorithm_named(name: object) -> Algorithm | None:
    """The algorithm of exactly this name, None where we know none."""
    return Algorithm(name) if isinstance(name, str) and name in _NAMES else None


_NAMES = frozenset(algorithm.value for algorithm in Algorithm)


def min_secret_bytes(algorithm: Algorithm) -> int:
    """The length of the least secret of an HMAC algorithm: that of its hash (RFC 7518, section 3.2)."""
    return int(algorithm.value[2:]) // 8


def coordinate_bytes(curve: ec.EllipticCurve) -> int:
    """The size of a coordinate of a point on a curve."""
    return (curve.key_size + 7) // 8


def load_secret(algorithm: Algorithm, secret: Secret) -> Secret:
    """The secret itself; UnusableMaterialError where it is too short, or the algorithm takes none."""
    if not algorithm.value.startswith("HS") or len(secret) < min_secret_bytes(algorithm):
        message = f"the material is no usable {algorithm.value} secret"
        raise UnusableMaterialError(message)
    return secret


def load_public_key(algorithm: Algorithm, jwk: Mapping[str, str]) -> PublicKey:
    """Build a public key from the members of a JWK; UnusableMaterialError if they make none."""
    try:
        return _LOADERS[algorithm.value[:2]](algorithm, jwk)
    except (KeyError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        message = f"the material is no usable {algorithm.value} key"
        raise UnusableMaterialError(message) from error


def verify_signature(credential: Credential, signing_input: bytes, signature: bytes) -> bool:
    """Whether `signature` is the credential's over `signing_input`, in its one right form."""
    verify = _VERIFIERS[credential.algorithm.value[:2]]
    try:
        return verify(credential.algorithm, credential.key, signing_input, signature)
    except (InvalidSignature, ValueError):
        return False


def verify_in_vain(algorithm: Algorithm | None, signing_input: bytes, signature: bytes) -> None:
    """Do the work of a failing verification, so that its time does not tell keys apart."""
    verify_signature(_decoy(algorithm or Algorithm.HS256), signing_input, signature)


# --- loading -------------------------------------------------------------------------------


def _number(text: str) -> int:
    return int.from_bytes(_decode(text), "big")


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _load_rsa(_algorithm: Algorithm, jwk: Mapping[str, str]) -> PublicKey:
    exponent, modulus = _number(jwk["e"]), _number(jwk["n"])
    is_odd = modulus % 2 == 1  # that the exponent is odd and 3 or more, cryptography checks
    if not is_odd or not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS or exponent >= MAX_RSA_EXPONENT:
        message = "RSA modulus or exponent out of bounds"
        raise ValueError(message)
    return rsa.RSAPublicNumbers(e=exponent, n=modulus).public_key()


def _load_ec(algorithm: Algorithm, jwk: Mapping[str, str]) -> PublicKey:
    name = CURVE_OF[algorithm]
    if jwk["crv"] != name:
        message = f"{algorithm.value} takes the curve {name}"
        raise ValueError(message)
    curve = CURVES[name]()
    x, y = (_coordinate(jwk[member], coordinate_bytes(curve)) for member in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, curve).public_key()


def _coordinate(text: str, size: int) -> int:
    """A coordinate in the full size of its field, zeros in front included (RFC 7518, section 6.2.1.2)."""
    raw = _decode(text)
    if len(raw) != size:
        message = f"a coordinate has {size} bytes"
        raise ValueError(message)
    return int.from_bytes(raw, "big")


def _load_okp(_algorithm: Algorithm, jwk: Mapping[str, str]) -> PublicKey:
    if jwk["crv"] != "Ed25519":
        message = "EdDSA takes the curve Ed25519"
        raise ValueError(message)
    return ed25519.Ed25519PublicKey.from_public_bytes(_decode(jwk["x"]))


_LOADERS: dict[str, Callable[[Algorithm, Mapping[str, str]], PublicKey]] = {
    "RS": _load_rsa,
    "PS": _load_rsa,
    "ES": _load_ec,
    "Ed": _load_okp,
}


# --- verification --------------------------------------------------------------------------


def _verify_hmac(algorithm: Algorithm, key: object, message: bytes, signature: bytes) -> bool:
    expected = hmac.digest(cast("bytes", key), message, f"sha{algorithm.value[2:]}")
    return hmac.compare_digest(expected, signature)


def _verify_rsa(algorithm: Algorithm, key: object, message: bytes, signature: bytes) -> bool:
    public = cast("rsa.RSAPublicKey", key)
    digest = HASHES[algorithm.value[2:]]()
    scheme: padding.PKCS1v15 | padding.PSS = padding.PKCS1v15()
    if algorithm.value.startswith("PS"):
        scheme = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
    public.verify(signature, message, scheme, digest)
    return True


def _verify_ecdsa(algorithm: Algorithm, key: object, message: bytes, signature: bytes) -> bool:
    public = cast("ec.EllipticCurvePublicKey", key)
    size = coordinate_bytes(public.curve)
    if len(signature) != 2 * size:
        return False
    r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    public.verify(encode_dss_signature(r, s), message, ec.ECDSA(HASHES[algorithm.value[2:]]()))
    return True


def _verify_eddsa(_algorithm: Algorithm, key: object, message: bytes, signature: bytes) -> bool:
    cast("ed25519.Ed25519PublicKey", key).verify(signature, message)
    return True


_VERIFIERS: dict[str, Callable[[Algorithm, object, bytes, bytes], bool]] = {
    "HS": _verify_hmac,
    "RS": _verify_rsa,
    "PS": _verify_rsa,
    "ES": _verify_ecdsa,
    "Ed": _verify_eddsa,
}


@lru_cache(maxsize=len(Algorithm))
def _decoy(algorithm: Algorithm) -> Credential:
    """A key of the algorithm's family that nobody holds the other half of, or whose secret is no secret."""
    family = algorithm.value[:2]
    key: Secret | PublicKey
    if family in {"RS", "PS"}:
        blocks = b"".join(sha512(bytes([block])).digest() for block in range(4))
        key = rsa.RSAPublicNumbers(65537, int.from_bytes(blocks, "big") | 1 | 1 << 2047).public_key()
    elif family == "ES":
        key = ec.derive_private_key(2, CURVES[CURVE_OF[algorithm]]()).public_key()
    elif family == "Ed":
        key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
    else:
        key = bytes(64)
    return Credential("decoy", algorithm, key)
