"""`tollgate doctor`: mistakes in a SAM or CloudFormation template."""

from typing import Annotated

import typer

from cli.exits import ExitCode
from doctor.__main__ import main as examine

_NO_TEMPLATE = 2  # of doctor's own codes
_CODES = {0: ExitCode.DONE, 1: ExitCode.FINDINGS, _NO_TEMPLATE: ExitCode.INVALID}


def doctor(templates: Annotated[list[str], typer.Argument(metavar="TEMPLATE…", show_default=False)]) -> None:
    """Find mistakes in a template, with their remedies. Exit code 9 where there are some."""
    raise typer.Exit(_CODES[examine(templates)])


def add_to(app: typer.Typer) -> None:
    app.command()(doctor)
