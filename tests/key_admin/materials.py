"""What operators paste: sound material in its usual forms, and everything that must not be taken."""

import json
import random
from base64 import b64encode, encodebytes, urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

PEM, DER, RAW, SSH = Encoding.PEM, Encoding.DER, Encoding.Raw, Encoding.OpenSSH
SPKI, PKCS1 = PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1
P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
SIGNED = datetime(2020, 1, 1, tzinfo=UTC)
CURVES = {"ES256": ("P-256", ec.SECP256R1), "ES384": ("P-384", ec.SECP384R1), "ES512": ("P-521", ec.SECP521R1)}
Case = tuple[str, dict]


@cache
def keys() -> dict:
    return {
        "RSA": rsa.generate_private_key(65537, 2048),
        "EC": ec.generate_private_key(ec.SECP256R1()),
        "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    }


@cache
def others() -> dict:
    return {
        "DSA": dsa.generate_private_key(2048),
        "secp256k1": ec.generate_private_key(ec.SECP256K1()),
        "Ed448": ed448.Ed448PrivateKey.generate(),
        "X25519": x25519.X25519PrivateKey.generate(),
        "X448": x448.X448PrivateKey.generate(),
        "RSA 1024": rsa.generate_private_key(65537, 1024),
    }


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8 or 1, "big")


def pem(key, form=SPKI) -> str:
    return key.public_key().public_bytes(PEM, form).decode()


def der(key, form=SPKI) -> bytes:
    return key.public_key().public_bytes(DER, form)


def ssh(key) -> str:
    return key.public_key().public_bytes(SSH, PublicFormat.OpenSSH).decode()


def private(key, encoding=PEM, form=PrivateFormat.PKCS8, *, locked=False) -> bytes:
    return key.private_bytes(encoding, form, BestAvailableEncryption(b"pass phrase") if locked else NoEncryption())


def certificate(key) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer")])
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = made.serial_number(1).not_valid_before(SIGNED).not_valid_after(SIGNED + timedelta(days=30))
    return dated.sign(key, digest)


def certificate_pem(key) -> str:
    return certificate(key).public_bytes(PEM).decode()


def rsa_jwk(modulus: int | None = None, exponent: int = 65537) -> dict:
    modulus = keys()["RSA"].public_key().public_numbers().n if modulus is None else modulus
    return {"kty": "RSA", "n": encode(number(modulus)), "e": encode(number(exponent))}


def ec_jwk() -> dict:
    point = keys()["EC"].public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256"} | {
        name: encode(value.to_bytes(32, "big")) for name, value in (("x", point.x), ("y", point.y))
    }


def resized_points() -> Iterator[tuple[str, str, dict]]:
    """Algorithm, member, and a point whose member has a byte more or less than the field (RFC 7518, 6.2.1.2)."""
    for algorithm, (curve, kind) in CURVES.items():
        for member in ("x", "y"):
            raw = _point_that_begins_with_zero(kind, member)
            jwk = {"kty": "EC", "crv": curve} | {name: encode(value) for name, value in raw.items()}
            for resized in (raw[member][1:], b"\0" + raw[member]):
                yield algorithm, member, jwk | {member: encode(resized)}


@cache
def _point_that_begins_with_zero(kind: type[ec.EllipticCurve], member: str) -> dict[str, bytes]:
    """The coordinates of a point in their full size; of a number they would have a byte less."""
    curve = kind()
    size = (curve.key_size + 7) // 8
    points = (ec.derive_private_key(secret, curve).public_key().public_numbers() for secret in count(1))
    spelled = ({name: getattr(point, name).to_bytes(size, "big") for name in ("x", "y")} for point in points)
    return next(raw for raw in spelled if raw[member][0] == 0)


def ed_jwk(raw: bytes | None = None) -> dict:
    raw = keys()["Ed25519"].public_key().public_bytes(RAW, PublicFormat.Raw) if raw is None else raw
    return {"kty": "OKP", "crv": "Ed25519", "x": encode(raw)}


def tlv(tag: int, value: bytes) -> bytes:
    size = number(len(value))
    return bytes([tag]) + (size if len(value) < 128 else bytes([0x80 | len(size)]) + size) + value


def as_pem(raw: bytes, label: str = "PUBLIC KEY") -> str:
    return f"-----BEGIN {label}-----\n{encodebytes(raw).decode()}-----END {label}-----\n"


def rsa_pem(modulus: int, exponent: int) -> str:
    return as_pem(tlv(0x30, b"".join(tlv(2, b"\0" + number(one)) for one in (modulus, exponent))), "RSA PUBLIC KEY")


def pss_pem() -> str:
    """The RSA key under the object identifier of RSASSA-PSS (RFC 4055)."""
    marked = bytes.fromhex("300b06092a864886f70d01010a")
    return as_pem(tlv(0x30, marked + tlv(3, b"\0" + der(keys()["RSA"], PKCS1))))


def prime(bits: int) -> int:
    return rsa.generate_private_key(65537, 2 * bits).private_numbers().p


def has_no_small_factor(number: int) -> bool:
    return all(number % small for small in range(3, 2000, 2))


def next_prime(after: int) -> int:
    odd = iter(range(after + 2, after + 20_000, 2))
    return next(one for one in odd if has_no_small_factor(one) and pow(2, one - 1, one) == 1)


@cache
def weak_moduli() -> dict[str, int]:
    modulus = keys()["RSA"].public_key().public_numbers().n
    first = prime(1024)
    product = 1
    for one in (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157):
        product *= one
    roca = next(
        found
        for step in range(1, 100_000)
        if (found := pow(65537, 12_345, product) + product * ((1 << 2047) // product + step)) % 2
        and has_no_small_factor(found)
    )
    return {
        "even": modulus - 1,
        "with a small factor": 3 * ((modulus // 3) | 1),
        "a square": first * first,
        "of close primes (CVE-2022-26320)": first * next_prime(first),
        "a prime": prime(2048),
        "of a broken generator (CVE-2017-15361)": roca,
        "of 1024 bits": modulus >> 1024 | 1,
        "of 2047 bits": modulus >> 1 | 1,
        "of 16384 bits": 1 << 16383 | 1,
        "zero": 0,
    }


def sound() -> Iterator[tuple[str, dict, str, str]]:
    """Name, jwt_data, algorithm, and the kind of key whose thumbprint it must have."""
    for kind, algorithm in (("RSA", "RS256"), ("EC", "ES256"), ("Ed25519", "EdDSA")):
        text = pem(keys()[kind])
        forms = {
            "PEM": text,
            "PEM of Windows": text.replace("\n", "\r\n"),
            "PEM with a byte order mark": "\ufeff" + text,
            "PEM in white space": f" \n\t{text}\n ",
            "PEM that is indented": "".join(f"    {line}\n" for line in text.splitlines()),
            "PEM in one line": text.replace("\n", " "),
            "PEM with line ends as in .env": text.replace("\n", "\\n"),
            "PEM in words": f"Key: signer\n{text}\nBest regards",
            "certificate": certificate_pem(keys()[kind]),
            "certificate in words": f"Certificate:\n  Data:\n{certificate_pem(keys()[kind])}",
        }
        for name, form in forms.items():
            yield f"{kind}: {name}", {"public_key": form}, algorithm, kind
    yield "RSA: PKCS#1", {"public_key": pem(keys()["RSA"], PKCS1)}, "RS256", "RSA"
    yield "RSA: for PSS", {"public_key": pss_pem()}, "PS256", "RSA"
    yield "RSA: for PSS, said so", {"public_key": pss_pem(), "algorithm": "PS512"}, "PS512", "RSA"
    modulus = number(keys()["RSA"].public_key().public_numbers().n)
    padded = {"n": urlsafe_b64encode(b"\0" + modulus).decode(), "e": "AAEAAQ"}
    yield "RSA: JWK with zeros in front and padding", {"jwk": rsa_jwk() | padded}, "RS256", "RSA"
    beside = {"use": "sig", "key_ops": ["verify"], "alg": "PS384", "kid": "k", "x5t": "t", "ext": True}
    yield "RSA: JWK that allows this use", {"jwk": rsa_jwk() | beside}, "PS384", "RSA"
    fetched = {"x5c": ["AAAA"], "x5u": "http://127.0.0.1:9/"}
    yield "RSA: JWK with a certificate and a URL, never read", {"jwk": rsa_jwk() | fetched}, "RS256", "RSA"
    yield "EC: JWK", {"jwk": ec_jwk()}, "ES256", "EC"
    yield "Ed25519: JWK", {"jwk": ed_jwk() | {"key_ops": ["sign", "verify"]}}, "EdDSA", "Ed25519"


def unsound() -> Iterator[tuple[str, dict, str]]:
    """Name, jwt_data, and the field that the refusal must name."""
    yield from _private_keys()
    yield from _foreign_texts()
    yield from _weak_rsa()
    yield from _points()
    yield from _jwk_members()
    yield from _disguised_secrets()
    yield from _weak_secrets()
    yield from _shapes()


def _private_keys() -> Iterator[tuple[str, dict, str]]:
    field = "jwt_data.public_key"
    for kind, key in (keys() | others()).items():
        texts = {
            "PKCS#8": private(key).decode(),
            "PKCS#8, encrypted": private(key, locked=True).decode(),
            "behind a public key": pem(keys()["RSA"]) + private(key).decode(),
            "in JSON": json.dumps({"type": "account", "private_key": private(key).decode()}),
            "in words": f"here it is {private(key).decode()} bye",
            "in lower case": private(key).decode().lower(),
            "DER in base64": b64encode(private(key, DER)).decode(),
            "DER in hex": private(key, DER).hex(),
        }
        if kind in {"RSA", "EC", "Ed25519"}:
            texts["OpenSSH"] = private(key, PEM, PrivateFormat.OpenSSH).decode()
        if kind in {"RSA", "EC", "DSA", "secp256k1"}:
            texts["traditional"] = private(key, PEM, PrivateFormat.TraditionalOpenSSL).decode()
        for name, text in texts.items():
            yield f"private {kind}: {name}", {"public_key": text}, field
        yield f"private {kind} as secret", {"secret": private(key).decode()}, "jwt_data.secret"
        for locked in (False, True):
            hidden = b64encode(private(key, DER, locked=locked)).decode()
            yield f"private {kind} as secret, DER in base64, {locked=}", {"secret": hidden}, "jwt_data.secret"
    for member in ("d", "p", "q", "dp", "dq", "qi", "oth"):
        yield f"private member {member}", {"jwk": rsa_jwk() | {member: "AQ"}}, "jwt_data.jwk"
    yield "private member d that is null", {"jwk": ed_jwk() | {"d": None}}, "jwt_data.jwk"
    yield "private PuTTY key", {"public_key": "PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 1\nAAAA"}, field
    yield "private PGP key", {"public_key": as_pem(b"x", "PGP PRIVATE KEY BLOCK")}, field


def _foreign_texts() -> Iterator[tuple[str, dict, str]]:
    key = keys()["RSA"]
    texts = {f"public {kind}": pem(other) for kind, other in others().items()} | {
        "certificate of a weak key": certificate_pem(others()["RSA 1024"]),
        "certificate of another curve": certificate_pem(others()["secp256k1"]),
        "certificate of DSA": certificate_pem(others()["DSA"]),
        "certificate, broken": certificate_pem(key).replace("MII", "MIJ", 1),
        "chain of certificates": certificate_pem(key) * 2,
        "request for a certificate": as_pem(b"0", "CERTIFICATE REQUEST"),
        "two keys": pem(key) * 2,
        "OpenSSH": ssh(key),
        "SSH2": "---- BEGIN SSH2 PUBLIC KEY ----\nAAAAB3\n---- END SSH2 PUBLIC KEY ----",
        "PGP": as_pem(b"x", "PGP PUBLIC KEY BLOCK"),
        "JWK": json.dumps(rsa_jwk()),
        "DER in base64": b64encode(der(key)).decode(),
        "DER in hex": der(key).hex(),
        "URL": "https://keys.example/key.pem",
        "file URL": "file:///etc/passwd",
        "path": "/etc/passwd",
        "no end": pem(key).partition("-----END")[0],
        "another end": pem(key).replace("END PUBLIC", "END RSA PUBLIC"),
        "empty block": "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
        "junk block": as_pem(bytes(range(200))),
        "large block": as_pem(bytes(90_000)),
        "blocks that never end": "-----BEGIN A-----" * 900,
        "more of them than we read": "-----BEGIN A-----" * 12_000,
        "letters beyond ASCII": pem(key).replace("M", "\u041c"),
        "NUL": "\x00",
        "word": "key",
    }
    for name, text in texts.items():
        yield f"text: {name}", {"public_key": text}, "jwt_data.public_key"
    yield "text: key for PSS as RS256", {"public_key": pss_pem(), "algorithm": "RS256"}, "jwt_data.algorithm"
    yield "text: key of RSA as ES256", {"public_key": pem(key), "algorithm": "ES256"}, "jwt_data.algorithm"
    yield "text: key of RSA as HS256", {"public_key": pem(key), "algorithm": "HS256"}, "jwt_data.algorithm"
    yield "text: P-256 as ES384", {"public_key": pem(keys()["EC"]), "algorithm": "ES384"}, "jwt_data.public_key"


def _weak_rsa() -> Iterator[tuple[str, dict, str]]:
    for name, modulus in weak_moduli().items():
        yield f"RSA modulus {name}, JWK", {"jwk": rsa_jwk(modulus)}, "jwt_data.jwk"
        yield f"RSA modulus {name}, PEM", {"public_key": rsa_pem(modulus, 65537)}, "jwt_data.public_key"
    modulus = keys()["RSA"].public_key().public_numbers().n
    for exponent in (0, 1, 2, 65538, 2**32 + 1, 2**64 + 1, modulus - 2):
        yield f"RSA exponent {exponent!s:.12}, JWK", {"jwk": rsa_jwk(modulus, exponent)}, "jwt_data.jwk"
        yield f"RSA exponent {exponent!s:.12}, PEM", {"public_key": rsa_pem(modulus, exponent)}, "jwt_data.public_key"


def _points() -> Iterator[tuple[str, dict, str]]:
    field = "jwt_data.jwk"
    good = ec_jwk()
    changed = {
        "off the curve": {"y": good["x"]},
        "zero": {"x": encode(bytes(32)), "y": encode(bytes(32))},
        "short": {"x": "AQ"},
        "beyond the field": {"x": encode(P256.to_bytes(32, "big"))},
        "on P-384": {"crv": "P-384"},
    }
    for name, members in changed.items():
        yield f"EC point {name}", {"jwk": good | members}, field
    for algorithm, member, jwk in resized_points():
        name = f"EC {algorithm}, {member} in {len(jwk[member])} characters"
        yield name, {"jwk": jwk, "algorithm": algorithm}, f"{field}.{member}"
    for curve in ("P-256K", "secp256k1", "p-256", ""):
        yield f"EC curve {curve!r}", {"jwk": good | {"crv": curve}}, f"{field}.crv"
    for curve in ("X25519", "Ed448", "P-256"):
        yield f"OKP curve {curve}", {"jwk": ed_jwk() | {"crv": curve}}, field
    small = [
        "00" * 32,
        "01" + "00" * 31,
        "ec" + "ff" * 30 + "7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ]
    wrong = [*small, *("ed", "ee", "ff")]
    for text in wrong:
        low = bytes.fromhex(text if len(text) == 64 else text + "ff" * 30 + "7f")
        for raw in (low, low[:-1] + bytes([low[-1] | 0x80])):
            yield f"Ed25519 point {raw.hex()}, JWK", {"jwk": ed_jwk(raw)}, field
            text_of = as_pem(bytes.fromhex("302a300506032b6570032100") + raw)
            yield f"Ed25519 point {raw.hex()}, PEM", {"public_key": text_of}, "jwt_data.public_key"
    yield "Ed25519 point off the curve", {"jwk": ed_jwk((2).to_bytes(32, "little"))}, field
    for size in (0, 31, 33):
        yield f"Ed25519 point of {size} bytes", {"jwk": ed_jwk(bytes([5]) * size)}, field


def _jwk_members() -> Iterator[tuple[str, dict, str]]:
    field = "jwt_data.jwk"
    changed = {
        "use": ["enc", None, ["sig"], ""],
        "key_ops": [["sign"], "verify", [], ["encrypt"], None],
        "alg": ["none", "ES256K", "Ed25519", 1, None, "RSA-OAEP"],
        "kty": ["rsa", "AKP", None, {"a": [[]]}, ["RSA"], ""],
        "n": [5, None, ["AQ"], "+/+/", "AQ=A", "A"],
    }
    for member, values in changed.items():
        for value in values:
            yield f"JWK {member} {value!r}", {"jwk": rsa_jwk() | {member: value}}, f"{field}.{member}"
    yield "JWK alg of another family", {"jwk": rsa_jwk() | {"alg": "ES256"}}, "jwt_data.algorithm"
    said = {"jwk": rsa_jwk() | {"alg": "RS512"}, "algorithm": "RS256"}
    yield "JWK alg that contradicts", said, f"{field}.alg"
    yield "JWK without y", {"jwk": {name: value for name, value in ec_jwk().items() if name != "y"}}, f"{field}.y"
    yield "JWK set", {"jwk": {"keys": [rsa_jwk()]}}, field
    yield "JWK set with a private key", {"jwk": {"keys": [rsa_jwk() | {"d": "AQ"}]}}, field
    for name, members in {"empty": {"k": ""}, "short": {"k": "AQ"}, "zeros": {"k": encode(bytes(32))}}.items():
        yield f"JWK oct, {name}", {"jwk": {"kty": "oct"} | members}, f"{field}.k"
    random_secret = encode(random.Random(2).randbytes(32))
    octet = {"kty": "oct", "k": random_secret}
    yield "JWK oct as RS256", {"jwk": octet, "algorithm": "RS256"}, "jwt_data.algorithm"
    yield "JWK oct too short for its alg", {"jwk": octet | {"alg": "HS512"}}, f"{field}.k"
    yield "JWK oct with d", {"jwk": octet | {"d": "AQ"}}, field
    yield "JWK oct that is a public key", {"jwk": {"kty": "oct", "k": encode(der(keys()["RSA"]))}}, f"{field}.k"


def _disguised_secrets() -> Iterator[tuple[str, dict, str]]:
    for kind, key in (keys() | {"DSA": others()["DSA"]}).items():
        text = pem(key)
        lines = text.splitlines()[1:-1]
        colons = ":".join(f"{byte:02X}" for byte in der(key))
        forms = {
            "PEM": text,
            "PEM of Windows (CVE-2026-102268)": text.replace("\n", "\r\n"),
            "PEM in one line (CVE-2026-102268)": text.replace("\n", ""),
            "PEM with a byte order mark (CVE-2026-102272)": "\ufeff" + text,
            "PEM behind junk (CVE-2023-48223)": "zz" + text,
            "PEM with escaped line ends": text.replace("\n", "\\n"),
            "PEM, quoted": json.dumps(text),
            "PEM for a URL": text.replace("\n", "%0A").replace(" ", "%20"),
            "PEM without armour": "".join(lines),
            "PEM without armour, in lines": "\n".join(lines),
            "PEM without armour, escaped line ends": "\\n".join(lines),
            "PEM in hex": text.encode().hex(),
            "PEM in base64 (CVE-2026-102271)": b64encode(text.encode()).decode(),
            "DER in base64 twice": b64encode("".join(lines).encode()).decode(),
            "DER in hex (CVE-2026-102271)": der(key).hex(),
            "DER in hex with 0x": "0x" + der(key).hex(),
            "DER in hex with colons": colons,
        }
        for name, form in forms.items():
            yield f"secret is public {kind}: {name}", {"secret": form}, "jwt_data.secret"
        raw = {"DER": der(key), "PEM": text.encode(), "PEM in UTF-16": text.encode("utf-16")}
        for name, form in raw.items():
            data = {"secret": encode(form), "encoding": "base64url"}
            yield f"secret is public {kind}: {name} as base64url", data, "jwt_data.secret"
    point = keys()["EC"].public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    texts = {
        "OpenSSH (CVE-2022-29217)": ssh(keys()["Ed25519"]),
        "OpenSSH body": ssh(keys()["RSA"]).split()[1],
        "SSH2": f"---- BEGIN SSH2 PUBLIC KEY ----\n{ssh(keys()['RSA']).split()[1]}\n---- END SSH2 PUBLIC KEY ----",
        "certificate": certificate_pem(keys()["RSA"]),
        "certificate, DER in base64": b64encode(certificate(keys()["EC"]).public_bytes(DER)).decode(),
        "PKCS#1 in base64": b64encode(der(keys()["RSA"], PKCS1)).decode(),
        "point in hex": point.hex(),
        "point in base64": b64encode(point).decode(),
        "JWK (CVE-2026-48526)": json.dumps(rsa_jwk()),
        "JWK as Python writes it": str(rsa_jwk()),
        "JWK in a set (CVE-2026-102273)": json.dumps({"keys": [ec_jwk()]}),
        "JWK in a list (CVE-2026-102273)": json.dumps([ed_jwk()]),
        "JWK in base64": b64encode(json.dumps(ed_jwk()).encode()).decode(),
        "JWK, quoted": json.dumps(json.dumps(ed_jwk())),
        "JWK for a URL": json.dumps(ed_jwk()).replace('"', "%22"),
    }
    for name, text in texts.items():
        yield f"secret is public: {name}", {"secret": text}, "jwt_data.secret"


def _weak_secrets() -> Iterator[tuple[str, dict, str]]:
    texts = [
        "x" * 31,
        "0" * 32,
        "01234567" * 8,
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "1234567890abcdefghijklmnopqrstuvwxyz",
        "qwertyuiopasdfghjklzxcvbnm1234567890",
        "passwordpasswordpasswordpasswor1",
        "supersecretsupersecretsupersecret!",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabcdefghi",
        "your-256-bit-secret-your-256-bit-secret",
        "YOUR-256-BIT-SECRET!!!!!!!!!!!!!",
        "a-string-secret-at-least-256-bits-long",
        "this-is-a-very-long-secret-key-for-jwt-signing",
        "the quick brown fox jumps over the lazy dog",
        "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
        b64encode(b"abcdefghijklmnopqrstuvwxyz0123456789").decode(),
        bytes(range(32)).hex(),
        bytes(range(0, 128, 2)).hex(),
        bytes(range(32, 96)).decode(),
        "ü" * 20,
        "\U0001f600" * 8,
        " " * 40,
        "\x00" * 40,
        "changeme" * 4 + "1",
    ]
    for text in texts:
        yield f"weak secret {text[:24]!r}", {"secret": text}, "jwt_data.secret"
    raw = [bytes(64), bytes(range(64)), bytes(range(0, 256, 3)), b"\xff\x00" * 32]
    for one in raw:
        data = {"secret": encode(one), "encoding": "base64url"}
        yield f"weak secret {one[:8].hex()}…", data, "jwt_data.secret"


def _shapes() -> Iterator[tuple[str, dict, str]]:
    sound_secret = encode(random.Random(3).randbytes(48))
    beside = {"generate": True}
    shapes: list[tuple[dict, str]] = [
        ({}, "jwt_data"),
        ({"algorithm": "HS256"}, "jwt_data"),
        ({"generate": False}, "jwt_data"),
        ({"jwk": {}}, "jwt_data"),
        ({"secret": sound_secret, "public_key": "key"}, "jwt_data"),
        ({"secret": sound_secret[:63], "algorithm": "HS512"}, "jwt_data.secret"),
        ({"secret": sound_secret, "algorithm": "ES256"}, "jwt_data.algorithm"),
        ({"secret": sound_secret, "encoding": "hex"}, "jwt_data.encoding"),
        ({"secret": "abcdefghij" * 200}, "jwt_data.secret"),
        ({"secret": sound_secret[:-1] + "=A", "encoding": "base64url"}, "jwt_data.secret"),
        ({"secret": "+/" * 32, "encoding": "base64url"}, "jwt_data.secret"),
        (beside | {"secret": sound_secret}, "jwt_data.generate"),
        (beside | {"unknown": 1}, "jwt_data.unknown"),
    ]
    wrong = {
        "algorithm": ["none", "hs256", "HS256 ", "ES256K", "RS1", 1, ["HS256"], None],
        "generate": [1, "true", None],
        "secret": [1, None, ["x"]],
        "public_key": [{}, None, 1],
        "jwk": ["x", [], None],
        "leeway_seconds": [-1, 61, 1.5, True, "1", None],
        "max_lifetime_seconds": [-1, 10**30, 0.5, None],
        "require_exp": ["no", 0, None],
        "audience": ["", [""], ["a" * 2000], ["a"] * 51, {"a": 1}, None],
        "issuer": ["", {}, 1, None],
        "typ": ["x" * 65, " ", "a b", "\r\n", None],
    }
    for member, values in wrong.items():
        shapes += [(beside | {member: value}, f"jwt_data.{member}") for value in values]
    for data, field in shapes:
        yield f"shape {data!r:.70}", data, field
