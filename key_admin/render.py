"""Keys and policies as operators see them. Secrets and key ids never come back."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from access.apis import ApiDefinition
from access.decisions import LimitStatus
from access.gate import LAST_USED, DayTotals, Limit
from access.grants import Grant
from access.issuers import Issuer
from access.keys import Counting, IdentityRecord, IssuedId, KeyRecord, Policy, StoredCredential
from access.limits import Quota, RateLimit
from access.policies import PARTITIONS, Effective
from key_admin.material import secret_thumbprint
from key_admin.models.fields import LIFTED
from key_admin.times import write_time
from store.admin.identities import ListedIdentity
from store.errors import InvalidItemError
from store.keys import Gate
from store.master_secret import Keyring
from store.sealing import unseal


def render_key(record: KeyRecord, gate: Gate, keyring: Keyring) -> dict[str, Any]:
    """A key record as API.md section 3 shows it."""
    return {
        "key_hash": record.key_hash,
        "version": record.version,
        "name": record.name,
        "owner": record.owner,
        "hint": record.known_ids[0].hint if record.is_opaque else None,
        "credentials": [_render_credential(one, record, gate, keyring) for one in record.in_force],
        "token_rules": {
            "issuer": list(record.token_rules.issuers),
            "audience": list(record.token_rules.audiences),
            "typ": record.token_rules.typ,
            "require_exp": record.token_rules.require_exp,
            "max_lifetime_seconds": record.token_rules.max_lifetime_seconds,
            "leeway_seconds": record.token_rules.leeway_seconds,
        }
        if record.credentials
        else None,
        "policies": list(record.policies),
        "enabled": record.enabled,
        "expires_at": write_time(record.expires_at),
        "last_used_at": write_time(_number(gate.get(LAST_USED))),
        "created_at": write_time(record.created_at),
        "updated_at": write_time(record.updated_at),
        **_render_rights(record),
    }


def render_identity(record: IdentityRecord, gate: Gate, listed: ListedIdentity | None) -> dict[str, Any]:
    """An identity of an outside provider; without what its issuer's list says where that issuer is gone."""
    return {
        "key_hash": record.identity_hash,
        "version": record.version,
        "issuer_id": listed.issuer_id if listed else None,
        "name": listed.name if listed else None,
        "enabled": record.enabled,
        "first_used_at": write_time(listed.first_used_at) if listed else None,
        "last_used_at": write_time(_number(gate.get(LAST_USED))),
        "updated_at": write_time(record.updated_at or None),
    }


def render_policy(policy: Policy) -> dict[str, Any]:
    """A policy as API.md section 3 shows it."""
    return {
        "policy_id": policy.policy_id,
        "version": policy.version,
        "name": policy.name,
        "active": policy.active,
        "partitions": list(policy.partitions or PARTITIONS),
        "key_expires_in_seconds": policy.key_expires_in_seconds,
        "counting": _render_counting(policy.counting),
        "thresholds": list(policy.thresholds),
        "created_at": write_time(policy.created_at),
        "updated_at": write_time(policy.updated_at),
        **_render_rights(policy),
    }


def render_api(definition: ApiDefinition) -> dict[str, Any]:
    """An API definition as API.md section 3 shows it."""
    return {
        "api_id": definition.api_id,
        "version": definition.version,
        "name": definition.name,
        "gateways": list(definition.gateways),
        "enable_jwt": definition.enable_jwt,
        "enable_opaque": definition.enable_opaque,
        "allow_sub": definition.allow_sub,
        "token": {place: name or None for place, name in definition.token._asdict().items()},
        "issuers": list(definition.issuers),
        "labels": definition.labels,
        "created_at": write_time(definition.created_at),
        "updated_at": write_time(definition.updated_at),
    }


def render_issuer(issuer: Issuer) -> dict[str, Any]:
    """An issuer as API.md section 3 shows it."""
    return {
        "issuer_id": issuer.issuer_id,
        "version": issuer.version,
        "issuer": issuer.issuer,
        "jwks_uri": issuer.jwks_uri,
        "discovery": not issuer.jwks_uri,
        "algorithms": list(issuer.algorithms),
        "audience": list(issuer.audiences),
        "any_audience": issuer.any_audience,
        "identity_claim": issuer.identity_claim,
        "policy_claim": issuer.policy_claim,
        "allowed_policies": list(issuer.allowed_policies),
        "default_policies": list(issuer.default_policies),
        "scope_claim": issuer.scope_claim,
        "scope_policies": issuer.scope_policies,
        "leeway_seconds": issuer.leeway_seconds,
        "labels": issuer.labels,
        "created_at": write_time(issuer.created_at),
        "updated_at": write_time(issuer.updated_at),
    }


def render_effective(
    effective: Effective, standing: Mapping[Limit, LimitStatus], reachable: Collection[Limit]
) -> dict[str, Any]:
    """What a key may do once its policies are laid over it: its limits as they stand, then those that are lifted."""

    def show(kind: type[Limit]) -> list[dict[str, Any]]:
        limits = [limit for limit in (*effective.limits, *effective.lifted) if isinstance(limit, kind)]
        return [_render_standing(limit, standing.get(limit)) | {"reachable": limit in reachable} for limit in limits]

    return {
        "grants": [render_grant(grant) for grant in effective.grants],
        "rate_limits": show(RateLimit),
        "quotas": show(Quota),
        "tags": list(effective.tags),
        "metadata": effective.metadata,
    }


def editable(record: KeyRecord) -> dict[str, Any]:
    """The members of a key that PATCH merges into, empty ones left out."""
    members = {
        "name": record.name,
        "owner": record.owner,
        "policies": list(record.policies),
        "enabled": record.enabled,
        "expires_at": write_time(record.expires_at),
        **_render_rights(record),
    }
    return {name: value for name, value in members.items() if value not in (None, "")}


def render_grant(grant: Grant) -> dict[str, Any]:
    shown = {"api": grant.api, "methods": list(grant.methods), "path": grant.path, "cost": grant.cost}
    scope = {"owner": grant.owner, "policies": list(grant.policies)}
    return shown | {name: value for name, value in scope.items() if value}


def _render_rights(holder: KeyRecord | Policy) -> dict[str, Any]:
    return {
        "rate_limits": [_render_limit(limit) for limit in holder.rate_limits],
        "quotas": [_render_limit(limit) for limit in holder.quotas],
        "grants": [render_grant(grant) for grant in holder.grants],
        "tags": list(holder.tags),
        "metadata": holder.metadata,
        "labels": holder.labels,
        "sources": list(holder.sources),
    }


def _render_counting(counting: Counting) -> dict[str, Any]:
    shown: dict[str, Any] = {"mode": "leased" if counting.is_leased else "exact", "fail_open": counting.fail_open}
    return shown | ({"max_staleness_seconds": counting.max_staleness_ms // 1000} if counting.is_leased else {})


def render_day(totals: DayTotals) -> dict[str, Any]:
    """The totals of a day."""
    date = datetime.fromtimestamp(totals.day * 86_400, UTC).date().isoformat()
    return {"date": date, "allowed": totals.allowed, "refused": totals.refused}


def _render_limit(limit: Limit) -> dict[str, Any]:
    shown = limit._asdict() | {"limit": _render_units(limit)}
    return {name: value for name, value in shown.items() if value != ""}


def _render_standing(limit: Limit, status: LimitStatus | None) -> dict[str, Any]:
    """A limit with what is used of it; one that is lifted counts nothing."""
    return {
        "name": limit.name,
        "scope": limit.scope,
        "api": limit.api,
        "limit": _render_units(limit),
        "period": limit.period or None,
        "used": status.used if status else None,
        "remaining": status.remaining if status else None,
        "resets_at": write_time(status.resets_at) if status else None,
    }


def _render_units(limit: Limit) -> int | str:
    return LIFTED if limit.is_unlimited else limit.limit


def _render_credential(
    credential: StoredCredential | IssuedId, record: KeyRecord, gate: Gate, keyring: Keyring
) -> dict[str, Any]:
    times = {
        "created_at": write_time(credential.created_at),
        "expires_at": write_time(credential.expires_at),
        "last_used_at": write_time(_last_used(credential, record, gate)),
    }
    if isinstance(credential, IssuedId):
        return {"algorithm": None, "hint": credential.hint, **times}
    return {
        "algorithm": credential.algorithm,
        "size": credential.size,
        "thumbprint": _thumbprint(credential, record, keyring),
        **times,
        "certificate": _render_certificate(credential),
    }


def _thumbprint(credential: StoredCredential, record: KeyRecord, keyring: Keyring) -> str:
    """As stored; of a secret it is made anew. Empty where the master secret that sealed it is gone."""
    if credential.sealed is None:
        return credential.thumbprint
    try:
        secret = unseal(keyring, credential.sealed, key_hash=record.key_hash, algorithm=credential.algorithm)
    except InvalidItemError:
        return ""
    return secret_thumbprint(secret)


def _last_used(credential: StoredCredential | IssuedId, record: KeyRecord, gate: Gate) -> int | None:
    return _number(gate.get(credential.used_mark if record.marks_credentials else LAST_USED))


def _render_certificate(credential: StoredCredential) -> dict[str, Any] | None:
    if credential.not_after is None:
        return None
    return {"not_before": write_time(credential.not_before), "not_after": write_time(credential.not_after)}


def _number(value: int | str | None) -> int | None:
    return None if value is None else int(value)
