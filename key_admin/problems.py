"""Errors as problem details (RFC 9457). A problem names fields, never their values."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from aws_lambda_powertools.event_handler import Response

from key_admin.responses import GUARDS
from key_admin.rights.refusals import Ground, Refusal

PROBLEM_TYPE = "{api}/problems/{code}"
CONTENT_TYPE = "application/problem+json"
PROBLEMS: dict[str, tuple[HTTPStatus, str]] = {  # by code, the end of `type`
    "malformed": (HTTPStatus.BAD_REQUEST, "The body cannot be read: no UTF-8, no JSON, or no object."),
    "invalid": (HTTPStatus.BAD_REQUEST, "Members or parameters are wrong; `errors` names each."),
    "unauthorized": (
        HTTPStatus.UNAUTHORIZED,
        "The credential is wrong, or the session has ended. Elsewhere than at `/session`: a mistake of the stack.",
    ),
    "forbidden": (HTTPStatus.FORBIDDEN, "The admin key has no right to this; `detail` names what is missing."),
    "cross-site": (
        HTTPStatus.FORBIDDEN,
        "A change with the cookie of a session, which does not come from a page of this host.",
    ),
    "not-found": (HTTPStatus.NOT_FOUND, "There is no such resource, or none that the admin key may see."),
    "method-not-allowed": (HTTPStatus.METHOD_NOT_ALLOWED, "The resource takes other methods; `Allow` names them."),
    "conflict": (HTTPStatus.CONFLICT, "It exists already, or something else needs it."),
    "version-mismatch": (HTTPStatus.PRECONDITION_FAILED, "The record has another version than If-Match names."),
    "too-large": (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body has more than 256 KB."),
    "unsupported-media-type": (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body has another content type."),
    "fault": (HTTPStatus.INTERNAL_SERVER_ERROR, "A fault of ours; the log tells of it."),
    "unavailable": (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The table did not answer: ask again after `Retry-After`. Of an item of an import: no time was left for it.",
    ),
}


class FieldError(NamedTuple):
    """What is wrong with one member of the body, by its dotted path."""

    field: str
    message: str


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it so
    """An answer other than success; raised anywhere below a route."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: dict[str, str] | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = headers or {}
        self.reason = reason  # why a key is refused, as the authorizer names it

    def body(self, api: str) -> dict[str, Any]:
        """The members of the problem; `api` is the URL of the API that answers, where its type is explained."""
        body: dict[str, Any] = {
            "type": PROBLEM_TYPE.format(api=api, code=self.code),
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
        }
        optional = {"errors": [error._asdict() for error in self.errors], "reason": self.reason}
        return body | {name: value for name, value in optional.items() if value}


def invalid(*errors: FieldError) -> Problem:
    """The body was read, and a member of it is wrong."""
    return Problem(HTTPStatus.BAD_REQUEST, "invalid", "The request is not valid.", errors=errors)


def invalid_field(field: str, message: str) -> Problem:
    """One member of the body is wrong."""
    return invalid(FieldError(field, message))


def malformed(detail: str) -> Problem:
    """The body cannot be read at all."""
    return Problem(HTTPStatus.BAD_REQUEST, "malformed", detail)


def not_found(what: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "not-found", f"There is no such {what}.")


def conflict(detail: str) -> Problem:
    return Problem(HTTPStatus.CONFLICT, "conflict", detail)


def forbidden(detail: str) -> Problem:
    """Who asks has no right to it."""
    return Problem(HTTPStatus.FORBIDDEN, "forbidden", detail)


def require(refusal: Refusal | None) -> None:
    """Go on where nothing was refused. Raises a Problem: 400, 403 or 409."""
    if refusal is None:
        return
    if refusal.ground is Ground.INPUT:
        raise invalid_field(refusal.field, refusal.detail)
    raise forbidden(refusal.detail) if refusal.ground is Ground.RIGHTS else conflict(refusal.detail)


def version_mismatch() -> Problem:
    detail = "The record has another version by now; read it again."
    return Problem(HTTPStatus.PRECONDITION_FAILED, "version-mismatch", detail)


def render(problem: Problem, api: str) -> Response[str]:
    """The answer that tells of a problem, by the API of this URL."""
    return Response(int(problem.status), CONTENT_TYPE, json.dumps(problem.body(api)), headers=GUARDS | problem.headers)


def explain(code: str) -> dict[str, Any] | None:
    """What the type of a problem means; None where there is no such type."""
    if code not in PROBLEMS:
        return None
    status, meaning = PROBLEMS[code]
    return {"name": code, "status": int(status), "title": status.phrase, "meaning": meaning}
