"""Read what a request brings: its body, its page, the version it expects, who sends it."""

import json
import random
import re
import time
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar

from access.keys import KeyRecord
from access.strict_json import read_object
from key_admin.problems import Problem, invalid_field, malformed, not_found, require, version_mismatch
from key_admin.rights.grants import AdminApi
from key_admin.rights.holders import Unrestricted, owner_of
from key_admin.rights.judgement import Judge
from store.admin.labels import LabelFilter
from store.admin.transactions import InvalidCursorError, Page, VersionConflictError

MAX_BODY_BYTES = 256 * 1024
MAX_ANSWER_BYTES = 5 * 1024 * 1024  # Lambda takes 6 MB, with the headers
DEFAULT_PAGE, MAX_PAGE = 50, 200
MAX_INTERVAL_DAYS = 400
MAX_IDEMPOTENCY_KEY = 255
MAX_CHANGES = 30  # tries of a change that names no version
_LIMIT = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.ASCII)  # no host that AWS routes
AnswerT = TypeVar("AnswerT")
ItemT = TypeVar("ItemT")


class Caller(NamedTuple):
    """Who asks, and what judges what they may do."""

    principal: str
    request_id: str
    judge: Judge

    @property
    def owner(self) -> str:
        """The owner whose keys alone the caller works with; empty where they are everybody's."""
        return owner_of(self.judge.holder)

    def check_sees(self, record: KeyRecord) -> None:
        """A 404 for a key of somebody else."""
        if not self.judge.sees(record):
            raise not_found("key")

    def check_unowned(self) -> None:
        """A 403 where only the keys of one owner may be touched."""
        require(self.judge.of_unowned())


DIRECT = Caller("iam", "", Judge(Unrestricted(), AdminApi()))


def read_body(event: Any, *, content_types: tuple[str, ...] = ("application/json",)) -> dict[str, Any]:
    """The JSON object that a request brings. Raises a Problem: 400, 413 or 415."""
    kind = str(event.headers.get("content-type", "")).partition(";")[0].strip().lower()
    raw = read_text(event)
    if kind not in content_types:
        accepted = " or ".join(content_types)
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", f"The body must be {accepted}.")
    try:
        return read_object(raw)
    except ValueError as error:
        detail = f"The body {error}."
        raise malformed(detail) from None


def read_text(event: Any) -> str:
    """The body as text. Raises a Problem: 400 or 413."""
    raw: str = event.raw_event.get("body") or ""
    if len(raw) > MAX_BODY_BYTES * 4 // 3 + 4:
        raise _too_large()
    if event.raw_event.get("isBase64Encoded"):
        try:
            raw = b64decode(raw, validate=True).decode()
        except ValueError:
            raise malformed("The body is not UTF-8.") from None
    try:
        size = len(raw.encode())
    except UnicodeEncodeError:
        raise malformed("The body is not UTF-8.") from None
    if size > MAX_BODY_BYTES:
        raise _too_large()
    return raw


def check_version(event: Any, version: int | None) -> None:
    """Honour If-Match; a 412 where it names another version (None: there is no record)."""
    header = event.headers.get("if-match")
    if header is None:
        return
    named = {one.strip() for one in header.split(",")}  # none of our ETags holds a comma
    if version is None or not named & {"*", etag(version)}:
        raise version_mismatch()


def check_absence(event: Any, version: int | None) -> None:
    """Honour `If-None-Match: *`; a 412 where there is a record."""
    if version is not None and event.headers.get("if-none-match", "").strip() == "*":
        detail = "The record exists already, and If-None-Match lets it only be made."
        raise Problem(HTTPStatus.PRECONDITION_FAILED, "version-mismatch", detail)


def on_current_version(event: Any, change: Callable[[], AnswerT]) -> AnswerT:
    """Make a change that reads a record and writes it under its version.

    Where no If-Match says which version is meant (or it says `*`), the latest is: the change is
    made anew when another one came between.
    """
    names_a_version = event.headers.get("if-match", "*").strip() != "*"
    for _ in range(1 if names_a_version else MAX_CHANGES):
        with suppress(VersionConflictError):
            return change()
        time.sleep(random.uniform(0, 0.02))  # noqa: S311 - jitter
    raise version_mismatch()


def api_url(event: Any) -> str:
    """The URL of the API that a request came by: its host on AWS, and the address of a local gateway.

    Empty where no gateway sent it, as in a direct invocation.
    """
    host = str(event.headers.get("host", ""))
    if _LOOPBACK.fullmatch(host):
        return f"http://{host}{event.headers.get('x-forwarded-prefix', '')}"
    domain = event.raw_event["requestContext"].get("domainName", "")
    return f"https://{domain}" if domain else ""


def etag(version: int) -> str:
    return f'"{version}"'


def check_interval(first: int, last: int, longest: int) -> None:
    """A 400 where an interval ends before it begins, or is longer than `longest`, in the unit of all three."""
    if not 0 <= last - first <= longest:
        raise invalid_field("from", f"is before `to`, by at most {MAX_INTERVAL_DAYS} days")


def list_page(
    parameters: dict[str, str],
    page: Callable[[int, str | None], Page[ItemT]],
    render: Callable[[ItemT], dict[str, Any]],
) -> dict[str, Any]:
    """The page of a list that `limit`, and `cursor` or `next`, ask for, as it is answered. Raises a Problem: 400.

    Where so many items are larger than an answer may be, it holds fewer and leads on to the others.
    """
    limit, cursor = _read_limit(parameters), _read_cursor(parameters)
    while True:
        try:
            found = page(limit, cursor)
        except InvalidCursorError:
            name = "cursor" if parameters.get("cursor") else "next"
            raise invalid_field(name, "is not one that a list gave") from None
        body = {"items": [render(item) for item in found.items], "next": found.cursor}
        if limit == 1 or not _is_too_large(body):
            return body
        limit //= 2


def _read_limit(parameters: dict[str, str]) -> int:
    text = parameters.get("limit", str(DEFAULT_PAGE))
    if not _LIMIT.fullmatch(text) or int(text) > MAX_PAGE:
        raise invalid_field("limit", f"must be a number from 1 to {MAX_PAGE}")
    return int(text)


def _is_too_large(body: dict[str, Any]) -> bool:
    """Whether Lambda would not take an answer, which holds the body as a JSON string."""
    text = json.dumps(body)
    return len(text) > MAX_ANSWER_BYTES // 2 and len(json.dumps(text)) > MAX_ANSWER_BYTES


def _read_cursor(parameters: dict[str, str]) -> str | None:
    """The cursor by either of its names. Raises a Problem: 400 where they lead to two places."""
    given = {parameters[name] for name in ("cursor", "next") if parameters.get(name)}
    if len(given) > 1:
        raise invalid_field("next", "is another than `cursor`; give one of them")
    return next(iter(given), None)


def read_label(parameters: dict[str, str]) -> LabelFilter | None:
    """The label that a list is filtered by: `name`, or `name:value`."""
    text = parameters.get("label", "")
    name, colon, value = text.partition(":")
    return LabelFilter(name, value if colon else None) if text else None


def read_idempotency_key(event: Any) -> str:
    """The Idempotency-Key of a request, empty where it has none."""
    key = str(event.headers.get("idempotency-key") or "")
    if len(key) > MAX_IDEMPOTENCY_KEY or not key.isascii() or not key.isprintable():
        raise invalid_field("Idempotency-Key", f"has at most {MAX_IDEMPOTENCY_KEY} printable ASCII characters")
    return key


def _too_large() -> Problem:
    detail = f"The body has more than {MAX_BODY_BYTES // 1024} KB."
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail)
