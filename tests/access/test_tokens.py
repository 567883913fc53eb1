"""The strict parser and the checks of signature and claims."""

import base64
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.credentials import Algorithm, Credential
from access.decisions import Reason
from access.keys import TokenRules
from access.tokens import MalformedToken, RejectedToken, UnverifiedToken, VerifiedToken, parse_token, verify_token

SECRET = b"an-hmac-secret-that-is-long-enough"
NOW = 1_800_000_000
CREDENTIAL = Credential("c1", Algorithm.HS256, SECRET)


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def make(header=b'{"alg":"HS256","kid":"k"}', payload=b'{"exp":1800000060}') -> str:
    """A rightly signed token of raw parts."""
    parts = f"{encode(header)}.{encode(payload)}"
    return f"{parts}.{encode(hmac.digest(SECRET, parts.encode(), hashlib.sha256))}"


def judge(claims, rules=TokenRules(), now=NOW, header=None):
    token = parse_token(make(header or b'{"alg":"HS256","kid":"k"}', json.dumps(claims).encode()))
    assert isinstance(token, UnverifiedToken)
    return verify_token(token, [CREDENTIAL], rules, now=now)


def test_a_good_token_is_verified():
    token = parse_token(make())

    assert isinstance(token, UnverifiedToken)
    assert repr(token) == "UnverifiedToken('HS256', <secret>)"
    assert isinstance(verify_token(token, [CREDENTIAL], TokenRules(), now=NOW), VerifiedToken)


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"HS256","crit":["exp"]}',
        b'{"alg":"HS256","b64":false}',
        b'{"alg":"HS256","zip":"DEF"}',
        b'{"alg":"HS256","enc":"A128GCM"}',
        b'{"alg":1}',
        b"{}",
        b'{"alg":"HS256","kid":1}',
        b'{"alg":"HS256","kid":null}',
        b'{"alg":"HS256","typ":["JWT"]}',
        b'{"alg":"HS256","alg":"none"}',
        b'["alg"]',
        b'"alg"',
        b'{"alg":"HS256","x":NaN}',
        b'\xef\xbb\xbf{"alg":"HS256"}',
        '{"alg":"HS256"}'.encode("utf-16"),
        b'{"alg":"HS256","x":"\xed\xa0\x80"}',
        b'{"alg":"HS256","x":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"alg":"HS256","x":' + b"[" * 3000 + b"]" * 3000 + b"}",
        b'{"alg":"HS256","x":' + b"9" * 5000 + b"}",
    ],
)
def test_a_header_that_is_not_strict_is_malformed(header):
    assert isinstance(parse_token(make(header)), MalformedToken)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t + "=",
        lambda t: t + ".",
        lambda t: " " + t,
        lambda t: t + "\n",
        lambda t: t.replace(".", "..", 1),
        lambda t: "." + t,
        lambda t: t.rsplit(".", 1)[0],
        lambda t: t + "A" * 9000,
    ],
)
def test_another_text_of_a_good_token_is_malformed(change):
    assert isinstance(parse_token(change(make())), MalformedToken)


def test_a_token_of_8_kb_is_read_and_none_that_is_longer():
    shortest = len(make(payload=b'{"exp":1800000060,"x":""}'))
    sizes = {}
    for letters in range((8192 - shortest) * 3 // 4 - 4, (8192 - shortest) * 3 // 4 + 4):
        token = make(payload=b'{"exp":1800000060,"x":"' + b"y" * letters + b'"}')
        sizes[len(token)] = isinstance(parse_token(token), UnverifiedToken)

    assert sizes == {size: size <= 8192 for size in sizes}
    assert {8191, 8192} & sizes.keys()
    assert {8193, 8194} & sizes.keys()


def test_every_bit_flip_and_every_truncation_of_the_signature_fails():
    token = make()
    head, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "=")
    variants = [raw[:length] for length in range(len(raw))]
    variants += [
        bytes(byte ^ (1 << bit) if place == at else byte for place, byte in enumerate(raw))
        for at in range(len(raw))
        for bit in range(8)
    ]

    for variant in variants:
        parsed = parse_token(f"{head}.{encode(variant)}")
        assert isinstance(parsed, UnverifiedToken)
        assert verify_token(parsed, [CREDENTIAL], TokenRules(), now=NOW).reason is Reason.INVALID_SIGNATURE


def test_the_last_character_has_one_right_spelling():
    """Trailing bits that base64 ignores are not a second form of a token."""
    token = make()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spelled = [token[:-1] + letter for letter in alphabet]
    good = [
        one
        for one in spelled
        if isinstance(parsed := parse_token(one), UnverifiedToken)
        and isinstance(verify_token(parsed, [CREDENTIAL], TokenRules(), now=NOW), VerifiedToken)
    ]

    assert good == [token]


@given(st.text(max_size=200))
def test_no_text_raises(text):
    assert isinstance(parse_token(text), MalformedToken | UnverifiedToken)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_no_signed_bytes_raise(header, payload):
    parsed = parse_token(make(header, payload))
    if isinstance(parsed, UnverifiedToken):
        verify_token(parsed, [CREDENTIAL], TokenRules(), now=NOW)


def test_the_stored_algorithm_decides():
    """A header cannot choose another algorithm than the key's."""
    for name in ("none", "None", "HS384", "RS256", "hs256", "HS256 "):
        token = parse_token(make(json.dumps({"alg": name}).encode()))
        assert isinstance(token, UnverifiedToken)
        assert verify_token(token, [CREDENTIAL], TokenRules(), now=NOW).reason is Reason.UNSUPPORTED_ALGORITHM


@pytest.mark.parametrize(
    ("claims", "verdict"),
    [
        ({"exp": NOW + 1}, None),
        ({"exp": NOW}, Reason.TOKEN_EXPIRED),
        ({"exp": NOW + 0.5}, None),
        ({"exp": NOW + 0.001}, None),
        ({"exp": NOW - 0.001}, Reason.TOKEN_EXPIRED),
        ({"exp": NOW + 9, "nbf": NOW + 0.001}, Reason.TOKEN_NOT_YET_VALID),
        ({"exp": NOW + 9, "nbf": NOW - 0.001}, None),
        ({"exp": NOW + 9, "iat": NOW + 0.001}, Reason.TOKEN_NOT_YET_VALID),
        ({"exp": 253_402_300_799}, None),
        ({"exp": 253_402_300_800}, Reason.INVALID_CLAIMS),
        ({"exp": 1.8e9 + 60}, None),
        ({"exp": NOW, "nbf": NOW + 9}, Reason.TOKEN_EXPIRED),
        ({"exp": NOW + 9, "nbf": -1}, Reason.INVALID_CLAIMS),
        ({"exp": NOW + 9, "nbf": 0, "iat": 0}, None),
        ({"exp": NOW + 9, "iat": None}, Reason.INVALID_CLAIMS),
        ({"exp": NOW + 9, "nbf": NOW}, None),
        ({"exp": NOW + 9, "nbf": NOW + 1}, Reason.TOKEN_NOT_YET_VALID),
        ({"exp": NOW + 9, "iat": NOW}, None),
        ({"exp": NOW + 9, "iat": NOW + 1}, Reason.TOKEN_NOT_YET_VALID),
        ({}, Reason.INVALID_CLAIMS),
        ({"exp": str(NOW + 9)}, Reason.INVALID_CLAIMS),
        ({"exp": True}, Reason.INVALID_CLAIMS),
        ({"exp": None}, Reason.INVALID_CLAIMS),
        ({"exp": -1}, Reason.INVALID_CLAIMS),
        ({"exp": 10**400}, Reason.INVALID_CLAIMS),
        ({"exp": 131970 * 31_556_952}, Reason.INVALID_CLAIMS),
        ({"exp": NOW + 9, "nbf": True}, Reason.INVALID_CLAIMS),
        ({"exp": NOW + 9, "iss": None}, Reason.INVALID_CLAIMS),
        ({"exp": NOW + 9, "sub": 1}, Reason.INVALID_CLAIMS),
        ({"exp": NOW + 9, "jti": ["a"]}, Reason.INVALID_CLAIMS),
        ({"exp": NOW + 9, "aud": 1}, Reason.INVALID_CLAIMS),
        ({"exp": NOW + 9, "aud": ["a", 1]}, Reason.INVALID_CLAIMS),
        ({"exp": NOW + 9, "aud": [], "iss": "", "sub": "", "jti": ""}, None),
    ],
)
def test_claims_are_judged_by_their_types_and_times_to_the_second(claims, verdict):
    found = judge(claims)

    assert found.reason is verdict if verdict else isinstance(found, VerifiedToken)


@pytest.mark.parametrize(
    ("claims", "rules", "allowed"),
    [
        ({"exp": NOW - 4}, TokenRules(leeway_seconds=5), True),
        ({"exp": NOW - 5}, TokenRules(leeway_seconds=5), False),
        ({"exp": NOW - 59}, TokenRules(leeway_seconds=60), True),
        ({"exp": NOW - 60}, TokenRules(leeway_seconds=60), False),
        ({"exp": NOW - 59.5}, TokenRules(leeway_seconds=60), True),
        ({"exp": NOW + 9, "nbf": NOW + 5}, TokenRules(leeway_seconds=5), True),
        ({"exp": NOW + 9, "nbf": NOW + 6}, TokenRules(leeway_seconds=5), False),
        ({"exp": NOW + 9, "nbf": NOW + 5.5}, TokenRules(leeway_seconds=5), False),
        ({"exp": NOW + 9, "iat": NOW + 5}, TokenRules(leeway_seconds=5), True),
        ({"exp": NOW + 9, "iat": NOW + 6}, TokenRules(leeway_seconds=5), False),
        ({"nbf": NOW + 6}, TokenRules(require_exp=False, leeway_seconds=5), False),
        ({"exp": NOW - 9}, TokenRules(require_exp=False), False),
        ({"exp": NOW + 60.5, "iat": NOW}, TokenRules(max_lifetime_seconds=60), False),
        ({"exp": NOW + 60, "iat": NOW - 0.5}, TokenRules(max_lifetime_seconds=60), False),
        ({"exp": NOW + 60}, TokenRules(max_lifetime_seconds=60), True),
        ({"exp": NOW + 65, "iat": NOW + 5}, TokenRules(max_lifetime_seconds=60, leeway_seconds=5), True),
        ({"exp": NOW + 66, "iat": NOW + 5}, TokenRules(max_lifetime_seconds=60, leeway_seconds=5), False),
        ({}, TokenRules(require_exp=False), True),
        ({"exp": NOW + 60, "iat": NOW}, TokenRules(max_lifetime_seconds=60), True),
        ({"exp": NOW + 61, "iat": NOW}, TokenRules(max_lifetime_seconds=60), False),
        ({"exp": NOW + 61}, TokenRules(max_lifetime_seconds=60), False),
        ({}, TokenRules(require_exp=False, max_lifetime_seconds=60), False),
        ({"exp": NOW + 9, "iss": "a"}, TokenRules(issuers=("a", "b")), True),
        ({"exp": NOW + 9, "iss": ["a"]}, TokenRules(issuers=("a",)), False),
        ({"exp": NOW + 9}, TokenRules(issuers=("a",)), False),
        ({"exp": NOW + 9, "iss": "a"}, TokenRules(issuers=("ab",)), False),
        ({"exp": NOW + 9, "aud": ["x", "a"]}, TokenRules(audiences=("a",)), True),
        ({"exp": NOW + 9, "aud": "a"}, TokenRules(audiences=("a",)), True),
        ({"exp": NOW + 9, "aud": [1, None]}, TokenRules(audiences=("a",)), False),
        ({"exp": NOW + 9, "aud": "x"}, TokenRules(audiences=("a", "b")), False),
        ({"exp": NOW + 9, "aud": ["x", "ab"]}, TokenRules(audiences=("a", "b")), False),
        ({"exp": NOW + 9, "aud": []}, TokenRules(audiences=("a",)), False),
        ({"exp": NOW + 9}, TokenRules(audiences=("a",)), False),
    ],
)
def test_what_a_key_asks_of_its_claims(claims, rules, allowed):
    assert isinstance(judge(claims, rules), VerifiedToken) is allowed


BOUND = TokenRules(issuers=("https://us",), audiences=("us",), max_lifetime_seconds=60, leeway_seconds=2)


@pytest.mark.parametrize(
    ("claims", "rules", "detail"),
    [
        ({}, TokenRules(), "exp is missing"),
        ({"exp": "soon"}, TokenRules(), "exp is not a number from 0 to 253402300799"),
        ({"exp": NOW + 9, "nbf": True}, TokenRules(), "nbf is not a number from 0 to 253402300799"),
        ({"exp": NOW + 9, "jti": 7}, TokenRules(), "jti is not a string"),
        ({"exp": NOW + 9, "aud": ["us", 7]}, TokenRules(), "aud is not a string or a list of strings"),
        ({"exp": NOW - 0.5}, TokenRules(), "exp was 1 s ago, the leeway is 0 s"),
        ({"exp": NOW - 2}, BOUND, "exp was 2 s ago, the leeway is 2 s"),
        ({"exp": NOW + 9, "nbf": NOW + 3}, TokenRules(), "nbf is 3 s ahead, the leeway is 0 s"),
        ({"exp": NOW + 9, "iat": NOW + 2.5}, BOUND, "iat is 3 s ahead, the leeway is 2 s"),
        ({"exp": NOW + 9, "nbf": NOW + 3, "iat": NOW + 4}, TokenRules(), "nbf is 3 s ahead, the leeway is 0 s"),
        ({"exp": NOW + 9, "nbf": NOW - 1, "iat": NOW + 4}, TokenRules(), "iat is 4 s ahead, the leeway is 0 s"),
        ({"exp": NOW + 61}, BOUND, "exp is not within 60 s of now, as iat is missing"),
        ({"exp": NOW + 61, "iat": NOW}, BOUND, "exp is not within 60 s of iat"),
        ({"exp": NOW + 9}, BOUND, "iss is missing"),
        ({"exp": NOW + 9, "iss": "https://them"}, BOUND, "iss is not an issuer of the key"),
        ({"exp": NOW + 9, "iss": "https://us"}, BOUND, "aud is missing"),
        ({"exp": NOW + 9, "iss": "https://us", "aud": ["them"]}, BOUND, "aud names no audience of the key"),
        ({"exp": NOW + 9}, TokenRules(typ="at+jwt"), "typ is not at+jwt"),
    ],
)
def test_the_log_names_the_check_that_failed_and_no_value_of_the_token(claims, rules, detail):
    found = judge(claims, rules)

    assert isinstance(found, RejectedToken)
    assert found.detail == detail


@pytest.mark.parametrize(
    ("token", "credentials", "detail"),
    [
        (make(b'{"alg":"HS512"}'), [CREDENTIAL], "alg is not HS256"),
        (make(), [CREDENTIAL._replace(expires_at=NOW)], "no credential for it is in force"),
        (make()[:-8] + "AAAAAAA8", [CREDENTIAL, CREDENTIAL], "checked by 2 of HS256"),
        (make(b'{"alg":"HS256","typ":"secevent+jwt"}'), [CREDENTIAL], "typ is not JWT or at+jwt"),
    ],
)
def test_the_log_names_what_a_header_or_signature_failed_by(token, credentials, detail):
    parsed = parse_token(token)
    assert isinstance(parsed, UnverifiedToken)

    found = verify_token(parsed, credentials, TokenRules(), now=NOW)

    assert isinstance(found, RejectedToken)
    assert found.detail == detail


@given(st.dictionaries(st.sampled_from(["exp", "nbf", "iat", "iss", "aud", "sub", "jti", "typ"]), st.text(min_size=4)))
def test_no_detail_holds_a_string_of_the_claims(claims):
    marked = {name: f"<<{value}>>" for name, value in claims.items()}

    found = judge({"exp": NOW + 9} | marked, BOUND)

    assert isinstance(found, RejectedToken)
    assert "<<" not in found.detail


@pytest.mark.parametrize(
    ("typ", "rules", "allowed"),
    [
        ("JWT", TokenRules(), True),
        ("jwt", TokenRules(), True),
        ("at+jwt", TokenRules(), True),
        ("application/at+jwt", TokenRules(), True),
        ("secevent+jwt", TokenRules(), False),
        ("secevent+jwt", TokenRules(typ="secevent+jwt"), True),
        ("JWT", TokenRules(typ="secevent+jwt"), False),
    ],
)
def test_tokens_of_another_kind_are_refused(typ, rules, allowed):
    header = json.dumps({"alg": "HS256", "typ": typ}).encode()

    assert isinstance(judge({"exp": NOW + 9}, rules, header=header), VerifiedToken) is allowed


def test_a_credential_stops_verifying_when_its_grace_ends():
    token = parse_token(make())
    assert isinstance(token, UnverifiedToken)
    old = CREDENTIAL._replace(expires_at=NOW)

    assert isinstance(verify_token(token, [old], TokenRules(), now=NOW - 1), VerifiedToken)
    assert verify_token(token, [old], TokenRules(), now=NOW).reason is Reason.UNSUPPORTED_ALGORITHM
