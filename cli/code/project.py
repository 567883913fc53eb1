"""A folder as one project: every entry checked, every mistake at once, each record in its full form."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cli.code.files import (
    COLLECTIONS,
    Entry,
    Mistake,
    MistakesError,
    lines_of,
    read_entries,
    yaml_files,
)
from cli.code.records import canonical
from cli.code.rules import judge_rules
from cli.code.schema import judge, judge_name
from cli.exits import CommandError, ExitCode
from cli.material import Place, default_algorithm, read_reference
from cli.yaml_values import FileError, Where

RULES: Mapping[str, Any] = {  # what a key asks of tokens unless files say otherwise
    "issuer": [],
    "audience": [],
    "typ": "",
    "require_exp": True,
    "max_lifetime_seconds": 0,
    "leeway_seconds": 0,
}
NEEDS_A_PLACE = (
    "is missing: what is made for a key is shown once; say here where to put it,"
    " or for the whole folder in tollgate.yaml"
)
_MATERIAL = ("public_key", "jwk", "encoding")
Object = dict[str, Any]


class Credential(NamedTuple):
    """A key's credential as files name it: references, no secret."""

    key_id: str = ""
    key_hash: str = ""
    jwt_data: Object = {}  # noqa: RUF012 - never mutated
    store: Object = {}  # noqa: RUF012 - never mutated
    rotation_grace_seconds: int = 3600

    @property
    def is_opaque(self) -> bool:
        return not self.jwt_data and not self.key_hash

    @property
    def is_generated(self) -> bool:
        return bool(self.jwt_data.get("generate"))

    @property
    def algorithm(self) -> str:
        return str(self.jwt_data.get("algorithm") or default_algorithm(self.jwt_data))

    @property
    def rules(self) -> Object:
        """What it asks of tokens, by the names of `jwt_data`, whether it says so or not."""
        said = {name: self.jwt_data.get(name, default) for name, default in RULES.items()}
        return said | {name: [said[name]] for name in ("issuer", "audience") if isinstance(said[name], str)}

    def place(self, folder: Path, store: Mapping[str, str], address: str) -> Place:
        """Where what is made for the key is put; `store` is the folder's."""
        (kind, template), *_ = (self.store or store).items()
        return Place(kind, str(template).replace("{key}", address), folder)

    def material(self, folder: Path) -> Object:
        """The material that the files name, a secret read from where it is. Not for generated ones."""
        data: Object = {name: self.jwt_data[name] for name in _MATERIAL if name in self.jwt_data}
        if "secret" in self.jwt_data:
            (kind, name), *_ = self.jwt_data["secret"].items()
            data["secret"] = read_reference(f"{kind}:{name}", folder=folder)
        return data | {"algorithm": self.algorithm}


class Declared(NamedTuple):
    """An entry of the files. It is kept packed, as JSON, since there may be many."""

    collection: str
    address: str
    place: str  # file:line
    packed: bytes

    @classmethod
    def pack(cls, entry: Entry, file: str) -> "Declared":
        value, credential = dict(entry.value), {}
        if entry.collection == "keys":
            credential = {name: value.pop(name) for name in Credential._fields if name in value}
            value.setdefault("name", entry.address)
        packed = json.dumps([canonical(entry.collection, value), credential]).encode()
        return cls(entry.collection, entry.address, f"{file}:{entry.line}", packed)

    @property
    def record(self) -> Object:
        """The record in full form, without material and without our labels."""
        record: Object = json.loads(self.packed)[0]
        return record

    @property
    def credential(self) -> Credential:
        return Credential(**json.loads(self.packed)[1])


class Project(NamedTuple):
    """What a folder declares."""

    name: str
    folder: Path
    store: Object
    entries: dict[tuple[str, str], Declared]

    def of(self, collection: str) -> Iterator[Declared]:
        return (entry for entry in self.entries.values() if entry.collection == collection)


def read_project(folder: Path) -> Project:
    """The project of a folder. Raises MistakesError with all that is wrong, or a CommandError."""
    if not folder.is_dir():
        raise CommandError(f"{folder} is not a folder.", ExitCode.NOT_FOUND)
    reader = _ProjectReader(folder)
    for path in yaml_files(folder):
        reader.read(path)
    return reader.finish()


class _ProjectReader:
    """Collects entries and mistakes, file by file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mistakes: list[Mistake] = []
        self._settings: dict[str, Any] = {}
        self._places: dict[tuple[str, str], str] = {}  # where each entry and setting stands first
        self._entries: dict[tuple[str, str], Declared] = {}
        self._without_place: list[Mistake] = []  # mistakes unless the folder names a place

    def read(self, path: Path) -> None:
        """Take what a file declares."""
        wrong: list[tuple[Where, str]] = []
        name = str(path.relative_to(self._folder))
        try:
            for entry in read_entries(path):
                mistakes = list(self._judge(entry, name))
                wrong.extend(mistakes)
                if not mistakes:
                    self._keep(entry, name)
        except FileError as error:
            self._mistakes.append(Mistake(name, error.line, "", error.message))
        if wrong:
            self._locate(path, name, wrong)

    def finish(self) -> Project:
        """The project, once all files are read. Raises MistakesError."""
        store = self._settings.get("store", {})
        if not store:
            self._mistakes.extend(self._without_place)
        if not self._mistakes and "project" not in self._settings:
            self._mistakes.append(Mistake("tollgate.yaml", 1, "project", "is missing; give this folder a name"))
        if self._mistakes:
            raise MistakesError(self._mistakes)
        return Project(self._settings["project"], self._folder, store, self._entries)

    def _judge(self, entry: Entry, file: str) -> Iterator[tuple[Where, str]]:
        start: Where = (entry.collection, entry.address) if entry.address else (entry.collection,)
        first = self._places.setdefault((entry.collection, entry.address), f"{file}:{entry.line}")
        if first != f"{file}:{entry.line}":
            yield start, f"stands at {first} already"
        if entry.collection in COLLECTIONS and (message := judge_name(entry.collection, entry.address)):
            yield start, message
        mistakes = list(judge(entry.collection, entry.value)) or judge_rules(entry.collection, entry.value)
        for path, message in mistakes:
            yield (*start, *path), message

    def _keep(self, entry: Entry, file: str) -> None:
        if entry.collection not in COLLECTIONS:
            self._settings[entry.collection] = entry.value
            return
        declared = Declared.pack(entry, file)
        self._entries[entry.collection, entry.address] = declared
        if entry.collection == "keys" and "store" not in entry.value:
            credential = declared.credential
            if credential.is_opaque or credential.is_generated:
                field = f"keys.{entry.address}.store"
                self._without_place.append(Mistake(file, entry.line, field, NEEDS_A_PLACE))

    def _locate(self, path: Path, name: str, wrong: list[tuple[Where, str]]) -> None:
        lines = lines_of(path)
        for where, message in wrong:
            line = next((lines[where[:end]] for end in range(len(where), 0, -1) if where[:end] in lines), 1)
            self._mistakes.append(Mistake(name, line, ".".join(map(str, where)), message))
