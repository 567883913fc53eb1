"""What happens to keys, apart from HTTP."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from access.gate import LAST_USED
from access.grants import ADMIN_API
from access.key_ids import OPAQUE_ENTROPY_BYTES, KeyHash, KeyId, format_opaque_key_id, is_key_id
from access.keys import IssuedId, KeyRecord, StoredCredential, TokenRules
from access.limits import MAX_LIMITS_PER_KEY
from access.policies import MAX_TOLD_BYTES, overlay
from access.sessions import end_all_sessions
from key_admin.material import Material, generate_material, read_material
from key_admin.models.fields import texts
from key_admin.models.keys import JwtData, KeyFields, KeyInput, ReplaceInput, RotateInput
from key_admin.problems import Problem, conflict, invalid_field, require
from key_admin.requests import DIRECT, Caller
from key_admin.rights.grants import KeyInFull
from key_admin.service import Service
from store.admin.audit import AuditEntry
from store.admin.transactions import AlreadyExistsError, Attached, Item, UnknownPolicyError
from store.keys import Gate
from store.sealing import NONCE_BYTES, seal

MAX_CREDENTIALS = 4  # the one in force and those in their grace
HINT_CHARACTERS = 4  # of an opaque id, which its record shows: of our own ids a part of the checksum
LIFE_BYTES = 4
VERSION_BITS = 20  # below a key's random life: a million changes stay apart from the next life


CredentialT = TypeVar("CredentialT", StoredCredential, IssuedId)


class NewKey(NamedTuple):
    """A key that is to be stored, with what is shown once: its id and generated material."""

    record: KeyRecord
    key_id: KeyId
    shown: dict[str, str]
    entry: AuditEntry
    may_administer: bool

    def __repr__(self) -> str:
        return f"NewKey({self.record.key_hash}, <secret>)"


def prepare_key(service: Service, wanted: KeyInput, caller: Caller) -> NewKey:
    """Make a key out of what an operator asks for. Raises a Problem."""
    key_id = _choose_key_id(service, wanted)
    draft = draft_key(service, wanted, caller, service.hash_of(key_id))
    require(caller.judge.of_creation(draft))
    check_expiry(wanted, service.now())
    check_fit(draft)
    record = draft.record
    credentials, rules, shown = _make_credentials(service, wanted.jwt_data, record.key_hash, record.created_at)
    entry = service.tell(caller, "key.create", f"/keys/{record.key_hash}", wanted.model_fields_set, after="")
    record = record._replace(
        credentials=credentials,
        token_rules=rules,
        ids=() if credentials else (_issue(service, key_id, record.key_hash, record.created_at),),
        last_audit=entry.link,
        life=int.from_bytes(service.random_bytes(LIFE_BYTES)) << VERSION_BITS,
    )
    generated = wanted.jwt_data is not None and wanted.jwt_data.generate
    return NewKey(record, key_id, shown if generated else {}, entry, caller.judge.is_admin(draft))


def draft_key(service: Service, wanted: KeyInput, caller: Caller, key_hash: KeyHash) -> KeyInFull:
    """The key that an operator asks for, without its material, and its policies."""
    now, values = service.now(), wanted.values()
    owner = values["owner"] or caller.owner
    policies = service.policies_of(values["policies"])
    lifetimes = [policies[name].key_expires_in_seconds for name in values["policies"] if name in policies]
    record = KeyRecord(
        key_hash=key_hash,
        version=1,
        created_at=now,
        updated_at=now,
        **values
        | {
            "owner": owner,
            "expires_at": values["expires_at"] or next((now + one for one in reversed(lifetimes) if one), None),
            "disabled_by": "" if values["enabled"] else caller.owner,
        },
    )
    return KeyInFull(record, policies)


def store_key(service: Service, new: NewKey, answer: Item | None = None) -> None:
    """Store a new key with its audit entry. Raises a Problem, or AlreadyDoneError."""
    try:
        attached = Attached(service.audit.put(new.entry), answer)
        service.keys.create(new.record, attached, may_administer=new.may_administer)
    except AlreadyExistsError:
        raise _taken() from None
    except UnknownPolicyError:
        raise invalid_field("policies", "names a policy that does not exist") from None


def check_fit(key: KeyInFull) -> None:
    """A gate counts in a few limits, and an answer tells only so much; policies must not bring a key more."""
    policies = {name: one._replace(active=True) for name, one in key.policies.items()}
    if len(key.named_policies) == len(key.record.policies) and overlay(key.record, policies) is None:
        message = (
            f"with them the key has more than {MAX_LIMITS_PER_KEY} rate limits and quotas (give some one name),"
            f" or more than {MAX_TOLD_BYTES} bytes of tags and metadata"
        )
        raise invalid_field("policies", message)


class RenewedKey(NamedTuple):
    """A record with its new credentials, what is shown of them once, and what its gate is to know."""

    record: KeyRecord
    shown: dict[str, Any]  # members of the answer
    uses: Gate  # what the gate is to hold of the last uses of credentials

    def __repr__(self) -> str:
        return f"RenewedKey({self.record.key_hash}, <secret>)"


def rotate_key(service: Service, before: KeyRecord, gate: Gate, wanted: RotateInput) -> RenewedKey:
    """Put new material in force; all that was in force verifies until the grace ends.

    An end that was set before is never put off. Without new material only the grace of older
    material changes, or that of older ids: 0 ends it now.
    """
    now = service.now()
    grace_end = now + wanted.grace_seconds
    if wanted.jwt_data is None:
        return _renewed(before, gate, now, **_end_older(before, grace_end, now))
    if before.is_opaque:
        raise invalid_field("jwt_data", "an opaque key takes no material: POST /keys/{key_hash}/replace gives a new id")
    later = _after(before.credentials, now)
    made, new_rules, shown = _make_credentials(service, wanted.jwt_data, before.key_hash, later)
    return _renewed(
        before,
        gate,
        now,
        {"jwt_data": shown} if wanted.jwt_data.generate else {},
        credentials=(*made, *_ending(before.credentials, grace_end, now)),
        token_rules=_merge_rules(before.token_rules, new_rules, wanted.jwt_data),
    )


def replace_key(service: Service, before: KeyRecord, gate: Gate, wanted: ReplaceInput) -> RenewedKey:
    """Give an opaque key a new id; those that led to it work until the grace ends, or the end that they had."""
    if not before.is_opaque:
        raise invalid_field("jwt_data", "a key with jwt_data keeps its id: POST /keys/{key_hash}/rotate changes it")
    now = service.now()
    key_id = format_opaque_key_id(service.random_bytes(OPAQUE_ENTROPY_BYTES))
    issued = _issue(service, key_id, service.hash_of(key_id), _after(before.known_ids, now))
    older = _ending(before.known_ids, now + wanted.grace_seconds, now)
    return _renewed(before, gate, now, {"key_id": key_id}, ids=(issued, *older))


def _renewed(
    before: KeyRecord, gate: Gate, now: int, shown: dict[str, Any] | None = None, **changes: Any
) -> RenewedKey:
    after = end_all_sessions(before)._replace(version=before.version + 1, updated_at=now, **changes)
    if len(after.in_force) > MAX_CREDENTIALS:
        raise conflict(f"A key has at most {MAX_CREDENTIALS} credentials; end the grace of older ones first.")
    return RenewedKey(after, shown or {}, _uses(before, after, gate))


def _end_older(before: KeyRecord, grace_end: int, now: int) -> dict[str, Any]:
    """The credentials of a key whose older ones end by then."""
    if before.is_opaque:
        return {"ids": (before.known_ids[0], *_ending(before.known_ids[1:], grace_end, now))}
    return {"credentials": (before.credentials[0], *_ending(before.credentials[1:], grace_end, now))}


def _ending(older: Sequence[CredentialT], grace_end: int, now: int) -> list[CredentialT]:
    """Credentials that end by then at the latest; without those that are over."""
    ends = [min(one.expires_at or grace_end, grace_end) for one in older]
    return [one._replace(expires_at=end) for one, end in zip(older, ends, strict=True) if end > now]


def _after(older: Sequence[CredentialT], now: int) -> int:
    """When a new credential is made; also within one second its age tells that there was another."""
    return max(now, older[0].created_at + 1)


def _uses(before: KeyRecord, after: KeyRecord, gate: Gate) -> Gate:
    """The first credential of a key was used last when the key was; from now on it has a mark of its own."""
    first = before.in_force[0]
    stays = first.used_mark in {one.used_mark for one in after.in_force}
    if before.marks_credentials or LAST_USED not in gate or not stays:
        return {}
    return {first.used_mark: int(gate[LAST_USED])}


def create_admin_key(service: Service, name: str, *, request_id: str) -> NewKey:
    """Make a key that may call the admin API; only who may invoke the function gets here."""
    grants: list[Any] = [{"api": ADMIN_API}]
    new = prepare_key(
        service,
        KeyInput.model_validate({"name": name, "grants": grants, "owner": "admin"}),
        DIRECT._replace(request_id=request_id),
    )
    store_key(service, new)
    return new


def check_expiry(wanted: KeyFields, now: int) -> None:
    """A key that is expired from the start is a mistake."""
    expires_at = wanted.values()["expires_at"]
    if expires_at is not None and expires_at <= now:
        raise invalid_field("expires_at", "is in the past")


def _taken() -> Problem:
    return conflict("There is a key of this key_id already.")


def _choose_key_id(service: Service, wanted: KeyInput) -> KeyId:
    if not wanted.key_id:
        return format_opaque_key_id(service.random_bytes(OPAQUE_ENTROPY_BYTES))
    if wanted.jwt_data is None:
        raise invalid_field("key_id", "is chosen only together with jwt_data: an opaque id must not be guessable")
    if not is_key_id(wanted.key_id):
        raise invalid_field("key_id", "has 3 to 256 characters of A-Z a-z 0-9 . _ ~ : @ + -")
    if service.was_taken(wanted.key_id):
        raise _taken()
    return KeyId(wanted.key_id)


def _issue(service: Service, key_id: KeyId, id_hash: KeyHash, now: int) -> IssuedId:
    return IssuedId(service.random_bytes(4).hex(), id_hash, hint=key_id[-HINT_CHARACTERS:], created_at=now)


def _make_credentials(
    service: Service, data: JwtData | None, key_hash: KeyHash, now: int
) -> tuple[tuple[StoredCredential, ...], TokenRules, dict[str, str]]:
    if data is None:
        return (), TokenRules(), {}
    if data.generate:
        material, shown = generate_material(data, service.random_bytes)
    else:
        material, shown = read_material(data), {}
    credential = _store(service, material, key_hash, now)
    rules = TokenRules(
        issuers=texts(data.issuer),
        audiences=texts(data.audience),
        typ=data.typ,
        require_exp=data.require_exp,
        max_lifetime_seconds=data.max_lifetime_seconds or None,
        leeway_seconds=data.leeway_seconds,
    )
    return (credential,), rules, {"algorithm": material.algorithm.value} | shown


def _merge_rules(old: TokenRules, new: TokenRules, data: JwtData) -> TokenRules:
    """The rules of a key after a rotation: what it does not name stays."""
    members = {"issuer": "issuers", "audience": "audiences"}
    named = {members.get(name, name) for name in data.model_fields_set}
    return TokenRules(*(getattr(new if field in named else old, field) for field in TokenRules._fields))


def _store(service: Service, material: Material, key_hash: KeyHash, now: int) -> StoredCredential:
    sealed = None
    if material.secret is not None:
        sealed = seal(
            service.keyring,
            material.secret,
            key_hash=key_hash,
            algorithm=material.algorithm,
            nonce=service.random_bytes(NONCE_BYTES),
        )
    return StoredCredential(
        credential_id=service.random_bytes(4).hex(),
        algorithm=material.algorithm.value,
        size=material.size,
        thumbprint=material.thumbprint if sealed is None else "",
        created_at=now,
        jwk=material.jwk,
        sealed=sealed,
        not_before=material.certificate.not_before if material.certificate else None,
        not_after=material.certificate.not_after if material.certificate else None,
    )
