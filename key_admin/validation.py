"""Check a body by its model, and tell what is wrong in our words, by the path that its sender wrote."""

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from key_admin.models.patterns import WORDS
from key_admin.problems import FieldError, invalid

ModelT = TypeVar("ModelT", bound=BaseModel)
_MESSAGES = {  # for pydantic's types of error
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "must be a text",
    "string_too_short": "has at least {min_length} characters",
    "string_too_long": "has at most {max_length} characters",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "too_short": "has at least {min_length} members",
    "too_long": "has at most {max_length} members",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
}


def validate(model: type[ModelT], body: dict[str, Any]) -> ModelT:
    """The body as a model. Raises a Problem that names every wrong field."""
    nulls = [FieldError(name, "must not be null") for name, value in body.items() if value is None]
    if nulls:
        raise invalid(*nulls)
    try:
        return model.model_validate(body)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        raise invalid(*_field_errors(found, body)) from None
    except RecursionError:
        raise invalid() from None


def _field_errors(found: Iterable[Any], body: dict[str, Any]) -> list[FieldError]:
    """What pydantic found, by field; what it says of each type that a field may have is told together."""
    messages: dict[str, list[str]] = {}
    for error in found:
        messages.setdefault(_field_of(error, body), []).append(_message_of(error))
    return [FieldError(field, ", or ".join(dict.fromkeys(said))) for field, said in messages.items()]


def _field_of(error: Any, body: Any) -> str:
    """The dotted path as the sender wrote it, without pydantic's names for types and keys."""
    path, node = [], body
    for part in error["loc"]:
        if isinstance(node, dict) and (part in node or error["type"] == "missing"):
            path.append(str(part))
            node = node.get(part)
        elif isinstance(node, list) and isinstance(part, int):
            path.append(str(part))
            node = node[part]
    return ".".join(path) or "body"


def _message_of(error: Any) -> str:
    told = error.get("ctx", {})
    if error["type"] == "string_pattern_mismatch":
        return WORDS[told["pattern"]]
    if error["type"] in _MESSAGES:
        return _MESSAGES[error["type"]].format(**told)
    message = str(error["msg"]).removeprefix("Value error, ")
    return message.replace("Input should be", "must be")
