"""`tollgate keys`: list, show, make, change, rotate and remove keys."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from cli.api import segment
from cli.commands.records import grants_of
from cli.exits import CommandError, ExitCode
from cli.material import ALGORITHMS, Place, read_reference
from cli.output import progress, say, show_fields, show_json, show_lines, show_table, state_of, words
from cli.session import AsJson, Yes, confirm, connect
from cli.yaml_values import read_record

app = typer.Typer(help="Keys: what clients sign their tokens for, or send as they are.", no_args_is_help=True)
IMPORT_BATCH = 100
Object = dict[str, Any]

KeyHash = Annotated[str, typer.Argument(metavar="KEY_HASH", show_default=False, help="As `keys list` shows it.")]
Store = Annotated[
    str,
    typer.Option(
        metavar="PLACE",
        help="Put what is shown once here, not on the screen: file:PATH, secretsmanager:NAME, ssm:NAME.",
    ),
]
SecretFrom = Annotated[
    str,
    typer.Option(
        metavar="REFERENCE", help="A secret: env:NAME, file:PATH, secretsmanager:ARN, ssm:NAME, keyring:NAME, or -."
    ),
]
PublicKey = Annotated[str, typer.Option(metavar="FILE", help="A PEM file: public key or certificate.")]
Generate = Annotated[bool, typer.Option("--generate", help="Let the server make a secret or a key pair.")]
AlgorithmName = Annotated[str, typer.Option("--algorithm", metavar="NAME", help=f"One of {', '.join(ALGORITHMS)}.")]
Grace = Annotated[int, typer.Option("--grace", metavar="SECONDS", min=0, help="How long the older one still works.")]


@app.command("list")
def list_all(
    context: typer.Context,
    owner: Annotated[str, typer.Option(help="Only keys of this owner.")] = "",
    policy: Annotated[str, typer.Option(help="Only keys that use this policy.")] = "",
    tag: Annotated[str, typer.Option(help="Only keys with this tag.")] = "",
    label: Annotated[str, typer.Option(help="Only keys with this label: NAME or NAME:VALUE.")] = "",
    name: Annotated[str, typer.Option(help="Only keys whose name begins so.")] = "",
    api: Annotated[str, typer.Option(help="Only keys that may call this API.")] = "",
    enabled: Annotated[bool | None, typer.Option("--enabled/--disabled", help="Only such keys.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many; all unless it is given.")] = None,
    as_json: AsJson = False,
) -> None:
    """List keys by time of creation."""
    is_enabled = None if enabled is None else str(enabled).lower()
    with connect(context) as admin, progress("Reading keys") as steps:
        keys = admin.items(
            "/keys",
            most=limit,
            owner=owner,
            policy=policy,
            tag=tag,
            label=label,
            name=name,
            api=api,
            enabled=is_enabled,
        )
        if as_json:
            show_lines(keys)
            return
        rows = []
        for key in keys:
            steps.step()
            rows.append([key["key_hash"], key["name"], key["owner"], state_of(enabled=key["enabled"])])
    show_table(("KEY HASH", "NAME", "OWNER", "STATE"), rows, whole=("KEY HASH", "STATE"))


@app.command()
def show(context: typer.Context, key_hash: KeyHash, as_json: AsJson = False) -> None:
    """Show a key, with what applies to it and what is used."""
    with connect(context) as api:
        _show(api.get(_path(key_hash)), as_json=as_json)


@app.command()
def create(
    context: typer.Context,
    file: Annotated[
        str, typer.Option("--file", "-f", metavar="FILE", help="The whole key as YAML or JSON; - for standard input.")
    ] = "",
    name: Annotated[str, typer.Option(help="Its name.")] = "",
    owner: Annotated[str, typer.Option(help="Whose it is.")] = "",
    policy: Annotated[list[str] | None, typer.Option(help="A policy; may be given again.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag; may be given again.")] = None,
    label: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="May be given again.")] = None,
    expires_at: Annotated[str, typer.Option(metavar="TIME", help="As 2027-01-01T00:00:00Z.")] = "",
    key_id: Annotated[str, typer.Option(help="Chosen by you; only with a secret or a public key.")] = "",
    algorithm: AlgorithmName = "",
    secret_from: SecretFrom = "",
    public_key: PublicKey = "",
    generate: Generate = False,
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Make a key. Without a secret, a public key or --generate, its id is the credential."""
    said = {
        "name": name,
        "owner": owner,
        "policies": policy,
        "tags": tag,
        "labels": _pairs(label or []),
        "expires_at": expires_at,
        "key_id": key_id,
        "jwt_data": _jwt_data(algorithm, secret_from, public_key, generate=generate),
    }
    body = (read_record(file) if file else {}) | {member: value for member, value in said.items() if value}
    place = Place.of(store) if store else None
    if place:
        place.read()  # a place that cannot be reached shows before anything is made
    with connect(context) as api:
        _show_once(api.post("/keys", body), place, as_json=as_json)


@app.command()
def rotate(
    context: typer.Context,
    key_hash: KeyHash,
    algorithm: AlgorithmName = "",
    secret_from: SecretFrom = "",
    public_key: PublicKey = "",
    generate: Generate = False,
    grace: Grace = 3600,
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Put new material in force; the older one verifies until the grace ends.

    Without new material only the grace of the older one changes: --grace 0 ends it now.
    """
    data = _jwt_data(algorithm, secret_from, public_key, generate=generate)
    place = Place.of(store) if store else None
    with connect(context) as api:
        body = {"grace_seconds": grace} | ({"jwt_data": data} if data else {})
        _show_once(api.post(f"{_path(key_hash)}/rotate", body), place, as_json=as_json)


@app.command()
def replace(
    context: typer.Context, key_hash: KeyHash, grace: Grace = 3600, store: Store = "", as_json: AsJson = False
) -> None:
    """Give an opaque key a new id; the older one works until the grace ends."""
    place = Place.of(store) if store else None
    with connect(context) as api:
        answer = api.post(f"{_path(key_hash)}/replace", {"grace_seconds": grace})
        _show_once(answer, place, as_json=as_json)


@app.command()
def disable(context: typer.Context, key_hash: KeyHash) -> None:
    """Refuse a key from its next request on."""
    _switch(context, key_hash, enabled=False)


@app.command()
def enable(context: typer.Context, key_hash: KeyHash) -> None:
    """Accept a key again."""
    _switch(context, key_hash, enabled=True)


@app.command()
def delete(context: typer.Context, key_hash: KeyHash, yes: Yes = False) -> None:
    """Remove a key for good."""
    confirm(f"Remove the key {key_hash}?", yes=yes)
    with connect(context) as api:
        api.delete(_path(key_hash))
    say(f"Key {key_hash} is removed.")


@app.command()
def reset(
    context: typer.Context,
    key_hash: KeyHash,
    kind: Annotated[str, typer.Option(help="rate_limit or quota; both unless it is given.")] = "",
    limit: Annotated[str, typer.Option(help="The name of a limit; all unless it is given.")] = "",
    as_json: AsJson = False,
) -> None:
    """Set the counters of a key to zero."""
    body = {member: value for member, value in (("kind", kind), ("name", limit)) if value}
    with connect(context) as api:
        _show(api.post(f"{_path(key_hash)}/reset", body), as_json=as_json)


@app.command()
def usage(
    context: typer.Context,
    key_hash: KeyHash,
    days: Annotated[int, typer.Option(min=1, max=400, help="How many days back.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Show the requests of a key by day."""
    today = datetime.now(UTC).date()
    with connect(context) as api:
        first = (today - timedelta(days=days - 1)).isoformat()
        answer = api.get(f"{_path(key_hash)}/usage", from_=first, to=today.isoformat())
    if as_json:
        show_json(answer)
        return
    counted = [day for day in answer["items"] if day["allowed"] or day["refused"]]
    most = max((day["allowed"] + day["refused"] for day in counted), default=1)
    rows = [[day["date"], f"{day['allowed']:,}", f"{day['refused']:,}", _bar(day, most)] for day in counted]
    show_table(("DAY", "ALLOWED", "REFUSED", ""), rows, whole=("DAY", "ALLOWED", "REFUSED", ""))


@app.command("import")
def import_keys(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", show_default=False, help="`items`: a list; YAML or JSON, or -.")
    ],
    kind: Annotated[str, typer.Option("--format", help="tollgate, or what else the API can read.")] = "tollgate",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made, and make nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make many keys, a hundred a request; each has its own result."""
    items = read_record(file).get("items")
    if not isinstance(items, list) or not items:
        raise CommandError(f"{file} does not hold `items`, a list of keys.", ExitCode.INVALID)
    results: list[Object] = []
    with connect(context) as api, progress("Importing keys", len(items)) as steps:
        for start in range(0, len(items), IMPORT_BATCH):
            batch = items[start : start + IMPORT_BATCH]
            body = {"format": kind, "items": batch} | ({"dry_run": True} if dry_run else {})
            results += api.post("/keys/import", body)["items"]
            steps.step(len(batch))
    if as_json:
        show_lines(results)
    else:
        show_table(("ITEM", "STATUS", "KEY HASH OR PROBLEM"), _import_rows(results), whole=("ITEM", "STATUS"))
    if any("problem" in result for result in results):
        raise typer.Exit(ExitCode.INCOMPLETE)


def _path(key_hash: str) -> str:
    return f"/keys/{segment(key_hash)}"


def _switch(context: typer.Context, key_hash: str, *, enabled: bool) -> None:
    with connect(context) as api:
        key = api.patch(_path(key_hash), {"enabled": enabled})
    say(f"Key {key['name']} is {'enabled' if enabled else 'disabled'}.")


def _jwt_data(algorithm: str, secret_from: str, public_key: str, *, generate: bool) -> Object:
    """The material that the options name; nothing where they name none."""
    if sum(map(bool, (secret_from, public_key, generate))) > 1:
        raise CommandError("Give one of --secret-from, --public-key and --generate.", ExitCode.INVALID)
    data: Object = {"algorithm": algorithm} if algorithm else {}
    if secret_from:
        data["secret"] = read_reference(secret_from)
    elif public_key:
        data["public_key"] = read_reference(f"file:{public_key}")
    elif generate:
        data["generate"] = True
    elif algorithm:
        message = "--algorithm says how tokens are signed: give --secret-from, --public-key or --generate, too."
        raise CommandError(message, ExitCode.INVALID)
    return data


def _pairs(texts: list[str]) -> dict[str, str]:
    wrong = next((text for text in texts if "=" not in text), None)
    if wrong is not None:
        raise CommandError(f"{wrong!r} is not NAME=VALUE.", ExitCode.INVALID)
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def _show_once(answer: Object, place: Place | None, *, as_json: bool) -> None:
    """A key with what is shown once; that goes to its place where one is given."""
    once = {member: answer[member] for member in ("key_id", "jwt_data") if member in answer}
    if place:
        place.write({"key_hash": answer["key_hash"]} | once)
        answer = {member: value for member, value in answer.items() if member not in once}
    if as_json:
        show_json(answer)
        return
    shown = [("key hash", answer["key_hash"]), ("name", answer["name"]), ("version", answer["version"])]
    material = answer.get("jwt_data") or {}
    show_fields([*shown, ("key id", answer.get("key_id")), *((name, value) for name, value in material.items())])
    if place:
        say(f"What is shown once was put into {place}.")
    elif once:
        say("Its id and what was made for it are shown this once: keep them now.")


def _show(key: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(key)
        return
    show_fields(
        [
            ("key hash", key["key_hash"]),
            ("name", key["name"]),
            ("owner", key["owner"]),
            ("state", state_of(enabled=key["enabled"])),
            ("policies", words(key["policies"])),
            ("grants", grants_of(key)),
            ("expires", key["expires_at"]),
            ("last used", key["last_used_at"]),
            ("created", key["created_at"]),
            ("tags", words(key["tags"])),
            ("labels", words(key.get("labels"))),
            ("metadata", words(key["metadata"])),
            ("version", key["version"]),
        ]
    )
    _show_credentials(key["credentials"])
    _show_limits(key.get("effective"))


def _show_credentials(credentials: list[Object]) -> None:
    rows = [
        [
            credential["algorithm"] or "opaque",
            credential.get("thumbprint") or credential.get("hint") or "",
            credential["expires_at"] or "",
            credential["last_used_at"] or "",
        ]
        for credential in credentials
    ]
    if rows:
        say("")
        show_table(("CREDENTIAL", "THUMBPRINT", "ENDS", "LAST USED"), rows)


def _show_limits(effective: Mapping[str, Any] | None) -> None:
    if effective is None:
        say("A policy of the key is missing or inactive: it is refused.", "red")
        return
    limits = [*effective["rate_limits"], *effective["quotas"]]
    rows = [
        [
            limit["name"],
            limit["api"] or "all",
            f"{limit['limit']:,}/{limit['period']}",
            f"{limit['used']:,}",
            f"{limit['remaining']:,}",
            limit["resets_at"] or "",
        ]
        for limit in limits
    ]
    if rows:
        say("")
        show_table(("LIMIT", "API", "AT MOST", "USED", "LEFT", "RESETS"), rows)


def _bar(day: Mapping[str, Any], most: int) -> str:
    count: int = day["allowed"] + day["refused"]
    return "█" * max(1, round(30 * count / most))


def _import_rows(results: list[Object]) -> Iterator[list[object]]:
    for place, result in enumerate(results):
        problem = result.get("problem") or {}
        fields = "; ".join(f"{error['field']}: {error['message']}" for error in problem.get("errors") or ())
        said = result["key"]["key_hash"] if result.get("key") else fields or problem.get("detail", "")
        notes = "; ".join(f"{note['field']}: {note['message']}" for note in result.get("notes") or ())
        yield [place, result["status"], f"{said}{f' ({notes})' if notes else ''}"]
