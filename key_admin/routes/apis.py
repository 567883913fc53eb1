"""API definitions: put, read, list, delete."""

import json
import re
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from access.apis import ApiDefinition
from access.grants import ADMIN_API
from key_admin.models import ApiInput, validate
from key_admin.problems import conflict, invalid_field, not_found, version_mismatch
from key_admin.render import render_api
from key_admin.service import Service, check_version, etag, read_body, read_page, service
from store.key_writer import InUseError, InvalidCursorError, VersionConflictError
from store.keys import load_api

router = Router()  # type: ignore[no-untyped-call] # Powertools' own
_API_ID = re.compile(r"[A-Za-z0-9._~-]{1,64}", re.ASCII)


@router.put("/apis/<api_id>")
def put(api_id: str) -> Response[str]:
    if not _API_ID.fullmatch(api_id):
        raise invalid_field("api_id", "has 1 to 64 characters of A-Z a-z 0-9 . _ ~ -")
    if api_id == ADMIN_API:
        raise invalid_field("api_id", "is that of the admin API, which is as it is")
    work = service()
    wanted = validate(ApiInput, read_body(router.current_event))
    before = _find(work, api_id)
    if before is not None:
        check_version(router.current_event, before.version)
    elif router.current_event.headers.get("if-match") is not None:
        raise version_mismatch()
    now = work.now()
    after = ApiDefinition(
        api_id=api_id,
        version=before.version + 1 if before else 1,
        created_at=before.created_at if before else now,
        updated_at=now,
        **wanted.values(),
    )
    try:
        work.writer.put_api(before, after)
    except InUseError:
        raise conflict("Another API definition names one of these gateways.") from None
    except VersionConflictError:
        raise version_mismatch() from None
    return _answer(HTTPStatus.OK if before else HTTPStatus.CREATED, after)


@router.get("/apis")
def list_all() -> Response[str]:
    limit, cursor = read_page(router.current_event.query_string_parameters or {})
    try:
        page = service().writer.list_apis(limit=limit, cursor=cursor)
    except InvalidCursorError:
        raise invalid_field("cursor", "is not one that a list gave") from None
    body = {"items": [render_api(definition) for definition in page.items], "next": page.cursor}
    return Response(int(HTTPStatus.OK), "application/json", json.dumps(body))


@router.get("/apis/<api_id>")
def read(api_id: str) -> Response[str]:
    return _answer(HTTPStatus.OK, _existing(service(), api_id))


@router.delete("/apis/<api_id>")
def delete(api_id: str) -> Response[str]:
    work = service()
    definition = _existing(work, api_id)
    check_version(router.current_event, definition.version)
    try:
        work.writer.delete_api(definition)
    except VersionConflictError:
        raise version_mismatch() from None
    return Response(int(HTTPStatus.NO_CONTENT))


def _find(work: Service, api_id: str) -> ApiDefinition | None:
    return load_api(work.client, work.table, api_id)


def _existing(work: Service, api_id: str) -> ApiDefinition:
    definition = _find(work, api_id)
    if definition is None:
        raise not_found("API definition")
    return definition


def _answer(status: HTTPStatus, definition: ApiDefinition) -> Response[str]:
    headers: dict[str, str | list[str]] = {"ETag": etag(definition.version)}
    return Response(int(status), "application/json", json.dumps(render_api(definition)), headers=headers)
