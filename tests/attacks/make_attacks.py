"""Makes attacks.json: one token or more for each known way to deceive a verifier.

Named by RFC section, by CVE, or by the row of the threat list that they stand for. Each targets
one of the registered keys, whose public halves and rules are stored beside the tokens.
"""

import base64
import hashlib
import hmac
import json
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

FILE = Path(__file__).with_name("attacks.json")
SECRET = "the-shared-secret-of-the-attacked-key-0123456789"
EXP = 4_102_444_800  # the year 2100
CLAIMS = {"exp": EXP}
RULES = {"issuer": "https://issuer.example", "audience": ["orders", "billing"], "typ": "at+jwt"}
BOUND_HEADER = {"alg": "HS256", "kid": "attack-bound", "typ": "at+jwt"}
BOUND_CLAIMS = CLAIMS | {"iss": "https://issuer.example", "aud": "orders"}
ONES, ONE = b"\xff", b"\x01"
EC_ORDER = ec.SECP256R1().group_order
Attack = tuple[str, str]


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def text_of(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


def parts_of(header: Any, claims: Any) -> str:
    return f"{encode(text_of(header))}.{encode(text_of(claims))}"


class Keys:
    """The private halves of what is attacked, and an attacker's own key."""

    def __init__(self) -> None:
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.ec384 = ec.generate_private_key(ec.SECP384R1())
        self.pss = rsa.generate_private_key(65537, 2048)
        self.ed = ed25519.Ed25519PrivateKey.generate()
        self.attacker = rsa.generate_private_key(65537, 2048)

    def hs(self, header: Any, claims: Any = CLAIMS, *, secret: bytes = SECRET.encode(), bits: int = 256) -> str:
        parts = parts_of(header, claims)
        return f"{parts}.{encode(hmac.digest(secret, parts.encode(), f'sha{bits}'))}"

    def rs(self, header: Any, claims: Any = CLAIMS, *, scheme: Any = None, digest: Any = None, key: Any = None) -> str:
        parts = parts_of(header, claims)
        signature = (key or self.rsa).sign(parts.encode(), scheme or padding.PKCS1v15(), digest or hashes.SHA256())
        return f"{parts}.{encode(signature)}"

    def ps(self, *, salt: Any = 32, mgf: Any = None, digest: Any = None) -> str:
        scheme = padding.PSS(padding.MGF1(mgf or hashes.SHA256()), salt)
        return self.rs({"alg": "PS256", "kid": "attack-pss"}, scheme=scheme, digest=digest, key=self.pss)

    def es384(self, header: Any, digest: Any) -> str:
        parts = parts_of(header, CLAIMS)
        r, s = decode_dss_signature(self.ec384.sign(parts.encode(), ec.ECDSA(digest)))
        return f"{parts}.{encode(r.to_bytes(48, 'big') + s.to_bytes(48, 'big'))}"

    def es(self, header: Any, claims: Any = CLAIMS) -> tuple[str, int, int]:
        parts = parts_of(header, claims)
        r, s = decode_dss_signature(self.ec.sign(parts.encode(), ec.ECDSA(hashes.SHA256())))
        return parts, r, s

    def eddsa(self, header: Any, claims: Any = CLAIMS) -> str:
        parts = parts_of(header, claims)
        return f"{parts}.{encode(self.ed.sign(parts.encode()))}"

    def raw_rsa(self, header: Any, block: bytes) -> str:
        """A token whose signature decrypts to a block of the attacker's choice (one who had the key)."""
        numbers = self.rsa.private_numbers()
        parts = parts_of(header, CLAIMS)
        message = block.replace(b"HASH", hashlib.sha256(parts.encode()).digest())
        size = 256
        message = message.ljust(size, b"\x00")[:size]
        return f"{parts}.{encode(pow(int.from_bytes(message, 'big'), numbers.d, numbers.public_numbers.n).to_bytes(size, 'big'))}"

    def public_forms(self) -> Iterator[tuple[str, bytes]]:
        public = {"RSA": self.rsa.public_key(), "EC": self.ec.public_key(), "Ed25519": self.ed.public_key()}
        for name, key in public.items():
            spki = serialization.PublicFormat.SubjectPublicKeyInfo
            pem = key.public_bytes(serialization.Encoding.PEM, spki)
            yield f"{name} as PEM", pem
            yield f"{name} as PEM without its last line end", pem.strip()
            yield f"{name} as PEM of Windows (CVE-2026-102268)", pem.replace(b"\n", b"\r\n")
            yield f"{name} as PEM in one line (CVE-2026-102268)", pem.replace(b"\n", b"")
            yield f"{name} as PEM behind a byte order mark (CVE-2026-102272)", b"\xef\xbb\xbf" + pem
            yield f"{name} as PEM behind junk (CVE-2023-48223, CVE-2026-34950)", b"x" + pem
            der = key.public_bytes(serialization.Encoding.DER, spki)
            yield f"{name} as DER (CVE-2024-33663, CVE-2026-102271)", der
            yield f"{name} as DER in base64 (CVE-2026-102271)", base64.b64encode(der)
            yield f"{name} as DER in hex", der.hex().encode()
            openssh = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
            yield f"{name} as OpenSSH (CVE-2022-29217)", openssh
        for name, jwk in public_jwks(self).items():
            yield f"{name} as JWK text (CVE-2026-48526)", json.dumps(jwk).encode()
            yield f"{name} as JWK text in a list (CVE-2026-102273)", json.dumps([jwk]).encode()


def public_jwks(keys: Keys) -> dict[str, dict[str, str]]:
    makers = {
        "attack-rsa": (RSAAlgorithm, keys.rsa),
        "attack-ec": (ECAlgorithm, keys.ec),
        "attack-ed": (OKPAlgorithm, keys.ed),
        "attack-pss": (RSAAlgorithm, keys.pss),
        "attack-p384": (ECAlgorithm, keys.ec384),
    }
    return {name: json.loads(maker.to_jwk(key.public_key())) for name, (maker, key) in makers.items()}


def good(keys: Keys) -> dict[str, str]:
    """Controls: tokens that pass."""
    parts, r, s = keys.es({"alg": "ES256", "kid": "attack-ec"})
    return {
        "HS256": keys.hs({"alg": "HS256", "kid": "attack-hmac"}),
        "RS256": keys.rs({"alg": "RS256", "kid": "attack-rsa"}),
        "ES256": f"{parts}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}",
        "ES256 with the other s (RFC 6979 says nothing of it)": f"{parts}.{encode(r.to_bytes(32, 'big') + (EC_ORDER - s).to_bytes(32, 'big'))}",
        "EdDSA": keys.eddsa({"alg": "EdDSA", "kid": "attack-ed"}),
        "PS256": keys.ps(),
        "ES384": keys.es384({"alg": "ES384", "kid": "attack-p384"}, hashes.SHA384()),
        "what a key asks of its claims": keys.hs(BOUND_HEADER, BOUND_CLAIMS),
        "one audience of several": keys.hs(BOUND_HEADER, BOUND_CLAIMS | {"aud": ["x", "billing"]}),
        "sub where kid is absent": keys.hs({"alg": "HS256"}, CLAIMS | {"sub": "attack-hmac"}),
        "claims in another order, with space": keys.hs(
            b'{ "kid" : "attack-hmac", "alg" : "HS256" }', b'{\n"a":1, "exp":4102444800}'
        ),
    }


def attacks(keys: Keys) -> Iterator[Attack]:
    """Every attack, by name."""
    yield from _algorithms(keys)
    yield from _confusion(keys)
    yield from _header_keys(keys)
    yield from _signatures(keys)
    yield from _padding(keys)
    yield from _texts(keys)
    yield from _headers(keys)
    yield from _json(keys)
    yield from _claims(keys)
    yield from _other_services(keys)
    yield from _key_ids(keys)


def _algorithms(keys: Keys) -> Iterator[Attack]:
    unsigned = {
        "none": "none",
        "None": "None",
        "NONE": "NONE",
        "nOnE": "nOnE",
        "empty": "",
        "null": None,
        "list": ["HS256"],
        "number": 1,
    }
    for name, algorithm in unsigned.items():
        parts = parts_of({"alg": algorithm, "kid": "attack-rsa"}, CLAIMS)
        yield f"T1 alg {name} (RFC 8725, 3.1; CVE-2022-23540)", f"{parts}."
        yield f"T1 alg {name} with a signature", f"{parts}.{encode(b'x' * 32)}"
    yield "T1 no alg", keys.hs({"kid": "attack-hmac"})
    yield "T1 alg hs256 in lower case", keys.hs({"alg": "hs256", "kid": "attack-hmac"})
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    yield "T3 PS256 for an RS256 key", keys.rs({"alg": "PS256", "kid": "attack-rsa"}, scheme=pss)
    yield "T3 PS256 that says RS256", keys.rs({"alg": "RS256", "kid": "attack-rsa"}, scheme=pss)
    yield "T3 RS512 for an RS256 key", keys.rs({"alg": "RS512", "kid": "attack-rsa"}, digest=hashes.SHA512())
    yield (
        "T3 RS512 that says RS256 (CVE-2026-48523)",
        keys.rs({"alg": "RS256", "kid": "attack-rsa"}, digest=hashes.SHA512()),
    )
    yield (
        "T3 PS512 for a PS256 key",
        keys.rs(
            {"alg": "PS512", "kid": "attack-pss"},
            scheme=padding.PSS(padding.MGF1(hashes.SHA512()), 64),
            digest=hashes.SHA512(),
            key=keys.pss,
        ),
    )
    yield "T3 RS256 for a PS256 key", keys.rs({"alg": "RS256", "kid": "attack-pss"}, key=keys.pss)
    yield "T3 PKCS#1 v1.5 that says PS256", keys.rs({"alg": "PS256", "kid": "attack-pss"}, key=keys.pss)
    yield "T3 ES256 for an ES384 key", keys.es384({"alg": "ES256", "kid": "attack-p384"}, hashes.SHA256())
    yield "T3 SHA-256 that says ES384", keys.es384({"alg": "ES384", "kid": "attack-p384"}, hashes.SHA256())
    yield "T3 P-384 for an ES256 key", keys.es384({"alg": "ES256", "kid": "attack-ec"}, hashes.SHA256())
    parts, r, s = keys.es({"alg": "ES256K", "kid": "attack-ec"})
    yield "T3 ES256K for an ES256 key", f"{parts}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
    for name in ("Ed25519", "eddsa", "EdDSA "):
        yield f"T3 {name!r} for an EdDSA key (RFC 9864)", keys.eddsa({"alg": name, "kid": "attack-ed"})
    yield "T3 HS512 for an HS256 key", keys.hs({"alg": "HS512", "kid": "attack-hmac"}, bits=512)
    yield "T3 HS384 that says HS256", keys.hs({"alg": "HS256", "kid": "attack-hmac"}, bits=384)


def _confusion(keys: Keys) -> Iterator[Attack]:
    for name, secret in keys.public_forms():
        for target in ("attack-rsa", "attack-ec", "attack-ed"):
            yield (
                f"T2 HS256 by the public key {name}, for {target} (CVE-2026-44699)",
                keys.hs({"alg": "HS256", "kid": target}, secret=secret),
            )
    for target in ("attack-rsa", "attack-ec", "attack-ed", "attack-hmac", "unknown-key"):
        yield (
            f"T2 HS256 by an empty secret, for {target} (CVE-2026-44351, CVE-2026-102266)",
            keys.hs({"alg": "HS256", "kid": target}, secret=b""),
        )
        yield f"T2 HS256 by a zero byte, for {target}", keys.hs({"alg": "HS256", "kid": target}, secret=b"\x00")


def _header_keys(keys: Keys) -> Iterator[Attack]:
    own = json.loads(RSAAlgorithm.to_jwk(keys.attacker.public_key()))
    members: dict[str, Any] = {
        "jwk (CVE-2018-0114, CVE-2026-27962)": {"jwk": own},
        "jwk and no kid (CVE-2026-27962)": {"jwk": own, "kid": ""},
        "jku": {"jku": "http://127.0.0.1:9/jwks"},
        "x5u": {"x5u": "http://127.0.0.1:9/cert"},
        "x5c": {"x5c": ["AAAA"]},
        "jku that is a file (CVE-2026-48522)": {"jku": "file:///etc/passwd"},
    }
    for name, member in members.items():
        yield (
            f"T4 {name} by the attacker's key",
            keys.rs({"alg": "RS256", "kid": "attack-rsa"} | member, key=keys.attacker),
        )


def _signatures(keys: Keys) -> Iterator[Attack]:
    parts, r, s = keys.es({"alg": "ES256", "kid": "attack-ec"})
    n = EC_ORDER

    def two(first: int, second: int, size: int = 32) -> str:
        return f"{parts}.{encode(first.to_bytes(size, 'big') + second.to_bytes(size, 'big'))}"

    yield "T5 ECDSA r = s = 0 (CVE-2022-21449)", two(0, 0)
    yield "T5 ECDSA r = 0", two(0, s)
    yield "T5 ECDSA s = 0", two(r, 0)
    yield "T5 ECDSA r = n", two(n, s)
    yield "T5 ECDSA s = n", two(r, n)
    yield "T5 ECDSA r = s = 1", two(1, 1)
    yield "T5 ECDSA r = n - 1, s = n - 1", two(n - 1, n - 1)
    yield "T5 ECDSA with leading zeros", two(r, s, 33)
    yield "T5 ECDSA in DER", f"{parts}.{encode(keys.ec.sign(parts.encode(), ec.ECDSA(hashes.SHA256())))}"
    yield "T5 ECDSA of the size of P-384", two(r, s, 48)
    yield "T5 ECDSA with a zero in front of s", f"{parts}.{encode(r.to_bytes(32, 'big') + s.to_bytes(33, 'big'))}"
    yield "T5 ECDSA r and s exchanged", two(s, r)
    yield "T5 ECDSA half", f"{parts}.{encode(r.to_bytes(32, 'big'))}"
    for algorithm, target, size in (
        ("RS256", "attack-rsa", 256),
        ("EdDSA", "attack-ed", 64),
        ("HS256", "attack-hmac", 32),
    ):
        start = parts_of({"alg": algorithm, "kid": target}, CLAIMS)
        yield f"T5 {algorithm} without a signature", f"{start}."
        yield f"T5 {algorithm} of zeros", f"{start}.{encode(bytes(size))}"
        yield f"T5 {algorithm} of one", f"{start}.{encode((1).to_bytes(size, 'big'))}"
        yield f"T5 {algorithm} of ones", f"{start}.{encode(ONES * size)}"
        yield f"T5 {algorithm} of another length", f"{start}.{encode(b'A' * (size + 1))}"
    signed = keys.rs({"alg": "RS256", "kid": "attack-rsa"})
    start, _, signature = signed.rpartition(".")
    modulus, raw_rsa = keys.rsa.public_key().public_numbers().n, base64.urlsafe_b64decode(signature + "==")
    value = int.from_bytes(raw_rsa, "big")
    second_forms = {
        "n - s": (modulus - value).to_bytes(256, "big"),
        "s + n": (modulus + value).to_bytes(257, "big"),
        "a zero in front": b"\x00" + raw_rsa,
        "a zero behind": raw_rsa + b"\x00",
        "n - 1": (modulus - 1).to_bytes(256, "big"),
        "n": modulus.to_bytes(256, "big"),
    }
    for name, form in second_forms.items():
        yield f"T5 RSA {name}", f"{start}.{encode(form)}"
    mac = keys.hs({"alg": "HS256", "kid": "attack-hmac"})
    yield "T5 MAC cut to half", mac[:-22]
    ed = keys.eddsa({"alg": "EdDSA", "kid": "attack-ed"})
    start, _, signature = ed.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    order = 2**252 + 27742317777372353535851937790883648493
    beyond = int.from_bytes(raw[32:], "little") + order
    yield "T5 EdDSA with s + L (RFC 8032, 5.1.7)", f"{start}.{encode(raw[:32] + beyond.to_bytes(32, 'little'))}"
    yield "T5 EdDSA with a small-order R", f"{start}.{encode(bytes(32) + raw[32:])}"
    yield "T5 EdDSA with a neutral R and s = 0", f"{start}.{encode(ONE + bytes(63))}"
    beyond_field = (2**255 - 18).to_bytes(32, "little")  # the neutral point, spelled above the prime
    yield "T5 EdDSA with a non-canonical R", f"{start}.{encode(beyond_field + raw[32:])}"


def _padding(keys: Keys) -> Iterator[Attack]:
    header = {"alg": "RS256", "kid": "attack-rsa"}
    prefix = bytes.fromhex("3031300d060960864801650304020105000420")
    blocks = {
        "short padding (Bleichenbacher 2006)": b"\x00\x01" + b"\xff" * 8 + b"\x00" + prefix + b"HASH" + b"\x00" * 200,
        "no DigestInfo": b"\x00\x01" + b"\xff" * 221 + b"\x00" + b"HASH",
        "DigestInfo of SHA-1": b"\x00\x01"
        + b"\xff" * 206
        + b"\x00"
        + bytes.fromhex("3021300906052b0e03021a05000414")
        + b"HASH",
        "block type 2": b"\x00\x02" + b"\xff" * 202 + b"\x00" + prefix + b"HASH",
        "no NULL in AlgorithmIdentifier": b"\x00\x01"
        + b"\xff" * 204
        + b"\x00"
        + bytes.fromhex("302f300b0609608648016503040201")
        + b"\x04\x20HASH",
    }
    blocks |= {
        "padding of other bytes": b"\x00\x01" + b"\xfe" * 202 + b"\x00" + prefix + b"HASH",
        "seven bytes of padding": b"\x00\x01" + b"\xff" * 7 + b"\x00" + b"\x00" * 195 + prefix + b"HASH",
        "no zero behind the padding": b"\x00\x01" + b"\xff" * 203 + prefix + b"HASH",
        "lengths in BER": b"\x00\x01" + b"\xff" * 201 + b"\x00" + b"\x30\x81" + prefix[1:] + b"HASH",
        "junk in AlgorithmIdentifier": b"\x00\x01"
        + b"\xff" * 200
        + b"\x00"
        + bytes.fromhex("3033300f06096086480165030402010500aaaa0420")
        + b"HASH",
    }
    for name, block in blocks.items():
        yield f"T6 PKCS#1 v1.5: {name}", keys.raw_rsa(header, block)
    yield "T6 PSS without salt", keys.ps(salt=0)
    yield "T6 PSS with a salt of 20 bytes", keys.ps(salt=20)
    yield "T6 PSS with the longest salt", keys.ps(salt=padding.PSS.MAX_LENGTH)
    yield "T6 PSS with MGF1 of SHA-1", keys.ps(mgf=hashes.SHA1())  # noqa: S303 - the attack itself
    yield "T6 PSS with MGF1 of SHA-512", keys.ps(mgf=hashes.SHA512())
    yield "T6 PSS of SHA-512", keys.ps(digest=hashes.SHA512())


def _texts(keys: Keys) -> Iterator[Attack]:
    token = keys.hs({"alg": "HS256", "kid": "attack-hmac"})
    header, claims, signature = token.split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    yield (
        "T7 trailing bits in the signature (CVE-2026-102269)",
        token[:-1] + last[last.index(token[-1]) | 1 if last.index(token[-1]) % 4 == 0 else last.index(token[-1]) ^ 1],
    )
    yield "T7 padding (CVE-2026-62995)", f"{token}="
    yield "T7 padding in the header", f"{header}=.{claims}.{signature}"
    yield "T7 padding in the claims", f"{header}.{claims}=.{signature}"
    yield "T7 junk behind padding (CVE-2026-102269)", f"{token}=AAAA"
    yield "T7 junk after the token", f"{token}.AAAA"
    yield "T7 a letter of another script", token.replace("a", "\u0430", 1)
    yield "T7 a scheme inside (RFC 6750, 2.1)", token.replace(".", ".Bearer ", 1)
    yield "T7 white space inside", token.replace(".", ". ", 1)
    yield "T7 a zero byte at the end", f"{token}\x00"
    yield "T7 a dot at the end", f"{token}."
    yield "T7 standard alphabet", f"{header}.{claims}.{signature.replace('-', '+').replace('_', '/')}+"
    yield "T7 percent-encoded dots", token.replace(".", "%2E")
    yield "T10 five parts, as a JWE (CVE-2022-3102)", f"{header}..{claims}.{signature}."
    yield (
        "T10 JSON serialization (RFC 7515, 7.2; CVE-2022-39227)",
        json.dumps({"protected": header, "payload": claims, "signature": signature}),
    )
    flat = {"header": {"alg": "none"}, "payload": claims, "signature": ""}
    yield "T10 algorithm beside the protected header (GHSA-jc38-x7x8-2xc8)", json.dumps(flat)
    general = {"payload": claims, "signatures": [{"protected": header, "signature": signature}]}
    yield "T10 general JSON serialization (RFC 7515, 7.2.1)", json.dumps(general)
    yield "T10 detached payload (RFC 7515, appendix F)", f"{header}..{signature}"
    for name, members in {
        "dir (CVE-2023-51774)": {"alg": "dir", "enc": "A128GCM"},
        "RSA-OAEP around an unsigned token (CVE-2026-29000)": {"alg": "RSA-OAEP", "enc": "A128GCM", "cty": "JWT"},
        "PBES2 (CVE-2023-6681)": {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2**31},
        "compressed (CVE-2024-28102, CVE-2024-28180)": {"alg": "dir", "enc": "A128GCM", "zip": "DEF"},
    }.items():
        jwe = encode(text_of(members | {"kid": "attack-rsa"}))
        yield f"T10 JWE: {name}", f"{jwe}.{encode(b'key')}.{encode(bytes(12))}.{claims}.{encode(bytes(16))}"
        yield f"T10 JWE header on a signature: {name}", keys.hs(members | {"kid": "attack-hmac"})
    yield "T10 polyglot (CVE-2022-39227)", '{"a":"' + token.replace(".", '.","b":"') + '"}'
    yield "T10 two parts", f"{header}.{claims}"
    yield "T10 nested token", keys.hs({"alg": "HS256", "kid": "attack-hmac", "cty": "JWT"}, token.encode())
    yield "D1 longer than 8 KB", keys.hs({"alg": "HS256", "kid": "attack-hmac"}, {"exp": EXP, "x": "y" * 9000})
    yield "D1 many dots (CVE-2025-27144, CVE-2025-30204)", "." * 4000
    yield "D1 many parts (CVE-2025-27144)", "a." * 4000


def _headers(keys: Keys) -> Iterator[Attack]:
    members: dict[str, Any] = {
        "crit (CVE-2026-32597, CVE-2025-59420)": {"crit": ["exp"]},
        "crit that names a private member": {"crit": ["x"], "x": 1},
        "crit that is no list": {"crit": "exp"},
        "b64 alone": {"b64": True},
        "b64 as a text": {"b64": "false"},
        "crit that is empty (RFC 7515, 4.1.11)": {"crit": []},
        "b64 (RFC 7797; CVE-2026-48525)": {"b64": False, "crit": ["b64"]},
        "zip (CVE-2024-28102)": {"zip": "DEF"},
        "enc (CVE-2023-51774)": {"enc": "A128GCM"},
        "PBES2 (CVE-2023-6681)": {"alg": "PBES2-HS256+A128KW", "p2c": 2**31},
        "typ of another kind (RFC 8725, 3.11)": {"typ": "dpop+jwt"},
        "typ that is no text": {"typ": ["JWT"]},
    }
    for name, member in members.items():
        yield f"T9 {name}", keys.hs({"alg": "HS256", "kid": "attack-hmac"} | member)
    unencoded = {"alg": "HS256", "kid": "attack-hmac", "b64": False, "crit": ["b64"]}
    yield "T9 b64 with a big segment (CVE-2026-48525)", keys.hs(unencoded, b'{"x":"' + b"y" * 5500 + b'"}')
    yield (
        "T9 zip with a bomb (CVE-2024-28102)",
        keys.hs({"alg": "HS256", "kid": "attack-hmac", "zip": "DEF"}, zlib.compress(bytes(4_000_000), 9)),
    )


def _json(keys: Keys) -> Iterator[Attack]:
    headers = {
        "duplicate alg": b'{"alg":"none","alg":"HS256","kid":"attack-hmac"}',
        "duplicate kid": b'{"alg":"HS256","kid":"other-key","kid":"attack-hmac"}',
        "byte order mark": b'\xef\xbb\xbf{"alg":"HS256","kid":"attack-hmac"}',
        "UTF-16": '{"alg":"HS256","kid":"attack-hmac"}'.encode("utf-16"),
        "UTF-16 without a mark": '{"alg":"HS256","kid":"attack-hmac"}'.encode("utf-16-le"),
        "UTF-32": '{"alg":"HS256","kid":"attack-hmac"}'.encode("utf-32"),
        "overlong UTF-8": b'{"alg":"HS256","kid":"attack-hmac","x":"\xc0\xaf"}',
        "surrogates in UTF-8": b'{"alg":"HS256","kid":"attack-hmac","x":"\xed\xa0\x80"}',
        "duplicate alg by an escape": b'{"alg":"HS256","kid":"attack-hmac","\\u0061lg":"none"}',
        "Infinity by another name": b'{"alg":"HS256","kid":"attack-hmac","x":1e999}',
        "Latin-1": b'{"alg":"HS256","kid":"attack-hmac","x":"\xe9"}',
        "single quotes": b"{'alg':'HS256','kid':'attack-hmac'}",
        "comment": b'{"alg":"HS256",/*x*/"kid":"attack-hmac"}',
        "trailing comma": b'{"alg":"HS256","kid":"attack-hmac",}',
        "two documents": b'{"alg":"HS256","kid":"attack-hmac"}{}',
        "array": b'[{"alg":"HS256","kid":"attack-hmac"}]',
        "depth (CVE-2026-101918)": b'{"alg":"HS256","kid":"attack-hmac","x":' + b"[" * 1500 + b"]" * 1500 + b"}",
    }
    for name, header in headers.items():
        yield f"T11 header: {name}", keys.hs(header)
    claims = {
        "duplicate exp": b'{"exp":1,"exp":4102444800}',
        "NaN": b'{"exp":NaN}',
        "Infinity": b'{"exp":Infinity}',
        "byte order mark": b'\xef\xbb\xbf{"exp":4102444800}',
        "UTF-16": '{"exp":4102444800}'.encode("utf-16"),
        "Infinity by another name": b'{"exp":4102444800,"x":1e999}',
        "zero byte at the end": b'{"exp":4102444800}\x00',
        "duplicate in an object": b'{"exp":4102444800,"x":{"a":1,"a":2}}',
        "depth (CVE-2026-101918, CVE-2026-102274)": b'{"exp":4102444800,"x":' + b"[" * 1500 + b"]" * 1500 + b"}",
        "brackets without end (CVE-2026-102274)": b"[" * 5000,
        "lone surrogate": b'{"exp":4102444800,"x":"\\ud800"}',
        "invalid UTF-8": b'{"exp":4102444800,"x":"\xff"}',
        "long number": b'{"exp":' + b"9" * 5000 + b"}",
        "no object": b'"exp"',
        "empty": b"",
    }
    for name, body in claims.items():
        yield f"T11 claims: {name}", keys.hs({"alg": "HS256", "kid": "attack-hmac"}, body)
    deep = b'{"sub":"attack-hmac","exp":4102444800,"x":' + b"[" * 1500 + b"]" * 1500 + b"}"
    yield "T11 claims that name the key, deep (CVE-2026-101918)", keys.hs({"alg": "HS256"}, deep)
    twice = b'{"sub":"somebody-else","sub":"attack-hmac","exp":4102444800}'
    yield "T11 claims that name two keys", keys.hs({"alg": "HS256"}, twice)


def _claims(keys: Keys) -> Iterator[Attack]:
    wrong: dict[str, Any] = {
        "no exp": {},
        "exp null": {"exp": None},
        "exp text": {"exp": str(EXP)},
        "exp true": {"exp": True},
        "exp list": {"exp": [EXP]},
        "exp negative": {"exp": -1},
        "exp zero": {"exp": 0},
        "exp beyond all time": {"exp": 10**18},
        "exp 1e308": {"exp": 1e308},
        "expired": {"exp": 1_000_000_000},
        "nbf in the future": {"exp": EXP, "nbf": EXP - 10},
        "nbf text": {"exp": EXP, "nbf": "now"},
        "iat in the future": {"exp": EXP, "iat": EXP - 10},
        "iat true": {"exp": EXP, "iat": True},
        "iat text": {"exp": EXP, "iat": "1300000000"},
        "iat null": {"exp": EXP, "iat": None},
        "nbf true": {"exp": EXP, "nbf": True},
        "nbf null": {"exp": EXP, "nbf": None},
        "nbf negative": {"exp": EXP, "nbf": -1},
        "exp false": {"exp": False},
        "exp object": {"exp": {"$numberLong": str(EXP)}},
        "exp in milliseconds": {"exp": EXP * 1000},
        "exp with underscores": {"exp": "4_102_444_800"},
        "sub a number": {"exp": EXP, "sub": 1},
        "jti a list": {"exp": EXP, "jti": ["a"]},
        "iss null": {"exp": EXP, "iss": None},
        "aud a number": {"exp": EXP, "aud": 1},
        "aud a list of numbers": {"exp": EXP, "aud": [1]},
    }
    for name, body in wrong.items():
        yield f"T12 {name}", keys.hs({"alg": "HS256", "kid": "attack-hmac"}, body)
    yield (
        "O6 expired and forged (CVE-2024-51744)",
        keys.hs({"alg": "HS256", "kid": "attack-hmac"}, {"exp": 1}, secret=b"x" * 32),
    )


def _other_services(keys: Keys) -> Iterator[Attack]:
    """Good tokens of another service, issuer or kind, for a key that says which it takes."""
    wrong: dict[str, Any] = {
        "no aud": {"aud": None},
        "another aud": {"aud": "shipping"},
        "a part of the aud": {"aud": "order"},
        "aud in another case": {"aud": "Orders"},
        "aud list without ours": {"aud": ["shipping", "order"]},
        "aud list that is empty": {"aud": []},
        "aud lists in a list": {"aud": [["orders"]]},
        "aud in one text": {"aud": "orders billing"},
        "no iss": {"iss": None},
        "another iss": {"iss": "https://issuer.example.evil"},
        "a part of the iss (CVE-2024-53861)": {"iss": "https://issuer"},
        "an empty iss (CVE-2024-53861)": {"iss": ""},
        "iss with a slash": {"iss": "https://issuer.example/"},
        "iss in a list": {"iss": ["https://issuer.example"]},
    }
    for name, members in wrong.items():
        claims = {member: value for member, value in (BOUND_CLAIMS | members).items() if value is not None}
        yield f"T14 {name}", keys.hs(BOUND_HEADER, claims)
    for typ in ("JWT", "dpop+jwt", "jwt", "at+jwt2", "application/application/at+jwt", ""):
        yield f"T14 typ {typ!r}", keys.hs(BOUND_HEADER | {"typ": typ}, BOUND_CLAIMS)
    untyped = {name: value for name, value in BOUND_HEADER.items() if name != "typ"}
    yield "T14 no typ", keys.hs(untyped, BOUND_CLAIMS)


def _key_ids(keys: Keys) -> Iterator[Attack]:
    digest = hashlib.sha256(b"attack-hmac")
    others: list[Any] = [
        "unknown-key",
        "ATTACK-HMAC",
        "attack-hmac ",
        " attack-hmac",
        "attack-hmac\x00",
        "attack-hmac\n",
        "attack-hma\u0441",
        "",
        "' OR '1'='1",
        "attack-hmac' --",
        "../../etc/passwd",
        "/dev/null",
        "$(id)",
        "`id`",
        "*",
        "*)(kid=*",
        "KEY#attack-hmac",
        "attack-hmac#META",
        '{"$ne":1}',
        "#x",
        ":v",
        "a.b[0]",
        "RECORD",
        digest.hexdigest(),
        encode(digest.digest()),
        "x" * 257,
        "attack-hmac\r\nX-Injected: 1",
        "attack-hmac\u2028",
        "attack-\u202ehmac",
        "tg_" + "A" * 48,
        "%61ttack-hmac",
        ["attack-hmac"],
        {"$eq": "attack-hmac"},
        1,
        True,
        None,
    ]
    for place, kid in enumerate(others):
        yield f"K1 kid {place}: {kid!r:.40} (CVE-2022-23541)", keys.hs({"alg": "HS256", "kid": kid})
    yield "K7 another key's kid", keys.hs({"alg": "HS256", "kid": "attack-rsa"})
    yield (
        "K7 kid of a key and sub of another (CVE-2025-65945)",
        keys.hs({"alg": "HS256", "kid": "unknown-key"}, {"exp": EXP, "sub": "attack-hmac"}),
    )
    yield "K7 sub that is no text", keys.hs({"alg": "HS256"}, {"exp": EXP, "sub": ["attack-hmac"]})


def make() -> dict[str, Any]:
    """The whole file."""
    keys = Keys()
    return {
        "secret": SECRET,
        "rules": RULES,
        "jwks": public_jwks(keys),
        "good": good(keys),
        "attacks": dict(attacks(keys)),
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(make(), indent=1, ensure_ascii=True) + "\n")
    sys.stdout.write(f"wrote {FILE.name}\n")
