"""Sessions of the dashboard: open, show, end."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from key_admin.problems import Problem, invalid_field
from key_admin.render import render_grant
from key_admin.requests import on_current_version
from key_admin.responses import respond
from key_admin.service import service
from key_admin.sessions import (
    admin_rights,
    check_same_origin,
    clearing_cookie,
    find_session,
    finish_session,
    open_session,
)
from key_admin.times import write_time

router = Router()  # type: ignore[no-untyped-call] # Powertools' own


@router.post("/session")
def sign_in() -> Response[str]:
    return respond(HTTPStatus.NO_CONTENT, Set_Cookie=open_session(service(), router.current_event.raw_event))


@router.get("/session")
def show() -> Response[str]:
    session, found = find_session(service(), router.current_event.raw_event)
    body = {
        "key_hash": found.record.key_hash,
        "name": found.record.name,
        "owner": found.record.owner,
        "rights": [render_grant(right) for right in admin_rights(found)],
        "expires_at": write_time(session.ends_at),
    }
    return respond(HTTPStatus.OK, body)


@router.delete("/session")
def sign_out() -> Response[str]:
    work, event = service(), router.current_event
    check_same_origin(event.raw_event)
    everywhere = (event.query_string_parameters or {}).get("everywhere", "false")
    if everywhere not in {"true", "false"}:
        raise invalid_field("everywhere", "must be true or false")
    cleared = clearing_cookie(event.raw_event)
    try:
        on_current_version(event, lambda: finish_session(work, event.raw_event, is_everywhere=everywhere == "true"))
    except Problem as problem:
        problem.headers["Set-Cookie"] = cleared
        raise
    return respond(HTTPStatus.NO_CONTENT, Set_Cookie=cleared)
