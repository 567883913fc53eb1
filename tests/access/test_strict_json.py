"""One text, one object: what two parsers might read in two ways is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.strict_json import MAX_DEPTH, read_object

TEXTS = st.sampled_from(["", "[[[[", "]}", '"[', '\\"{', "\\", "é", "\U0001f511"]) | st.text(max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=40,
)


def nested(depth: int, kinds: str) -> str:
    """An object of a depth whose brackets alternate as told."""
    pairs = {"[": ("[", "]"), "{": ('{"a":', "}")}
    opened = [pairs[kinds[place % len(kinds)]] for place in range(depth - 1)]
    return '{"x":' + "".join(one for one, _ in opened) + "1" + "".join(one for _, one in reversed(opened)) + "}"


def depth_of(value) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@pytest.mark.parametrize("kinds", ["[", "{", "[{", "{[", "[[{"])
def test_an_object_is_read_up_to_the_depth_and_no_deeper(kinds):
    assert depth_of(read_object(nested(16, kinds))) == 16
    with pytest.raises(ValueError, match="nested too deeply"):
        read_object(nested(17, kinds))


@given(st.dictionaries(TEXTS, VALUES, max_size=4), st.booleans())
def test_whatever_is_written_is_read_unless_it_is_too_deep(value, escaped):
    text = json.dumps(value, ensure_ascii=escaped)

    if depth_of(value) > MAX_DEPTH:
        with pytest.raises(ValueError, match="nested too deeply"):
            read_object(text)
    else:
        assert read_object(text) == value


@given(st.text(alphabet='[]{}":,\\a1', max_size=200))
def test_no_text_raises_anything_but_a_value_error_without_the_text(text):
    try:
        assert isinstance(read_object(text), dict)
    except ValueError as error:
        assert str(error) in {"is nested too deeply", "is not strict JSON", "is not a JSON object"}


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "01", "+1", "1.", ".5", "0x1", "1_0"]
)
def test_what_is_no_finite_number_of_json_is_refused(number):
    """1e999 is within the grammar, and Infinity to most parsers."""
    with pytest.raises(ValueError, match="is not strict JSON"):
        read_object(f'{{"exp":{number}}}')


@pytest.mark.parametrize("text", ['{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '{"x":{"b":1,"b":2}}', '{"x":[{"":1,"":2}]}'])
def test_a_repeated_member_is_refused_however_it_is_spelled(text):
    with pytest.raises(ValueError, match="is not strict JSON"):
        read_object(text)


@pytest.mark.parametrize("text", ['{"x":"\\ud800"}', '{"\\udfff":1}', '{"x":["\\ud83d","\\ude00"]}'])
def test_half_of_a_surrogate_pair_is_refused(text):
    with pytest.raises(ValueError, match="surrogate"):
        read_object(text)
