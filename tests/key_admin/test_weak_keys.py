"""Keys that are well-formed and protect nothing, told from sound ones by arithmetic."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from key_admin.weak_keys import is_strong_point, modulus_weakness
from tests.key_admin.materials import weak_moduli

P = 2**255 - 19
ORDER_8 = 0x05FC536D880238B13933C6D3ACDFD5F098EFB2F489F2C345B027B2C28F95E826
SMALL_ORDER = [0, 1, P - 1, ORDER_8, P - ORDER_8]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("even", "small factor"),
        ("with a small factor", "small factor"),
        ("a square", "close"),
        ("of close primes (CVE-2022-26320)", "close"),
        ("a prime", "prime number"),
        ("of a broken generator (CVE-2017-15361)", "broken"),
    ],
)
def test_a_weak_modulus_is_told_by_its_weakness(name, told):
    assert told in modulus_weakness(weak_moduli()[name])


def pi(bits: int) -> int:
    """The first bits of pi after the binary point, by Machin's formula."""

    def arctan_of_inverse(x: int) -> int:
        term = total = (1 << bits + 64) // x
        for odd in range(3, 2 * bits, 2):
            term //= -x * x
            total += term // odd
        return total

    return 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239)) >> 64


def modp(bits: int, shift: int) -> int:
    """A prime of RFC 3526."""
    return (1 << bits) - (1 << bits - 64) - 1 + ((pi(bits - 130) + shift) << 64)


@pytest.mark.parametrize(
    ("bits", "shift", "told"), [(2048, 124_476, "prime"), (4096, 240_904, "prime"), (8192, 4_743_158, "")]
)
def test_a_prime_is_told_where_somebody_may_have_pasted_a_factor_for_the_modulus(bits, shift, told):
    """The primes of RFC 3526. Of 8192 bits, none is a factor of a key that we would take, and a look costs a second."""
    prime = modp(bits, shift)

    assert prime.bit_length() == bits
    assert all(pow(base, prime - 1, prime) == 1 for base in ((2, 3) if told else ()))
    assert told in modulus_weakness(prime)
    assert bool(told) == bool(modulus_weakness(prime))


def test_sound_moduli_show_nothing():
    made = [rsa.generate_private_key(exponent, 2048).public_key().public_numbers().n for exponent in (3, *[65537] * 5)]

    assert [modulus_weakness(one) for one in made] == [""] * 6


def test_of_the_points_of_small_order_none_is_strong_in_any_spelling():
    """Those of order 1, 2, 4 and 8, each with both signs of x, below and above the prime."""
    spelled = [y + shift for y in SMALL_ORDER for shift in (0, P) if y + shift < 2**255]
    raw = [(y | sign << 255).to_bytes(32, "little") for y in spelled for sign in (0, 1)]

    assert len(raw) == 14
    assert not any(is_strong_point(one) for one in raw)


def test_every_key_that_is_made_is_a_strong_point_and_half_of_all_texts_is_none():
    made = [ed25519.Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in range(50)]
    points = [one.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) for one in made]
    texts = [y.to_bytes(32, "little") for y in range(2, 202)]

    assert all(is_strong_point(one) for one in points)
    assert 60 < sum(is_strong_point(one) for one in texts) < 140
    assert not is_strong_point(points[0][:31])
    assert not is_strong_point(points[0] + b"\x00")
