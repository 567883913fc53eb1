"""Answers in JSON."""

import json
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

# Answers may show a secret once: nobody keeps them, nobody takes them for another type.
GUARDS: dict[str, str | list[str]] = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

SHARED_SECONDS = 5  # how long the authorizer goes on with its copy of a policy, an API definition or an issuer
LIMIT_SECONDS = 1  # how long it goes on refusing for a limit that it knows as exhausted


def effective_within(seconds: int) -> dict[str, int]:
    """The member of an answer that says when every environment of the authorizer acts on a change."""
    return {"effective_within_seconds": seconds}


def respond(status: int, body: dict[str, Any] | None = None, **headers: str) -> Response[str]:
    """An answer in JSON; the ETag is the body's version."""
    sent = GUARDS | {name.replace("_", "-"): value for name, value in headers.items()}
    if body is None:
        return Response(int(HTTPStatus.NO_CONTENT), headers=sent)
    if "version" in body:
        sent["ETag"] = f'"{body["version"]}"'
    return Response(status, "application/json", json.dumps(body), headers=sent)
