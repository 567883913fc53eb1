"""Check an entry by the JSON Schema, in words for people, and fill in what it leaves out."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

DEFINITIONS = {
    "policies": "PolicyInput",
    "issuers": "IssuerInput",
    "apis": "ApiInput",
    "catalogue": "CatalogueInput",
    "keys": "KeyEntry",
}
KEY_FIELDS = "KeyFields"
Path = tuple[str | int, ...]
_TYPES = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_BOUNDS = {
    "minLength": "has at least {} characters",
    "maxLength": "has at most {} characters",
    "minItems": "has at least {} members",
    "maxItems": "has at most {} members",
    "minProperties": "has at least {} members",
    "maxProperties": "has at most {} members",
    "minimum": "must be {} or more",
    "maximum": "must be {} or less",
}


def schema_text() -> str:
    """The JSON Schema of a file, for editors."""
    return files("cli.schemas").joinpath("tollgate.schema.json").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(schema_text())
    return schema


@lru_cache
def _root(collection: str) -> dict[str, Any]:
    """The schema of an entry, whole in itself; of a setting where it is no collection."""
    schema = _schema()
    if collection in DEFINITIONS:
        return {"$ref": f"#/$defs/{DEFINITIONS[collection]}", "$defs": schema["$defs"]}
    setting: dict[str, Any] = schema["properties"][collection]
    return setting


@lru_cache
def _validator(collection: str) -> Any:
    return jsonschema_rs.validator_for(_root(collection))


def judge(collection: str, value: Any) -> Iterator[tuple[Path, str]]:
    """What is wrong with an entry: where in it, and what is allowed. No message holds a value."""
    validator = _validator(collection)
    if validator.is_valid(value):
        return
    for error in validator.iter_errors(value):
        yield from _explain(error, _root(collection))


def judge_name(collection: str, address: str) -> str:
    """What is wrong with an id or the name of a key; empty where nothing is."""
    names = _schema()["properties"][collection]["propertyNames"]
    if jsonschema_rs.is_valid(names, address):
        return ""
    letters = "A-Z a-z 0-9 . _ ~ : @ + -" if collection == "keys" else "A-Z a-z 0-9 . _ ~ -"
    return f"has at most {names['maxLength']} characters of {letters}"


def complete(definition: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A record with the defaults of what it leaves out, at every depth, and nothing that has no name in the schema."""
    filled: dict[str, Any] = _fill({"$ref": f"#/$defs/{definition}"}, body)
    return filled


def slim(definition: str, member: str, value: Any) -> Any:
    """A member of a record without what the defaults would bring back, at every depth."""
    return _slim(_schema()["$defs"][definition]["properties"].get(member, {}), value)


def _slim(schema: Mapping[str, Any], value: Any) -> Any:
    if "$ref" in schema:
        return _slim(_schema()["$defs"][schema["$ref"].rpartition("/")[2]], value)
    if isinstance(value, list) and "items" in schema:
        return [_slim(schema["items"], member) for member in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    kept = {name: member for name, member in schema["properties"].items() if name in value}
    return {
        name: _slim(member, value[name])
        for name, member in kept.items()
        if "default" not in member or _fill(member, member["default"]) != value[name]
    }


def _fill(schema: Mapping[str, Any], value: Any) -> Any:
    if "$ref" in schema:
        return _fill(_schema()["$defs"][schema["$ref"].rpartition("/")[2]], value)
    if isinstance(value, list) and "items" in schema:
        return [_fill(schema["items"], member) for member in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    filled = {}
    for name, member in schema["properties"].items():
        given = value.get(name)
        if given is not None:
            filled[name] = _fill(member, given)
        elif "default" in member:
            filled[name] = _fill(member, member["default"])
    return filled


def _explain(error: Any, root: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    path: Path = tuple(error.instance_path)
    kind, keyword = error.kind, error.kind.name
    holder = _holder(root, error.schema_path)
    own = holder.get("errorMessage", {}).get(keyword)
    if keyword == "required":
        yield (*path, kind.property), "is missing"
    elif keyword == "additionalProperties":
        known = f"is not known here; known are {', '.join(sorted(holder.get('properties', ())))}"
        for name in kind.unexpected:
            yield (*path, name), own or known
    elif own:
        yield path, own
    elif keyword == "type":
        yield path, _say_type(kind.types, error.instance)
    elif keyword in {"enum", "const"}:
        options = holder["enum"] if keyword == "enum" else [holder["const"]]
        yield path, f"must be {' or '.join(json.dumps(option).strip(chr(34)) for option in options)}"
    elif keyword in _BOUNDS:
        yield path, _BOUNDS[keyword].format(holder[keyword])
    elif keyword == "propertyNames":
        yield path, f"a name in it {_BOUNDS['maxLength'].format(holder['propertyNames']['maxLength'])}"
    else:
        yield path, "is not of a form that is allowed here"


def _holder(root: Mapping[str, Any], path: list[str | int]) -> Mapping[str, Any]:
    """The schema in which the keyword stands that a path leads to."""
    node: Any = root
    for step in path[:-1]:
        node = node[step]
    return node if isinstance(node, dict) else {}


def _say_type(types: list[str], value: Any) -> str:
    wanted = f"must be {' or '.join(_TYPES[name] for name in types)}"
    is_bare = isinstance(value, bool | int | float)
    return f"{wanted}; put it in quotes" if types == ["string"] and is_bare else wanted
