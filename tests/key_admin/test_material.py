"""What registration takes and what it refuses, each with the field."""

import base64
import hashlib
import json
import secrets

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from key_admin.material import generate_material, read_material
from key_admin.models.keys import JwtData
from key_admin.problems import Problem
from key_admin.validation import validate

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
SPKI, PKCS1 = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1


def pem(private, form=SPKI) -> str:
    return private.public_key().public_bytes(PEM, form).decode()


def private_pem(private) -> str:
    return private.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def jwk(private, **members):
    raw = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(raw).rstrip(b"=").decode()} | members


@pytest.mark.parametrize(
    ("data", "algorithm", "size"),
    [
        ({"secret": "a secret of thirty-two bytes, yes"}, "HS256", 264),
        (
            {"secret": base64.urlsafe_b64encode(bytes(range(64))).decode().rstrip("=")[:85], "algorithm": "HS512"},
            "HS512",
            680,
        ),
        ({"public_key": pem(RSA)}, "RS256", 2048),
        ({"public_key": pem(RSA, PKCS1), "algorithm": "PS384"}, "PS384", 2048),
        ({"public_key": pem(EC)}, "ES256", 256),
        ({"public_key": f"\n{pem(ED)}\n"}, "EdDSA", 256),
        ({"jwk": jwk(ED, use="sig", key_ops=["verify"], alg="EdDSA", kid="x")}, "EdDSA", 256),
    ],
)
def test_sensible_material_is_taken(data, algorithm, size):
    material = read_material(JwtData(**data))

    assert (material.algorithm.value, material.size, len(material.thumbprint)) == (algorithm, size, 43)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"secret": "x" * 31}, "jwt_data.secret"),
        ({"secret": "x" * 64}, "jwt_data.secret"),
        ({"secret": "abcdefgh" * 8}, "jwt_data.secret"),
        ({"secret": "a-string-secret-at-least-256-bits-long"}, "jwt_data.secret"),
        ({"secret": "a secret of thirty-two bytes, yes", "algorithm": "HS512"}, "jwt_data.secret"),
        ({"secret": pem(RSA)}, "jwt_data.secret"),
        ({"secret": pem(EC).replace("\n", " ")}, "jwt_data.secret"),
        ({"secret": base64.b64encode(pem(RSA).encode()).decode()}, "jwt_data.secret"),
        ({"secret": RSA.public_key().public_bytes(DER, SPKI).hex()}, "jwt_data.secret"),
        ({"secret": base64.b64encode(RSA.public_key().public_bytes(DER, PKCS1)).decode()}, "jwt_data.secret"),
        ({"secret": json.dumps(jwk(ED))}, "jwt_data.secret"),
        ({"secret": "a secret of thirty-two bytes, yes", "algorithm": "RS256"}, "jwt_data.algorithm"),
        ({"secret": "???", "encoding": "base64url"}, "jwt_data.secret"),
        ({"public_key": private_pem(RSA)}, "jwt_data.public_key"),
        ({"public_key": pem(RSA) + private_pem(RSA)}, "jwt_data.public_key"),
        ({"public_key": pem(RSA) * 2}, "jwt_data.public_key"),
        ({"public_key": "https://example.com/key.pem"}, "jwt_data.public_key"),
        ({"public_key": pem(rsa.generate_private_key(65537, 1024))}, "jwt_data.public_key"),
        ({"public_key": pem(rsa.generate_private_key(3, 2048)), "algorithm": "ES256"}, "jwt_data.algorithm"),
        ({"public_key": pem(ec.generate_private_key(ec.SECP256K1()))}, "jwt_data.public_key"),
        ({"public_key": pem(dsa.generate_private_key(2048))}, "jwt_data.public_key"),
        ({"public_key": pem(EC), "algorithm": "ES384"}, "jwt_data.public_key"),
        ({"jwk": jwk(ED, d="AAAA")}, "jwt_data.jwk"),
        ({"jwk": jwk(ED, use="enc")}, "jwt_data.jwk.use"),
        ({"jwk": jwk(ED, key_ops=["sign"])}, "jwt_data.jwk.key_ops"),
        ({"jwk": jwk(ED, alg="HS256")}, "jwt_data.algorithm"),
        ({"jwk": jwk(ED, x=base64.urlsafe_b64encode(bytes([1] + [0] * 31)).decode())}, "jwt_data.jwk"),
        ({"jwk": jwk(ED, x="AAAA")}, "jwt_data.jwk"),
        ({"jwk": jwk(ED, crv="Ed448")}, "jwt_data.jwk"),
        ({"jwk": {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}}, "jwt_data.jwk.x"),
        ({"jwk": {"kty": "RSA", "n": "AQ", "e": "AQAB"}}, "jwt_data.jwk"),
        ({"jwk": {"kty": "RSA", "n": 5, "e": "AQAB"}}, "jwt_data.jwk.n"),
        ({"jwk": {"kty": "oct", "k": ""}}, "jwt_data.jwk.k"),
        ({"jwk": {"kty": ["RSA"]}}, "jwt_data.jwk.kty"),
        ({"secret": "a secret of thirty-two bytes, yes", "public_key": "x"}, "jwt_data"),
    ],
)
def test_dangerous_material_is_refused_with_its_field(data, field):
    with pytest.raises(Problem) as raised:
        read_material(JwtData(**data))

    assert [error.field for error in raised.value.errors] == [field]


def test_a_thumbprint_is_that_of_rfc_7638():
    """The example of RFC 7638, section 3.1."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn6"
        "4tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbIS"
        "D08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    material = read_material(
        JwtData(jwk={"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"})
    )

    assert material.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_generated_material_is_as_strong_as_its_algorithm():
    made = generate_material(
        JwtData(generate=True, algorithm="HS384"), lambda size: hashlib.sha512(b"fixed").digest()[:size]
    )

    assert (made.material.size, made.shown["encoding"]) == (384, "base64url")


def test_nothing_that_holds_a_secret_shows_it():
    secret = "a secret of thirty-two bytes, yes"
    data = JwtData(secret=secret, jwk={"k": secret})
    made = generate_material(JwtData(generate=True), secrets.token_bytes)

    shown = [repr(one) for one in (data, read_material(JwtData(secret=secret)), made)]

    assert not any(secret in text or made.shown["secret"] in text for text in shown)


JUNK = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [pem(RSA), pem(EC), private_pem(ED), "-----BEGIN PUBLIC KEY-----", "AQAB", "HS256", "EdDSA", "\x00"]
    ),
    st.integers(),
    st.booleans(),
    st.none(),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)
MEMBERS = st.sampled_from([*JwtData.model_fields, "x", "private_key"])
JWK = st.dictionaries(
    st.sampled_from(["kty", "crv", "x", "y", "n", "e", "k", "d", "use", "alg", "key_ops", "kid"]), JUNK, max_size=6
)


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(MEMBERS, JUNK, max_size=4),
    st.one_of(st.just({}), JWK.map(lambda members: {"jwk": jwk(ED) | members}), JWK.map(lambda one: {"jwk": one})),
)
def test_whatever_is_registered_is_taken_or_refused_with_a_field(data, more):
    try:
        wanted = validate(JwtData, data | more)
        material = (
            read_material(wanted) if not wanted.generate else generate_material(wanted, secrets.token_bytes).material
        )
    except Problem as problem:
        assert problem.status == 400
        assert all(error.field for error in problem.errors)
    else:
        assert material.size >= 255
        assert len(material.thumbprint) == 43
