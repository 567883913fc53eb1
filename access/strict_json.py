"""JSON objects, read strictly: no repeated members, no NaN, bounded depth.

What two parsers could read in two ways is refused, since the one that judges is not always
the one that acts (RFC 8725, section 3; RFC 8259, sections 4 and 6).
"""

import json
import re
from math import isfinite
from typing import Any

MAX_DEPTH = 16
_TEXT = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # a text, or what is left where it does not end
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_AS_ONE_KIND = bytes.maketrans(b"{}", b"[]")


def read_object(text: str) -> dict[str, Any]:
    """The object that a text holds. ValueError, with nothing of the text in it, for anything else."""
    if _is_deep(text):
        message = "is nested too deeply"
        raise ValueError(message)
    try:
        value = _decode(text)
    except ValueError as error:
        message = "is not strict JSON"
        raise ValueError(message) from error
    if not isinstance(value, dict):
        message = "is not a JSON object"
        raise ValueError(message)  # noqa: TRY004 - one kind of error for every fault of the text
    if "\\u" in text and not _is_unicode(value):
        message = "holds half of a surrogate pair"
        raise ValueError(message)
    return value


def _is_deep(text: str) -> bool:
    """Whether brackets are nested too deeply, before a parser spends its time and its stack on them.

    Of the brackets outside of texts, each pass takes off the innermost pairs, of one level.
    """
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return False
    brackets = _TEXT.sub("", text).encode("utf-8", "replace").translate(_AS_ONE_KIND, _NO_BRACKET)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    return b"[" in brackets


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        message = "repeats a member"
        raise ValueError(message)
    return members


def _no_constant(_name: str) -> None:
    message = "holds NaN or Infinity"
    raise ValueError(message)


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):  # 1e999 is Infinity by another name
        _no_constant(text)
    return number


# Made once: json.loads would make one a call.
_decode = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite).decode


def _is_unicode(value: object) -> bool:
    """Whether every text is one that UTF-8 can write; escapes may hold half of a surrogate pair."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
