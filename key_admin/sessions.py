"""Open, find and end sessions, and require that changes come from the page itself.

The authorizer's recipe judges the credential; no gateway authorizer stands before `/session`.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from access.apis import UNDEFINED
from access.decisions import Deny, Reason
from access.grants import ADMIN_API, Grant
from access.keys import KeyRecord
from access.sessions import Session, end_all_sessions, end_session
from authorizer.authorize import Authenticated, Outcome, authenticate
from authorizer.environment import Environment
from authorizer.events import (
    API_NAME_VARIABLE,
    SESSION_COOKIE,
    Request,
    read_credentials,
    read_event,
    read_session_cookies,
    session_cookie_name,
)
from authorizer.sessions import NONCE_BYTES, seal_session
from key_admin.problems import Problem, forbidden
from key_admin.requests import DIRECT
from key_admin.service import Service
from store.admin.transactions import Attached

MAX_SESSION_SECONDS = 8 * 3600
ID_BYTES = 12
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_REFUSALS = {  # what is told to a caller whose credential verified
    Reason.SOURCE_NOT_ALLOWED: "This key may not be used from this address.",
    Reason.POLICY_UNAVAILABLE: "A policy of this key is missing or inactive.",
}


def open_session(work: Service, event: dict[str, Any]) -> str:
    """A new session for the key in `Authorization`: the cookie that stands for it. Raises a Problem: 401 or 403."""
    request, now = _read_request(event), work.now()
    found = authenticate(request, _environment(work), now_ms=now * 1000)
    if isinstance(found, Outcome):
        raise _refused(found)
    if not admin_rights(found):
        raise forbidden("This key works, but has no admin right. Ask for one with a grant on the API `admin`.")
    ends_at = _end_of(found, now)
    if ends_at <= now:
        raise _wrong_credential()
    session = Session(found.record.key_hash, work.random_bytes(ID_BYTES).hex(), found.record.sessions_epoch, ends_at)
    value = seal_session(work.keyring, session, nonce=work.random_bytes(NONCE_BYTES))
    return _cookie(event, value, ends_at - now)


def find_session(work: Service, event: dict[str, Any]) -> tuple[Session, Authenticated]:
    """The living session of a cookie, whatever other credential is beside it. Raises a Problem: 401."""
    request, cookies = _without_credentials(_read_request(event)), read_session_cookies(event)
    found = authenticate(request, _environment(work), cookies=cookies, now_ms=work.now() * 1000)
    if isinstance(found, Authenticated) and found.credential.session is not None:
        return found.credential.session, found
    raise Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", "There is no session, or it has ended: sign in again.")


def finish_session(work: Service, event: dict[str, Any], *, is_everywhere: bool) -> None:
    """End the session of a cookie, or every session of its key. Raises a Problem, or VersionConflictError."""
    session, found = find_session(work, event)
    before = found.record
    after = end_all_sessions(before) if is_everywhere else end_session(before, session, now=work.now())
    caller = DIRECT._replace(principal=before.key_hash, request_id=str(event["requestContext"].get("requestId", "")))
    action = "session.end_all" if is_everywhere else "session.end"
    entry = work.tell(caller, action, f"/keys/{before.key_hash}", (), after=before.last_audit)
    after = after._replace(version=before.version + 1, last_audit=entry.link)
    work.keys.update(before, after, Attached(work.audit.put(entry)))


def clearing_cookie(event: dict[str, Any]) -> str:
    """The header field value that removes the cookie of a session."""
    return _cookie(event, "", 0)


def admin_rights(found: Authenticated) -> Sequence[Grant]:
    """What the key may do on the admin API by now."""
    return [grant for grant in found.effective.grants if grant.api == ADMIN_API]


def has_ended_sessions(before: KeyRecord, after: KeyRecord, *, now: int) -> bool:
    """Whether a change ends the sessions of a key, or would raise those that had ended from the dead."""
    was_expired = before.expires_at is not None and before.expires_at <= now
    return was_expired or (before.enabled and not after.enabled)


def check_origin(event: dict[str, Any], method: str) -> None:
    """A 403 where a cookie is the credential of a change that another site may have sent."""
    is_change = method not in _SAFE_METHODS and bool(read_session_cookies(event))
    if is_change and not read_credentials(_read_request(event), UNDEFINED.token):
        check_same_origin(event)


def check_same_origin(event: dict[str, Any]) -> None:
    """A 403 for a request with the cookie of a session, unless it comes from a page of this host.

    Fetch Metadata says where it comes from, else Origin (RFC 6454).
    """
    if not read_session_cookies(event):
        return
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    site, origin = headers.get("sec-fetch-site"), headers.get("origin", "")
    scheme = "https" if session_cookie_name(event) == SESSION_COOKIE else "http"
    is_own = site == "same-origin" if site is not None else _is_own(origin, scheme, headers.get("host", ""))
    if not is_own:
        detail = "With a session, a change has to come from the dashboard itself: `Sec-Fetch-Site`, else `Origin`."
        raise Problem(HTTPStatus.FORBIDDEN, "cross-site", detail)


def _is_own(origin: str, scheme: str, host: str) -> bool:
    parts = urlsplit(origin)
    return bool(host) and (parts.scheme, parts.netloc.lower()) == (scheme, host.lower())


def _read_request(event: dict[str, Any]) -> Request:
    """An event of the integration as the authorizer would read its own."""
    context = event["requestContext"]
    http = context["http"]
    arn = f"arn:aws:execute-api:::{context.get('apiId')}/{context.get('stage')}/{http['method']}{http['path']}"
    return read_event(event | {"routeArn": arn, "stageVariables": {API_NAME_VARIABLE: ADMIN_API}})


def _without_credentials(request: Request) -> Request:
    place = UNDEFINED.token.header.lower()
    headers = {name: value for name, value in (request.event.get("headers") or {}).items() if name.lower() != place}
    return request._replace(event={**request.event, "headers": headers})


def _environment(work: Service) -> Environment:
    """One without memory, so that everything is judged on what the table holds now."""
    return Environment(work.client, work.table, work.keyring)


def _refused(found: Outcome) -> Problem:
    reason = found.decision.reason if isinstance(found.decision, Deny) else None
    if reason in _REFUSALS:
        return forbidden(_REFUSALS[reason])
    return _wrong_credential()


def _wrong_credential() -> Problem:
    detail = "This key does not open a session: it is mistyped, disabled, expired or gone."
    return Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", detail)


def _end_of(found: Authenticated, now: int) -> int:
    """At most eight hours, and not beyond the token, the credential or the key that opened the session."""
    token = found.credential.token
    expires = token.claims.get("exp") if token is not None else None
    ends = [one.expires_at for one in found.record.in_force if one.credential_id == found.used]
    known = [found.record.expires_at, *ends, int(expires) if isinstance(expires, int | float) else None]
    return min([now + MAX_SESSION_SECONDS, *(end for end in known if end is not None)])


def _cookie(event: dict[str, Any], value: str, max_age: int) -> str:
    name = session_cookie_name(event)
    secure = "; Secure" if name == SESSION_COOKIE else ""
    return f"{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}"
