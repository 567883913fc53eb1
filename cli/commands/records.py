"""`tollgate policies|apis|issuers|catalogue`: the records that operators name."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

import typer

from cli.api import segment
from cli.output import say, show_fields, show_json, show_lines, show_table, state_of, words
from cli.session import AsJson, Yes, confirm, connect
from cli.yaml_values import read_record

Object = dict[str, Any]
Row = Callable[[Mapping[str, Any]], list[object]]


class Group(NamedTuple):
    """A kind of record as the command shows it."""

    collection: str
    noun: str
    help: str
    id_name: str
    columns: tuple[str, ...]
    row: Row


def limits_of(record: Mapping[str, Any]) -> str:
    """Rate limits and quotas in words: `10/second, 1000/month`."""
    return ", ".join(f"{limit['limit']}/{limit['period']}" for limit in (*record["rate_limits"], *record["quotas"]))


def grants_of(record: Mapping[str, Any]) -> str:
    """Grants in words: `orders: GET /v1/*`."""
    return ", ".join(f"{grant['api']}: {' '.join(grant['methods'])} {grant['path']}" for grant in record["grants"])


_GROUPS = (
    Group(
        "policies",
        "policy",
        "Policies: access rights and limits shared by many keys.",
        "policy_id",
        ("ID", "NAME", "GRANTS", "LIMITS", "STATE"),
        lambda record: [
            record["name"],
            grants_of(record),
            limits_of(record),
            state_of(enabled=record["active"], yes="active", no="inactive"),
        ],
    ),
    Group(
        "apis",
        "API definition",
        "API definitions: names, gateways, and where tokens are read.",
        "api_id",
        ("ID", "NAME", "GATEWAYS", "ISSUERS"),
        lambda record: [record["name"], words(record["gateways"]), words(record["issuers"])],
    ),
    Group(
        "issuers",
        "issuer",
        "Issuers: outside identity providers whose tokens APIs may take.",
        "issuer_id",
        ("ID", "ISSUER", "POLICIES"),
        lambda record: [record["issuer"], words(record["default_policies"])],
    ),
    Group(
        "catalogue",
        "catalogue entry",
        "The catalogue: what the portal offers to developers.",
        "entry_id",
        ("ID", "TITLE", "POLICIES", "APPROVAL", "STATE"),
        lambda record: [
            record["title"],
            words(record["policies"]),
            record["approval"],
            state_of(enabled=record["active"], yes="active", no="inactive"),
        ],
    ),
)
Id = Annotated[str, typer.Argument(metavar="ID", show_default=False)]
Label = Annotated[str, typer.Option(help="Only those with this label: NAME or NAME:VALUE.")]
File = Annotated[
    str, typer.Option("--file", "-f", metavar="FILE", show_default=False, help="YAML or JSON; - for standard input.")
]


def _app_of(group: Group) -> typer.Typer:
    app = typer.Typer(name=group.collection, help=group.help, no_args_is_help=True)
    path = f"/{group.collection}"

    def list_all(context: typer.Context, label: Label = "", as_json: AsJson = False) -> None:
        with connect(context) as api:
            records = api.items(path, label=label)
            if as_json:
                show_lines(records)
            else:
                show_table(group.columns, ([record[group.id_name], *group.row(record)] for record in records))

    def show(context: typer.Context, record_id: Id, as_json: AsJson = False) -> None:
        with connect(context) as api:
            show_record(api.get(f"{path}/{segment(record_id)}"), as_json=as_json)

    def put(context: typer.Context, record_id: Id, file: File, as_json: AsJson = False) -> None:
        body = read_record(file)
        with connect(context) as api:
            made = api.put(f"{path}/{segment(record_id)}", body)
            if as_json:
                show_json(made)
            else:
                say(f"{group.noun} {record_id} is stored, version {made['version']}.")

    def delete(context: typer.Context, record_id: Id, yes: Yes = False) -> None:
        confirm(f"Remove the {group.noun} {record_id}?", yes=yes)
        with connect(context) as api:
            api.delete(f"{path}/{segment(record_id)}")
        say(f"{group.noun} {record_id} is removed.")

    for name, function, text in (
        ("list", list_all, f"List {group.collection}."),
        ("show", show, f"Show a {group.noun}."),
        ("put", put, f"Make or replace a {group.noun}."),
        ("delete", delete, f"Remove a {group.noun}."),
    ):
        app.command(name, help=text.replace(" a API", " an API").replace(" a issuer", " an issuer"))(function)
    return app


def show_record(record: Mapping[str, Any], *, as_json: bool) -> None:
    """A record, a member a line."""
    if as_json:
        show_json(record)
    else:
        show_fields((name, words(value) if isinstance(value, list | dict) else value) for name, value in record.items())


GROUPS = [_app_of(group) for group in _GROUPS]
