"""Judge verification material when it is stored.

Everything that a user may sensibly paste is taken; private keys, weak keys, and public keys
offered as secrets are refused with the field and what to do. PyJWT gives a second opinion:
what we took must load there too.
"""

import hashlib
import json
import re
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import PublicKeyAlgorithmOID
from jwt.algorithms import get_default_algorithms

from access.credentials import (
    CURVE_OF,
    CURVES,
    MAX_RSA_BITS,
    MAX_RSA_EXPONENT,
    MIN_RSA_BITS,
    Algorithm,
    PublicKey,
    UnusableMaterialError,
    algorithm_named,
    coordinate_bytes,
    load_public_key,
    min_secret_bytes,
)
from key_admin.models.keys import JwtData
from key_admin.problems import Problem, invalid_field
from key_admin.weak_keys import is_strong_point, modulus_weakness
from key_admin.weak_secrets import is_guessable, is_key_text

MAX_SECRET_BYTES = 1024
GENERATED_RSA_BITS = 2048
_CURVE_NAMES = {curve().name: name for name, curve in CURVES.items()}
_COORDINATE_BYTES = {name: coordinate_bytes(curve()) for name, curve in CURVES.items()}
_ALGORITHM_OF_CURVE = {curve: algorithm for algorithm, curve in CURVE_OF.items()}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})
_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "oct": ("k",)}
_PEM_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----")  # a body of base64 has no hyphen
_PEM_LABELS = ("PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE")
_PSS_OID = bytes.fromhex("06092a864886f70d01010a")  # id-RSASSA-PSS (RFC 4055, section 1.2)


class Certificate(NamedTuple):
    """From when to when the certificate that brought a key is valid, in Unix seconds. Shown, not judged."""

    not_before: int
    not_after: int


class Material(NamedTuple):
    """What is stored of a credential. `secret` is set for HMAC, `jwk` for public keys."""

    algorithm: Algorithm
    size: int  # bits
    thumbprint: str  # RFC 7638
    secret: bytes | None = None
    jwk: dict[str, str] | None = None
    certificate: Certificate | None = None

    def __repr__(self) -> str:
        return f"Material({self.algorithm.value}, {self.size} bits)"


class Generated(NamedTuple):
    """Material that we made, and the members of `jwt_data` that show it once."""

    material: Material
    shown: dict[str, str]

    def __repr__(self) -> str:
        return f"Generated({self.material!r}, <secret>)"


def read_material(data: JwtData) -> Material:
    """The material that an operator sent. Raises a Problem that names the field."""
    sources = {"secret": data.secret, "public_key": data.public_key, "jwk": data.jwk}
    given = [name for name, value in sources.items() if value]
    if len(given) != 1:
        raise invalid_field("jwt_data", "give exactly one of secret, public_key, jwk and generate")
    algorithm = _read_algorithm(data)
    if given == ["secret"]:
        secret = _read_secret(data)
        return _hmac_material(secret, algorithm or Algorithm.HS256, "jwt_data.secret")
    if given == ["public_key"]:
        return _read_public_key(data.public_key, algorithm)
    return _read_jwk(data.jwk, algorithm)


def generate_material(data: JwtData, random_bytes: Callable[[int], bytes]) -> Generated:
    """Make a secret or a key pair of the algorithm asked for (HS256 by default)."""
    if data.secret or data.public_key or data.jwk:
        raise invalid_field("jwt_data.generate", "nothing else is given beside generate")
    algorithm = _read_algorithm(data) or Algorithm.HS256
    if algorithm.value.startswith("HS"):
        secret = random_bytes(int(algorithm.value[2:]) // 8)
        shown = {"secret": _encode(secret), "encoding": "base64url"}
        return Generated(_hmac_material(secret, algorithm, "jwt_data.generate"), shown)
    private = _generate_private_key(algorithm)
    public = private.public_key()
    shown = {
        "private_key": private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        "public_key": public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode(),
    }
    return Generated(_public_material(public, algorithm, "jwt_data.generate"), shown)


def _generate_private_key(
    algorithm: Algorithm,
) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey:
    if algorithm in CURVE_OF:
        return ec.generate_private_key(CURVES[CURVE_OF[algorithm]]())
    if algorithm is Algorithm.EDDSA:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=GENERATED_RSA_BITS)


def _read_algorithm(data: JwtData) -> Algorithm | None:
    if not data.algorithm:
        return None
    algorithm = algorithm_named(data.algorithm)
    if algorithm is None:
        names = ", ".join(one.value for one in Algorithm)
        raise invalid_field("jwt_data.algorithm", f"must be one of {names}")
    return algorithm


# --- HMAC secrets --------------------------------------------------------------------------


def _read_secret(data: JwtData) -> bytes:
    if data.encoding == "base64url":
        return _decode_base64url(data.secret, "jwt_data.secret")
    try:
        return data.secret.encode()
    except UnicodeEncodeError:
        raise invalid_field("jwt_data.secret", "is no Unicode text") from None


def _hmac_material(secret: bytes, algorithm: Algorithm, field: str) -> Material:
    if not algorithm.value.startswith("HS"):
        raise invalid_field("jwt_data.algorithm", f"{algorithm.value} takes a public key, not a secret")
    least = min_secret_bytes(algorithm)
    if len(secret) < least:
        raise invalid_field(field, f"{algorithm.value} takes a secret of {least} bytes or more (RFC 7518, 3.2)")
    if len(secret) > MAX_SECRET_BYTES:
        raise invalid_field(field, f"a secret has at most {MAX_SECRET_BYTES} bytes")
    if is_key_text(secret):
        raise invalid_field(field, "is a key, not a secret; give a public key as public_key, a JWK as jwk")
    if is_guessable(secret):
        raise invalid_field(field, "is a known or repetitive secret; use `generate` for a random one")
    return Material(algorithm, len(secret) * 8, secret_thumbprint(secret), secret=secret)


def secret_thumbprint(secret: bytes) -> str:
    """The thumbprint of a secret (RFC 7638). Whoever holds it can test guesses, so it is stored nowhere."""
    return _thumbprint({"k": _encode(secret), "kty": "oct"})


# --- public keys ---------------------------------------------------------------------------


def _read_public_key(text: str, algorithm: Algorithm | None) -> Material:
    field = "jwt_data.public_key"
    label, raw = _find_pem(text, field)
    try:
        if label == "CERTIFICATE":
            holder = x509.load_pem_x509_certificate(raw)
            is_pss = holder.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS
            key: object = holder.public_key()
            certificate = _dates_of(holder)
        else:
            key = serialization.load_pem_public_key(raw)
            certificate = None
            is_pss = _PSS_OID in b64decode(raw.split(b"-----")[2])[:40]
    except Exception:  # noqa: BLE001 - cryptography raises many kinds, all mean the same here
        raise invalid_field(field, "cannot be read as a public key or certificate") from None
    if is_pss:
        algorithm = _agree_with_pss(algorithm)
    return _public_material(key, algorithm, field)._replace(certificate=certificate)


def _find_pem(text: str, field: str) -> tuple[str, bytes]:
    """Label and text of the one block that a paste holds, whatever stands around it."""
    if re.search(r"PRIVATE[\s_-]*KEY", text, re.IGNORECASE):
        raise invalid_field(field, "holds a private key; keep it, and give the public half only")
    text = text.replace("\\r", "").replace("\\n", "\n")  # as line ends stand in .env files
    blocks = [(found[1], found[0]) for found in _PEM_BLOCK.finditer(text)]
    if len(blocks) != 1 or blocks[0][0] not in _PEM_LABELS:
        raise invalid_field(field, _advise(text, len(blocks)))
    label, block = blocks[0]
    return label, block.encode("ascii", "replace")


def _advise(text: str, blocks: int) -> str:
    if blocks > 1:
        return "holds several PEM blocks; give one, of a chain of certificates the first"
    if text.lstrip("\ufeff \r\n\t").startswith("{"):
        return "is no PEM; give a JWK as jwk"
    if re.search(r"(?:^|\s)(?:ssh-|ecdsa-sha2-)", text):
        return "is an OpenSSH key; make a PEM of it with `ssh-keygen -e -m PKCS8`"
    return f"must be one PEM block: {', '.join(_PEM_LABELS[:-1])} or {_PEM_LABELS[-1]}"


def _dates_of(certificate: x509.Certificate) -> Certificate:
    times = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    return Certificate(*(int(time.timestamp()) for time in times))


def _agree_with_pss(algorithm: Algorithm | None) -> Algorithm:
    """RFC 4055, section 1.2: a key that is marked for PSS signs nothing else."""
    if algorithm is not None and not algorithm.value.startswith("PS"):
        raise invalid_field("jwt_data.algorithm", f"{algorithm.value} does not take a key for RSASSA-PSS; PS256 does")
    return algorithm or Algorithm.PS256


def _public_material(key: object, algorithm: Algorithm | None, field: str) -> Material:
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        jwk = {"e": _encode_number(numbers.e), "kty": "RSA", "n": _encode_number(numbers.n)}
        return _judge(jwk, algorithm or Algorithm.RS256, field)
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVE_NAMES:
        curve, point, length = _CURVE_NAMES[key.curve.name], key.public_numbers(), coordinate_bytes(key.curve)
        jwk = {
            "crv": curve,
            "kty": "EC",
            "x": _encode(point.x.to_bytes(length, "big")),
            "y": _encode(point.y.to_bytes(length, "big")),
        }
        return _judge(jwk, algorithm or _ALGORITHM_OF_CURVE[curve], field)
    if isinstance(key, ed25519.Ed25519PublicKey):
        raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return _judge({"crv": "Ed25519", "kty": "OKP", "x": _encode(raw)}, algorithm or Algorithm.EDDSA, field)
    raise invalid_field(field, "must be an RSA, P-256, P-384, P-521 or Ed25519 key")


def _read_jwk(jwk: dict[str, Any], algorithm: Algorithm | None) -> Material:
    field = "jwt_data.jwk"
    if "keys" in jwk:
        raise invalid_field(field, "is a set of keys; give one of them")
    if _PRIVATE_MEMBERS & jwk.keys():
        raise invalid_field(field, "holds a private key; keep it, and give the public members only")
    algorithm = _agree_with_jwk(jwk, algorithm)
    kind = jwk.get("kty")
    if not isinstance(kind, str) or kind not in _MEMBERS:
        raise invalid_field(f"{field}.kty", "must be RSA, EC, OKP or oct")
    for name in _MEMBERS[kind]:
        if not isinstance(jwk.get(name), str):
            raise invalid_field(f"{field}.{name}", "must be a text")
    if kind == "oct":
        secret = _decode_base64url(jwk["k"], f"{field}.k")
        return _hmac_material(secret, algorithm or Algorithm.HS256, f"{field}.k")
    default = {"RSA": Algorithm.RS256, "OKP": Algorithm.EDDSA}.get(kind) or _ALGORITHM_OF_CURVE.get(jwk["crv"])
    if algorithm is None and default is None:
        raise invalid_field(f"{field}.crv", "must be P-256, P-384 or P-521")
    members = _canonical({name: jwk[name] for name in _MEMBERS[kind]}, field)
    return _judge(members, algorithm or default or Algorithm.ES256, field)


def _canonical(members: dict[str, str], field: str) -> dict[str, str]:
    """The members in the one text that RFC 7518 asks for, so that a key has one thumbprint.

    Padding, and zero bytes in front of an RSA number, which section 6.3.1.1 expects of some
    libraries, change nothing. A coordinate has its full size and no other.
    """
    raw = {name: _decode_base64url(members[name], f"{field}.{name}") for name in members.keys() & {"n", "e", "x", "y"}}
    if members["kty"] == "RSA":
        raw = {name: value.lstrip(b"\0") for name, value in raw.items()}
    if members["kty"] == "EC":
        _check_coordinates(members["crv"], raw, field)
    return members | {name: _encode(value) for name, value in raw.items()}


def _check_coordinates(curve: str, raw: dict[str, bytes], field: str) -> None:
    size = _COORDINATE_BYTES.get(curve)
    for name, value in sorted(raw.items()):
        if size is not None and len(value) != size:
            message = f"has {size} bytes on {curve}, zeros in front included (RFC 7518, 6.2.1.2)"
            raise invalid_field(f"{field}.{name}", message)


def _agree_with_jwk(jwk: dict[str, Any], algorithm: Algorithm | None) -> Algorithm | None:
    """RFC 7517, sections 4.2 to 4.4: what the JWK says of its use must allow ours."""
    field = "jwt_data.jwk"
    if jwk.get("use", "sig") != "sig":
        raise invalid_field(f"{field}.use", "must be `sig`, or absent")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise invalid_field(f"{field}.key_ops", "must hold `verify`, or be absent")
    if "alg" not in jwk:
        return algorithm
    named = algorithm_named(jwk["alg"])
    if named is None or (algorithm is not None and algorithm is not named):
        raise invalid_field(f"{field}.alg", "names no algorithm that we verify, or another than jwt_data.algorithm")
    return named


def _judge(jwk: dict[str, str], algorithm: Algorithm, field: str) -> Material:
    kinds = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
    if kinds.get(algorithm.value[:2]) != jwk["kty"]:
        raise invalid_field("jwt_data.algorithm", f"{algorithm.value} does not take a key of type {jwk['kty']}")
    if "crv" in jwk and jwk["crv"] != CURVE_OF.get(algorithm, "Ed25519"):
        raise invalid_field(field, f"{algorithm.value} takes a key on {CURVE_OF.get(algorithm, 'Ed25519')}")
    if jwk["kty"] == "RSA":
        _judge_rsa(jwk, field)
    if jwk["kty"] == "OKP" and not is_strong_point(_decode(jwk["x"])):
        raise invalid_field(field, "is no usable Ed25519 public key (32 bytes, canonical, not of small order)")
    try:
        key = load_public_key(algorithm, jwk)
        get_default_algorithms()[algorithm.value].from_jwk(json.dumps(jwk))
    except UnusableMaterialError:
        raise invalid_field(field, f"is no valid {algorithm.value} key") from None
    except Exception:  # noqa: BLE001 - PyJWT and cryptography raise many kinds
        raise invalid_field(field, f"is no {algorithm.value} key that PyJWT takes") from None
    return Material(algorithm, _size(key), _thumbprint(jwk), jwk=jwk)


def _judge_rsa(jwk: dict[str, str], field: str) -> None:
    modulus, exponent = (int.from_bytes(_decode(jwk[name]), "big") for name in ("n", "e"))
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS:
        raise invalid_field(field, f"an RSA key has {MIN_RSA_BITS} to {MAX_RSA_BITS} bits (RFC 7518, 3.3)")
    if exponent % 2 == 0 or not 3 <= exponent < MAX_RSA_EXPONENT:  # noqa: PLR2004 - the least odd exponent
        raise invalid_field(field, "an RSA exponent is odd and between 3 and 2^32")
    weakness = modulus_weakness(modulus)
    if weakness:
        raise invalid_field(field, weakness)


def _size(key: PublicKey) -> int:
    return 256 if isinstance(key, ed25519.Ed25519PublicKey) else key.key_size


# --- encoding ------------------------------------------------------------------------------


def _thumbprint(members: dict[str, str]) -> str:
    """RFC 7638, section 3: SHA-256 of the required members in order, base64url."""
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return _encode(hashlib.sha256(canonical.encode()).digest())


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _encode_number(number: int) -> str:
    return _encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _decode_base64url(text: str, field: str) -> bytes:
    problem: Problem = invalid_field(field, "is not base64url (RFC 4648, 5: A-Z a-z 0-9 - _)")
    if not re.fullmatch(r"[A-Za-z0-9_-]*={0,2}", text, re.ASCII):
        raise problem
    bare = text.rstrip("=")
    try:
        raw = _decode(bare)
    except ValueError:
        raise problem from None
    if _encode(raw) != bare:
        raise problem
    return raw
