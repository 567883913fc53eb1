"""The OpenAPI 3.1 document of the admin API, made from the models that check and show."""

import re
from typing import Any

from pydantic.json_schema import models_json_schema

from key_admin.openapi.operations import OPERATIONS, Operation
from key_admin.openapi.schemas import GatewayMessage, ProblemAnswer

_REFERENCE = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_DETAILS = {
    400: "The request is malformed or invalid; `errors` names the fields.",
    404: "There is no such resource.",
    409: "It exists already, or something else needs it.",
    412: "The record has another version than If-Match names.",
    413: "The body has more than 256 KB.",
    415: "The body has another content type.",
}
Object = dict[str, Any]


def document() -> Object:
    """The whole document."""
    used = {model for one in OPERATIONS for model in (one.body, one.answer) if model}
    models = sorted(used | {ProblemAnswer, GatewayMessage}, key=lambda model: model.__name__)
    wanted: list[Any] = [(model, "validation") for model in models]
    _, definitions = models_json_schema(wanted, ref_template=_REFERENCE)
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
            "schemas": definitions["$defs"],
            "securitySchemes": {"adminKey": {"type": "http", "scheme": "bearer", "description": "An admin key."}},
        },
        "security": [{"adminKey": []}],
    }


def _render(operation: Operation) -> Object:
    parameters = [
        *(_parameter("path", name, {"type": "string"}) for name in _PARAMETER.findall(operation.path)),
        *(_parameter("query", name, schema) for name, schema in operation.query.items()),
        *(_parameter("header", name, {"type": "string"}) for name in operation.headers),
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
        schema = {"type": "object"} if is_patch else _schema(operation.body.__name__)
        content = {"schema": schema, "example": operation.example}
        kinds = ["application/json", *(["application/merge-patch+json"] if is_patch else [])]
        rendered["requestBody"] = {
            "required": not operation.body_is_optional,
            "content": dict.fromkeys(kinds, content),
        }
    if operation.is_open:
        rendered["security"] = []
    return rendered


def _responses(operation: Operation) -> Object:
    good: Object = {"description": "Done."}
    if operation.answer is not None:
        good["content"] = {"application/json": {"schema": _schema(operation.answer.__name__)}}
    responses = {str(status): good for status in operation.statuses}
    for code in (*operation.problems, *((413, 415) if operation.body else ())):
        content = {"application/problem+json": {"schema": _schema("ProblemAnswer")}}
        responses[str(code)] = {"description": _DETAILS[code], "content": content}
    if operation.is_open:
        return responses
    message = {"application/json": {"schema": _schema("GatewayMessage")}}
    problem = {"application/problem+json": {"schema": _schema("ProblemAnswer")}}
    return responses | {
        "401": {"description": "There is no admin key.", "content": message},
        "403": {"description": "The admin key does not verify, or may not do this.", "content": message | problem},
    }


def _schema(model: str) -> Object:
    return {"$ref": _REFERENCE.format(model=model)}


def _parameter(place: str, name: str, schema: Object) -> Object:
    return {"in": place, "name": name, "required": place == "path", "schema": schema}
