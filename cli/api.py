"""The admin API over HTTP: one connection, retries of what may be sent again, errors by their class."""

import json
import random
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx

from cli.exits import CommandError, ExitCode

TIMEOUT_SECONDS = 30
TRIES = 5
MAX_WAIT_SECONDS = 20
PAGE = 200
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_AGAIN = {429, 502, 503, 504}
_CODES = {
    400: ExitCode.INVALID,
    401: ExitCode.NOT_ALLOWED,
    403: ExitCode.NOT_ALLOWED,
    404: ExitCode.NOT_FOUND,
    409: ExitCode.CONFLICT,
    412: ExitCode.CONFLICT,
    413: ExitCode.INVALID,
    415: ExitCode.INVALID,
    429: ExitCode.UNAVAILABLE,
}
_TO_KNOW = {  # where the gateway's message alone would not help
    401: "The admin API knows no such key: check TOLLGATE_KEY, or sign in anew with `tollgate login`.",
    403: "The admin API refuses this key: it is wrong, disabled or expired, or it may not do this.",
}
Object = dict[str, Any]


class ApiError(CommandError):
    """The API answered with a problem (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        code = ExitCode.UNAVAILABLE if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ExitCode.FAILED
        super().__init__(_words(status, problem), _CODES.get(status, code))


class NoAnswerError(CommandError):
    """Nothing answered at the URL."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"No answer from {url}: {reason}", ExitCode.UNAVAILABLE)


class Endpoint(NamedTuple):
    """Where the admin API is, and the key to it."""

    url: str
    key: str

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r}, <secret>)"


class AdminApi:
    """The operations of one admin API. Safe to use from several threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        check_url(endpoint.url)
        self.url = endpoint.url.rstrip("/")
        headers = {"Authorization": f"Bearer {endpoint.key}", "User-Agent": "tollgate"}
        self._client = httpx.Client(headers=headers, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, **parameters: Any) -> Object:
        """One record. `parameters` that are None or empty are left out."""
        wanted = {name.rstrip("_"): value for name, value in parameters.items() if value not in (None, "")}
        return self._send("GET", path, parameters=wanted)

    def items(self, path: str, *, most: int | None = None, **parameters: Any) -> Iterator[Object]:
        """The items of a list, page by page; `most` of them at most."""
        cursor: str | None = None
        count = 0
        while True:
            limit = PAGE if most is None else min(PAGE, most - count)
            page = self.get(path, limit=limit, cursor=cursor, **parameters)
            for item in page["items"]:
                yield item
                count += 1
            cursor = page.get("next")
            if cursor is None or count == most:
                return

    def post(self, path: str, body: Object | None = None, *, once: str = "", version: int | None = None) -> Object:
        """A POST that is performed once, however often it is sent: `once` is its Idempotency-Key."""
        return self._send("POST", path, body=body, headers={"Idempotency-Key": once or str(uuid4())}, version=version)

    def put(self, path: str, body: Object, *, version: int | None = None) -> Object:
        return self._send("PUT", path, body=body, version=version)

    def patch(self, path: str, body: Object, *, version: int | None = None) -> Object:
        return self._send("PATCH", path, body=body, version=version)

    def delete(self, path: str, *, version: int | None = None) -> None:
        self._send("DELETE", path, version=version)

    def _send(
        self,
        method: str,
        path: str,
        *,
        parameters: Object | None = None,
        body: Object | None = None,
        headers: Mapping[str, str] | None = None,
        version: int | None = None,
    ) -> Object:
        sent = dict(headers or {})
        if version is not None:
            sent["If-Match"] = f'"{version}"'
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = "application/json"
        answer = self._answer(method, path, parameters, content, sent)
        if answer.is_success:
            return _read(answer, self.url) if answer.content else {}
        raise ApiError(answer.status_code, _problem(answer))

    def _answer(
        self, method: str, path: str, parameters: Object | None, content: bytes | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._client.request(
                    method, self.url + path, params=parameters, content=content, headers=headers
                )
            except httpx.HTTPError as error:
                if attempt == TRIES or isinstance(error, httpx.UnsupportedProtocol):
                    raise NoAnswerError(self.url, _reason(error)) from None
                _wait(attempt, "")
                continue
            again = _AGAIN | ({HTTPStatus.INTERNAL_SERVER_ERROR} if method == "GET" else set())
            if answer.status_code not in again or attempt == TRIES:
                return answer
            _wait(attempt, answer.headers.get("Retry-After", ""))
        raise AssertionError


def check_url(url: str) -> None:
    """Refuse to send a key where others can read it."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return
    message = f"{url!r} is not an https URL; a key is sent over plain http to this machine only."
    raise CommandError(message, ExitCode.INVALID)


def segment(text: str) -> str:
    """A string as one segment of a path."""
    return quote(text, safe="")


def _wait(attempt: int, retry_after: str) -> None:
    asked = int(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0
    time.sleep(min(MAX_WAIT_SECONDS, max(asked, random.uniform(0, 0.25 * 2**attempt))))  # noqa: S311 - jitter


def _reason(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _read(answer: httpx.Response, url: str) -> Object:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise CommandError(f"{url} does not answer as an admin API does; check the URL.", ExitCode.UNAVAILABLE)
    return body


def _problem(answer: httpx.Response) -> Object:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _words(status: int, problem: Mapping[str, Any]) -> str:
    detail = problem.get("detail") or _TO_KNOW.get(status) or problem.get("message") or f"The API answered {status}."
    fields = [f"{error.get('field')}: {error.get('message')}" for error in problem.get("errors") or ()]
    return "\n  ".join([str(detail), *fields])
