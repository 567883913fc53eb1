"""Call a Lambda authorizer: identity sources, the result cache, the rules of its context."""

import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from dev.gateway.events import Stage
from dev.gateway.iam import PolicyError, evaluate
from dev.gateway.messages import GatewayError, Request
from dev.lambda_runtime import Function, FunctionError

MAX_ANSWER_BYTES = 8 * 1024  # documented for WebSocket APIs, taken for all
HTTP_PATIENCE_SECONDS = 10.0  # quota of HTTP APIs; for the others none is documented


class Undocumented(NamedTuple):
    """What AWS's documentation leaves open; `make verify-stack` asks AWS itself."""

    http_unauthorized_status: int = 500  # an HTTP API whose authorizer raises "Unauthorized": 500 or 401
    expression_match: str = "full"  # what of a token a validation expression has to match: "full" or "prefix"


AS_DOCUMENTED = Undocumented()


class Authorizer(NamedTuple):
    """An authorizer as the template describes it. Each identity source is (place, name)."""

    name: str
    function: Function
    kind: str  # TOKEN, REQUEST, HTTP_1, HTTP_2_SIMPLE or HTTP_2_POLICY
    identity: tuple[tuple[str, str], ...]
    cache_seconds: int
    validation: str = ""  # TOKEN
    is_permitted: bool = True  # whether API Gateway may invoke the function
    patience_seconds: float | None = None
    undocumented: Undocumented = AS_DOCUMENTED


class Answered(NamedTuple):
    """An authorizer's answer, and the reason that the function logged, which it may keep from the client."""

    body: dict[str, Any]
    reason: str


class ResultCache:
    """What authorizers answered, by identity. Errors are not kept."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[tuple[str, ...], tuple[float, Answered]] = {}

    def get(self, key: tuple[str, ...]) -> Answered | None:
        expires, answer = self._entries.get(key, (0.0, None))
        return answer if self._clock() < expires else None

    def put(self, key: tuple[str, ...], answer: Answered, seconds: int) -> None:
        if seconds > 0:
            self._entries[key] = (self._clock() + seconds, answer)

    def flush(self) -> None:
        """Forget everything, as FlushStageAuthorizersCache and ResetAuthorizersCache do."""
        self._entries.clear()


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
    if authorizer.validation and not _is_valid(authorizer, found[0]):
        raise GatewayError("UNAUTHORIZED", detail="the token does not match the validation expression")
    return found


def _is_valid(authorizer: Authorizer, token: str) -> bool:
    is_full = re.fullmatch(authorizer.validation, token) is not None
    is_prefix = re.match(authorizer.validation, token) is not None
    if is_full != is_prefix:
        sys.stderr.write(
            f"gateway: {authorizer.name}: the validation expression matches the start of a token only, "
            "and AWS does not say whether that is enough: end it with $\n"
        )
    return is_prefix if authorizer.undocumented.expression_match == "prefix" else is_full


def ask(
    authorizer: Authorizer, cache: ResultCache, identity: list[str], make_event: Callable[[], dict[str, Any]]
) -> Answered:
    """The answer for an identity, from the cache or the function. Raises GatewayError; no error is kept."""
    key = (authorizer.name, *identity)
    answer = cache.get(key) if authorizer.cache_seconds else None
    if answer is None:
        answer = call(authorizer, make_event())
        cache.put(key, answer, authorizer.cache_seconds)
    return answer


def _context_value(context: Mapping[str, Any], name: str) -> Any:
    value: Any = context
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def call(authorizer: Authorizer, event: dict[str, Any]) -> Answered:
    """The authorizer's answer, of the shape that its kind has. Raises GatewayError for its errors."""
    if not authorizer.is_permitted:
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail="no permission to invoke the function")
    told: list[str] = []
    try:
        answer = authorizer.function.invoke(event, patience_seconds=authorizer.patience_seconds, told=told)
        return Answered(_checked(authorizer, answer), _logged_reason(told))
    except PolicyError as error:
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail=str(error)) from error
    except FunctionError as error:
        knows_401 = not authorizer.kind.startswith("HTTP") or authorizer.undocumented.http_unauthorized_status == 401  # noqa: PLR2004
        if error.message == "Unauthorized" and knows_401:
            raise GatewayError("UNAUTHORIZED", detail=_logged_reason(told)) from error
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail=error.kind) from error


def _logged_reason(told: list[str]) -> str:
    """Of the last decision among the lines that the function wrote, with its detail."""
    for line in reversed(told):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and "decision" in found:
            detail = f"({found['detail']})" if found.get("detail") else ""
            return f"{found.get('reason', '')} {detail}".strip()
    return ""


def _checked(authorizer: Authorizer, answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail="answer is no object")
    if len(json.dumps(answer, ensure_ascii=False).encode()) > MAX_ANSWER_BYTES:
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail="answer is larger than 8 KB")
    if authorizer.kind == "HTTP_2_SIMPLE":
        if not isinstance(answer.get("isAuthorized"), bool):
            raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail="answer of another shape")
        return answer
    evaluate(answer.get("policyDocument"), arn="")
    if authorizer.kind != "HTTP_2_POLICY":
        flat_context(answer, reserved={"claims"} if authorizer.kind == "HTTP_1" else frozenset())
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
