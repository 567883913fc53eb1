"""Call a Lambda authorizer: identity sources, the result cache, the rules of its context."""

import json
import re
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from dev.gateway.events import Stage
from dev.gateway.messages import GatewayError, Request
from dev.lambda_runtime import Function, FunctionError

MAX_ANSWER_BYTES = 8 * 1024  # documented for WebSocket APIs, taken for all


class Authorizer(NamedTuple):
    """An authorizer as the template describes it. Each identity source is (place, name)."""

    name: str
    function: Function
    kind: str  # TOKEN, REQUEST, HTTP_1, HTTP_2_SIMPLE or HTTP_2_POLICY
    identity: tuple[tuple[str, str], ...]
    cache_seconds: int
    validation: str = ""  # TOKEN: matched in full; whether AWS does so is not documented


class ResultCache:
    """What authorizers answered, by identity. Errors are not kept."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[tuple[str, ...], tuple[float, Any]] = {}

    def get(self, key: tuple[str, ...]) -> Any:
        expires, answer = self._entries.get(key, (0.0, None))
        return answer if self._clock() < expires else None

    def put(self, key: tuple[str, ...], answer: Any, seconds: int) -> None:
        if seconds > 0:
            self._entries[key] = (self._clock() + seconds, answer)


def identity_of(authorizer: Authorizer, request: Request, stage: Stage, context: Mapping[str, Any]) -> list[str]:
    """The values of every identity source; a missing or empty one means 401 without a call."""
    found = []
    for place, name in authorizer.identity:
        value: Any
        if place == "header":
            value = request.header(name)
        elif place == "querystring":
            value = dict(request.parameters).get(name)
        elif place == "context":
            value = _context_value(context, name)
        else:
            value = stage.variables.get(name)
        if not value or isinstance(value, dict):
            raise GatewayError("UNAUTHORIZED", detail=f"no {place} {name}")
        found.append(str(value))
    if authorizer.validation and not re.fullmatch(authorizer.validation, found[0]):
        raise GatewayError("UNAUTHORIZED", detail="the token does not match the validation expression")
    return found


def _context_value(context: Mapping[str, Any], name: str) -> Any:
    value: Any = context
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def call(authorizer: Authorizer, event: dict[str, Any]) -> Any:
    """The authorizer's answer. Raises GatewayError for its errors."""
    try:
        return authorizer.function.invoke(event)
    except FunctionError as error:
        says_401 = error.message == "Unauthorized" and not authorizer.kind.startswith("HTTP")
        kind = "UNAUTHORIZED" if says_401 else "AUTHORIZER_CONFIGURATION_ERROR"
        raise GatewayError(kind, detail="" if says_401 else error.kind) from error


def checked(answer: Any) -> dict[str, Any]:
    """An answer of the right kind and size."""
    if not isinstance(answer, dict):
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail="answer is no object")
    if len(json.dumps(answer)) > MAX_ANSWER_BYTES:
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail="answer is larger than 8 KB")
    return answer


def flat_context(answer: dict[str, Any], *, reserved: AbstractSet[str] = frozenset()) -> dict[str, str]:
    """A policy answer's context: flat, stringified with JSON's spelling, no reserved name.

    What AWS does with null is not known, so it is refused here.
    """
    context = answer.get("context") or {}
    if not isinstance(context, dict) or any(one is None or isinstance(one, dict | list) for one in context.values()):
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail="context is not flat")
    for name in context.keys() & (reserved | {"principalId"}):
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail=f"context names the reserved {name}")
    texts = {name: _spell(value) for name, value in context.items()}
    return texts | {"principalId": str(answer.get("principalId", ""))}


def _spell(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
