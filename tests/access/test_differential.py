"""Our verifier beside PyJWT and joserfc, on tokens that a seeded mutator makes.

What we accept, both must accept. What we refuse and one of them accepts must be stricter for a
reason that is true of the token, as another parser and a plain reading of the rules see it.
`make fuzz` runs 100,000 inputs (FUZZ=100000), `make test` fewer.
"""

import json
import os
import random
import warnings
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from functools import cache

import joserfc.jwk
import joserfc.jwt
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry
from jwt.algorithms import get_default_algorithms
from pydantic_core import from_json

from access.credentials import Algorithm
from access.keys import TokenRules
from access.tokens import MalformedToken, VerifiedToken, parse_token, verify_token
from tests.access.signers import credential_of, signing_key

COUNT = int(os.environ.get("FUZZ", "10000"))
NOW = 1_800_000_000
YEAR_10000 = 253_402_300_800
WEIGHTS = {  # how often each is drawn, by what a signature costs
    Algorithm.HS256: 25,
    Algorithm.HS384: 5,
    Algorithm.HS512: 5,
    Algorithm.RS256: 6,
    Algorithm.RS384: 3,
    Algorithm.RS512: 3,
    Algorithm.PS256: 3,
    Algorithm.PS384: 2,
    Algorithm.PS512: 2,
    Algorithm.ES256: 20,
    Algorithm.ES384: 2,
    Algorithm.ES512: 2,
    Algorithm.EDDSA: 20,
}
ALGORITHMS = tuple(WEIGHTS)
LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
TEXTS = ["", "k", "none", "HS256", "RS256", "JWT", "at+jwt", "\u00fc", "\ud7ff", "a" * 300, "exp", "\x00", "'", "{}"]
NUMBERS = [0, 1, -1, NOW, NOW + 60, NOW - 60, 2**53, 10**15, 1.5, NOW + 0.5, 1e308, True, False, None]
NAMES = ["exp", "nbf", "iat", "iss", "aud", "sub", "jti", "crit", "b64", "zip", "enc", "typ", "cty", "kid", "x", "alg"]


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def deep(levels: int) -> list:
    return [deep(levels - 1)] if levels else []


@cache
def signer_of(algorithm: Algorithm):
    return get_default_algorithms()[algorithm.value]


@cache
def jose_key(algorithm: Algorithm):
    key = signing_key(algorithm)
    kinds = {"HS": joserfc.jwk.OctKey, "ES": joserfc.jwk.ECKey, "Ed": joserfc.jwk.OKPKey}
    kind = kinds.get(algorithm.value[:2], joserfc.jwk.RSAKey)
    return kind.import_key(key if isinstance(key, bytes) else _pem(key))


LENIENT = JWSRegistry(algorithms=[one.value for one in ALGORITHMS], strict_check_header=False)


class Mutator:
    """Makes tokens that are good, nearly good, or odd."""

    def __init__(self, seed: int) -> None:
        self.source = random.Random(seed)

    def token(self) -> tuple[str, Algorithm]:
        source = self.source
        algorithm = self.algorithm()
        header = self.some({"alg": algorithm.value, "kid": "k"}, 0.25)
        claims = self.some({"exp": NOW + 60}, 0.35)
        parts = f"{encode(self.text(header))}.{encode(self.text(claims))}"
        if source.random() < 0.1:
            parts = self.spoil(parts)
        signer = algorithm if source.random() < 0.92 else self.algorithm()
        text = f"{parts}.{encode(self.sign(signer, parts.encode()))}"
        return (self.spoil(text) if source.random() < 0.1 else text), algorithm

    def algorithm(self) -> Algorithm:
        return self.source.choices(ALGORITHMS, weights=WEIGHTS.values())[0]

    def sign(self, algorithm: Algorithm, message: bytes) -> bytes:
        return signer_of(algorithm).sign(message, signing_key(algorithm))

    def some(self, members: dict, chance: float) -> dict:
        source = self.source
        while source.random() < chance:
            members[source.choice(NAMES)] = self.value()
        if source.random() < 0.05:
            members.pop(source.choice(list(members)), None)
        return members

    def value(self):
        source = self.source
        kind = source.random()
        if kind < 0.4:
            return source.choice(NUMBERS)
        if kind < 0.8:
            return source.choice(TEXTS)
        return source.choice([[], {}, ["a", 1], {"a": [{}]}, [["exp"]], deep(12), deep(14), deep(40)])

    def text(self, value) -> bytes:
        source = self.source
        raw = json.dumps(value, ensure_ascii=source.random() < 0.5, indent=source.choice([None, None, None, 1]))
        kind = source.random()
        if kind < 0.03:
            raw = raw.replace("{", '{"alg":"none",', 1)
        elif kind < 0.05:
            raw = raw.replace(
                "1800000060", source.choice(["NaN", "Infinity", "1e999", "1.8e9", "18000000600", "01800000060"])
            )
        elif kind < 0.07:
            raw = source.choice([" ", "\n", "\ufeff", "[", ""]) + raw
        elif kind < 0.08:
            raw += source.choice([" ", "\n", "x", "{}", "\x00"])
        encoded = raw.encode("utf-8", "surrogatepass")
        if source.random() < 0.01:
            encoded = raw.encode("utf-16")
        return encoded

    def spoil(self, text: str) -> str:
        source = self.source
        place = source.randrange(len(text) + 1)
        return source.choice(
            [
                text[:place] + source.choice("AZaz09-_.=+/ \n%") + text[place:],
                text[:place] + text[place + 1 :],
                text[:place],
                text + source.choice(["=", "==", ".", "\n", " "]),
                text.replace(".", "..", 1),
                text.swapcase(),
            ]
        )


cached_credential = cache(credential_of)


def ours(text: str, algorithm: Algorithm) -> str:
    """Empty where we accept, else why we refuse."""
    token = parse_token(text)
    if isinstance(token, MalformedToken):
        return f"malformed: {token.detail}"
    verified = verify_token(token, [cached_credential(algorithm)], TokenRules(), now=NOW)
    return "" if isinstance(verified, VerifiedToken) else verified.reason.value


def pyjwt(text: str, algorithm: Algorithm) -> bool:
    key = signing_key(algorithm)
    public = key if isinstance(key, bytes) else key.public_key()
    try:
        jwt.decode(
            text,
            public,
            algorithms=[algorithm.value],
            options={
                "verify_aud": False,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "require": ["exp"],
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        return False
    return True


def joserfc_accepts(text: str, algorithm: Algorithm) -> bool:
    try:
        joserfc.jwt.decode(text, jose_key(algorithm), algorithms=[algorithm.value], registry=LENIENT)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False
    return True


def _pem(key) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _is_long_header(text: str, others: tuple[bool, bool]) -> bool:
    """Joserfc bounds the header at 512 bytes; we bound the token at 8 KB."""
    return others == (True, False) and len(text.partition(".")[0]) > 512


# --- why we may be stricter, judged again by other means -----------------------------------


def is_other_text(text: str, reason: str) -> bool:
    """One text a token: three parts of base64url, without padding, white space or spare bits."""
    parts = text.split(".")
    if not reason.endswith("canonical base64url"):
        return len(parts) != 3 or not set("".join(parts)) <= LETTERS or not (parts[0] and parts[1])
    return any(encode(urlsafe_b64decode(part + "==")) != part for part in parts)


def is_other_json(text: str, reason: str) -> bool:
    """Strict JSON in strict UTF-8, by a parser that is not Python's."""
    part = text.split(".")[0 if "header" in reason else 1]
    raw = urlsafe_b64decode(part + "==")
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError:
        return True
    return not isinstance(value, dict) or depth(value) > 16 or b"1e999" in raw or repeats(raw)


def depth(value) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def repeats(raw: bytes) -> bool:
    """The mutator repeats one member alone."""
    return raw.count(b'"alg"') > 1


def has_other_header(text: str, _reason: str) -> bool:
    """Members that change what a token means, or of a wrong type."""
    header = from_json(urlsafe_b64decode(text.split(".", maxsplit=1)[0] + "=="))
    named = [header[name] for name in ("kid", "typ", "cty") if name in header]
    is_typed = all(isinstance(one, str) for one in [header.get("alg"), *named])
    return bool({"crit", "b64", "zip", "enc"} & header.keys()) or not is_typed


def has_other_claims(text: str, _reason: str) -> bool:
    """Times that are no dates, no `exp`, texts that are none, a kind of token that we do not know."""
    header, claims = (from_json(urlsafe_b64decode(part + "==")) for part in text.split(".")[:2])
    times = [claims[name] for name in ("exp", "nbf", "iat") if name in claims]
    are_times = all(type(one) in {int, float} and 0 <= one < YEAR_10000 for one in times)
    texts = [claims[name] for name in ("iss", "sub", "jti") if name in claims]
    audience = claims.get("aud", [])
    texts += audience if isinstance(audience, list) else [audience]
    is_known = header.get("typ", "JWT").lower() in {"jwt", "at+jwt", "application/jwt", "application/at+jwt"}
    return not (are_times and "exp" in claims and is_known and all(isinstance(one, str) for one in texts))


def is_expired(text: str, _reason: str) -> bool:
    return from_json(urlsafe_b64decode(text.split(".")[1] + "=="))["exp"] <= NOW


def is_early(text: str, _reason: str) -> bool:
    claims = from_json(urlsafe_b64decode(text.split(".")[1] + "=="))
    return max(claims.get("nbf", 0), claims.get("iat", 0)) > NOW


STRICTER = {
    "malformed: header has": has_other_header,
    "malformed: header is not canonical": is_other_text,
    "malformed: payload is not canonical": is_other_text,
    "malformed: signature is not canonical": is_other_text,
    "malformed: header": is_other_json,
    "malformed: payload": is_other_json,
    "malformed: not three": is_other_text,
    "invalid_claims": has_other_claims,
    "token_expired": is_expired,
    "token_not_yet_valid": is_early,
}


def is_good(text: str) -> bool:
    """Whether no stricter rule speaks against a token."""
    return not any(rule(text, "canonical base64url") or rule(text, "header") for rule in set(STRICTER.values()))


@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")
def test_what_we_accept_both_others_accept_and_every_stricter_refusal_has_its_reason():
    mutator, found, unexplained = Mutator(7515), Counter(), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(COUNT):
            text, algorithm = mutator.token()
            reason = ours(text, algorithm)
            others = (pyjwt(text, algorithm), joserfc_accepts(text, algorithm))
            if not reason:
                found["accepted"] += 1
                is_alike = others == (True, True) or _is_long_header(text, others)
                if not is_alike or not is_good(text):
                    unexplained.append((number, text, others))
            elif any(others):
                name, rule = next((one for one in STRICTER.items() if reason.startswith(one[0])), ("", None))
                found[name] += 1
                if rule is None or not rule(text, reason):
                    unexplained.append((number, text, reason))
            else:
                found["refused by all"] += 1

    assert unexplained == []
    assert found["accepted"] > COUNT // 4
    assert found["refused by all"] > COUNT // 20
    assert {"malformed: header", "malformed: payload", "malformed: not three", "invalid_claims"} <= found.keys()


@given(st.text(alphabet="eyJhbGciOiJIUzI1NiJ9.-_=+/ \n", max_size=200) | st.text(max_size=300))
def test_the_parser_never_raises_and_keeps_the_text_that_it_read(text):
    token = parse_token(text)

    if not isinstance(token, MalformedToken):
        assert token.signing_input.decode() + "." + encode(token.signature) == text


@given(st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=20) | st.booleans(), max_size=6))
def test_the_parser_reads_the_claims_that_were_written(claims):
    parts = (b'{"alg":"HS256"}', json.dumps(claims).encode("utf-8", "surrogatepass"), b"xyz")
    text = ".".join(encode(part) for part in parts)
    token = parse_token(text)

    if not isinstance(token, MalformedToken):
        assert token.claims == json.loads(urlsafe_b64decode(text.split(".")[1] + "=="))
