"""Identities of outside providers: who has called, how much, and who is blocked."""

from functools import partial
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from access.gate import LAYOUT, is_counter
from access.key_ids import KeyHash, is_key_hash
from access.keys import IdentityRecord
from key_admin.callers import find_caller
from key_admin.idempotency import Keep, once
from key_admin.models.identities import IdentityFields
from key_admin.problems import invalid_field, not_found
from key_admin.render import render_identity
from key_admin.requests import Caller, check_version, list_page, on_current_version, read_body
from key_admin.responses import LIMIT_SECONDS, effective_within, respond
from key_admin.routes.named_records import every
from key_admin.routes.usage import answer_usage
from key_admin.service import Service, service
from key_admin.validation import validate
from store.admin.identities import ListedIdentity
from store.admin.transactions import Attached, Page
from store.keys import Gate

router = Router()  # type: ignore[no-untyped-call] # Powertools' own
MAX_ISSUER_ID = 64
MERGE_PATCH = ("application/json", "application/merge-patch+json")


@router.get("/identities")
def list_all() -> Response[str]:
    work, _ = _begin()
    parameters = router.current_event.query_string_parameters or {}
    issuer_id = parameters.get("issuer", "")
    if not issuer_id or len(issuer_id) > MAX_ISSUER_ID:
        raise invalid_field("issuer", "names the issuer whose identities are meant")
    page = partial(_page, work, issuer_id)
    return respond(HTTPStatus.OK, list_page(parameters, page, lambda identity: render_identity(*identity)))


def _page(
    work: Service, issuer_id: str, limit: int, cursor: str | None
) -> Page[tuple[IdentityRecord, Gate, ListedIdentity]]:
    page = work.identities.page(issuer_id, limit=limit, cursor=cursor)
    known = work.identities.read([listed.identity_hash for listed in page.items])
    return Page(tuple((*known[listed.identity_hash], listed) for listed in page.items), page.cursor)


@router.get("/identities/<key_hash>")
def read(key_hash: str) -> Response[str]:
    work, _ = _begin()
    return respond(HTTPStatus.OK, _show(work, *_find(work, key_hash)))


@router.get("/identities/<key_hash>/usage")
def show_usage(key_hash: str) -> Response[str]:
    work, _ = _begin()
    record, gate = _find(work, key_hash)
    stored = partial(work.identities.usage, record.identity_hash)
    return answer_usage(work, router.current_event.query_string_parameters or {}, gate, stored)


@router.patch("/identities/<key_hash>")
def change(key_hash: str) -> Response[str]:
    work, caller = _begin()
    event = router.current_event
    wanted = validate(IdentityFields, read_body(event, content_types=MERGE_PATCH))
    on_current_version(event, lambda: _change(work, caller, key_hash, wanted))
    return respond(HTTPStatus.OK, _show(work, *_find(work, key_hash)) | effective_within(0))


def _change(work: Service, caller: Caller, key_hash: str, wanted: IdentityFields) -> None:
    record, _ = _find(work, key_hash)
    check_version(router.current_event, record.version)
    after, attached = _next(work, caller, record, "identity.update", enabled=wanted.enabled)
    work.identities.update(record, after, attached)


@router.post("/identities/<key_hash>/reset")
def reset(key_hash: str) -> Response[str]:
    work, caller = _begin()
    event = router.current_event
    perform = partial(_reset, work, caller, key_hash)
    reset_once = partial(once, work, event, caller, perform, judge=lambda _kept: None)
    return respond(*on_current_version(event, reset_once))


def _reset(work: Service, caller: Caller, key_hash: str, keep: Keep) -> tuple[int, dict[str, Any]]:
    """All counters to zero: which limits an identity has, its next token says."""
    record, gate = _find(work, key_hash)
    check_version(router.current_event, record.version)
    after, attached = _next(work, caller, record, "identity.reset")
    body = _show(work, after, gate) | effective_within(LIMIT_SECONDS)
    counters = [*filter(is_counter, gate), LAYOUT]
    work.identities.update(record, after, attached._replace(answer=keep(HTTPStatus.OK, body)), counters=counters)
    return HTTPStatus.OK, body


def _begin() -> tuple[Service, Caller]:
    """The service and the caller, who is limited to no owner. Raises a Problem: 401 or 403."""
    work = service()
    caller = find_caller(work, router.current_event)
    caller.check_unowned()
    return work, caller


def _find(work: Service, key_hash: str) -> tuple[IdentityRecord, Gate]:
    found = work.identities.find(KeyHash(key_hash)) if is_key_hash(key_hash) else None
    if found is None:
        raise not_found("identity")
    return found


def _next(
    work: Service, caller: Caller, record: IdentityRecord, action: str, **changes: Any
) -> tuple[IdentityRecord, Attached]:
    """The next version of a record, and the audit entry of the change."""
    resource = f"/identities/{record.identity_hash}"
    entry = work.tell(caller, action, resource, changes, after=record.last_audit)
    after = record._replace(version=record.version + 1, updated_at=work.now(), last_audit=entry.link, **changes)
    return after, Attached(work.audit.put(entry))


def _show(work: Service, record: IdentityRecord, gate: Gate) -> dict[str, Any]:
    issuers = [issuer.issuer_id for issuer in every(work.issuers)]
    return render_identity(record, gate, work.identities.place(record.identity_hash, issuers))
