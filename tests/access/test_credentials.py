"""Stored material becomes a key of its algorithm, within bounds, or nothing."""

import pytest

from access.credentials import Algorithm, UnusableMaterialError, algorithm_named, load_public_key, load_secret
from tests.access.signers import public_jwk
from tests.key_admin.materials import ed_jwk, encode, keys, number, resized_points, rsa_jwk

MODULUS = keys()["RSA"].public_key().public_numbers().n


@pytest.mark.parametrize(
    "jwk",
    [
        rsa_jwk(MODULUS - 1),
        rsa_jwk(MODULUS >> 1 | 1),
        rsa_jwk(1 << 8192 | 1),
        rsa_jwk(MODULUS, 1),
        rsa_jwk(MODULUS, 65536),
        rsa_jwk(MODULUS, 2**32 + 1),
        rsa_jwk(MODULUS, MODULUS - 2),
        rsa_jwk(1 << 8192 | 3),
        {"n": encode(number(MODULUS))},
        {"n": 5, "e": "AQAB"},
        {"n": "A", "e": "AQAB"},
    ],
)
def test_an_rsa_key_out_of_bounds_is_unusable(jwk):
    with pytest.raises(UnusableMaterialError):
        load_public_key(Algorithm.RS256, jwk)


@pytest.mark.parametrize("jwk", [rsa_jwk(1 << 2047 | 1), rsa_jwk(1 << 8191 | 1), rsa_jwk(MODULUS, 2**32 - 1)])
def test_an_rsa_key_at_its_bounds_loads(jwk):
    assert load_public_key(Algorithm.PS256, jwk)


@pytest.mark.parametrize("curve", ["P-384", "secp256r1", "p-256", ""])
def test_a_point_loads_under_the_name_of_its_own_curve_alone(curve):
    with pytest.raises(UnusableMaterialError):
        load_public_key(Algorithm.ES256, public_jwk(Algorithm.ES256) | {"crv": curve})


@pytest.mark.parametrize(
    ("algorithm", "member", "jwk"),
    [pytest.param(*case, id=f"{case[0]} {case[1]} {len(case[2][case[1]])}") for case in resized_points()],
)
def test_a_coordinate_has_the_full_size_of_its_field(algorithm, member, jwk):
    """RFC 7518, section 6.2.1.2: one number has one text, so one key is not stored twice."""
    del member

    with pytest.raises(UnusableMaterialError):
        load_public_key(Algorithm(algorithm), jwk)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_an_ed25519_key_has_32_bytes(size):
    with pytest.raises(UnusableMaterialError):
        load_public_key(Algorithm.EDDSA, ed_jwk(bytes([5]) * size))


@pytest.mark.parametrize("name", ["none", "hs256", "HS256 ", "", "ES256K", "Ed25519", None, 1, ["HS256"], {}])
def test_a_name_that_is_not_exactly_one_of_ours_is_none(name):
    assert algorithm_named(name) is None
    assert algorithm_named("EdDSA") is Algorithm.EDDSA


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.ES384, Algorithm.ES512, Algorithm.EDDSA])
@pytest.mark.parametrize("wanted", [one for one in Algorithm if one.value[:2] in {"ES", "Ed", "RS"}])
def test_a_key_loads_for_its_own_algorithm_alone(algorithm, wanted):
    jwk = public_jwk(algorithm)
    if wanted is algorithm:
        assert load_public_key(wanted, jwk)
        return

    with pytest.raises(UnusableMaterialError):
        load_public_key(wanted, jwk)


@pytest.mark.parametrize(("algorithm", "least"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_is_as_long_as_its_hash(algorithm, least):
    assert load_secret(Algorithm(algorithm), bytes(least)) == bytes(least)
    for wrong in (Algorithm(algorithm), Algorithm.RS256):
        with pytest.raises(UnusableMaterialError):
            load_secret(wrong, bytes(least - 1))
