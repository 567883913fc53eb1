"""`tollgate audit`: who changed what, and whether the log is whole."""

from typing import Annotated

import typer

from cli.exits import ExitCode
from cli.output import say, show_json, show_lines, show_table, words
from cli.session import AsJson, connect

app = typer.Typer(help="The audit log.", no_args_is_help=True)
First = Annotated[
    str, typer.Option("--from", metavar="TIME", help="A date or a time; 30 days back unless it is given.")
]
Last = Annotated[str, typer.Option("--to", metavar="TIME", help="A date or a time; now unless it is given.")]


@app.command("list")
def list_all(
    context: typer.Context,
    first: First = "",
    last: Last = "",
    key_hash: Annotated[str, typer.Option(help="Only changes of this key.")] = "",
    resource: Annotated[str, typer.Option(help="Only changes of this, as /policies/gold.")] = "",
    principal: Annotated[str, typer.Option(help="Only changes by this key.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List changes, the oldest first."""
    with connect(context) as api:
        entries = api.items(
            "/audit", most=limit, from_=first, to=last, key_hash=key_hash, resource=resource, principal=principal
        )
        if as_json:
            show_lines(entries)
            return
        rows = [
            [entry["at"], entry["action"], entry["resource"], words(entry["fields"]), entry["principal"]]
            for entry in entries
        ]
    show_table(("AT", "ACTION", "RESOURCE", "FIELDS", "BY"), rows)


@app.command()
def verify(context: typer.Context, first: First = "", last: Last = "", as_json: AsJson = False) -> None:
    """Check that no entry was changed or left out. Exit code 9 where one was."""
    with connect(context) as api:
        answer = api.get("/audit/verify", from_=first, to=last)
    if as_json:
        show_json(answer)
    elif answer["intact"]:
        say(f"{answer['checked']} entries are as they were written.", "green")
    else:
        faults = answer["faults"]
        show_table(
            ("ENTRY", "RESOURCE", "FAULT"), ([fault["id"], fault["resource"], fault["message"]] for fault in faults)
        )
        say(f"{answer['checked']} entries checked, {len(faults)} at fault.", "red")
    if not answer["intact"]:
        raise typer.Exit(ExitCode.FINDINGS)
