"""What a refusal costs, and what the heaviest keys cost: CPU time of one.

Both have a budget of 1 ms. A key in rotation tries each material that its grace holds, so a forged
token for it costs as many verifications; the last row shows the most that a key may hold.
"""

import hmac
import json
from base64 import urlsafe_b64encode
from functools import partial

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from access.credentials import CURVES, MAX_RSA_BITS, MAX_RSA_EXPONENT, Algorithm, Credential, load_public_key
from access.keys import TokenRules
from access.tokens import MalformedToken, parse_token, verify_token
from benchmarks.samples import cpu_microseconds, in_turn

EXP = 4_102_444_800
NOW = 1_800_000_000
SECRET = bytes(range(64))
SIZE = 8_100  # of the long tokens: parts may come to 8 KB
PAYLOAD = 5_900  # bytes of claims that fit into them
ROUNDS = 25
MAX_MATERIALS = 4  # of one key, all but one in their grace


def judge(text: str, *credentials: Credential) -> None:
    token = parse_token(text)
    if not isinstance(token, MalformedToken):
        verify_token(token, credentials, TokenRules(), now=NOW)


def signed(key: object, algorithm: str, **claims: object) -> str:
    return jwt.encode({"exp": EXP} | claims, key, algorithm=algorithm, headers={"kid": "k"})  # type: ignore[arg-type] # any


def of_bytes(claims: bytes) -> str:
    """A token of exactly these claims, rightly signed."""
    parts = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in (b'{"alg":"HS256","kid":"k"}', claims))
    return f"{parts.decode()}.{urlsafe_b64encode(hmac.digest(SECRET, parts, 'sha256')).rstrip(b'=').decode()}"


def filled(piece: str) -> str:
    """A token without `exp` whose claims are full of one piece of JSON."""
    return of_bytes(b'{"x":[' + ",".join([piece] * (PAYLOAD // (len(piece) + 1))).encode() + b"]}")


def refusals() -> dict[str, str]:
    """Tokens that an HMAC key refuses, the most laborious among them."""
    good = signed(SECRET, "HS256")
    start = good.rpartition(".")[0]
    long_claims = signed(SECRET, "HS256", x="y" * 5_800)
    return {
        "accepted, for comparison": good,
        "not three parts, 8 KB": "a" * SIZE,
        "dots, 8 KB": "." * SIZE,
        "over 8 KB": "a" * 100_000,
        "forged, short": f"{start}.{'A' * 43}",
        "forged, 8 KB": long_claims[:-43] + "A" * 43,
        "expired": jwt.encode({"exp": 1}, SECRET, algorithm="HS256", headers={"kid": "k"}),
        "brackets alone, 8 KB": of_bytes(b'{"x":' + b"[" * PAYLOAD),
        "nested claims, 8 KB": of_bytes(b'{"x":' + b"[" * (PAYLOAD // 2) + b"]" * (PAYLOAD // 2) + b"}"),
        "quotes, 8 KB": of_bytes(b"{" * 20 + b'"' * PAYLOAD),
        "objects, 8 KB": filled("{}"),
        "objects of one member, 8 KB": filled('{"":0}'),
        "arrays, 8 KB": filled("[[]]"),
        "numbers, 8 KB": filled("1e9"),
        "one long number, 8 KB": filled("9" * 4_300),
        "escapes, 8 KB": filled('"\\ud83d\\ude00"'),
        "members, 8 KB": of_bytes(json.dumps({f"{number:x}": 0 for number in range(550)}).encode()),
    }


def heaviest() -> dict[str, tuple[Credential, str]]:
    """Keys at the upper end of what can be registered, each with a token of its own."""
    found = {}
    for algorithm, key in (
        (Algorithm.RS256, rsa.generate_private_key(65537, 4096)),
        (Algorithm.PS512, rsa.generate_private_key(65537, 8192)),
        (Algorithm.ES256, ec.generate_private_key(CURVES["P-256"]())),
        (Algorithm.ES384, ec.generate_private_key(CURVES["P-384"]())),
        (Algorithm.ES512, ec.generate_private_key(CURVES["P-521"]())),
        (Algorithm.EDDSA, ed25519.Ed25519PrivateKey.generate()),
    ):
        maker = get_default_algorithms()[algorithm.value]
        jwk = maker.to_jwk(key.public_key(), as_dict=True)
        credential = Credential("c", algorithm, load_public_key(algorithm, jwk))
        size = f" {key.key_size}" if isinstance(key, rsa.RSAPrivateKey) else ""
        found[f"{algorithm.value}{size}"] = (credential, signed(key, algorithm.value))
    return found


def longest_exponent() -> tuple[Credential, str]:
    """The RSA key that is slowest to verify with: nobody has its private half, so its token is forged."""
    modulus = rsa.generate_private_key(65537, MAX_RSA_BITS).public_key().public_numbers().n
    key = rsa.RSAPublicNumbers(MAX_RSA_EXPONENT - 1, modulus).public_key()
    parts = (b'{"alg":"PS512","kid":"k"}', b'{"exp":1}', (modulus // 3).to_bytes(MAX_RSA_BITS // 8, "big"))
    text = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts).decode()
    return Credential("c", Algorithm.PS512, key), text


def main() -> None:
    """Print both tables."""
    hmac_key = Credential("c", Algorithm.HS256, SECRET)
    _show("a refusal", {name: partial(judge, text, hmac_key) for name, text in refusals().items()})
    keys = heaviest() | {f"PS512 {MAX_RSA_BITS}, exponent 2^32 - 1": longest_exponent()}
    works = {name: partial(judge, text, credential) for name, (credential, text) in keys.items()}
    one, text = keys["ES384"]
    works[f"ES384, {MAX_MATERIALS} materials, forged"] = partial(judge, text[:-20] + "A" * 20, *[one] * MAX_MATERIALS)
    _show("a verification by", works)


def _show(title: str, works: dict[str, partial[None]]) -> None:
    found = in_turn({name: partial(cpu_microseconds, work) for name, work in works.items()}, rounds=ROUNDS)
    print(f"{title}, µs of CPU (budget: 1,000)")
    for name, taken in found.items():
        print(f"  {name:36} {taken.median:8.1f} ({taken.spread})")


if __name__ == "__main__":
    main()
