"""What is open without a key: static, and without data."""

import json
from functools import lru_cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from key_admin.openapi.document import document
from key_admin.pages import Asset, load_site
from key_admin.problems import explain, not_found
from key_admin.responses import respond

router = Router()  # type: ignore[no-untyped-call] # Powertools' own
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
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_ASSET_HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "public, max-age=31536000, immutable",  # the release in its path is the hash of its content
}


@router.get("/health")
def health() -> Response[str]:
    return respond(HTTPStatus.OK, {"status": "ok"})


@router.get("/problems/<name>")
def problem(name: str) -> Response[str]:
    """What a type of problem means: where the `type` of every problem leads."""
    meaning = explain(name)
    if meaning is None:
        raise not_found("type of problem")
    return respond(HTTPStatus.OK, meaning)


@router.get("/")
def dashboard() -> Response[Any]:
    return _send(load_site("dashboard").page, _PAGE_HEADERS)


@router.get("/assets/<release>/<name>")
def asset(release: str, name: str) -> Response[Any]:
    site = load_site("dashboard")
    wanted = site.assets.get(name)
    if wanted is None or release != site.release:
        raise not_found("page")
    return _send(wanted, _ASSET_HEADERS)


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


def _send(asset: Asset, own_headers: dict[str, str]) -> Response[Any]:
    """An asset, compressed for whoever takes that; a 304 for whoever has it."""
    event = router.current_event
    headers: dict[str, str | list[str]] = {
        **own_headers,
        "ETag": asset.etag,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if asset.etag in event.headers.get("if-none-match", ""):
        return Response(int(HTTPStatus.NOT_MODIFIED), headers=headers)
    if not _takes_gzip(event.headers.get("accept-encoding", "")):
        return Response(200, asset.content_type, asset.content, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(200, asset.content_type, asset.compressed, headers=headers)


def _takes_gzip(accepted: str) -> bool:
    """Whether Accept-Encoding lists gzip without refusing it (RFC 9110, 12.5.3)."""
    for coding in accepted.lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() in {"gzip", "*"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


@lru_cache(maxsize=1)
def _document() -> str:
    return json.dumps(document())
