"""`tollgate plan|apply|export|schema`: keys as code."""

from pathlib import Path
from typing import Annotated

import typer

from cli.api import AdminApi, Endpoint
from cli.code.apply import Outcome, apply_plan, cut_off, report
from cli.code.export import export as export_folder
from cli.code.export import write_schema
from cli.code.plan import CREATE, Plan
from cli.code.planfile import as_json as plan_as_json
from cli.code.planfile import read_plan, write_plan
from cli.code.planner import Wishes, make_plan
from cli.code.project import read_project
from cli.code.schema import schema_text
from cli.code.show import show_plan
from cli.code.state import read_state
from cli.exits import CommandError, ExitCode
from cli.output import progress, say, show_json
from cli.session import AsJson, Yes, confirm, endpoint

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", show_default=False)]
Prune = Annotated[bool, typer.Option("--prune", help="Remove what this project made and no longer declares.")]
Adopt = Annotated[bool, typer.Option("--adopt", help="Make records that were there before this project's own.")]
SkipSecrets = Annotated[bool, typer.Option("--skip-secrets", help="Read no secrets; one that differs is not seen.")]
Whole = Annotated[bool, typer.Option("--whole", help="Show every new key.")]


def plan(
    context: typer.Context,
    folder: Folder,
    prune: Prune = False,
    adopt: Adopt = False,
    skip_secrets: SkipSecrets = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the plan, for `tollgate apply FILE`.")] = None,
    whole: Whole = False,
    as_json: AsJson = False,
) -> None:
    """Show what would change, and change nothing. Exit code 2 where something would."""
    made = _make(endpoint(context), folder, Wishes(prune, adopt, not skip_secrets))
    if out:
        write_plan(made, out)
    if as_json:
        show_json(plan_as_json(made))
    else:
        show_plan(made, whole=whole)
    if made.changes:
        raise typer.Exit(ExitCode.CHANGES)


def apply(
    context: typer.Context,
    source: Annotated[
        Path, typer.Argument(metavar="FOLDER|PLAN", show_default=False, help="Or what `plan --out` kept.")
    ],
    prune: Prune = False,
    adopt: Adopt = False,
    skip_secrets: SkipSecrets = False,
    whole: Whole = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Show a plan, ask, and make it so. Run it again to go on where it was cut off."""
    place = endpoint(context)
    wishes = Wishes(prune, adopt, not skip_secrets)
    made = _read(place, source) if source.is_file() else _make(place, source, wishes)
    if not as_json:
        show_plan(made, whole=whole)
    if made.changes:
        confirm(f"Make these changes at {place.url}?", yes=yes)
    _perform(made, place, as_json=as_json)


def export(
    context: typer.Context,
    folder: Folder,
    project: Annotated[str, typer.Option(help="The project that the folder stands for.")] = "exported",
) -> None:
    """Write what exists as a folder; a plan of it changes nothing."""
    with AdminApi(endpoint(context)) as api, progress("Reading") as steps:
        done = export_folder(api, folder, project, steps)
    write_schema(folder, schema_text())
    say(f"{done.written} records are written to {folder}.")
    for count, what in (
        (done.of_others, "of other projects are left out; --project exports those of one."),
        (done.of_developers, "keys of the portal's developers are left out."),
        (done.unfinished, "keys are half made: finish `tollgate apply` of their project first."),
    ):
        if count:
            say(f"{count} {what}")


def schema() -> None:
    """Print the JSON Schema of the files, for editors."""
    typer.echo(schema_text(), nl=False)


def add_to(app: typer.Typer) -> None:
    for command in (plan, apply, export, schema):
        app.command()(command)


def _make(place: Endpoint, folder: Path, wishes: Wishes) -> Plan:
    """Check the folder, read the server, compare. Nothing is changed."""
    project = read_project(folder)
    hashes = frozenset(key.credential.key_hash for key in project.of("keys")) - {""}
    with AdminApi(place) as api, progress("Reading keys") as steps:
        state = read_state(api, project.name, hashes, steps)
    return make_plan(project, state, api.url, wishes)


def _read(place: Endpoint, path: Path) -> Plan:
    kept = read_plan(path)
    if kept.url != place.url.rstrip("/"):
        raise CommandError(f"{path} is a plan for {kept.url}, not for {place.url}.", ExitCode.INVALID)
    return kept


def _perform(made: Plan, place: Endpoint, *, as_json: bool) -> None:
    outcomes: list[Outcome] = []
    with AdminApi(place) as api, progress("Applying", len(made.changes)) as steps:

        def show(outcome: Outcome) -> None:
            outcomes.append(outcome)
            steps.step()
            if not as_json and not (outcome.change.action == CREATE and outcome.change.collection == "keys"):
                say(f"{outcome.change.action} {outcome.change.title}: {outcome.problem or 'done'}")

        try:
            finished = apply_plan(made, api, show)
        except KeyboardInterrupt:
            finished = [*outcomes, *cut_off(made.changes[len(outcomes) :])]
    if as_json:
        show_json(
            [
                {
                    "action": outcome.change.action,
                    "collection": outcome.change.collection,
                    "name": outcome.change.address,
                    "done": not outcome.problem,
                    "problem": outcome.problem,
                }
                for outcome in finished
            ]
        )
    elif made.changes:
        for line in report(finished):
            say(line)
    if any(outcome.problem for outcome in finished):
        raise typer.Exit(ExitCode.INCOMPLETE)
