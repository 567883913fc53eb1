"""Call a Lambda authorizer: identity sources, the result cache, the rules of its context."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from dev.gateway.messages import GatewayError, Request
from dev.lambda_runtime import Function, FunctionError

Context = dict[str, Any]


class Authorizer(NamedTuple):
    """An authorizer as the template describes it. Each identity source is (place, name)."""

    name: str
    function: Function
    kind: str  # TOKEN, REQUEST, HTTP_1, HTTP_2_SIMPLE or HTTP_2_POLICY
    identity: tuple[tuple[str, str], ...]
    cache_seconds: int


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


def identity_of(authorizer: Authorizer, request: Request, variables: dict[str, str]) -> list[str]:
    """The values of every identity source; a missing or empty one means 401 without a call."""
    found = []
    for place, name in authorizer.identity:
        value: str | None
        if place == "header":
            value = request.header(name)
        elif place == "querystring":
            value = dict(request.parameters).get(name)
        else:
            value = variables.get(name)
        if not value:
            raise GatewayError("UNAUTHORIZED", detail=f"no {place} {name}")
        found.append(value)
    return found


def call(authorizer: Authorizer, event: dict[str, Any]) -> Any:
    """The authorizer's answer. Raises GatewayError for its errors."""
    try:
        return authorizer.function.invoke(event)
    except FunctionError as error:
        says_401 = error.message == "Unauthorized" and not authorizer.kind.startswith("HTTP")
        kind = "UNAUTHORIZED" if says_401 else "AUTHORIZER_CONFIGURATION_ERROR"
        raise GatewayError(kind, detail="" if says_401 else error.kind) from error


def flat_context(answer: dict[str, Any]) -> dict[str, str]:
    """A REST authorizer's context: flat, and stringified with JSON's spelling."""
    context = answer.get("context") or {}
    if not isinstance(context, dict) or any(isinstance(value, dict | list) for value in context.values()):
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail="context is not flat")
    texts = {name: _spell(value) for name, value in context.items()}
    return texts | {"principalId": str(answer.get("principalId", ""))}


def _spell(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
