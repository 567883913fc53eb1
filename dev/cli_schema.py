"""The JSON Schema of keys as code, made from key_admin's models: `python -m dev.cli_schema`.

Editors complete and check files by it, and so does `tollgate`, which has none of key_admin's code.
What the models check in code is said here once more, where JSON Schema can say it; `errorMessage`
holds the words for people, by keyword (as ajv-errors defines it).
"""

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from access.credentials import Algorithm
from access.limits import CALENDAR, CALENDAR_PERIODS, MAX_LIMIT, PERIOD_SECONDS
from key_admin.models.apis import ApiInput
from key_admin.models.issuers import IssuerInput
from key_admin.models.keys import JwtData, KeyFields
from key_admin.models.patterns import RECORD_ID, WORDS
from key_admin.models.policies import PolicyInput
from key_admin.times import TIME

PATH = Path(__file__).parents[1] / "cli/schemas/tollgate.schema.json"
ADDRESS = r"^[A-Za-z0-9][A-Za-z0-9._~:@+-]*$"
Object = dict[str, Any]

_PERIOD = rf"^([1-9][0-9]{{0,8}}s|{'|'.join(PERIOD_SECONDS)}|never)$"
_SHORT_PERIOD = r"^([1-9][0-9]{0,4}s|second|minute|hour|day)$"
_SEGMENTS = r"^[^{}]*(\{[A-Za-z_][A-Za-z0-9_]*\}[^{}]*)*$"
_OF_CHOICES = ("type", "additionalProperties", "minProperties", "maxProperties")
_REFERENCE = {
    "type": "object",
    "properties": {
        "env": {"type": "string", "minLength": 1, "description": "The name of an environment variable."},
        "file": {"type": "string", "minLength": 1, "description": "A file, relative to this folder."},
        "secretsmanager": {"type": "string", "minLength": 1, "description": "ARN, or ARN#member of a JSON secret."},
        "ssm": {"type": "string", "minLength": 1, "description": "The name of a parameter."},
    },
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
    "errorMessage": dict.fromkeys(
        _OF_CHOICES,
        "must be a reference to a secret: {env: NAME}, {file: PATH}, {secretsmanager: ARN} or {ssm: NAME};"
        " a secret itself is never written here",
    ),
}
_STORE = {
    "type": "object",
    "description": "Where what is made for a key is put. {key} stands for the key's name in these files.",
    "properties": {name: {"type": "string", "minLength": 1} for name in ("file", "secretsmanager", "ssm")},
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
    "errorMessage": dict.fromkeys(_OF_CHOICES, "must be a place: {file: PATH}, {secretsmanager: NAME} or {ssm: NAME}"),
}
# Of API.md section 5; the catalogue's model takes its place as soon as key_admin has one.
_CATALOGUE: Object = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 128},
        "description": {"type": "string", "default": ""},
        "policies": {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": RECORD_ID}},
        "approval": {"enum": ["manual", "automatic"], "default": "manual"},
        "credentials": {
            "type": "array",
            "items": {"enum": ["secret", "public_key", "generate", "opaque"]},
            "default": [],
        },
        "questions": {
            "type": "array",
            "default": [],
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "minLength": 1},
                    "label": {"type": "string", "minLength": 1},
                    "required": {"type": "boolean", "default": False},
                },
                "required": ["name", "label"],
                "additionalProperties": False,
            },
        },
        "keys_per_developer": {"type": "integer", "minimum": 1, "default": 3},
        "documentation_url": {"type": "string", "default": ""},
        "active": {"type": "boolean", "default": True},
    },
    "required": ["title", "policies"],
    "additionalProperties": False,
}


def schema() -> Object:
    """The schema of a file."""
    models: list[Any] = [(model, "validation") for model in (KeyFields, JwtData, PolicyInput, ApiInput, IssuerInput)]
    _, made = models_json_schema(models, ref_template="#/$defs/{model}")
    definitions = {name: _tidy(definition) for name, definition in made["$defs"].items()}
    labels = {"labels": definitions["PolicyInput"]["properties"]["labels"]}
    definitions["CatalogueInput"] = _CATALOGUE | {"properties": _CATALOGUE["properties"] | labels}
    _say_rules(definitions)
    definitions["JwtData"] = _jwt_data(definitions["JwtData"])
    definitions["KeyEntry"] = _key_entry(definitions["KeyFields"])
    collections = {
        "policies": "PolicyInput",
        "apis": "ApiInput",
        "issuers": "IssuerInput",
        "catalogue": "CatalogueInput",
        "keys": "KeyEntry",
    }
    ids = {"type": "object", "propertyNames": {"maxLength": 64, "pattern": RECORD_ID}}
    addresses = {"type": "object", "propertyNames": {"maxLength": 128, "pattern": ADDRESS}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tollgate: keys as code",
        "type": "object",
        "properties": {
            "project": {
                "type": "string",
                "maxLength": 64,
                "pattern": ADDRESS,
                "description": "The name of this folder in the labels of what it makes.",
                "errorMessage": {"pattern": "is a name of A-Z a-z 0-9 . _ ~ : @ + -"},
            },
            "store": _STORE,
            **{
                name: (addresses if name == "keys" else ids)
                | {"additionalProperties": {"$ref": f"#/$defs/{definition}"}}
                for name, definition in collections.items()
            },
        },
        "additionalProperties": False,
        "$defs": definitions,
    }


def _tidy(node: Any) -> Any:
    """Without pydantic's titles; members by pattern are all there are, and every pattern has its words."""
    if isinstance(node, list):
        return [_tidy(member) for member in node]
    if not isinstance(node, dict):
        return node
    tidy = {
        name: _tidy(value) if name != "default" else _without_nulls(value)
        for name, value in node.items()
        if name != "title" or not isinstance(value, str)
    }
    if "patternProperties" in node:
        (pattern,) = node["patternProperties"]
        tidy |= {"additionalProperties": False, "errorMessage": {"additionalProperties": WORDS[pattern]}}
    elif node.get("pattern") in WORDS:
        tidy["errorMessage"] = {"pattern": WORDS[node["pattern"]]}
    elif "anyOf" in node and {choice.get("type") for choice in node["anyOf"]} == {"string", "array"}:
        tidy["errorMessage"] = {"anyOf": "must be a string, or a list of strings"}
    return tidy


def _without_nulls(value: Any) -> Any:
    return {name: member for name, member in value.items() if member is not None} if isinstance(value, dict) else value


def _say_rules(definitions: dict[str, Object]) -> None:
    """What the models check in code."""
    for prefix in ("", "Policy"):
        _say_periods(definitions[f"{prefix}RateLimitInput"], definitions[f"{prefix}QuotaInput"], may_lift=bool(prefix))
    del definitions["GrantInput"]["properties"]["owner"]["default"]  # left out: an empty owner would be everybody
    grant = definitions["GrantInput"]["properties"]["path"]
    grant["allOf"] = [
        {
            "pattern": _SEGMENTS,
            "errorMessage": {"pattern": "in a path `*` stands for any run of characters and `{name}` for one segment"},
        }
    ]
    places = [
        {"required": ["jwks_uri"], "properties": {"discovery": {"const": False}, "jwks_uri": {"minLength": 1}}},
        {"required": ["discovery"], "properties": {"discovery": {"const": True}, "jwks_uri": {"const": ""}}},
    ]
    definitions["IssuerInput"] |= _rule("oneOf", places, "give either jwks_uri, or discovery: true")
    definitions["KeyFields"]["properties"]["expires_at"] |= {
        "pattern": f"^({TIME.pattern})?$",
        "errorMessage": {"pattern": "a time is written as in RFC 3339: 2027-01-01T00:00:00Z"},
    }


def _say_periods(rate_limit: Object, quota: Object, *, may_lift: bool) -> None:
    """The periods of both kinds of limit. What lifts a limit needs none."""
    if may_lift:
        units = {"errorMessage": {"anyOf": f'must be 0 to {MAX_LIMIT}, or "unlimited"'}}
        rate_limit["properties"]["limit"] |= units
        quota["properties"]["limit"] |= units
    rate_limit["properties"]["period"] |= {
        "pattern": f"^$|{_SHORT_PERIOD}" if may_lift else _SHORT_PERIOD,
        "errorMessage": {
            "pattern": "a rate limit has a period of 1 second to a day: <n>s, second, minute, hour or day"
        },
    }
    quota["properties"]["period"] |= {
        "pattern": f"^$|{_PERIOD}" if may_lift else _PERIOD,
        "errorMessage": {"pattern": f"a period is <n>s, {', '.join(PERIOD_SECONDS)} or never"},
    }
    quota["if"] = {"properties": {"anchor": {"const": CALENDAR}}, "required": ["anchor"]}
    quota["then"] = {
        "required": ["period"],
        "properties": {
            "period": {
                "enum": sorted(CALENDAR_PERIODS),
                "errorMessage": {"enum": "a calendar quota has a period of second, minute, hour, day, week or month"},
            }
        },
    }


def _rule(keyword: str, choices: list[Object], message: str) -> Object:
    """A rule of the whole record, in its own words."""
    return {"allOf": [{keyword: choices, "errorMessage": {keyword: message}}]}


def _jwt_data(model: Object) -> Object:
    """Material as files name it: public keys inline, secrets by reference."""
    properties = dict(model["properties"])
    properties["secret"] = _REFERENCE
    properties["algorithm"] = {"enum": [algorithm.value for algorithm in Algorithm]}
    properties["generate"] = {"const": True, "description": "Make a secret or a key pair, and put it into `store`."}
    for name in ("public_key", "jwk"):
        properties[name] = {member: value for member, value in properties[name].items() if member != "default"}
    sources = ["secret", "public_key", "jwk", "generate"]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **_rule("oneOf", [{"required": [source]} for source in sources], f"give exactly one of {', '.join(sources)}"),
    }


def _key_entry(fields: Object) -> Object:
    """A key as files name it."""
    properties = fields["properties"] | {
        "key_id": {
            "type": "string",
            "pattern": r"^[A-Za-z0-9._~:@+-]{3,256}$",
            "errorMessage": {"pattern": "has 3 to 256 characters of A-Z a-z 0-9 . _ ~ : @ + -"},
            "description": "What tokens name as `kid`; <project>.<name here> where it is left out.",
        },
        "key_hash": {
            "type": "string",
            "pattern": r"^[A-Za-z0-9_-]{43}$",
            "errorMessage": {"pattern": "has 43 characters of A-Z a-z 0-9 _ -"},
            "description": "A key that exists, as `tollgate export` writes it. Its material stays as it is.",
        },
        "jwt_data": {"$ref": "#/$defs/JwtData"},
        "store": _STORE,
        "rotation_grace_seconds": {
            "type": "integer",
            "minimum": 0,
            "maximum": 366 * 86_400,
            "default": 3600,
            "description": "How long older material still verifies after a rotation.",
        },
    }
    either = [
        {"required": ["policies"], "properties": {"policies": {"minItems": 1}}},
        {"required": ["grants"], "properties": {"grants": {"minItems": 1}}},
    ]
    rule = _rule("anyOf", either, "a key needs at least one policy or grant")
    return fields | rule | {"properties": properties, "required": []}


def main() -> None:
    PATH.write_text(json.dumps(schema(), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
