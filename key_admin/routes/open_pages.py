"""What is open without a key: static, and without data."""

import json
from functools import lru_cache
from http import HTTPStatus
from importlib.resources import files

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from key_admin.openapi.document import document
from key_admin.problems import not_found
from key_admin.responses import respond

router = Router()  # type: ignore[no-untyped-call] # Powertools' own
_FRONT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Tollgate</title>
<h1>Tollgate</h1>
<p>The admin API of this stack. <a href="docs">Its documentation</a>; call it with an admin key in the
<code>Authorization</code> header.</p></html>
"""
_DOCS = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Tollgate admin API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="docs/swagger-ui.min.css">
<div id="page"></div>
<script src="docs/swagger-ui-bundle.min.js"></script>
<script src="docs/start.js"></script></html>
"""
_START = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null});\n'
_ASSETS = {"swagger-ui-bundle.min.js": "text/javascript", "swagger-ui.min.css": "text/css"}
_HEADERS: dict[str, str | list[str]] = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@router.get("/health")
def health() -> Response[str]:
    return respond(HTTPStatus.OK, {"status": "ok"})


@router.get("/")
def front() -> Response[str]:
    return Response(200, "text/html; charset=utf-8", _FRONT, headers=_HEADERS)


@router.get("/openapi.json")
def openapi() -> Response[str]:
    return Response(200, "application/json", _document(), headers=_HEADERS)


@router.get("/docs")
def docs() -> Response[str]:
    return Response(200, "text/html; charset=utf-8", _DOCS, headers=_HEADERS)


@router.get("/docs/<asset>")
def docs_asset(asset: str) -> Response[str]:
    if asset == "start.js":
        return Response(200, "text/javascript", _START, headers=_HEADERS)
    if asset not in _ASSETS:
        raise not_found("page")
    text = files("aws_lambda_powertools.event_handler.openapi.swagger_ui").joinpath(asset).read_text()
    return Response(200, _ASSETS[asset], text, headers=_HEADERS | {"Cache-Control": "max-age=86400"})


@lru_cache(maxsize=1)
def _document() -> str:
    return json.dumps(document())
