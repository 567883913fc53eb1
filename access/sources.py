"""Sources: the blocks of addresses that a key may be used from.

Pure. CIDR notation (RFC 4632, section 3.1; RFC 4291, section 2.3), read without `ipaddress`, whose
import costs 2 ms of a cold start.
"""

from functools import lru_cache
from typing import NamedTuple

V4_BITS, V6_BITS = 32, 128
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_GROUPS = 8  # of an IPv6 address
_MAPPED = 0xFFFF  # what precedes an IPv4 address in IPv6 (RFC 4291, section 2.5.5.2)


class Address(NamedTuple):
    """An IP address as a number of 32 or 128 bits."""

    bits: int
    value: int


class Block(NamedTuple):
    """A block of addresses: the first one, and the length of the prefix that they share."""

    first: Address
    prefix: int

    def holds(self, address: Address) -> bool:
        """Whether an address lies in the block; one of the other version of IP never does."""
        return self.first.bits == address.bits and self._prefix_of(address) == self._prefix_of(self.first)

    def _prefix_of(self, address: Address) -> int:
        return address.value >> (self.first.bits - self.prefix)


def allows(sources: tuple[str, ...], text: str) -> bool:
    """Whether one of the blocks holds the address that a text is; a text that is no address is nowhere."""
    try:
        address = read_address(text)
    except ValueError:
        return False
    return any(block.holds(address) for block in _read_blocks(sources))


def read_block(text: str) -> Block:
    """A block in CIDR notation, or one address.

    An IPv4-mapped IPv6 address is its IPv4 address. Raises ValueError, which says what is wrong.
    """
    before, slash, length = text.partition("/")
    first = _read_plain(before)
    prefix = _read_prefix(length, first.bits) if slash else first.bits
    if first.value & ((1 << (first.bits - prefix)) - 1):
        raise ValueError(f"has bits set beyond its prefix of {prefix}: clear them, or give a longer prefix")
    plain = _unmapped(first)
    return Block(plain, prefix - first.bits + plain.bits)


def read_address(text: str) -> Address:
    """An IP address. Raises ValueError."""
    return _unmapped(_read_plain(text))


@lru_cache(maxsize=256)
def _read_blocks(sources: tuple[str, ...]) -> tuple[Block, ...]:
    return tuple(map(read_block, sources))


def _unmapped(address: Address) -> Address:
    is_mapped = address.bits == V6_BITS and address.value >> V4_BITS == _MAPPED
    return Address(V4_BITS, address.value & 0xFFFF_FFFF) if is_mapped else address


def _read_plain(text: str) -> Address:
    return Address(V6_BITS, _read_v6(text)) if ":" in text else Address(V4_BITS, _read_v4(text))


def _read_prefix(text: str, bits: int) -> int:
    if not _is_number(text, most=bits):
        raise ValueError(f"has a prefix length that is not a number from 0 to {bits}")
    return int(text)


def _read_v4(text: str) -> int:
    numbers = text.split(".")
    if len(numbers) != V4_BITS // 8 or not all(_is_number(number, most=255) for number in numbers):
        raise _no_address()
    return int.from_bytes(map(int, numbers))


def _read_v6(text: str) -> int:
    """RFC 4291, section 2.2: eight groups, `::` for some that are zero, an IPv4 address for the last two."""
    start, _, last = text.rpartition(":")
    if "." in last:
        number = _read_v4(last)
        text = f"{start}:{number >> 16:x}:{number & 0xFFFF:x}"
    head, gap, tail = text.partition("::")
    left, right = head.split(":") if head else [], tail.split(":") if tail else []
    zeros = _GROUPS - len(left) - len(right)
    if zeros < bool(gap) or (zeros and not gap):
        raise _no_address()
    groups = [*left, *["0"] * zeros, *right]
    if not all(0 < len(group) <= 4 and _HEX_DIGITS.issuperset(group) for group in groups):  # noqa: PLR2004
        raise _no_address()
    return int("".join(group.zfill(4) for group in groups), 16)


def _is_number(text: str, *, most: int) -> bool:
    """Whether a text is a number in the one way to write it (`010` is 8 to some)."""
    return (
        text.isascii()
        and text.isdigit()
        and len(text) <= len(str(most))
        and str(int(text)) == text
        and int(text) <= most
    )


def _no_address() -> ValueError:
    return ValueError("is not an IP address or a block of them, like 203.0.113.0/24 or 2001:db8::/32")
