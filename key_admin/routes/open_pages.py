"""What is open without a key: static, and without data."""

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

router = Router()  # type: ignore[no-untyped-call] # Powertools' own
_FRONT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Tollgate</title>
<h1>Tollgate</h1>
<p>The admin API of this stack. Call <code>/keys</code> and <code>/policies</code> with an admin key
in the <code>Authorization</code> header.</p></html>
"""


@router.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/")
def front() -> Response[str]:
    return Response(200, "text/html; charset=utf-8", _FRONT)
