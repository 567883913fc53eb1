"""Answers in JSON."""

import json
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response


def respond(status: int, body: dict[str, Any] | None = None, **headers: str) -> Response[str]:
    """An answer in JSON; the ETag is the body's version."""
    sent: dict[str, str | list[str]] = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is None:
        return Response(int(HTTPStatus.NO_CONTENT), headers=sent)
    if "version" in body:
        sent["ETag"] = f'"{body["version"]}"'
    return Response(status, "application/json", json.dumps(body), headers=sent)
