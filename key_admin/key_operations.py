"""What happens to keys, apart from HTTP."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from access.gate import LAST_USED
from access.grants import ADMIN_API
from access.key_ids import KeyHash, KeyId, format_opaque_key_id, is_key_id
from access.keys import KeyRecord, StoredCredential, TokenRules
from access.limits import MAX_LIMITS_PER_KEY
from access.policies import MAX_TOLD_BYTES, overlay
from key_admin.material import Material, generate_material, read_material
from key_admin.models.fields import texts
from key_admin.models.keys import JwtData, KeyFields, KeyInput, RotateInput
from key_admin.problems import Problem, conflict, invalid_field
from key_admin.requests import DIRECT, Caller
from key_admin.service import Service
from store.admin.audit import AuditEntry
from store.admin.transactions import AlreadyExistsError, Attached, Item, UnknownPolicyError
from store.keys import Gate
from store.sealing import NONCE_BYTES, seal

MAX_CREDENTIALS = 4  # the one in force and those in their grace
LIFE_BYTES = 4
VERSION_BITS = 20  # below a key's random life: a million changes stay apart from the next life


class NewKey(NamedTuple):
    """A key that is to be stored, with what is shown once: its id and generated material."""

    record: KeyRecord
    key_id: KeyId
    shown: dict[str, str]
    entry: AuditEntry

    def __repr__(self) -> str:
        return f"NewKey({self.record.key_hash}, <secret>)"


def prepare_key(service: Service, wanted: KeyInput, caller: Caller) -> NewKey:
    """Make a key out of what an operator asks for. Raises a Problem."""
    now = service.now()
    key_id = _choose_key_id(service, wanted)
    key_hash = service.hash_of(key_id)
    check_expiry(wanted, now)
    credentials, rules, shown = _make_credentials(service, wanted.jwt_data, key_hash, now)
    values = wanted.values()
    values["owner"] = values["owner"] or caller.owner
    check_rights(service, caller, values)
    values["expires_at"] = _first_expiry(service, values, now)
    entry = service.tell(caller, "key.create", f"/keys/{key_hash}", wanted.model_fields_set, after="")
    record = KeyRecord(
        key_hash=key_hash,
        version=1,
        created_at=now,
        updated_at=now,
        credentials=credentials,
        token_rules=rules,
        last_audit=entry.link,
        life=int.from_bytes(service.random_bytes(LIFE_BYTES)) << VERSION_BITS,
        **values,
    )
    check_fit(service, record)
    generated = wanted.jwt_data is not None and wanted.jwt_data.generate
    return NewKey(record, key_id, shown if generated else {}, entry)


def store_key(service: Service, new: NewKey, answer: Item | None = None) -> None:
    """Store a new key with its audit entry. Raises a Problem, or AlreadyDoneError."""
    try:
        service.keys.create(new.record, Attached(service.audit.put(new.entry), answer))
    except AlreadyExistsError:
        raise _taken() from None
    except UnknownPolicyError:
        raise invalid_field("policies", "names a policy that does not exist") from None


def check_rights(service: Service, caller: Caller, values: Mapping[str, Any]) -> None:
    """An admin of one owner works with keys of that owner, and never with one that may administer."""
    if not caller.owner:
        return
    if values["owner"] != caller.owner:
        raise invalid_field("owner", f"this admin key may only work with the keys of {caller.owner}")
    policies = service.policies_of(values["policies"]).values()
    if any(grant.api == ADMIN_API for grant in values["grants"]):
        raise invalid_field("grants", "this admin key may not work with keys of the API `admin`")
    if any(grant.api == ADMIN_API for policy in policies for grant in policy.grants):
        raise invalid_field("policies", "this admin key may not work with a policy that grants the API `admin`")


def check_fit(service: Service, record: KeyRecord) -> None:
    """A gate counts in a few limits, and an answer tells only so much; policies must not bring a key more."""
    policies = {name: one._replace(active=True) for name, one in service.policies_of(record.policies).items()}
    if len(policies) == len(record.policies) and overlay(record, policies) is None:
        message = (
            f"with them the key has more than {MAX_LIMITS_PER_KEY} rate limits and quotas (give some one name),"
            f" or more than {MAX_TOLD_BYTES} bytes of tags and metadata"
        )
        raise invalid_field("policies", message)


class RotatedKey(NamedTuple):
    """A record with its new credentials, generated material, shown once, and what its gate is to know."""

    record: KeyRecord
    shown: dict[str, str]
    uses: Gate  # what the gate is to hold of the last uses of credentials

    def __repr__(self) -> str:
        return f"RotatedKey({self.record.key_hash}, <secret>)"


def rotate_key(service: Service, before: KeyRecord, gate: Gate, wanted: RotateInput, caller: Caller) -> RotatedKey:
    """Put new material in force; all that was in force verifies until the grace ends.

    An end that was set before is never put off. Without new material only the grace of older
    material changes: 0 ends it now.
    """
    check_rights(service, caller, before._asdict())  # who sets the material of a key can act as it
    if before.is_opaque:
        raise invalid_field("jwt_data", "an opaque key is not rotated: make a new one and delete this one")
    now = service.now()
    newest, *older = before.credentials
    rules, shown = before.token_rules, dict[str, str]()
    if wanted.jwt_data is None:
        kept, ending = [newest], older
    else:
        later = max(now, newest.created_at + 1)  # also within one second: age tells that there was another
        made, new_rules, shown = _make_credentials(service, wanted.jwt_data, before.key_hash, later)
        rules = _merge_rules(rules, new_rules, wanted.jwt_data)
        kept, ending = [*made], [newest, *older]
    grace_end = now + wanted.grace_seconds
    graced = [one._replace(expires_at=min(one.expires_at or grace_end, grace_end)) for one in ending]
    credentials = (*kept, *(one for one in graced if one.expires_at is not None and one.expires_at > now))
    if len(credentials) > MAX_CREDENTIALS:
        raise conflict(f"A key has at most {MAX_CREDENTIALS} credentials; end the grace of older ones first.")
    after = before._replace(version=before.version + 1, updated_at=now, credentials=credentials, token_rules=rules)
    return RotatedKey(after, shown, _uses(before, after, gate))


def _uses(before: KeyRecord, after: KeyRecord, gate: Gate) -> Gate:
    """The first credential of a key was used last when the key was; from now on it has a mark of its own."""
    first = before.credentials[0]
    stays = first.used_mark in {one.used_mark for one in after.credentials}
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
        return format_opaque_key_id(service.random_bytes(32))
    if wanted.jwt_data is None:
        raise invalid_field("key_id", "is chosen only together with jwt_data: an opaque id must not be guessable")
    if not is_key_id(wanted.key_id):
        raise invalid_field("key_id", "has 3 to 256 characters of A-Z a-z 0-9 . _ ~ : @ + -")
    if service.was_taken(wanted.key_id):
        raise _taken()
    return KeyId(wanted.key_id)


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


def _first_expiry(service: Service, values: dict[str, Any], now: int) -> int | None:
    """The expiry asked for, else what a policy sets for new keys (the last one that does)."""
    expires_at: int | None = values["expires_at"]
    if expires_at is not None or not values["policies"]:
        return expires_at
    found = service.policies_of(values["policies"])
    lifetimes = [found[one].key_expires_in_seconds for one in values["policies"] if one in found]
    return next((now + lifetime for lifetime in reversed(lifetimes) if lifetime), None)
