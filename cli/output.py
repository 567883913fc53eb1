"""What a command shows: tables for people, JSON for programs, progress while it works.

Results go to standard output, everything else to standard error. Colour and progress only where
a terminal is. What came from elsewhere is shown as text, never as markup or control characters.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

WIDTH_OF_A_PIPE = 200


class Steps(Protocol):
    """Long work, counted."""

    def step(self, count: int = 1) -> None: ...


def console() -> Console:
    """Standard output; wide where no terminal limits it."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE)


def messages() -> Console:
    """Standard error."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def plain(value: object, style: str = "") -> Text:
    """A value of the API as text, whatever characters it has."""
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(value))
    return Text(text, style=style)


def say(message: str, style: str = "") -> None:
    """A line for people, on standard error."""
    for line in message.splitlines() or [""]:
        messages().print(plain(line, style))


def show_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def show_lines(items: Iterable[object]) -> None:
    """One JSON value a line, as it comes."""
    for item in items:
        sys.stdout.write(json.dumps(item, ensure_ascii=False) + "\n")


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, whole: Sequence[str] = ()) -> None:
    """A table; the columns named in `whole` are never cut."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, no_wrap=name in whole, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else plain(cell) for cell in row))
    console().print(table)


def show_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Name and value, a line each; empty values are left out."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in fields:
        if value not in (None, "", [], {}):
            table.add_row(name, value if isinstance(value, Text) else plain(value))
    console().print(table)


def state_of(*, enabled: bool, yes: str = "enabled", no: str = "disabled") -> Text:
    return Text(yes, style="green") if enabled else Text(no, style="red")


def words(value: Any) -> str:
    """A member of a record in one line."""
    if isinstance(value, dict):
        return ", ".join(f"{name}={words(member)}" for name, member in value.items())
    if isinstance(value, list):
        return ", ".join(words(member) for member in value)
    return "" if value is None else str(value)


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Steps]:
    """A bar on standard error while work goes on, gone when it is done; nothing where no terminal is."""
    shown = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as bar:
        yield _Bar(bar, title, total)


class _Bar:
    def __init__(self, bar: Progress, title: str, total: int | None) -> None:
        self._bar = bar
        self._task = bar.add_task(title, total=total)

    def step(self, count: int = 1) -> None:
        self._bar.advance(self._task, count)
