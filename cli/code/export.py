"""Write what the server has as files, so that a plan of them changes nothing.

Keys are named by their hash there: they stay the keys that they are, and their material stays
where it is. What belongs to another project, and the keys of the portal's developers, are left out.
"""

import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from cli.api import AdminApi, ApiError
from cli.code.records import KEY, KINDS, OURS, PENDING, PROJECT, canonical, essentials, is_ours
from cli.code.rules import DEVELOPERS
from cli.exits import CommandError, ExitCode
from cli.output import Steps

KEYS_PER_FILE = 1000
SCHEMA = "tollgate.schema.json"
_HEAD = f"# yaml-language-server: $schema={SCHEMA}\n"
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._~:@+-]+", re.ASCII)
Object = dict[str, Any]


class Exported(NamedTuple):
    """What was written, and what was left out."""

    written: int
    of_others: int
    of_developers: int
    unfinished: int


def export(api: AdminApi, folder: Path, project: str, steps: Steps) -> Exported:
    """Write a folder, which must be new or empty. `project` names it."""
    if folder.exists() and any(folder.iterdir()):
        raise CommandError(f"{folder} is not empty; export into a new folder.", ExitCode.CONFLICT)
    folder.mkdir(parents=True, exist_ok=True)
    return _Exporter(api, folder, project, steps).run()


class _Exporter:
    def __init__(self, api: AdminApi, folder: Path, project: str, steps: Steps) -> None:
        self._api = api
        self._folder = folder
        self._project = project
        self._steps = steps
        self._written = 0
        self._others = 0
        self._developers = 0
        self._unfinished = 0

    def run(self) -> Exported:
        self._write("tollgate.yaml", {"project": self._project})
        for kind in KINDS:
            records = {str(shown[kind.id_name]): self._plain(kind.collection, shown) for shown in self._list(kind)}
            if records:
                self._write(f"{kind.collection}.yaml", {kind.collection: records})
        self._keys()
        return Exported(self._written, self._others, self._developers, self._unfinished)

    def _list(self, kind: Any) -> Iterator[Object]:
        try:
            yield from filter(self._is_wanted, self._api.items(f"/{kind.collection}"))
        except ApiError as error:
            if kind.collection != "catalogue" or error.status != HTTPStatus.NOT_FOUND:
                raise

    def _keys(self) -> None:
        batch: dict[str, Object] = {}
        files = 0
        for shown in filter(self._is_wanted, self._api.items("/keys")):
            if shown["owner"].startswith(DEVELOPERS):
                self._developers += 1
                continue
            self._unfinished += PENDING in shown["labels"]
            name = _name_of(shown, self._project)
            batch[name] = {"key_hash": shown["key_hash"]} | self._plain("keys", shown)
            if len(batch) == KEYS_PER_FILE:
                files += 1
                self._write(f"keys/{files:04}.yaml", {"keys": batch})
                batch = {}
        if batch:
            self._write(f"keys/{files + 1:04}.yaml" if files else "keys.yaml", {"keys": batch})

    def _is_wanted(self, shown: Object) -> bool:
        self._steps.step()
        is_free = not shown.get("labels", {}).get(PROJECT)
        self._others += not is_free and not is_ours(shown["labels"], self._project)
        return is_free or is_ours(shown["labels"], self._project)

    def _plain(self, collection: str, shown: Mapping[str, Any]) -> Object:
        """A record without what the defaults say."""
        self._written += 1
        record = canonical(collection, shown)
        record["labels"] = {name: value for name, value in record["labels"].items() if not name.startswith(OURS)}
        return essentials(collection, record)

    def _write(self, name: str, value: Object) -> None:
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        text = yaml.dump(value, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=100)
        path.write_text(_HEAD.replace(SCHEMA, "../" * name.count("/") + SCHEMA) + text, encoding="utf-8")


def _name_of(shown: Mapping[str, Any], project: str) -> str:
    """The name of a key in the files: its label, else its name and hash, so that it stays the same ever after."""
    if is_ours(shown["labels"], project) and KEY in shown["labels"]:
        return str(shown["labels"][KEY])
    readable = _NOT_IN_A_NAME.sub("-", shown["name"]).strip("-._~:@+")[:100]
    return f"{readable or 'key'}.{shown['key_hash'][:8]}"


def write_schema(folder: Path, text: str) -> None:
    """The JSON Schema beside the files, for editors."""
    value = json.loads(text)
    (folder / SCHEMA).write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
