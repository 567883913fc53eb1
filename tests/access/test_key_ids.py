"""Key ids: what may name a key, and what an invented or mistyped opaque one looks like."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.key_ids import format_opaque_key_id, hash_key_id, is_key_hash, is_key_id, is_opaque_key_id

GOOD = format_opaque_key_id(bytes(range(32)))
LETTERS = string.ascii_letters + string.digits + "-_"


@given(st.binary(min_size=32, max_size=32))
def test_what_we_make_is_an_opaque_id_and_names_a_key(entropy):
    made = format_opaque_key_id(entropy)

    assert is_opaque_key_id(made)
    assert is_key_id(made)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_an_opaque_id_takes_32_bytes(size):
    with pytest.raises(ValueError, match="32 bytes"):
        format_opaque_key_id(bytes(size))


def test_every_mistyped_character_and_every_pair_exchanged_is_noticed():
    """By the checksum, so that none of them costs a look-up."""
    typed = {GOOD[:place] + letter + GOOD[place + 1 :] for place in range(len(GOOD)) for letter in LETTERS}
    exchanged = {GOOD[:at] + GOOD[at + 1] + GOOD[at] + GOOD[at + 2 :] for at in range(len(GOOD) - 1)}
    cut = {GOOD[:length] for length in range(len(GOOD))} | {GOOD[start:] for start in range(1, len(GOOD))}
    others = {GOOD + "=", GOOD + "A", GOOD + "\n", " " + GOOD, GOOD.lower(), GOOD.upper(), GOOD.replace("tg_", "tk_")}

    assert [one for one in typed | exchanged | cut | others if one != GOOD and is_opaque_key_id(one)] == []


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("abc", True),
        ("ab", False),
        ("", False),
        ("a" * 256, True),
        ("a" * 257, False),
        ("a.b_c~d:e@f+g-h", True),
        ("a b", False),
        ("a/b", False),
        ("a#b", False),
        ("abc\n", False),
        ("abc\x00", False),
        ("äbc", False),
        ("\uff41bc", False),
        ("\u0661\u0662\u0663", False),
    ],
)
def test_a_key_id_has_3_to_256_of_the_letters_that_are_allowed(text, allowed):
    assert is_key_id(text) is allowed


def test_a_hash_is_keyed_and_has_43_characters():
    first, second = (hash_key_id(pepper, "acme") for pepper in (b"p" * 32, b"q" * 32))

    assert first != second
    assert is_key_hash(first)
    assert not is_key_hash(first + "=")
    assert hash_key_id(b"p" * 32, "Acme") != first
