"""Policies: put, read, list, delete."""

import json
import re
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from access.keys import Policy
from key_admin.models import PolicyInput, validate
from key_admin.problems import conflict, invalid_field, not_found, version_mismatch
from key_admin.render import render_policy
from key_admin.service import Service, check_version, etag, read_body, read_page, service
from store.key_writer import InUseError, InvalidCursorError, VersionConflictError
from store.keys import load_policies

router = Router()  # type: ignore[no-untyped-call] # Powertools' own
_POLICY_ID = re.compile(r"[A-Za-z0-9._~-]{1,64}", re.ASCII)


@router.put("/policies/<policy_id>")
def put(policy_id: str) -> Response[str]:
    if not _POLICY_ID.fullmatch(policy_id):
        raise invalid_field("policy_id", "has 1 to 64 characters of A-Z a-z 0-9 . _ ~ -")
    work = service()
    wanted = validate(PolicyInput, read_body(router.current_event))
    before = _find(work, policy_id)
    if before is not None:
        check_version(router.current_event, before.version)
    elif router.current_event.headers.get("if-match") is not None:
        raise version_mismatch()
    now = work.now()
    after = Policy(
        policy_id=policy_id,
        version=before.version + 1 if before else 1,
        created_at=before.created_at if before else now,
        updated_at=now,
        **wanted.values(),
    )
    try:
        work.writer.put_policy(before, after)
    except VersionConflictError:
        raise version_mismatch() from None
    return _answer(HTTPStatus.OK if before else HTTPStatus.CREATED, after)


@router.get("/policies")
def list_all() -> Response[str]:
    limit, cursor = read_page(router.current_event.query_string_parameters or {})
    try:
        page = service().writer.list_policies(limit=limit, cursor=cursor)
    except InvalidCursorError:
        raise invalid_field("cursor", "is not one that a list gave") from None
    body = {"items": [render_policy(policy) for policy in page.items], "next": page.cursor}
    return Response(int(HTTPStatus.OK), "application/json", json.dumps(body))


@router.get("/policies/<policy_id>")
def read(policy_id: str) -> Response[str]:
    return _answer(HTTPStatus.OK, _existing(service(), policy_id))


@router.delete("/policies/<policy_id>")
def delete(policy_id: str) -> Response[str]:
    work = service()
    policy = _existing(work, policy_id)
    check_version(router.current_event, policy.version)
    try:
        work.writer.delete_policy(policy)
    except InUseError:
        raise conflict("Keys still use this policy; take it from them first.") from None
    except VersionConflictError:
        raise version_mismatch() from None
    return Response(int(HTTPStatus.NO_CONTENT))


def _find(work: Service, policy_id: str) -> Policy | None:
    return load_policies(work.client, work.table, [policy_id]).get(policy_id)


def _existing(work: Service, policy_id: str) -> Policy:
    policy = _find(work, policy_id)
    if policy is None:
        raise not_found("policy")
    return policy


def _answer(status: HTTPStatus, policy: Policy) -> Response[str]:
    headers: dict[str, str | list[str]] = {"ETag": etag(policy.version)}
    return Response(int(status), "application/json", json.dumps(render_policy(policy)), headers=headers)
