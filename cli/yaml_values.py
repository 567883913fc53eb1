"""Values out of YAML, or JSON, by the events of the parser: lean, strict, and with lines.

Scalars follow YAML 1.2: `yes`, `on` and times are strings. A member stands once.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from cli.exits import CommandError, ExitCode

STDIN = "-"
MAX_DEPTH = 12
Where = tuple[str | int, ...]
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})", re.ASCII)
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", re.ASCII)
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_FRAME = (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)


class FileError(Exception):
    """A file cannot be read; `line` and `message` say why."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def read_record(name: str) -> dict[str, Any]:
    """The record that a file holds, or standard input for `-`. Raises a CommandError with the line of a mistake."""
    try:
        if name == STDIN:
            value = Reader(sys.stdin.buffer).whole()
        else:
            with Path(name).open("rb") as stream:
                value = Reader(stream).whole()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.", ExitCode.INVALID) from None
    except FileError as error:
        raise CommandError(f"{name}:{error.line}: {error.message}", ExitCode.INVALID) from None
    if not isinstance(value, dict):
        raise CommandError(f"{name} does not hold a record, a mapping of its members.", ExitCode.INVALID)
    return value


class Reader:
    """Reads one stream. Raises FileError."""

    def __init__(self, stream: Any, *, keep_lines: bool = False) -> None:
        self._events = _parse(stream)
        self._keeps_lines = keep_lines
        self._anchors: dict[str, Any] = {}
        self.lines: dict[Where, int] = {}

    def whole(self) -> Any:
        """The value of the first document; None where there is none."""
        for event in self.starts():
            return self.value(event, ())
        return None

    def starts(self) -> Iterator[Any]:
        """The first event of each document; the rest is taken by `value` and `next_event`."""
        return (event for event in self._events if not isinstance(event, _FRAME))

    def next_event(self) -> Any:
        return next(self._events)

    def name(self, event: Any, seen: set[str]) -> str:
        """The name of a member; each stands once (YAML 1.2, section 3.2.1.3)."""
        if not isinstance(event, yaml.ScalarEvent):
            raise FileError(line_of(event), "the name of a member is a string")
        if event.value in seen:
            raise FileError(line_of(event), f"{event.value}: stands here for the second time")
        seen.add(event.value)
        return str(event.value)

    def note(self, path: Where, line: int) -> None:
        if self._keeps_lines:
            self.lines.setdefault(path, line)

    def value(self, event: Any, path: Where) -> Any:
        if len(path) > MAX_DEPTH:
            raise FileError(line_of(event), "is nested too deeply")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise FileError(line_of(event), f"*{event.anchor} names nothing before it")
            return self._anchors[event.anchor]
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(path)
        else:
            value = self._mapping(path)
        if event.anchor:
            self._anchors[event.anchor] = value
        return value

    def _sequence(self, path: Where) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := self.next_event(), yaml.SequenceEndEvent):
            self.note((*path, len(values)), line_of(event))
            values.append(self.value(event, (*path, len(values))))
        return values

    def _mapping(self, path: Where) -> dict[str, Any]:
        values: dict[str, Any] = {}
        seen: set[str] = set()
        while not isinstance(event := self.next_event(), yaml.MappingEndEvent):
            name = self.name(event, seen)
            self.note((*path, name), line_of(event))
            values[name] = self.value(self.next_event(), (*path, name))
        return values


def _parse(stream: Any) -> Iterator[Any]:
    try:
        yield from yaml.parse(stream, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise FileError(mark.line + 1 if mark else 1, f"is not YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise FileError(1, "is not YAML in UTF-8") from None


def _scalar(event: Any) -> Any:
    text = event.value
    if event.style or event.tag:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def line_of(event: Any) -> int:
    return int(event.start_mark.line) + 1
