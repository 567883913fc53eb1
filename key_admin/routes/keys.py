"""Keys: create, list, read, look up, change, reset, delete."""

import json
from datetime import date
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from access.decisions import LimitStatus
from access.gate import DAY_MS, Limit, counters_to_clear, current_day, is_counter, past_day, statuses
from access.keys import KeyRecord
from access.limits import OWNER
from access.policies import Effective, overlay
from key_admin.key_operations import check_expiry, create_key, rotate_key
from key_admin.models import KeyFields, KeyInput, LookupInput, ResetInput, RotateInput, validate
from key_admin.problems import invalid_field, version_mismatch
from key_admin.render import editable, render_day, render_effective, render_key
from key_admin.service import Service, check_version, etag, read_body, read_page, service
from store.key_writer import InvalidCursorError, KeyFilter, UnknownPolicyError, VersionConflictError
from store.keys import Gate, load_policies

router = Router()  # type: ignore[no-untyped-call] # Powertools' own
DAY_SECONDS = DAY_MS // 1000
DEFAULT_USAGE_DAYS = 30
MERGE_PATCH = ("application/json", "application/merge-patch+json")


@router.post("/keys")
def create() -> Response[str]:
    wanted = validate(KeyInput, read_body(router.current_event))
    created = create_key(service(), wanted)
    body = render_key(created.record, {}) | {"key_id": created.key_id}
    if wanted.jwt_data is not None and wanted.jwt_data.generate:
        body["jwt_data"] = created.shown
    return _answer(HTTPStatus.CREATED, body, location=f"/keys/{created.record.key_hash}")


@router.get("/keys")
def list_all() -> Response[str]:
    parameters = router.current_event.query_string_parameters or {}
    limit, cursor = read_page(parameters)
    wanted = KeyFilter(
        owner=parameters.get("owner", ""),
        policy=parameters.get("policy", ""),
        tag=parameters.get("tag", ""),
        enabled=_truth(parameters.get("enabled")),
    )
    work = service()
    try:
        page = work.writer.list_keys(wanted, limit=limit, cursor=cursor)
    except InvalidCursorError:
        raise invalid_field("cursor", "is not one that a list gave") from None
    items = [render_key(record, {}) for record in page.items]
    return _answer(HTTPStatus.OK, {"items": items, "next": page.cursor})


@router.post("/keys/lookup")
def look_up() -> Response[str]:
    wanted = validate(LookupInput, read_body(router.current_event))
    return _answer_key(*service().find_key(service().hash_of(wanted.key_id)))


@router.get("/keys/<key_hash>")
def read(key_hash: str) -> Response[str]:
    return _answer_key(*service().find_key(key_hash))


@router.patch("/keys/<key_hash>")
def change(key_hash: str) -> Response[str]:
    work = service()
    patch = read_body(router.current_event, content_types=MERGE_PATCH)
    for member, advice in (("jwt_data", "is not patched; rotate the key"), ("key_id", "does not change")):
        if member in patch:
            raise invalid_field(member, advice)
    record, _ = work.find_key(key_hash)
    check_version(router.current_event, record.version)
    wanted = validate(KeyFields, _merge(editable(record), patch))
    if "expires_at" in patch:
        check_expiry(wanted, work.now())
    after = _next_version(work, record, **wanted.values())
    try:
        work.writer.update_key(record, after)
    except UnknownPolicyError:
        raise invalid_field("policies", "names a policy that does not exist") from None
    except VersionConflictError:
        raise version_mismatch() from None
    return _answer_key(*work.find_key(key_hash))


@router.post("/keys/<key_hash>/reset")
def reset(key_hash: str) -> Response[str]:
    work = service()
    event = router.current_event
    wanted = validate(ResetInput, read_body(event) if event.raw_event.get("body") else {})
    record, gate = work.find_key(key_hash)
    check_version(event, record.version)
    limits = tuple(limit for limit in _limits(work, record) if wanted.names(limit))
    if not limits and wanted.model_fields_set:
        raise invalid_field("name", "there is no such limit on this key")
    now_ms = work.now() * 1000
    is_shared = wanted.scope == OWNER and bool(record.owner)
    counters = counters_to_clear(work.owner_gate(record.owner) if is_shared else gate, limits, now_ms=now_ms)
    own, shared = ([], counters) if is_shared else (counters, [])
    if not wanted.model_fields_set:
        own = list(dict.fromkeys([*own, *filter(is_counter, gate)]))
    try:
        work.writer.reset_key(record, _next_version(work, record), own, shared)
    except VersionConflictError:
        raise version_mismatch() from None
    return _answer_key(*work.find_key(key_hash))


@router.get("/keys/<key_hash>/usage")
def show_usage(key_hash: str) -> Response[str]:
    work = service()
    parameters = router.current_event.query_string_parameters or {}
    _, gate = work.find_key(key_hash)
    today = work.now() // DAY_SECONDS
    last = _read_day(parameters, "to", today)
    first = _read_day(parameters, "from", min(last, today) - DEFAULT_USAGE_DAYS + 1)
    if first > last:
        raise invalid_field("from", "is after `to`")
    days = {totals.day: totals for totals in work.writer.list_usage(key_hash, first, last)}
    for totals in (past_day(gate), current_day(gate)):
        if totals is not None and first <= totals.day <= last:
            days[totals.day] = totals
    return _answer(HTTPStatus.OK, {"items": [render_day(days[day]) for day in sorted(days)]})


@router.post("/keys/<key_hash>/rotate")
def rotate(key_hash: str) -> Response[str]:
    work = service()
    wanted = validate(RotateInput, read_body(router.current_event))
    record, _ = work.find_key(key_hash)
    check_version(router.current_event, record.version)
    rotated = rotate_key(work, record, wanted)
    try:
        work.writer.update_key(record, rotated.record)
    except VersionConflictError:
        raise version_mismatch() from None
    shown = wanted.jwt_data is not None and wanted.jwt_data.generate
    return _answer_key(*work.find_key(key_hash), jwt_data=rotated.shown if shown else None)


@router.delete("/keys/<key_hash>")
def delete(key_hash: str) -> Response[str]:
    work = service()
    record, _ = work.find_key(key_hash)
    check_version(router.current_event, record.version)
    try:
        work.writer.delete_key(record)
    except VersionConflictError:
        raise version_mismatch() from None
    return Response(int(HTTPStatus.NO_CONTENT))


def _next_version(work: Service, record: KeyRecord, **changes: Any) -> KeyRecord:
    return record._replace(version=record.version + 1, updated_at=work.now(), **changes)


def _merge(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """JSON merge patch (RFC 7396)."""
    merged = dict(target)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            known = merged.get(name)
            merged[name] = _merge(known if isinstance(known, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def _truth(text: str | None) -> bool | None:
    if text not in {None, "true", "false"}:
        raise invalid_field("enabled", "must be true or false")
    return None if text is None else text == "true"


def _read_day(parameters: dict[str, str], name: str, default: int) -> int:
    """A date of the query as days since 1970."""
    text = parameters.get(name)
    if not text:
        return default
    try:
        return (date.fromisoformat(text) - date(1970, 1, 1)).days
    except ValueError:
        raise invalid_field(name, "is a date like 2026-01-31") from None


def _limits(work: Service, record: KeyRecord) -> tuple[Limit, ...]:
    effective = overlay(record, load_policies(work.client, work.table, record.policies))
    return (*effective.rate_limits, *effective.quotas) if effective else ()


def _statuses(work: Service, record: KeyRecord, gate: Gate, effective: Effective) -> tuple[LimitStatus, ...]:
    """How the limits stand, each on the gate that counts it."""
    now_ms = work.now() * 1000
    limits: tuple[Limit, ...] = (*effective.rate_limits, *effective.quotas)
    shared = {limit for limit in limits if limit.scope == OWNER and record.owner}
    owner_gate = work.owner_gate(record.owner) if shared else {}
    return tuple(
        status
        for limit in limits
        for status in statuses(owner_gate if limit in shared else gate, [limit], now_ms=now_ms)
    )


def _answer_key(record: KeyRecord, gate: Gate, *, jwt_data: dict[str, str] | None = None) -> Response[str]:
    work = service()
    effective = overlay(record, load_policies(work.client, work.table, record.policies))
    found = _statuses(work, record, gate, effective) if effective else ()
    body = render_key(record, gate) | {"effective": render_effective(effective, found)}
    if jwt_data is not None:
        body["jwt_data"] = jwt_data
    return _answer(HTTPStatus.OK, body)


def _answer(status: HTTPStatus, body: dict[str, Any], *, location: str = "") -> Response[str]:
    headers: dict[str, str | list[str]] = {"Location": location} if location else {}
    if "version" in body:
        headers["ETag"] = etag(body["version"])
    return Response(int(status), "application/json", json.dumps(body), headers=headers)
