"""Our verifier beside PyJWT and joserfc, on tokens that a seeded mutator makes.

What we accept, both must accept; what we refuse and one of them accepts must have a reason in
the table of differences. `make fuzz` runs 100,000 inputs (FUZZ=100000), `make test` fewer.
"""

import json
import os
import random
import warnings
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter

import joserfc.jwk
import joserfc.jwt
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from access.credentials import Algorithm, Credential
from access.keys import TokenRules
from access.tokens import MalformedToken, VerifiedToken, parse_token, verify_token
from tests.access.signers import SECRET, credential_of, signing_key

COUNT = int(os.environ.get("FUZZ", "10000"))
NOW = 1_800_000_000
ALGORITHMS = (Algorithm.HS256, Algorithm.ES256, Algorithm.EDDSA, Algorithm.RS256)
TEXTS = ["", "k", "none", "HS256", "RS256", "JWT", "at+jwt", "\u00fc", "\ud7ff", "a" * 300, "exp", "\x00", "'", "{}"]
NUMBERS = [0, 1, -1, NOW, NOW + 60, NOW - 60, 2**53, 10**15, 1.5, NOW + 0.5, 1e308, True, False, None]
NAMES = ["exp", "nbf", "iat", "iss", "aud", "sub", "jti", "crit", "b64", "zip", "enc", "typ", "cty", "kid", "x", "alg"]


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


LENIENT = JWSRegistry(algorithms=[one.value for one in ALGORITHMS], strict_check_header=False)


class Mutator:
    """Makes tokens that are good, nearly good, or odd."""

    def __init__(self, seed: int) -> None:
        self.source = random.Random(seed)

    def token(self) -> tuple[str, Algorithm]:
        source = self.source
        algorithm = source.choice(ALGORITHMS)
        header = self.some({"alg": algorithm.value, "kid": "k"}, 0.25)
        claims = self.some({"exp": NOW + 60}, 0.35)
        parts = f"{encode(self.text(header))}.{encode(self.text(claims))}"
        if source.random() < 0.1:
            parts = self.spoil(parts)
        signer = algorithm if source.random() < 0.92 else source.choice(ALGORITHMS)
        text = f"{parts}.{encode(self.sign(signer, parts.encode()))}"
        return (self.spoil(text) if source.random() < 0.1 else text), algorithm

    def sign(self, algorithm: Algorithm, message: bytes) -> bytes:
        made = jwt.algorithms.get_default_algorithms()[algorithm.value]
        return made.sign(message, signing_key(algorithm))

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
        return source.choice([[], {}, ["a", 1], {"a": [{}]}, [["exp"]]])

    def text(self, value) -> bytes:
        source = self.source
        raw = json.dumps(value, ensure_ascii=source.random() < 0.5, indent=source.choice([None, None, None, 1]))
        kind = source.random()
        if kind < 0.03:
            raw = raw.replace("{", '{"alg":"none",', 1)
        elif kind < 0.05:
            raw = raw.replace("1800000060", source.choice(["NaN", "Infinity", "1.8e9", "18000000600", "01800000060"]))
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


def ours(text: str, algorithm: Algorithm) -> str:
    """Empty where we accept, else why we refuse."""
    token = parse_token(text)
    if isinstance(token, MalformedToken):
        return f"malformed: {token.detail}"
    credential = Credential("c", algorithm, SECRET) if algorithm is Algorithm.HS256 else credential_of(algorithm)
    verified = verify_token(token, [credential], TokenRules(), now=NOW)
    return "" if isinstance(verified, VerifiedToken) else verified.value


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
    key = signing_key(algorithm)
    kinds = {"HS": joserfc.jwk.OctKey, "RS": joserfc.jwk.RSAKey, "ES": joserfc.jwk.ECKey, "Ed": joserfc.jwk.OKPKey}
    made = kinds[algorithm.value[:2]].import_key(key if isinstance(key, bytes) else _pem(key))
    try:
        joserfc.jwt.decode(text, made, algorithms=[algorithm.value], registry=LENIENT)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False
    return True


def _pem(key) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _is_long_header(text: str, others: tuple[bool, bool]) -> bool:
    """Joserfc bounds the header at 512 bytes; we bound the token at 8 KB."""
    return others == (True, False) and len(text.partition(".")[0]) > 512


# Why we refuse what another library accepts: our own rules, by the start of our reason.
STRICTER = {
    "malformed: header has": "members that change what a token means (crit, b64, zip, enc) or of a wrong type",
    "malformed: header": "strict JSON: repeated members, NaN, depth, encodings (RFC 8725, 3.7)",
    "malformed: claims": "the same for the claims",
    "malformed: payload": "the same for the claims",
    "malformed: signature": "one text a token: canonical base64url",
    "malformed": "one text a token: three parts, no padding, no white space",
    "invalid_claims": "exp is required and a number within reason; typ is a known one",
    "token_expired": "we look at the time, they were told not to",
    "token_not_yet_valid": "we look at the time, they were told not to",
}


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
                if others != (True, True) and not _is_long_header(text, others):
                    unexplained.append((number, text, others))
            elif any(others):
                rule = next((rule for rule in STRICTER if reason.startswith(rule)), None)
                found[rule] += 1
                if rule is None:
                    unexplained.append((number, text, reason))
            else:
                found["refused by all"] += 1

    assert unexplained == []
    assert found["accepted"] > COUNT // 4
    assert found["refused by all"] > COUNT // 20
    assert len(found) > 4


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
