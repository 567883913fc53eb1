"""Answer 429 from a Lambda behind an HTTP API that Tollgate protects. Copy this file; it needs nothing.

An authorizer cannot make an HTTP API answer 429. With the stage variable `tollgateLimits` set to
`integration`, Tollgate allows a limited request and says why in the context; `tollgate_limits`
refuses it before the handler runs. EVERY integration of such an API must wear it: one that does
not lets limited requests pass. Payload formats 1.0 and 2.0, plain and `async` handlers.
"""

import functools
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

_HEADERS = {"X-RateLimit-Limit": "limit", "X-RateLimit-Remaining": "remaining", "X-RateLimit-Reset": "reset"}

Handler = Callable[..., Any]


def tollgate_limits(handler: Handler) -> Handler:
    """Wrap a handler: 429 for a limited request, `X-RateLimit-*` on every other answer."""
    if inspect.iscoroutinefunction(handler):

        @functools.wraps(handler)
        async def wrapped_async(event: Mapping[str, Any], *rest: Any) -> Any:
            refusal = _refusal(event)
            return refusal if refusal is not None else _with_headers(event, await handler(event, *rest))

        return wrapped_async

    @functools.wraps(handler)
    def wrapped(event: Mapping[str, Any], *rest: Any) -> Any:
        refusal = _refusal(event)
        return refusal if refusal is not None else _with_headers(event, handler(event, *rest))

    return wrapped


def _context(event: Mapping[str, Any]) -> Mapping[str, Any]:
    authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
    found: Mapping[str, Any] = authorizer.get("lambda", authorizer) or {}
    return found


def _refusal(event: Mapping[str, Any]) -> dict[str, Any] | None:
    context = _context(event)
    reason = context.get("reason") or ""
    if not reason:
        return None
    wait = str(context.get("retryAfter", ""))
    headers = {"Content-Type": "application/json"} | _limit_headers(context)
    if wait:
        headers["Retry-After"] = wait
    body = json.dumps({"error": reason, "retry_after": int(wait) if wait else None}, separators=(",", ":"))
    return {"statusCode": 429, "headers": headers, "body": body}


def _limit_headers(context: Mapping[str, Any]) -> dict[str, str]:
    values = {header: str(context.get(name, "")) for header, name in _HEADERS.items()}
    return {header: value for header, value in values.items() if value}


def _with_headers(event: Mapping[str, Any], answer: Any) -> Any:
    """The answer and the headers that it does not set itself."""
    wanted = _limit_headers(_context(event))
    if not wanted or not isinstance(answer, dict):
        return answer
    if "statusCode" not in answer:
        if event.get("version") != "2.0":
            return answer  # malformed, which API Gateway should tell
        answer = {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(answer)}
    own = dict(answer.get("headers") or {})
    taken = {name.lower() for name in own}
    return {**answer, "headers": own | {name: value for name, value in wanted.items() if name.lower() not in taken}}
