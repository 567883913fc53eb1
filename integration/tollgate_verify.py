"""Ask Tollgate from what does not sit behind API Gateway. Copy this file; it needs boto3.

`Tollgate.verify` invokes the authorizer directly: it decides and counts as for API Gateway. The caller needs
`lambda:InvokeFunction` on that function. `TollgateMiddleware` stands before an ASGI application, such as FastAPI's:
`app.add_middleware(TollgateMiddleware, tollgate=Tollgate("…"), api="orders")`. What cannot be decided is a 503.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import quote

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_STATUSES = {"unauthorized": 401, "rate_limited": 429, "quota_exhausted": 429}
_FORBIDDEN = 403
_LIMIT_HEADERS = {"X-RateLimit-Limit": "limit", "X-RateLimit-Remaining": "remaining", "X-RateLimit-Reset": "reset"}


class UndecidedError(Exception):
    """The authorizer could not decide, or was asked wrongly; the message says which."""


class Verdict(NamedTuple):
    """What was decided. `retry_after`: seconds, None where waiting does not help."""

    allowed: bool
    reason: str
    retry_after: int | None
    key_hash: str
    context: Mapping[str, Any]

    @property
    def status(self) -> int:
        """The status that says so over HTTP."""
        return 200 if self.allowed else _STATUSES.get(self.reason, _FORBIDDEN)


class Tollgate:
    """The authorizer of a stack, by the name or ARN of its function (output `AuthorizerArn`)."""

    def __init__(self, function: str, client: Any = None) -> None:
        self._function = function
        self._client = client or _lambda_client()

    def verify(self, credential: str, *, api: str, method: str, path: str, source: str = "") -> Verdict:
        """Decide on a call and count it. `path` is percent-encoded, without its query. Raises UndecidedError."""
        call = {"credential": credential, "api": api, "method": method, "path": path, "source": source}
        payload = json.dumps({"type": "VERIFY"} | call).encode()
        try:
            answer = self._client.invoke(FunctionName=self._function, Payload=payload)
            body = json.loads(answer["Payload"].read())
        except Exception as error:
            raise UndecidedError(f"{self._function} did not answer: {type(error).__name__}") from error
        if "FunctionError" in answer:
            raise UndecidedError(str(body.get("errorMessage") or answer["FunctionError"]))
        return Verdict(**body)


class TollgateMiddleware:
    """Refuses HTTP requests that Tollgate does not allow; puts the context of others at `scope["tollgate"]`."""

    def __init__(self, app: Application, tollgate: Tollgate, api: str) -> None:
        self._app, self._tollgate, self._api = app, tollgate, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise UndecidedError(f"{scope['type']}: only HTTP requests are verified")
        try:
            verdict = await asyncio.to_thread(self._verify, scope)
        except UndecidedError:
            await _answer(send, 503, {"error": "undecided"}, {"Retry-After": "1"})
            return
        if not verdict.allowed:
            await _refuse(send, verdict)
            return
        await self._app({**scope, "tollgate": verdict.context}, receive, send)

    def _verify(self, scope: Scope) -> Verdict:
        presented = {value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"authorization"}
        return self._tollgate.verify(
            presented.pop() if len(presented) == 1 else "",
            api=self._api,
            method=scope["method"],
            path=_path_of(scope),
            source=(scope.get("client") or ("",))[0],
        )


def _path_of(scope: Scope) -> str:
    """The path as it was sent; where the server does not say, encoded anew."""
    raw = scope.get("raw_path")
    return raw.decode("latin-1").partition("?")[0] if raw else quote(scope["path"])


async def _refuse(send: Send, verdict: Verdict) -> None:
    context = verdict.context
    headers = {header: str(context[name]) for header, name in _LIMIT_HEADERS.items() if context.get(name, "") != ""}
    body: dict[str, Any] = {"error": verdict.reason}
    if verdict.status == 401:  # noqa: PLR2004 - HTTP Unauthorized
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    if verdict.status == 429:  # noqa: PLR2004 - HTTP Too Many Requests
        body["retry_after"] = verdict.retry_after
    if verdict.retry_after is not None:
        headers["Retry-After"] = str(verdict.retry_after)
    await _answer(send, verdict.status, body, headers)


async def _answer(send: Send, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    content = json.dumps(body, separators=(",", ":")).encode()
    whole = {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}
    encoded = [(name.lower().encode(), value.encode()) for name, value in whole.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": content})


def _lambda_client() -> Any:
    import boto3  # noqa: PLC0415 - whoever brings a client of their own needs none

    return boto3.client("lambda")
