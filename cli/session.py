"""What the commands share: which admin API is meant, and a connection to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NamedTuple

import typer

from cli.api import AdminApi, Endpoint
from cli.exits import CommandError, ExitCode
from cli.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs, instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class Wanted(NamedTuple):
    """What the command line says before the command."""

    profile: str = ""
    url: str = ""


def endpoint(context: typer.Context) -> Endpoint:
    """Where requests go. Raises a CommandError that says what is missing."""
    wanted: Wanted = context.obj or Wanted()
    return Settings().endpoint(profile=wanted.profile, url=wanted.url)


@contextmanager
def connect(context: typer.Context) -> Iterator[AdminApi]:
    with AdminApi(endpoint(context)) as api:
        yield api


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless --yes is given; anything but yes ends the command."""
    if yes:
        return
    try:
        is_wanted = typer.confirm(question, err=True)
    except typer.Abort:
        raise CommandError("No answer came; --yes goes on without one.", ExitCode.INVALID) from None
    if not is_wanted:
        raise typer.Exit(ExitCode.FAILED)
