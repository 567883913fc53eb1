"""`tollgate explain`: what the authorizer would decide now, and why."""

from typing import Annotated

import typer
from rich.text import Text

from cli.exits import CommandError, ExitCode
from cli.material import read_reference
from cli.output import show_fields, show_json, show_table, words
from cli.session import AsJson, connect


def explain(
    context: typer.Context,
    method: Annotated[str, typer.Argument(show_default=False, help="As GET.")],
    path: Annotated[str, typer.Argument(show_default=False, help="Without the stage.")],
    api: Annotated[str, typer.Option(help="The id of an API definition.")] = "",
    gateway: Annotated[str, typer.Option(help="Or the gateway: API_ID/STAGE.")] = "",
    credential_from: Annotated[
        str, typer.Option(metavar="REFERENCE", help="A token or key: env:NAME, file:PATH, keyring:NAME, or -.")
    ] = "",
    key_hash: Annotated[str, typer.Option(help="Or a key by its hash: steps 1 to 5 are left out.")] = "",
    source: Annotated[str, typer.Option(help="The caller's address.")] = "",
    as_json: AsJson = False,
) -> None:
    """Explain what the authorizer would decide now, step by step. Nothing is counted."""
    if bool(credential_from) == bool(key_hash):
        raise CommandError("Give either --credential-from or --key-hash.", ExitCode.INVALID)
    said = {"api": api, "gateway": gateway, "method": method.upper(), "path": path, "source": source}
    body = {name: value for name, value in said.items() if value} | (
        {"credential": read_reference(credential_from)} if credential_from else {"key_hash": key_hash}
    )
    with connect(context) as admin:
        answer = admin.post("/explain", body)
    if as_json:
        show_json(answer)
        return
    is_allowed = answer["decision"] == "allow"
    show_fields(
        [
            ("decision", Text(str(answer["decision"]), style="green" if is_allowed else "red")),
            ("reason", answer.get("reason")),
            ("status", answer.get("status")),
            ("key hash", answer.get("key_hash")),
            ("grant", words(answer.get("grant"))),
        ]
    )
    rows = [
        [
            step["step"],
            step["name"],
            Text("ok", style="green") if step["ok"] else Text("no", style="red"),
            step["detail"],
        ]
        for step in answer["steps"]
    ]
    show_table(("STEP", "WHAT", "", "DETAIL"), rows)


def add_to(app: typer.Typer) -> None:
    app.command()(explain)
