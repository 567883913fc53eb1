"""The OpenAPI 3.1 document of the admin API, made from the models that check and show."""

import re
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from authorizer.events import SESSION_COOKIE
from key_admin.models.keys import KeyFields
from key_admin.openapi.examples import ANSWERS, PATHS, QUERY, problem_of
from key_admin.openapi.operations import OPERATIONS, Operation
from key_admin.openapi.schemas import GatewayMessage, ProblemAnswer
from key_admin.problems import PROBLEMS

_REFERENCE = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_CODES = {  # which problems an operation has for a status
    400: ("invalid", "malformed"),
    404: ("not-found",),
    409: ("conflict",),
    412: ("version-mismatch",),
    413: ("too-large",),
    415: ("unsupported-media-type",),
    500: ("fault",),
    503: ("unavailable",),
}
_HEADERS = {
    "If-Match": "The ETag of the version that is meant, or several of them. Without it: the latest version.",
    "If-None-Match": "`*`: only make a record, a 412 where there is one.",
    "Idempotency-Key": "Names the request: sent again within a day, it is answered again and performed once.",
}
_ETAG = {"ETag": {"description": "The version, for If-Match.", "schema": {"type": "string"}}}
_LOCATION = {"Location": {"description": "Where the key is, relative to this request.", "schema": {"type": "string"}}}
_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}}
_TYPE = f"/problems/({'|'.join(PROBLEMS)})$"  # on the API that answers
PATCH = "KeyPatch"
Object = dict[str, Any]


def document() -> Object:
    """The whole document."""
    used = {model for one in OPERATIONS for model in (one.body, one.answer) if model}
    models = sorted(used | {ProblemAnswer, GatewayMessage}, key=lambda model: model.__name__)
    wanted: list[Any] = [(model, "validation") for model in models]
    _, definitions = models_json_schema(wanted, ref_template=_REFERENCE)
    schemas = definitions["$defs"]
    schemas["ProblemAnswer"]["properties"]["type"] |= {"pattern": _TYPE, "description": _tell_problems()}
    schemas[PATCH] = _patch_of(schemas.pop(KeyFields.__name__))
    paths: dict[str, Object] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _render(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tollgate admin API",
            "version": "1",
            "description": "Keys, policies, API definitions, issuers and the audit log. Guarded by an admin key.",
        },
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "adminKey": {"type": "http", "scheme": "bearer", "description": "An admin key."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": SESSION_COOKIE,
                    "description": "What `POST /session` sets. A change needs `Sec-Fetch-Site` or `Origin` beside it.",
                },
                "anyKey": {"type": "http", "scheme": "bearer", "description": "A key with whatever rights."},
            },
        },
        "security": [{"adminKey": []}, {"session": []}],
    }


def _render(operation: Operation) -> Object:
    parameters = [
        *(_parameter("path", name, {"type": "string"}, PATHS[name]) for name in _PARAMETER.findall(operation.path)),
        *(_query(name, schema, operation) for name, schema in operation.query.items()),
        *(
            _parameter("header", name, {"type": "string"}) | {"description": _HEADERS[name]}
            for name in operation.headers
        ),
    ]
    rendered: Object = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": parameters,
        "responses": _responses(operation),
    }
    if operation.body is not None:
        is_patch = operation.method == "PATCH"
        schema = _schema(PATCH if operation.body is KeyFields else operation.body.__name__)
        content = {"schema": schema, "example": operation.example}
        kinds = ["application/json", *(["application/merge-patch+json"] if is_patch else [])]
        rendered["requestBody"] = {
            "required": not operation.body_is_optional,
            "content": dict.fromkeys(kinds, content),
        }
    if operation.is_open:
        rendered["security"] = []
    elif operation.is_of_sessions:
        rendered["security"] = [{"session" if operation.takes_cookie else "adminKey": []}]
    elif operation.takes_any_key:
        rendered["security"] = [{"anyKey": []}]
    return rendered


def _responses(operation: Operation) -> Object:
    good: Object = {"description": "Done."}
    if operation.answer is not None:
        content = _schema_of(operation.answer)
        good["content"] = {"application/json": content}
        headers = _ETAG if "version" in content["example"] else {}
        good["headers"] = headers | (_LOCATION if operation.id == "create_key" else {})
    responses = {str(status): good for status in operation.statuses}
    if operation.is_open:
        return responses | {str(status): _problem(*_CODES[status]) for status in operation.problems}
    codes = (*operation.problems, *((413, 415) if operation.body else ()), 500, 503)
    responses |= {str(status): _problem(*_CODES[status]) for status in codes}
    responses["503"]["headers"] = _RETRY
    if operation.takes_any_key:
        return responses | {"401": _problem("unauthorized"), "403": _problem("forbidden")}
    forbidden = ("forbidden",) if operation.method == "GET" else ("forbidden", "cross-site")
    contents = [
        {"application/json": _schema_of(GatewayMessage) | {"example": {"message": status.phrase}}}
        | _problem(*names)["content"]
        for status, names in ((HTTPStatus.UNAUTHORIZED, ("unauthorized",)), (HTTPStatus.FORBIDDEN, forbidden))
    ]
    return responses | {
        "401": {"description": "No authorizer has judged the request: a mistake of the stack.", "content": contents[0]},
        "403": {
            "description": "There is no admin key, it does not verify, or it may not do this.",
            "content": contents[1],
        },
    }


def _problem(*codes: str) -> Object:
    examples = {code: {"value": problem_of(code)} for code in codes}
    content = {"schema": _schema(ProblemAnswer.__name__), "examples": examples}
    return {
        "description": " ".join(PROBLEMS[code][1] for code in codes),
        "content": {"application/problem+json": content},
    }


def _tell_problems() -> str:
    return "\n".join(f"- `{code}` ({status.value}): {meaning}" for code, (status, meaning) in PROBLEMS.items())


def _patch_of(schema: Object) -> Object:
    """A merge patch of a body: any of its members, and null to remove one."""
    members = {name: {"anyOf": [member, {"type": "null"}]} for name, member in schema["properties"].items()}
    for member in ("metadata", "labels"):
        values = members[member]["anyOf"][0] = dict(schema["properties"][member])
        values["patternProperties"] = {
            name: {"anyOf": [value, {"type": "null"}]} for name, value in values["patternProperties"].items()
        }
    return {"type": "object", "title": PATCH, "properties": members, "additionalProperties": False}


def _schema(model: str) -> Object:
    return {"$ref": _REFERENCE.format(model=model)}


def _schema_of(answer: type[BaseModel]) -> Object:
    return {"schema": _schema(answer.__name__), "example": ANSWERS[answer]}


def _query(name: str, schema: Object, operation: Operation) -> Object:
    """A parameter of the query; one that is required has an example."""
    is_required = name in operation.required
    return _parameter("query", name, schema, QUERY[name] if is_required else "") | {"required": is_required}


def _parameter(place: str, name: str, schema: Object, example: str = "") -> Object:
    parameter = {"in": place, "name": name, "required": place == "path", "schema": schema}
    return parameter | ({"example": example} if example else {})
