"""JSON objects, read strictly: no repeated members, no NaN, bounded depth.

What two parsers could read in two ways is refused, since the one that judges is not always
the one that acts (RFC 8725, section 3; RFC 8259, sections 4 and 6).
"""

import json
from typing import Any

MAX_DEPTH = 16


def read_object(text: str) -> dict[str, Any]:
    """The object that a text holds. ValueError, with nothing of the text in it, for anything else."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError as error:
        message = "is nested too deeply"
        raise ValueError(message) from error
    except ValueError as error:
        message = "is not strict JSON"
        raise ValueError(message) from error
    if not isinstance(value, dict):
        message = "is not a JSON object"
        raise ValueError(message)  # noqa: TRY004 - one kind of error for every fault of the text
    if "\\u" in text and not _is_unicode(value):
        message = "holds half of a surrogate pair"
        raise ValueError(message)
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        message = "is nested too deeply"
        raise ValueError(message)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        message = "repeats a member"
        raise ValueError(message)
    return members


def _no_constant(_name: str) -> None:
    message = "holds NaN or Infinity"
    raise ValueError(message)


def _is_unicode(value: object) -> bool:
    """Whether every text is one that UTF-8 can write; escapes may hold half of a surrogate pair."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _depth(value: object) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        children: list[object] = []
        for item in level:
            if isinstance(item, dict):
                children += item.values()
            elif isinstance(item, list):
                children += item
        level = [child for child in children if isinstance(child, dict | list)]
    return deepest
