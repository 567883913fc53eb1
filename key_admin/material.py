"""Judge verification material when it is stored.

Everything that a user may sensibly paste is taken; private keys, weak keys, and public keys
offered as secrets are refused with the field and what to do. PyJWT gives a second opinion:
what we took must load there too.
"""

import hashlib
import itertools
import json
import re
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
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
    load_public_key,
)
from key_admin.models import JwtData
from key_admin.problems import Problem, invalid_field

MAX_SECRET_BYTES = 1024
GENERATED_RSA_BITS = 2048
SMALL_PRIME_LIMIT = 2000
_CURVE_NAMES = {curve().name: name for name, curve in CURVES.items()}
_ALGORITHM_OF_CURVE = {curve: algorithm for algorithm, curve in CURVE_OF.items()}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})
_KNOWN_SECRETS = frozenset(
    {
        "your-256-bit-secret",
        "your-384-bit-secret",
        "your-512-bit-secret",
        "a-string-secret-at-least-256-bits-long",
        "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
        "secret",
        "changeme",
        "supersecretsupersecretsupersecret",
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",  # RFC 7515
    }
)
# Points of small order on edwards25519, as they are encoded (RFC 7748, section 6; RFC 8032).
_PRIME = 2**255 - 19
_SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        _PRIME - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303021022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    }
)


class Material(NamedTuple):
    """What is stored of a credential. `secret` is set for HMAC, `jwk` for public keys."""

    algorithm: Algorithm
    size: int  # bits
    thumbprint: str  # RFC 7638
    secret: bytes | None = None
    jwk: dict[str, str] | None = None

    def __repr__(self) -> str:
        return f"Material({self.algorithm.value}, {self.size} bits)"


class Generated(NamedTuple):
    """Material that we made, and the members of `jwt_data` that show it once."""

    material: Material
    shown: dict[str, str]


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
        return _public_material(_read_pem(data.public_key), algorithm, "jwt_data.public_key")
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
    least = int(algorithm.value[2:]) // 8
    if len(secret) < least:
        raise invalid_field(field, f"{algorithm.value} takes a secret of {least} bytes or more (RFC 7518, 3.2)")
    if len(secret) > MAX_SECRET_BYTES:
        raise invalid_field(field, f"a secret has at most {MAX_SECRET_BYTES} bytes")
    if _is_key_text(secret):
        raise invalid_field(field, "is a public or private key, not a secret; give a public key as public_key")
    if _is_guessable(secret):
        raise invalid_field(field, "is a known or repetitive secret; use `generate` for a random one")
    thumbprint = _thumbprint({"k": _encode(secret), "kty": "oct"})
    return Material(algorithm, len(secret) * 8, thumbprint, secret=secret)


def _is_key_text(secret: bytes) -> bool:
    """Whether a secret is a key in some text form: PEM, JWK, DER, or one of them encoded."""
    forms = [secret]
    text = re.sub(rb"\s+", b"", secret)
    padded = text + b"=" * (-len(text) % 4)
    decoders: list[Callable[[], bytes]] = [
        lambda: b64decode(padded),
        lambda: urlsafe_b64decode(padded),
        lambda: bytes.fromhex(text.decode()),
    ]
    for decode in decoders:
        try:
            forms.append(decode())
        except ValueError:
            continue
    return any(_is_plain_key(form) for form in forms)


def _is_plain_key(form: bytes) -> bool:
    flat = re.sub(rb"\s+", b"", form).lower()
    markers = (b"-----begin", b"beginpublickey", b"beginrsapublickey", b"begincertificate", b"privatekey")
    if any(marker in flat for marker in markers) or b'"kty"' in flat:
        return True
    if re.match(rb"(ssh-|ecdsa-sha2-)", form.lstrip()):
        return True
    loaders: list[Callable[[bytes], object]] = [
        serialization.load_der_public_key,
        lambda raw: serialization.load_der_private_key(raw, None),
        x509.load_der_x509_certificate,
    ]
    for load in loaders:
        try:
            load(form)
        except Exception:  # noqa: BLE001, S112 - whatever it raises, it is no such key
            continue
        return True
    return False


def _is_guessable(secret: bytes) -> bool:
    text = secret.decode("latin-1")
    if text in _KNOWN_SECRETS or _encode(secret) in _KNOWN_SECRETS or len(set(secret)) < 8:  # noqa: PLR2004 - distinct bytes
        return True
    halves = any(
        secret == (secret[:length] * (len(secret) // length + 1))[: len(secret)]
        for length in range(1, len(secret) // 2 + 1)
    )
    steps = {(after - before) % 256 for before, after in itertools.pairwise(secret)}
    return halves or len(steps) == 1


# --- public keys ---------------------------------------------------------------------------


def _read_pem(text: str) -> object:
    field = "jwt_data.public_key"
    if re.search(r"PRIVATE\s+KEY", text, re.IGNORECASE):
        raise invalid_field(field, "holds a private key; keep it, and give the public half only")
    blocks = re.findall(r"-----BEGIN ([A-Z0-9 ]+)-----", text)
    if len(blocks) != 1:
        raise invalid_field(field, "must be one PEM block: PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE")
    try:
        raw = text.strip().encode("ascii")
        if blocks == ["CERTIFICATE"]:
            return x509.load_pem_x509_certificate(raw).public_key()
        return serialization.load_pem_public_key(raw)
    except Exception:  # noqa: BLE001 - cryptography raises many kinds, all mean the same here
        raise invalid_field(field, "cannot be read as a public key or certificate") from None


def _public_material(key: object, algorithm: Algorithm | None, field: str) -> Material:
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        jwk = {"e": _encode_number(numbers.e), "kty": "RSA", "n": _encode_number(numbers.n)}
        return _judge(jwk, algorithm or Algorithm.RS256, field)
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVE_NAMES:
        curve, point, length = _CURVE_NAMES[key.curve.name], key.public_numbers(), (key.key_size + 7) // 8
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
    if _PRIVATE_MEMBERS & jwk.keys():
        raise invalid_field(field, "holds a private key; keep it, and give the public members only")
    algorithm = _agree_with_jwk(jwk, algorithm)
    kind = jwk.get("kty")
    members = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "oct": ("k",)}
    if not isinstance(kind, str) or kind not in members:
        raise invalid_field(f"{field}.kty", "must be RSA, EC, OKP or oct")
    for name in members[kind]:
        if not isinstance(jwk.get(name), str):
            raise invalid_field(f"{field}.{name}", "must be a text")
    if kind == "oct":
        secret = _decode_base64url(jwk["k"], f"{field}.k")
        return _hmac_material(secret, algorithm or Algorithm.HS256, f"{field}.k")
    public = {name: jwk[name] for name in members[kind]}
    for name in public.keys() - {"kty", "crv"}:
        _decode_base64url(public[name], f"{field}.{name}")
    default = {"RSA": Algorithm.RS256, "OKP": Algorithm.EDDSA}.get(kind) or _ALGORITHM_OF_CURVE.get(jwk["crv"])
    if algorithm is None and default is None:
        raise invalid_field(f"{field}.crv", "must be P-256, P-384 or P-521")
    return _judge(public, algorithm or default or Algorithm.ES256, field)


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
        raise invalid_field(f"{field}.alg", "contradicts jwt_data.algorithm, or is none that we verify")
    return named


def _judge(jwk: dict[str, str], algorithm: Algorithm, field: str) -> Material:
    kinds = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
    if kinds.get(algorithm.value[:2]) != jwk["kty"]:
        raise invalid_field("jwt_data.algorithm", f"{algorithm.value} does not take a key of type {jwk['kty']}")
    if jwk["kty"] == "RSA":
        _judge_rsa(jwk, field)
    if jwk["kty"] == "OKP":
        _judge_ed25519(jwk, field)
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
    if any(modulus % factor == 0 for factor in range(2, SMALL_PRIME_LIMIT)):
        raise invalid_field(field, "the RSA modulus has a small factor")


def _judge_ed25519(jwk: dict[str, str], field: str) -> None:
    raw = _decode(jwk["x"])
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if len(raw) != 32 or y >= _PRIME or y in _SMALL_ORDER_Y:  # noqa: PLR2004 - RFC 8032, 5.1.5
        raise invalid_field(field, "is no usable Ed25519 public key (32 bytes, canonical, not of small order)")


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
    problem: Problem = invalid_field(field, "is not base64url")
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
