"""Blocks of addresses, beside the standard library's reading of them."""

import ipaddress

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from access.sources import allows, read_address, read_block

TEXTS = st.ip_addresses().map(str) | st.ip_addresses(v=6).map(lambda address: address.exploded)
NEARLY = st.text(alphabet="0123456789abfF:.", max_size=40) | st.lists(
    st.sampled_from(["0", "1", "ffff", "FFFF", "00001", "g", "", "1.2.3.4", "256", "01", "10"]), max_size=9
).flatmap(lambda groups: st.sampled_from([":", "::", "."]).map(lambda sign: sign.join(groups)))


def by_library(text):
    """The address as a number with its size, IPv4-mapped ones unmapped; None where it is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    plain = mapped or address
    return plain.max_prefixlen, int(plain)


def read(text):
    try:
        return tuple(read_address(text))
    except ValueError:
        return None


@given(TEXTS | NEARLY)
@example("1:2:3:4:5:6:7::")
@example("1::2:3:4:5:6:7:8")
@example("::1.2.3.4")
@example("1.2.3.4::")
@example(":::")
@example("1::2::3")
@example("\u0661.2.3.4")
@example(" 1.2.3.4")
@example("1.2.3.4\n")
def test_an_address_is_what_the_standard_library_takes_it_for(text):
    assert read(text) == by_library(text)


@given(st.ip_addresses(v=6).map(str))
def test_a_zone_is_no_part_of_an_address(text):
    """Which the library would take along (RFC 4007): no caller of API Gateway has one."""
    assert read(f"{text}%eth0") is None


@given(st.data())
def test_a_block_holds_what_the_standard_library_says(data):
    version = data.draw(st.sampled_from([4, 6]))
    length = data.draw(st.integers(0, 32 if version == 4 else 128))
    network = ipaddress.ip_network((data.draw(st.ip_addresses(v=version)), length), strict=False)
    inside = network[data.draw(st.integers(0, min(network.num_addresses - 1, 2**64)))]
    other = data.draw(st.ip_addresses(v=data.draw(st.sampled_from([4, 6]))))
    assume(other.version == 4 or other.ipv4_mapped is None)
    assume(version == 4 or int(network.network_address) >> 32 != 0xFFFF)
    assume(inside.version == 4 or inside.ipv4_mapped is None)

    assert allows((str(network),), str(inside))
    assert allows((str(network),), str(other)) == (other in network)


@given(st.ip_addresses(), st.integers(0, 128))
def test_a_block_with_host_bits_set_is_refused_as_the_standard_library_does(address, length):
    text = f"{address}/{length}"
    try:
        ipaddress.ip_network(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"has bits set|not a number from 0 to"):
            read_block(text)
    else:
        assert read_block(text).prefix in {length, length - 96}


@pytest.mark.parametrize(
    ("source", "address", "is_allowed"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.0/24", "203.0.113.255", True),
        ("203.0.113.0/24", "203.0.114.0", False),
        ("0.0.0.0/0", "255.255.255.255", True),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("::/0", "2001:db8::1", True),
        ("::/0", "203.0.113.7", False),
        ("::/0", "::ffff:203.0.113.7", False),
        ("2001:db8::/32", "2001:DB8:0:0::1", True),
        ("2001:db8::/32", "2001:db9::1", False),
        ("2001:db8::1", "2001:db8::1", True),
        ("::ffff:203.0.113.0/120", "203.0.113.9", True),
        ("203.0.113.0/24", "::ffff:203.0.113.9", True),
        ("::ffff:0:0/96", "198.51.100.1", True),
        ("203.0.113.0/24", "", False),
        ("0.0.0.0/0", "203.0.113.7, 198.51.100.1", False),
        ("0.0.0.0/0", "203.0.113.7:443", False),
    ],
)
def test_a_source_holds_its_addresses_and_no_other(source, address, is_allowed):
    assert allows((source,), address) is is_allowed


def test_any_of_several_sources_will_do():
    assert allows(("198.51.100.0/24", "2001:db8::/32", "203.0.113.0/24"), "203.0.113.7")
    assert not allows((), "203.0.113.7")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not an IP address"),
        ("localhost", "is not an IP address"),
        ("203.0.113", "is not an IP address"),
        ("203.0.113.07", "is not an IP address"),
        ("203.0.113.256", "is not an IP address"),
        ("203.0.113.0 /24", "is not an IP address"),
        ("2001:db8::g", "is not an IP address"),
        ("203.0.113.0/", "not a number from 0 to 32"),
        ("203.0.113.0/33", "not a number from 0 to 32"),
        ("203.0.113.0/024", "not a number from 0 to 32"),
        ("203.0.113.0/+4", "not a number from 0 to 32"),
        ("203.0.113.0/255.255.255.0", "not a number from 0 to 32"),
        ("203.0.113.0/24/8", "not a number from 0 to 32"),
        ("2001:db8::/129", "not a number from 0 to 128"),
        ("203.0.113.7/24", "has bits set beyond its prefix of 24"),
        ("2001:db8::1/64", "has bits set beyond its prefix of 64"),
        ("::ffff:203.0.113.0/95", "has bits set beyond its prefix of 95"),
    ],
)
def test_what_is_no_block_is_refused_with_the_reason(text, problem):
    with pytest.raises(ValueError, match=problem):
        read_block(text)
