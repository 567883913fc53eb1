"""`tollgate`: the command, put together."""

import os
import signal
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer
from typer import rich_utils

from cli.commands import access, audit, code, doctor, keys, profiles, records, requests, sign
from cli.exits import CommandError, ExitCode
from cli.output import say
from cli.session import Wanted

app = typer.Typer(
    name="tollgate",
    help="Keys, policies, rate limits and quotas in front of Amazon API Gateway, from a terminal.",
    epilog="TOLLGATE_URL and TOLLGATE_KEY say which admin API; `tollgate login` keeps them. docs/cli.md says more.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
code.add_to(app)
app.add_typer(keys.app, name="keys")
for group in records.GROUPS:
    app.add_typer(group)
app.add_typer(requests.app, name="requests")
app.add_typer(audit.app, name="audit")
access.add_to(app)
sign.add_to(app)
doctor.add_to(app)
profiles.add_to(app)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer passes it so
    if wanted:
        try:
            typer.echo(f"tollgate {version('tollgate')}")
        except PackageNotFoundError:
            typer.echo("tollgate, from a working tree")
        raise typer.Exit


@app.callback()
def begin(
    context: typer.Context,
    profile: Annotated[str, typer.Option("--profile", "-p", help="A profile of `tollgate login`.")] = "",
    url: Annotated[str, typer.Option(help="The URL of the admin API.")] = "",
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Which admin API is meant."""
    context.obj = Wanted(profile, url)


def main() -> None:
    """Run the command; end with the code of its outcome."""
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit code of a command line."""
    try:
        outcome = app(arguments, prog_name="tollgate", standalone_mode=False)
        sys.stdout.flush()
        return outcome if isinstance(outcome, int) else ExitCode.DONE
    except CommandError as error:
        say(str(error), "red" if "\n" not in str(error) else "")
        return error.code
    except typer.TyperException as error:
        rich_utils.rich_format_error(error)  # type: ignore[arg-type] # what reaches us is of the command line
        return ExitCode.USAGE
    except (KeyboardInterrupt, typer.Abort):
        say("Interrupted.")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has had enough
        return ExitCode.DONE


def _stop(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
