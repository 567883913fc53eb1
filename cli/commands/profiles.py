"""`tollgate login`, `logout`, `profiles`: which admin APIs are known, and where their keys are kept."""

import re
import sys
from typing import Annotated

import typer

from cli.api import AdminApi, ApiError, Endpoint, check_url
from cli.exits import CommandError, ExitCode
from cli.output import say, show_json, show_table
from cli.session import AsJson, Wanted
from cli.settings import DEFAULT, FILE, KEYRING, Settings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
group = typer.Typer(help="Profiles: the admin APIs that `tollgate login` keeps.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]


def login(
    context: typer.Context,
    url: Annotated[str, typer.Option(help="The URL of the admin API.")] = "",
    keep: Annotated[str, typer.Option(help=f"{KEYRING} or {FILE}; the keyring where there is one.")] = "",
) -> None:
    """Keep the URL of an admin API and a key to it, under --profile or as `default`.

    The key is typed, unseen, or comes from standard input; it is tried before it is kept.
    """
    wanted: Wanted = context.obj
    settings = Settings()
    name = wanted.profile or DEFAULT
    if not _NAME.fullmatch(name):
        raise CommandError("A profile has a name of A-Z a-z 0-9 . _ -", ExitCode.INVALID)
    if keep not in {"", KEYRING, FILE}:
        raise CommandError(f"--keep is {KEYRING} or {FILE}.", ExitCode.INVALID)
    known = settings.profiles.get(name)
    address = url or wanted.url or (known.url if known else "")
    if not address:
        raise CommandError("Which admin API? Give --url.", ExitCode.INVALID)
    check_url(address)
    key = typer.prompt("Key", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.read().strip()
    if not key:
        raise CommandError("No key came from standard input.", ExitCode.INVALID)
    _try(Endpoint(address, key))
    profile = settings.store(name, address, key, kept=keep)
    say(f"Profile {name} is kept, its key in the {profile.kept}.", "green")


def logout(context: typer.Context) -> None:
    """Forget a profile and its key."""
    wanted: Wanted = context.obj
    settings = Settings()
    name = wanted.profile or settings.current
    settings.remove(name)
    say(f"Profile {name} is forgotten.")


@group.command("list")
def list_all(*, as_json: AsJson = False) -> None:
    """List profiles; the current one has a star."""
    settings = Settings()
    if as_json:
        show_json(
            [profile._asdict() | {"current": name == settings.current} for name, profile in settings.profiles.items()]
        )
        return
    rows = [
        ["*" if name == settings.current else "", name, profile.url, profile.kept]
        for name, profile in sorted(settings.profiles.items())
    ]
    show_table(("", "NAME", "URL", "KEY IN"), rows)


@group.command()
def use(name: Name) -> None:
    """Make a profile the current one."""
    Settings().use(name)
    say(f"Profile {name} is the current one.")


def add_to(app: typer.Typer) -> None:
    app.command()(login)
    app.command()(logout)
    app.add_typer(group, name="profiles")


def _try(endpoint: Endpoint) -> None:
    """A key that may read keys is an admin key; one that may not do that is one all the same where the API says so."""
    with AdminApi(endpoint) as api:
        try:
            api.get("/keys", limit=1)
        except ApiError as error:
            if error.problem.get("type") is None:
                raise
