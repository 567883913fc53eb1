"""Tokens of outside providers: which keys may have signed them, whom they name, what they bring."""

import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from access.decisions import Reason
from access.issuers import (
    MAX_IDENTITY_CHARACTERS,
    MAX_POLICIES,
    Issuer,
    KeySet,
    credentials_for,
    identity_of,
    policies_of,
    read_key_set,
)
from access.tokens import RejectedToken, parse_token, verify_token
from tests.key_admin.materials import encode, resized_points

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
NOW = 1_800_000_000
ISSUER = Issuer(
    *("idp", 1, 0, 0, "https://idp.example"), algorithms=("RS256", "PS256", "ES256", "EdDSA"), any_audience=True
)


def jwk(key=RSA, **members):
    to_jwk = {RSA: RSAAlgorithm, EC: ECAlgorithm, ED: OKPAlgorithm}[key].to_jwk
    return json.loads(to_jwk(key.public_key())) | {"kid": "k"} | members


def key_set(*keys):
    return read_key_set({"keys": list(keys)}, fetched_at=NOW)


def judge(keys, *, key=RSA, algorithm="RS256", issuer=ISSUER, headers=None):
    claims = {"iss": issuer.issuer, "sub": "ada", "exp": NOW + 60}
    token = parse_token(jwt.encode(claims, key, algorithm, headers={"kid": "k"} if headers is None else headers))
    return verify_token(token, credentials_for(token, issuer, keys), issuer.token_rules, now=NOW)


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (RSA, "PS256"), (EC, "ES256"), (ED, "EdDSA")])
def test_a_token_verifies_by_the_key_that_it_names(key, algorithm):
    assert not isinstance(judge(key_set(jwk(key)), key=key, algorithm=algorithm), RejectedToken)


@pytest.mark.parametrize(
    "member",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"},
        {"kty": "unheard-of"},
        {"alg": "HS256"},
        {"alg": "RSA-OAEP"},
        {"alg": 5},
        {"kid": 5},
        {"n": 5},
        {"n": "AQAB"},
        {"e": "AQ"},
    ],
)
def test_keys_that_verify_no_signature_are_passed_over(member):
    """RFC 7517, section 5: what is not understood is ignored, and the set serves without it."""
    found = key_set(jwk() | member, jwk(EC, kid="good"))

    assert [one["kid"] for one in found.keys] == ["good"]


def test_an_ec_key_whose_coordinates_are_not_of_full_size_is_passed_over():
    """As where keys are registered: RFC 7518, section 6.2.1.2."""
    resized = [point for _, _, point in resized_points()]

    found = key_set(*resized, jwk(EC, kid="good"))

    assert len(resized) == 12
    assert [one["kid"] for one in found.keys] == ["good"]


def test_an_rsa_number_with_a_zero_in_front_is_the_same_number():
    """RFC 7518, section 6.3.1.1, expects it of some libraries."""
    modulus = RSA.public_key().public_numbers().n.to_bytes(257, "big")

    assert not isinstance(judge(key_set(jwk() | {"n": encode(modulus)})), RejectedToken)


@pytest.mark.parametrize(
    "document", [{}, {"keys": {}}, {"keys": []}, {"keys": ["x", None, {}]}, {"keys": [{"kty": "oct", "k": "AAAA"}]}]
)
def test_a_document_without_a_usable_key_is_no_key_set(document):
    with pytest.raises(ValueError, match="key"):
        read_key_set(document, fetched_at=NOW)


def test_a_public_key_is_no_secret():
    """RFC 8725, section 2.1: HS256 with the provider's public key as secret."""
    forged = jwt.encode({"iss": ISSUER.issuer, "sub": "eve", "exp": NOW + 60}, "s" * 64, "HS256", headers={"kid": "k"})
    token = parse_token(forged)

    assert credentials_for(token, ISSUER._replace(algorithms=("RS256", "HS256")), key_set(jwk())) == ()


def test_the_algorithm_is_one_that_the_issuer_has_and_that_the_key_names():
    assert judge(key_set(jwk()), issuer=ISSUER._replace(algorithms=("ES256",))).reason is Reason.UNSUPPORTED_ALGORITHM
    assert isinstance(judge(key_set(jwk(alg="PS256"))), RejectedToken)
    assert not isinstance(judge(key_set(jwk(alg="RS256"))), RejectedToken)


def test_an_issuer_that_does_not_say_whom_its_tokens_are_for_takes_none():
    """It would take those that the provider made for any application."""
    silent = ISSUER._replace(any_audience=False)

    assert isinstance(judge(key_set(jwk()), issuer=silent), RejectedToken)


def test_a_token_that_names_no_key_verifies_only_where_there_is_one():
    unnamed = {name: value for name, value in jwk().items() if name != "kid"}

    assert not isinstance(judge(key_set(jwk()), headers={}), RejectedToken)
    assert not isinstance(judge(key_set(unnamed), headers={}), RejectedToken)
    assert isinstance(judge(key_set(jwk(), jwk(EC, kid="other")), headers={}), RejectedToken)
    assert isinstance(judge(key_set(unnamed)), RejectedToken)


def test_a_set_has_a_key_by_its_id():
    found = KeySet(({"kid": "a"}, {"kid": "b"}), NOW)

    assert [found.has(one) for one in ("a", "b", "c", None)] == [True, True, False, True]


@pytest.mark.parametrize(
    ("claim", "claims", "identity"),
    [
        ("sub", {"sub": "ada"}, "ada"),
        ("sub", {"sub": "José Núñez"}, "José Núñez"),
        ("user.id", {"user": {"id": "ada"}}, "ada"),
        ("user.id", {"user.id": "whole", "user": {"id": "part"}}, "whole"),
        ("https://acme.example/id", {"https://acme.example/id": "ada"}, "ada"),
        ("sub", {"sub": "x" * MAX_IDENTITY_CHARACTERS}, "x" * MAX_IDENTITY_CHARACTERS),
        ("sub", {"sub": "x" * (MAX_IDENTITY_CHARACTERS + 1)}, None),
        ("sub", {"sub": ""}, None),
        ("sub", {"sub": 7}, None),
        ("sub", {"sub": ["ada"]}, None),
        ("sub", {"sub": None}, None),
        ("sub", {"sub": "ada\r\nx-admin: 1"}, None),
        ("sub", {}, None),
        ("user.id", {"user": "ada"}, None),
        ("user.id.x", {"user": {"id": "ada"}}, None),
    ],
)
def test_an_identity_is_one_printable_text(claim, claims, identity):
    assert identity_of(claims, ISSUER._replace(identity_claim=claim)) == identity


MAPPED = ISSUER._replace(
    policy_claim="policy",
    allowed_policies=("gold", "silver", *(f"p{number}" for number in range(MAX_POLICIES + 1))),
    default_policies=("default",),
    scope_claim="scope",
    scope_policies={"read": "readers", "write": "writers"},
)


@pytest.mark.parametrize(
    ("claims", "policies"),
    [
        ({}, ("default",)),
        ({"policy": ""}, ("default",)),
        ({"policy": 5, "scope": {}}, ("default",)),
        ({"policy": "gold"}, ("gold",)),
        ({"policy": ["gold", "silver", "gold", 5]}, ("gold", "silver")),
        ({"scope": "openid read"}, ("readers",)),
        ({"scope": ["read", "write"]}, ("readers", "writers")),
        ({"scope": "openid"}, ("default",)),
        ({"policy": "gold", "scope": "write"}, ("gold", "writers")),
        ({"policy": "gold", "scope": "openid"}, ("gold",)),
        ({"policy": "root"}, ()),
        ({"policy": ["gold", "root"], "scope": "read"}, ()),
        ({"policy": "readers"}, ()),
        ({"policy": "default"}, ()),
        ({"policy": "a/b"}, ()),
        ({"policy": ["x" * 65]}, ()),
        ({"policy": [f"p{number}" for number in range(MAX_POLICIES)]}, tuple(f"p{n}" for n in range(MAX_POLICIES))),
        ({"policy": [f"p{number}" for number in range(MAX_POLICIES + 1)]}, ()),
    ],
)
def test_policies_are_those_that_a_token_names_and_of_its_scopes_else_the_default_ones(claims, policies):
    """Tyk: scopes are added to a claim's policy, and stand in for default ones.

    A token that names a policy which it may not name brings none, not even those of its scopes.
    """
    assert policies_of(claims, MAPPED) == policies
