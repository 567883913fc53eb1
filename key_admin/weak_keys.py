"""Public keys that are well-formed and protect nothing.

Pure arithmetic, on what cryptography takes without a word: RSA moduli that are factored in no
time, points of Ed25519 under which one signature fits every message.
"""

from math import isqrt

from access.credentials import MAX_RSA_BITS

SMALL_PRIME_LIMIT = 2000
# Whoever pastes `p` of a private key for `n` has a prime of half its bits, so no longer one is looked for: the
# test takes the cube of the bits, a second of CPU for 8192.
MAX_PRIME_BITS = MAX_RSA_BITS // 2
FERMAT_ROUNDS = 100  # CA/Browser Forum, Baseline Requirements 6.1.1.3
# The chips of CVE-2017-15361 (ROCA) make primes that are powers of 65537 modulo each of these.
_ROCA_PRIMES = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)
_ROCA_RESIDUES = {prime: {pow(65537, power, prime) for power in range(prime)} for prime in _ROCA_PRIMES}
_P = 2**255 - 19  # the field of edwards25519 (RFC 8032, section 5.1)
_D = -121665 * pow(121666, -1, _P) % _P


def modulus_weakness(modulus: int) -> str:
    """Why an RSA modulus is easily factored; empty where nothing shows."""
    if any(modulus % factor == 0 for factor in range(2, SMALL_PRIME_LIMIT)):
        return "the RSA modulus has a small factor"
    if _has_close_primes(modulus):
        return "the two primes of the RSA modulus are too close to each other (CVE-2022-26320)"
    if all(modulus % prime in residues for prime, residues in _ROCA_RESIDUES.items()):
        return "the RSA key comes from a generator that is broken (CVE-2017-15361)"
    if modulus.bit_length() <= MAX_PRIME_BITS and pow(2, modulus - 1, modulus) == 1:
        return "the RSA modulus is a prime number"
    return ""


def is_strong_point(raw: bytes) -> bool:
    """Whether 32 bytes are the canonical text of a point on edwards25519 that is not of small order.

    A point is of small order where eight times it is the neutral one, whose y is 1.
    """
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if len(raw) != 32 or y >= _P or not _is_on_curve(y):  # noqa: PLR2004 - RFC 8032, 5.1.5
        return False
    return _doubled(_doubled(_doubled(y))) != 1


def _has_close_primes(modulus: int) -> bool:
    """Fermat's factorization, from the root of the modulus upwards; finds a square at once."""
    start = isqrt(modulus - 1) + 1
    rests = (middle * middle - modulus for middle in range(start, start + FERMAT_ROUNDS))
    return any(isqrt(rest) ** 2 == rest for rest in rests)


def _is_on_curve(y: int) -> bool:
    x_squared = _x_squared(y)
    return x_squared == 0 or pow(x_squared, (_P - 1) // 2, _P) == 1


def _doubled(y: int) -> int:
    """The y of twice a point; its x is needed only squared, and y gives that."""
    x_squared, y_squared = _x_squared(y), y * y
    return (y_squared + x_squared) * pow(2 + x_squared - y_squared, -1, _P) % _P


def _x_squared(y: int) -> int:
    """From -x² + y² = 1 + d x² y²."""
    return (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
