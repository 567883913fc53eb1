"""`tollgate requests`: what developers ask for on the portal."""

from typing import Annotated, Any

import typer

from cli.api import segment
from cli.commands.records import show_record
from cli.output import say, show_lines, show_table
from cli.session import AsJson, connect

app = typer.Typer(help="Requests of developers for keys.", no_args_is_help=True)
RequestId = Annotated[str, typer.Argument(metavar="REQUEST_ID", show_default=False)]


@app.command("list")
def list_all(
    context: typer.Context,
    state: Annotated[str, typer.Option(help="waiting, approved, claimed, declined or withdrawn.")] = "",
    entry: Annotated[str, typer.Option(help="Only those for this catalogue entry.")] = "",
    as_json: AsJson = False,
) -> None:
    """List requests."""
    with connect(context) as api:
        requests = api.items("/requests", state=state, entry=entry)
        if as_json:
            show_lines(requests)
            return
        rows = [
            [
                request["request_id"],
                _entry(request),
                _developer(request),
                request["state"],
                request.get("created_at", ""),
            ]
            for request in requests
        ]
    show_table(("REQUEST", "ENTRY", "DEVELOPER", "STATE", "SINCE"), rows, whole=("REQUEST", "STATE"))


@app.command()
def show(context: typer.Context, request_id: RequestId, as_json: AsJson = False) -> None:
    """Show a request, with the developer's answers."""
    with connect(context) as api:
        show_record(api.get(f"/requests/{segment(request_id)}"), as_json=as_json)


@app.command()
def approve(context: typer.Context, request_id: RequestId) -> None:
    """Let the developer claim the key."""
    with connect(context) as api:
        api.post(f"/requests/{segment(request_id)}/approve")
    say(f"Request {request_id} is approved.")


@app.command()
def decline(
    context: typer.Context,
    request_id: RequestId,
    reason: Annotated[str, typer.Option(help="What the developer reads.", show_default=False)],
) -> None:
    """Decline a request, with a reason."""
    with connect(context) as api:
        api.post(f"/requests/{segment(request_id)}/decline", {"reason": reason})
    say(f"Request {request_id} is declined.")


def _entry(request: dict[str, Any]) -> object:
    return request.get("entry_id") or request.get("entry", "")


def _developer(request: dict[str, Any]) -> object:
    developer = request.get("developer") or {}
    return developer.get("name") or developer.get("email") or developer.get("developer_id") or developer.get("id", "")
