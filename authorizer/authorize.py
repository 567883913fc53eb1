"""Decide whether a request may pass.

The recipe:

1. Read the credential from its place, on the admin API also the cookie of a session; two different ones are refused.
2. Bound and parse it.
3. Name the key: a text `kid`; only where `kid` is absent, the `sub` claim; an opaque id itself.
4. Find the key's record by hash: in this environment's memory, else in the table.
5. Verify the signature by the stored algorithm, then the claims.
6. Judge the key: enabled, not expired, used from where it may be, policies at hand, the call granted.
7. Count the request at the gate: one conditional write.
8. Answer (in `answers`).

Steps 1 to 5 fail alike from outside: in one answer and, once a text is read as a token, after
a verification of its family; what the text alone shows to be wrong tells nothing of a key.

What a record in memory refuses is decided afresh on the record in the table, and a gate of
another version makes us read the record again, so no change of a key waits for anything.
"""

from typing import TYPE_CHECKING, NamedTuple

from access.apis import ApiDefinition
from access.credentials import algorithm_named, verify_in_vain
from access.decisions import LIMIT_REASONS, Allow, Decision, Deny, Reason
from access.gate import LAST_USED, Limit
from access.grants import ADMIN_API, Grant, find_grant
from access.key_ids import KeyHash, is_key_id, is_opaque_key_id
from access.keys import KeyRecord
from access.policies import Effective
from access.tokens import MalformedToken, RejectedToken, UnverifiedToken, looks_like_token, parse_token, verify_token
from authorizer.counting import MAX_ATTEMPTS, Call, Crossing, UndecidedError, count, note_refusal
from authorizer.environment import Environment
from authorizer.events import Request, read_credentials, read_session_cookies
from authorizer.memory import Identity, KnownKey

if TYPE_CHECKING:
    from access.sessions import Session

SEVERAL = "several different credentials"  # details of `malformed_token`, for who explains at which step
NO_KEY_ID = "names no key id"
_ENDED_SESSION = RejectedToken(Reason.TOKEN_EXPIRED, "the session has ended")


class Outcome(NamedTuple):
    """A decision, what the key may do, a detail for the log, and the thresholds that were crossed."""

    decision: Decision
    effective: Effective | None = None
    apis: tuple[str, ...] = ()
    detail: str = ""
    crossings: tuple[Crossing, ...] = ()


class Credential(NamedTuple):
    """A presented credential: the hashes of the key id that it names and, unless opaque, its token.

    Of a session, which was opened by its seal, the hash of its key.
    """

    id_hashes: tuple[KeyHash, ...]  # by each master secret in force
    token: UnverifiedToken | None
    session: "Session | None" = None

    def __repr__(self) -> str:
        return "Credential(<secret>)"


class Authenticated(NamedTuple):
    """A credential that verified by what `used` names, its key, and what the key may do."""

    credential: Credential
    used: str
    record: KeyRecord
    effective: Effective


_MISSING = Outcome(Deny(Reason.MISSING_CREDENTIAL), detail="none")


def authorize(request: Request, environment: Environment, *, now_ms: int) -> Outcome:
    """Decide on a request at `now_ms`. Raises StoreError or UndecidedError where it cannot."""
    environment.overdue = None
    environment.budget.start()

    # 1. to 3. The credential, and whom it names.
    cookies = read_session_cookies(request.event) if request.api_name == ADMIN_API else ()
    named = _find_credential(request, cookies, environment, now_ms=now_ms)
    if isinstance(named, Outcome):
        return named
    if isinstance(named, Identity):
        return _authorize_identity(request, named, environment, now_ms=now_ms)
    return _authorize_key(request, named, environment, now_ms=now_ms)


def authenticate(
    request: Request, environment: Environment, *, cookies: tuple[str, ...] = (), now_ms: int
) -> Authenticated | Outcome:
    """Steps 1 to 6 without the grant, for a route that judges its credential itself; nothing is counted.

    `cookies` are those of sessions, which count where the request has no other credential.
    Raises StoreError where it cannot decide.
    """
    named = _find_credential(request, cookies, environment, now_ms=now_ms)
    if isinstance(named, Outcome):
        return named
    if isinstance(named, Identity):
        return Outcome(Deny(Reason.NOT_GRANTED), detail="an identity has no admin rights")
    key = environment.load(named.id_hashes, now_ms)
    if key is None:
        return _unknown_key(named)
    used = _verify(named, key, now=now_ms // 1000)
    if isinstance(used, RejectedToken):
        return Outcome(Deny(used.reason), detail=used.detail)
    effective = _judge_key(request, key, environment, now_ms=now_ms)
    return effective if isinstance(effective, Outcome) else Authenticated(named, used, key.record, effective)


def _find_credential(
    request: Request, cookies: tuple[str, ...], environment: Environment, *, now_ms: int
) -> Credential | Identity | Outcome:
    # 1. The credential.
    definition = environment.definition(request, now_ms)
    credentials = read_credentials(request, definition.token)
    sessions = environment.open_sessions(cookies) if cookies else ()
    if sessions and not credentials:
        return _only_session(sessions)
    if len(credentials) != 1:
        return Outcome(Deny(Reason.MALFORMED_TOKEN), detail=SEVERAL) if credentials else _MISSING

    # 2. and 3. The token, and the key that it names.
    token = _read_token(credentials[0], definition)
    if isinstance(token, MalformedToken):
        return Outcome(Deny(Reason.MALFORMED_TOKEN), detail=token.detail)
    if token is not None and definition.issuers:
        identity = environment.identify(token, definition, now_ms)
        if isinstance(identity, RejectedToken):
            return Outcome(Deny(identity.reason), detail=identity.detail)
        if identity is not None:
            return identity
    credential = _name_key(credentials[0], token, definition, environment)
    if isinstance(credential, MalformedToken):
        return Outcome(Deny(Reason.MALFORMED_TOKEN), detail=credential.detail)
    if sessions and _is_contradicted(credential, sessions, environment, now_ms=now_ms):
        return Outcome(Deny(Reason.MALFORMED_TOKEN), detail=SEVERAL)
    return credential


def _only_session(sessions: "tuple[Session, ...]") -> Credential | Outcome:
    if len(sessions) > 1:
        return Outcome(Deny(Reason.MALFORMED_TOKEN), detail=SEVERAL)
    return Credential((sessions[0].key_hash,), None, sessions[0])


def _is_contradicted(
    credential: Credential, sessions: "tuple[Session, ...]", environment: Environment, *, now_ms: int
) -> bool:
    """Whether a living session beside a credential is of another key; one that is not alive counts as absent."""
    from authorizer.sessions import speaks_for_another  # noqa: PLC0415 - loaded already

    return any(speaks_for_another(session, credential.id_hashes, environment, now_ms=now_ms) for session in sessions)


def _authorize_key(request: Request, credential: Credential, environment: Environment, *, now_ms: int) -> Outcome:
    """Steps 4 to 7 for a credential that names a key."""
    # 4. The record, from memory where we have it.
    key = environment.remembered(credential.id_hashes)
    if key is not None:
        outcome = _decide(request, credential, key, environment, now_ms=now_ms)
        if outcome is not None and not _wants_fresh_record(outcome, credential, key, now_ms=now_ms):
            return _settle(outcome, key, environment, now_ms=now_ms)
    for _ in range(MAX_ATTEMPTS):
        key = environment.load(credential.id_hashes, now_ms)
        if key is None:
            return _unknown_key(credential)
        outcome = _decide(request, credential, key, environment, now_ms=now_ms)
        if outcome is not None:
            return _settle(outcome, key, environment, now_ms=now_ms)
    raise UndecidedError("the key changed faster than it could be read")


def _read_token(text: str, definition: ApiDefinition) -> UnverifiedToken | MalformedToken | None:
    """The token that a credential is; None where it is an opaque key id."""
    if not looks_like_token(text):
        if not definition.enable_opaque:
            return MalformedToken("opaque keys are off for this API")
        return None if is_opaque_key_id(text) else MalformedToken("no token and no key id")
    token = parse_token(text)
    if not isinstance(token, MalformedToken) and not definition.enable_jwt:
        return MalformedToken("JWTs are off for this API")
    return token


def _name_key(
    text: str, token: UnverifiedToken | None, definition: ApiDefinition, environment: Environment
) -> Credential | MalformedToken:
    if token is None:
        return Credential(environment.hashes_of(text), None)
    may_be_sub = token.key_id is None and definition.allow_sub
    key_id = token.claims.get("sub") if may_be_sub else token.key_id
    if not isinstance(key_id, str) or not is_key_id(key_id):
        verify_in_vain(algorithm_named(token.algorithm), token.signing_input, token.signature)
        return MalformedToken(NO_KEY_ID)
    return Credential(environment.hashes_of(key_id), token)


def _authorize_identity(request: Request, identity: Identity, environment: Environment, *, now_ms: int) -> Outcome:
    """Steps 4, 6 and 7 for an identity of an outside provider: a key of its own, without admin rights."""
    if not identity.policies or request.api_name == ADMIN_API:  # such a token leaves nothing in the table
        stranger = environment.stranger(identity)
        if identity.policies:
            return Outcome(Deny(Reason.NOT_GRANTED, stranger), detail="an identity has no admin rights")
        return Outcome(Deny(Reason.POLICY_UNAVAILABLE, stranger), detail="the token brings no policy")
    key = environment.remembered_identity(identity)
    if key is not None:
        outcome = judge(request, key, environment, used="", now_ms=now_ms)
        if outcome is not None and not _is_blocked(outcome):
            return _settle(outcome, key, environment, now_ms=now_ms)
    for _ in range(MAX_ATTEMPTS):
        key = environment.load_identity(identity, now_ms)
        outcome = judge(request, key, environment, used="", now_ms=now_ms)
        if outcome is not None:
            return _settle(outcome, key, environment, now_ms=now_ms)
    raise UndecidedError("the gate of the identity changed faster than it could be read")


def _is_blocked(outcome: Outcome) -> bool:
    """Whether an identity was refused by its record: of all refusals, the one that rests on what we remember of it."""
    return isinstance(outcome.decision, Deny) and outcome.decision.reason is Reason.KEY_DISABLED


def _unknown_key(credential: Credential) -> Outcome:
    if credential.token is not None:
        token = credential.token
        verify_in_vain(algorithm_named(token.algorithm), token.signing_input, token.signature)
    return Outcome(Deny(Reason.UNKNOWN_KEY))


def _wants_fresh_record(outcome: Outcome, credential: Credential, key: KnownKey, *, now_ms: int) -> bool:
    """Whether a refusal rests on a record in memory that may have changed since.

    A signature may be right by new material; forgeries make us look at most once a second. The seal of a
    session was right already, and its epoch may be newer than the record.
    """
    decision = outcome.decision
    if isinstance(decision, Allow) or decision.reason in LIMIT_REASONS:
        return False
    if decision.record is None:
        return credential.session is not None or key.untold.may_look_again(now_ms)
    return True


def _settle(outcome: Outcome, key: KnownKey, environment: Environment, *, now_ms: int) -> Outcome:
    """Count a refusal of a caller who is who he says he is; forged tokens count for nobody."""
    if isinstance(outcome.decision, Deny) and outcome.decision.record is not None:
        note_refusal(key, environment, now_ms=now_ms)
    return outcome


def _decide(
    request: Request, credential: Credential, key: KnownKey, environment: Environment, *, now_ms: int
) -> Outcome | None:
    """Steps 5 to 7 on one version of the record; None when the gate has another version."""
    # 5. The signature, then the claims.
    used = _verify(credential, key, now=now_ms // 1000)
    if isinstance(used, RejectedToken):
        return Outcome(Deny(used.reason), detail=used.detail)
    return judge(request, key, environment, used=used, now_ms=now_ms)


def judge(request: Request, key: KnownKey, environment: Environment, *, used: str, now_ms: int) -> Outcome | None:
    """Steps 6 and 7, after the credential `used` verified."""
    record, now = key.record, now_ms // 1000

    # 6. The key and what it may call.
    effective = _judge_key(request, key, environment, now_ms=now_ms)
    if isinstance(effective, Outcome):
        return effective
    apis = environment.api_names(request, now_ms)
    grant = find_grant(effective.grants, apis=apis, method=request.method, path=request.path)
    if grant is None or not request.can_be_allowed:
        detail = "no policy can name the path alone" if grant else ""
        return Outcome(Deny(Reason.NOT_GRANTED, record), effective, apis, detail)

    # 7. The gate.
    if environment.overdue is not None and not effective.counting.fail_open:
        raise environment.overdue
    call = Call(_limits_of(effective, grant, apis), grant.cost, _marks(key, used, now), effective, now_ms)
    counted = count(call, key, environment)
    if counted is None:
        return None
    if isinstance(counted.decision, Allow) and not key.untold.allowed:
        key.untold.used.clear()  # a write took them along
    detail = "DynamoDB did not answer: open" if counted.is_open else ""
    return Outcome(counted.decision, effective, apis, detail, counted.crossings)


def _judge_key(request: Request, key: KnownKey, environment: Environment, *, now_ms: int) -> Effective | Outcome:
    """Step 6 without the grant: what the key may do, or why it is refused whatever is called."""
    record = key.record
    if not record.enabled:
        return Outcome(Deny(Reason.KEY_DISABLED, record))
    if record.expires_at is not None and now_ms // 1000 >= record.expires_at:
        return Outcome(Deny(Reason.KEY_EXPIRED, record))
    if not _comes_from(request, (record.sources,)):
        return _refuse_source(request, record)
    effective = environment.effective(key, now_ms)
    if effective is None:
        return Outcome(Deny(Reason.POLICY_UNAVAILABLE, record))
    return effective if _comes_from(request, effective.sources) else _refuse_source(request, record)


def _comes_from(request: Request, lists: tuple[tuple[str, ...], ...]) -> bool:
    """Whether each list that is set holds the caller's address; none does where the event holds no address."""
    if not any(lists):
        return True
    from access.sources import allows  # noqa: PLC0415 - only keys with sources pay for it

    return all(allows(sources, request.source) for sources in lists if sources)


def _refuse_source(request: Request, record: KeyRecord) -> Outcome:
    return Outcome(Deny(Reason.SOURCE_NOT_ALLOWED, record), detail=f"from {request.source or 'no address'}")


def _verify(credential: Credential, key: KnownKey, *, now: int) -> str | RejectedToken:
    """The id of the credential that verified, or why none did. Also a token must name an id that is in force."""
    if credential.session is not None:
        return "" if credential.session.is_alive(key.record, now=now) else _ENDED_SESSION
    token, issued = credential.token, key.record.find_id(credential.id_hashes, now=now)
    if token is None:
        if issued is not None and key.record.is_opaque:
            return issued.credential_id
        return RejectedToken(Reason.UNKNOWN_KEY, _describe_id(key, is_in_force=issued is not None))
    if issued is None or key.record.is_opaque:
        verify_in_vain(algorithm_named(token.algorithm), token.signing_input, token.signature)
        return RejectedToken(Reason.UNKNOWN_KEY, _describe_id(key, is_in_force=issued is not None))
    verified = verify_token(token, key.credentials, key.record.token_rules, now=now)
    return verified if isinstance(verified, RejectedToken) else verified.credential_id


def _describe_id(key: KnownKey, *, is_in_force: bool) -> str:
    if not is_in_force:
        return "the id was replaced"
    return "a token names an opaque key" if key.record.is_opaque else "the id came alone, and its key signs tokens"


def _marks(key: KnownKey, used: str, now: int) -> dict[str, int]:
    """Times for the gate to keep: of this use and, after a rotation, of each credential's last one.

    Those of requests that cost no write wait for the next one.
    """
    if not key.record.marks_credentials:
        return {LAST_USED: now}
    waiting = key.untold.used
    waiting |= {one.used_mark: now for one in key.record.in_force if one.credential_id == used}
    current = (one.used_mark for one in key.record.in_force)
    return {LAST_USED: now} | {mark: waiting[mark] for mark in current if mark in waiting}


def _limits_of(effective: Effective, grant: Grant, apis: tuple[str, ...]) -> tuple[Limit, ...]:
    """The limits that count this request; a cost of 0 is counted nowhere."""
    if grant.cost == 0:
        return ()
    return tuple(limit for limit in effective.limits if not limit.api or limit.api in apis)
