"""Keys: create, import, list, read, look up, change, reset, rotate, replace, delete; their usage."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from access.decisions import LimitStatus
from access.gate import LAYOUT, Limit, counters_to_clear, is_counter, statuses
from access.key_ids import KeyHash
from access.keys import KeyRecord
from access.limits import OWNER
from access.policies import Effective, overlay
from access.sessions import end_all_sessions
from key_admin.callers import find_caller
from key_admin.idempotency import Keep, once
from key_admin.key_operations import (
    RenewedKey,
    check_expiry,
    check_fit,
    draft_key,
    prepare_key,
    replace_key,
    rotate_key,
    store_key,
)
from key_admin.models.fields import Strict
from key_admin.models.keys import (
    ImportInput,
    KeyFields,
    KeyInput,
    LookupInput,
    ReplaceInput,
    ResetInput,
    RotateInput,
)
from key_admin.problems import Problem, invalid_field, require
from key_admin.reach import reachable_limits
from key_admin.render import editable, render_effective, render_key
from key_admin.requests import (
    Caller,
    api_url,
    check_version,
    list_page,
    on_current_version,
    read_body,
    read_label,
)
from key_admin.responses import LIMIT_SECONDS, effective_within, respond
from key_admin.routes.granting import Granting
from key_admin.routes.usage import answer_usage
from key_admin.service import Service, changed_fields, service
from key_admin.sessions import has_ended_sessions
from key_admin.time_left import has_time_left
from key_admin.tyk import read_session
from key_admin.validation import validate
from store.admin.keys import KeyFilter, covered_by_all
from store.admin.transactions import Attached, Item, UnknownPolicyError
from store.keys import Gate

router = Router()  # type: ignore[no-untyped-call] # Powertools' own
LIMITING = {"rate_limits", "quotas", "policies", "owner"}  # what changes the limits of a key
MERGE_PATCH = ("application/json", "application/merge-patch+json")


@router.post("/keys")
def create() -> Response[str]:
    work, event = service(), router.current_event
    caller = find_caller(work, event)
    require(caller.judge.of_making())
    wanted = validate(KeyInput, read_body(event))
    status, body = _create_once(work, wanted, caller)
    return respond(status, body, Location=f"keys/{body['key_hash']}")


@router.post("/keys/import")
def import_keys() -> Response[str]:
    work, event = service(), router.current_event
    caller = find_caller(work, event)
    require(caller.judge.of_making())
    wanted = validate(ImportInput, read_body(event))
    read = _import_session if wanted.format == "tyk" else _import_key
    results, api = [], api_url(event)
    for place, item in enumerate(wanted.items):
        make = partial(_import, work, caller, part=str(place))
        try:
            _check_time_left()
            results.append(read(item, make))
        except Problem as problem:
            results.append({"status": int(problem.status), "problem": problem.body(api)})
    return respond(HTTPStatus.OK, {"items": results})


def _check_time_left() -> None:
    """A 503 for an item that is not begun: the function would end before it has answered for the others."""
    if not has_time_left(router.lambda_context):
        detail = "There was no time left for this item; send it again, in a request with fewer others."
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail)


def _import_key(item: dict[str, Any], make: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    return make(item)


def _import_session(item: dict[str, Any], make: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Make the key that a session object of Tyk stands for; problems and notes are in its words."""
    imported = read_session(item)
    try:
        result = make(imported.body)
    except Problem as problem:
        raise imported.in_its_words(problem) from None
    return result | {"notes": [note._asdict() for note in imported.notes]}


def _import(work: Service, caller: Caller, item: dict[str, Any], *, part: str) -> dict[str, Any]:
    status, key = _create_once(work, validate(KeyInput, item), caller, part=part)
    return {"status": int(status), "key": key}


def _create_once(work: Service, wanted: KeyInput, caller: Caller, *, part: str = "") -> tuple[int, dict[str, Any]]:
    perform = partial(_create, work, wanted, caller)
    judge = partial(_judge_creation, work, wanted, caller)
    return once(work, router.current_event, caller, perform, judge=judge, part=part)


def _create(work: Service, wanted: KeyInput, caller: Caller, keep: Keep) -> tuple[int, dict[str, Any]]:
    new = prepare_key(work, wanted, caller)
    body = render_key(new.record, {}, work.keyring) | {"key_id": new.key_id}
    if new.shown:
        body["jwt_data"] = new.shown
    store_key(work, new, keep(HTTPStatus.CREATED, body))
    return HTTPStatus.CREATED, body


def _judge_creation(work: Service, wanted: KeyInput, caller: Caller, body: dict[str, Any]) -> None:
    """Whether the caller may still give the key, as it is by now. Raises a Problem: 403."""
    key_hash = KeyHash(body["key_hash"])
    found = work.load_key(key_hash)
    key = work.in_full(found[0]) if found else draft_key(work, wanted, caller, key_hash)
    require(caller.judge.of_creation(key))


@router.get("/keys")
def list_all() -> Response[str]:
    work, event = service(), router.current_event
    parameters, caller = event.query_string_parameters or {}, find_caller(work, event)
    owner = parameters.get("owner", "")
    wanted = KeyFilter(
        owner=owner or caller.owner,
        policy=parameters.get("policy", ""),
        tag=parameters.get("tag", ""),
        enabled=_truth(parameters.get("enabled")),
        label=read_label(parameters),
        name=parameters.get("name", ""),
    )
    if (caller.owner and wanted.owner != caller.owner) or wanted.is_vain:
        return respond(HTTPStatus.OK, {"items": [], "next": None})
    return respond(HTTPStatus.OK, list_of_keys(work, wanted, parameters))


def list_of_keys(work: Service, wanted: KeyFilter, parameters: dict[str, str]) -> dict[str, Any]:
    """A page of keys, as lists answer it."""
    api = parameters.get("api", "")
    narrow = Granting(work, api) if api else covered_by_all
    return list_page(
        parameters,
        lambda limit, cursor: work.keys.page(wanted, limit=limit, cursor=cursor, narrow=narrow),
        lambda record: render_key(record, {}, work.keyring),
    )


@router.post("/keys/lookup")
def look_up() -> Response[str]:
    work, event = service(), router.current_event
    caller = find_caller(work, event)
    wanted = validate(LookupInput, read_body(event))
    record, gate = work.find_by_id(wanted.key_id)
    caller.check_sees(record)
    return _answer_key(work, record, gate)


@router.get("/keys/<key_hash>")
def read(key_hash: str) -> Response[str]:
    work = service()
    record, gate = _find(work, find_caller(work, router.current_event), key_hash)
    return _answer_key(work, record, gate)


@router.patch("/keys/<key_hash>")
def change(key_hash: str) -> Response[str]:
    work, event = service(), router.current_event
    caller = find_caller(work, event)
    patch = read_body(event, content_types=MERGE_PATCH)
    for member, advice in (("jwt_data", "is not patched; rotate the key"), ("key_id", "does not change")):
        if member in patch:
            raise invalid_field(member, advice)
    changed = on_current_version(event, lambda: _change(work, caller, key_hash, patch))
    seconds = LIMIT_SECONDS if LIMITING.intersection(changed) else 0
    return respond(HTTPStatus.OK, _show_key(work, *work.find_key(key_hash)) | effective_within(seconds))


def _change(work: Service, caller: Caller, key_hash: str, patch: dict[str, Any]) -> list[str]:
    """Change a key; the names of the members that are others now."""
    record, _ = _find(work, caller, key_hash)
    check_version(router.current_event, record.version)
    wanted = validate(KeyFields, _merge(editable(record), patch))
    if "expires_at" in patch:
        check_expiry(wanted, work.now())
    after = _next_version(work, record, **wanted.values())
    changed, key = changed_fields(record, after), work.in_full(after)
    require(caller.judge.of_change(work.in_full(record), key, changed))
    check_fit(key)
    after = after._replace(disabled_by=_disabler(record, after, caller, is_said="enabled" in patch))
    if has_ended_sessions(record, after, now=work.now()):
        after = end_all_sessions(after)
    after, entry = _tell(work, caller, "key.update", record, after, changed)
    try:
        work.keys.update(record, after, Attached(entry), may_administer=caller.judge.is_admin(key))
    except UnknownPolicyError:
        raise invalid_field("policies", "names a policy that does not exist") from None
    return changed


def _disabler(before: KeyRecord, after: KeyRecord, caller: Caller, *, is_said: bool) -> str:
    """The owner whose admin may enable the key again.

    An operator who says it of a key that is disabled already takes it over; an admin of an owner does not.
    """
    if after.enabled:
        return ""
    is_theirs = before.enabled or (is_said and not caller.owner)
    return caller.owner if is_theirs else before.disabled_by


@router.post("/keys/<key_hash>/reset")
def reset(key_hash: str) -> Response[str]:
    work, event = service(), router.current_event
    caller = find_caller(work, event)
    wanted = validate(ResetInput, read_body(event) if event.raw_event.get("body") else {})
    perform = partial(_reset, work, caller, key_hash, wanted)
    ask_once = partial(once, work, event, caller, perform)
    reset_once = partial(ask_once, judge=lambda _kept: _find_to_reset(work, caller, key_hash, wanted))
    return respond(*on_current_version(event, reset_once))


def _find_to_reset(work: Service, caller: Caller, key_hash: str, wanted: ResetInput) -> tuple[KeyRecord, Gate]:
    record, gate = _find(work, caller, key_hash)
    require(caller.judge.of_reset(work.in_full(record), wanted.scope))
    return record, gate


def _reset(work: Service, caller: Caller, key_hash: str, wanted: ResetInput, keep: Keep) -> tuple[int, dict[str, Any]]:
    record, gate = _find_to_reset(work, caller, key_hash, wanted)
    check_version(router.current_event, record.version)
    limits = tuple(limit for limit in _limits(work, record) if wanted.names(limit))
    if not limits and wanted.model_fields_set:
        raise invalid_field("name", "there is no such limit on this key")
    now_ms = work.now() * 1000
    owner_gate = work.owner_gate(record.owner) if wanted.scope == OWNER and record.owner else None
    counters = counters_to_clear(gate if owner_gate is None else owner_gate, limits, now_ms=now_ms)
    own, shared = (counters, []) if owner_gate is None else ([], counters)
    if not wanted.model_fields_set:
        own = list(dict.fromkeys([*own, *filter(is_counter, gate), LAYOUT]))
    after, entry = _tell(work, caller, "key.reset", record, _next_version(work, record), wanted.model_fields_set)
    body = _show_key(work, after, _without(gate, own), _without(owner_gate, shared) if owner_gate else None)
    body |= effective_within(LIMIT_SECONDS)
    work.keys.reset(record, after, own, shared=shared, attached=Attached(entry, keep(HTTPStatus.OK, body)))
    return HTTPStatus.OK, body


@router.post("/keys/<key_hash>/rotate")
def rotate(key_hash: str) -> Response[str]:
    work, event = service(), router.current_event
    caller = find_caller(work, event)
    wanted = validate(RotateInput, read_body(event))
    rotate_once = _renew_once(work, caller, key_hash, "key.rotate", partial(rotate_key, wanted=wanted), wanted)
    return respond(*on_current_version(event, rotate_once))


@router.post("/keys/<key_hash>/replace")
def replace(key_hash: str) -> Response[str]:
    work, event = service(), router.current_event
    caller = find_caller(work, event)
    wanted = validate(ReplaceInput, read_body(event) if event.raw_event.get("body") else {})
    replace_once = _renew_once(work, caller, key_hash, "key.replace", partial(replace_key, wanted=wanted), wanted)
    return respond(*on_current_version(event, replace_once))


def _renew_once(
    work: Service, caller: Caller, key_hash: str, action: str, renew: Callable[..., RenewedKey], wanted: Strict
) -> Callable[[], tuple[int, dict[str, Any]]]:
    perform = partial(_renew, work, caller, key_hash, action, renew, wanted)
    judge = partial(_find_to_renew, work, caller, key_hash)
    return partial(once, work, router.current_event, caller, perform, judge=lambda _kept: judge())


def _find_to_renew(work: Service, caller: Caller, key_hash: str) -> tuple[KeyRecord, Gate]:
    """A key whose material or id the caller may set: whoever does can act as it."""
    record, gate = _find(work, caller, key_hash)
    require(caller.judge.of_material(work.in_full(record)))
    return record, gate


def _renew(
    work: Service,
    caller: Caller,
    key_hash: str,
    action: str,
    renew: Callable[..., RenewedKey],
    wanted: Strict,
    keep: Keep,
) -> tuple[int, dict[str, Any]]:
    """Give a key new credentials, and show once what is generated."""
    record, gate = _find_to_renew(work, caller, key_hash)
    check_version(router.current_event, record.version)
    renewed = renew(work, record, gate)
    after, entry = _tell(work, caller, action, record, renewed.record, wanted.model_fields_set)
    body = _show_key(work, after, gate | renewed.uses) | renewed.shown
    work.keys.update(record, after, Attached(entry, keep(HTTPStatus.OK, body)), uses=renewed.uses)
    return HTTPStatus.OK, body


@router.delete("/keys/<key_hash>")
def delete(key_hash: str) -> Response[str]:
    work, event = service(), router.current_event
    caller = find_caller(work, event)
    on_current_version(event, lambda: _delete(work, caller, key_hash))
    return respond(HTTPStatus.NO_CONTENT)


def _delete(work: Service, caller: Caller, key_hash: str) -> None:
    record, _ = _find(work, caller, key_hash)
    require(caller.judge.of_removal(work.in_full(record)))
    check_version(router.current_event, record.version)
    _, entry = _tell(work, caller, "key.delete", record, record, ())
    work.keys.delete(record, Attached(entry))


@router.get("/keys/<key_hash>/usage")
def show_usage(key_hash: str) -> Response[str]:
    work, event = service(), router.current_event
    caller = find_caller(work, event)
    _, gate = _find(work, caller, key_hash)
    return answer_usage(work, event.query_string_parameters or {}, gate, partial(work.keys.usage, key_hash))


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


def _limits(work: Service, record: KeyRecord) -> tuple[Limit, ...]:
    effective = overlay(record, work.policies_of(record.policies))
    return effective.limits if effective else ()


def _without(gate: Gate, counters: Iterable[str]) -> Gate:
    return {name: value for name, value in gate.items() if name not in counters}


def _standing(
    work: Service, record: KeyRecord, gate: Gate, effective: Effective, owner_gate: Gate | None
) -> dict[Limit, LimitStatus]:
    """How the limits stand, each on the gate that counts it; the owner's is read unless it is given."""
    now_ms = work.now() * 1000
    shared = {limit for limit in effective.limits if limit.scope == OWNER and record.owner}
    if owner_gate is None:
        owner_gate = work.owner_gate(record.owner) if shared else {}
    return {
        limit: status
        for limit in effective.limits
        for status in statuses(owner_gate if limit in shared else gate, [limit], now_ms=now_ms)
    }


def _find(work: Service, caller: Caller, key_hash: str) -> tuple[KeyRecord, Gate]:
    """A key that the caller may see; a 404 otherwise."""
    record, gate = work.find_key(key_hash)
    caller.check_sees(record)
    return record, gate


def _tell(
    work: Service, caller: Caller, action: str, before: KeyRecord, after: KeyRecord, fields: Iterable[str]
) -> tuple[KeyRecord, Sequence[Item]]:
    """The record with the link of its audit entry, and the actions that write the entry."""
    entry = work.tell(caller, action, f"/keys/{before.key_hash}", fields, after=before.last_audit)
    return after._replace(last_audit=entry.link), work.audit.put(entry)


def _show_key(work: Service, record: KeyRecord, gate: Gate, owner_gate: Gate | None = None) -> dict[str, Any]:
    effective = overlay(record, work.policies_of(record.policies))
    shown = show_effective(work, record, gate, effective, owner_gate) if effective else None
    return render_key(record, gate, work.keyring) | {"effective": shown}


def show_effective(
    work: Service, record: KeyRecord, gate: Gate, effective: Effective, owner_gate: Gate | None
) -> dict[str, Any]:
    limits = (*effective.limits, *effective.lifted)
    reachable = reachable_limits(limits, effective.grants, work.apis.known_as)
    return render_effective(effective, _standing(work, record, gate, effective, owner_gate), reachable)


def _answer_key(work: Service, record: KeyRecord, gate: Gate) -> Response[str]:
    return respond(HTTPStatus.OK, _show_key(work, record, gate))
