"""Read a folder of YAML: what is declared, and on which line.

    tollgate.yaml     project: company
    *.yaml            policies, apis, issuers, catalogue, keys: each a mapping from an id to a record

Entries are read one after the other, so that a file of ten thousand keys takes little memory.
Scalars follow YAML 1.2: `yes`, `on` and times are strings. The lines inside an entry are looked up
in a second reading, where a mistake asks for them.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from cli.exits import CommandError, ExitCode
from cli.yaml_values import FileError, Reader, Where, line_of

COLLECTIONS = ("policies", "issuers", "apis", "catalogue", "keys")  # in the order of what needs what
SETTINGS = ("project", "store")
MAX_MISTAKES = 50  # shown; the rest is counted


class Mistake(NamedTuple):
    """What is wrong in a file, and what is allowed there."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field + ': ' if self.field else ''}{self.message}"


class MistakesError(CommandError):
    """Every mistake in a folder, in the order of files and lines."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = sorted(mistakes)
        shown = [str(mistake) for mistake in self.mistakes[:MAX_MISTAKES]]
        hidden = len(self.mistakes) - len(shown)
        more = [f"… and {hidden} more"] if hidden > 0 else []
        count = f"{len(self.mistakes)} mistake{'s' if len(self.mistakes) > 1 else ''}; nothing was sent."
        super().__init__("\n".join([*shown, *more, count]), ExitCode.INVALID)


class Entry(NamedTuple):
    """A member of a collection, as written."""

    collection: str
    address: str
    value: Any
    line: int


def yaml_files(folder: Path) -> list[Path]:
    """The files of a folder and its folders, hidden ones left out. Raises a CommandError where there are none."""
    found = sorted(
        path
        for pattern in ("*.yaml", "*.yml")
        for path in folder.rglob(pattern)
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not found:
        raise CommandError(f"There are no YAML files in {folder}.", ExitCode.INVALID)
    return found


def read_entries(path: Path) -> Iterator[Entry]:
    """The entries of a file; a setting is an entry without an address. Raises FileError."""
    with path.open("rb") as stream:
        yield from _entries(Reader(stream))


def lines_of(path: Path) -> dict[Where, int]:
    """The line of every value of a file, by its path; as far as the file can be read."""
    with path.open("rb") as stream:
        reader = Reader(stream, keep_lines=True)
        with suppress(FileError):
            for _ in _entries(reader):
                pass
        return reader.lines


def _entries(reader: Reader) -> Iterator[Entry]:
    """What the mapping of each document holds, entry by entry."""
    for event in reader.starts():
        if isinstance(event, yaml.MappingStartEvent):
            yield from _document(reader)
        elif not _is_empty(event):
            raise FileError(line_of(event), f"a file is a mapping with {_names()}")


def _document(reader: Reader) -> Iterator[Entry]:
    seen: set[str] = set()
    while not isinstance(event := reader.next_event(), yaml.MappingEndEvent):
        name, line = reader.name(event, seen), line_of(event)
        reader.note((name,), line)
        start = reader.next_event()
        if name in SETTINGS:
            yield Entry(name, "", reader.value(start, (name,)), line)
        elif name not in COLLECTIONS:
            raise FileError(line, f"{name}: is not known here; known are {_names()}")
        elif isinstance(start, yaml.MappingStartEvent):
            yield from _collection(reader, name)
        elif not _is_empty(start):
            raise FileError(line, f"{name}: is a mapping from ids to records")


def _collection(reader: Reader, name: str) -> Iterator[Entry]:
    seen: set[str] = set()
    while not isinstance(event := reader.next_event(), yaml.MappingEndEvent):
        address, line = reader.name(event, seen), line_of(event)
        reader.note((name, address), line)
        yield Entry(name, address, reader.value(reader.next_event(), (name, address)), line)


def _is_empty(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and not event.value


def _names() -> str:
    return ", ".join((*SETTINGS, *COLLECTIONS))
