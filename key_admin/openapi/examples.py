"""What each operation answers, made by the functions that make the real answers."""

from typing import Any

from pydantic import BaseModel

from access.apis import ApiDefinition
from access.decisions import LimitStatus
from access.gate import DayTotals
from access.grants import Grant
from access.issuers import Issuer
from access.key_ids import KeyHash
from access.keys import IdentityRecord, IssuedId, KeyRecord, Policy, StoredCredential
from access.limits import UNLIMITED, Quota, RateLimit
from access.policies import Effective
from key_admin.openapi import schemas
from key_admin.problems import PROBLEMS, FieldError, Problem, explain
from key_admin.render import (
    render_api,
    render_day,
    render_effective,
    render_grant,
    render_identity,
    render_issuer,
    render_key,
    render_policy,
)
from key_admin.responses import LIMIT_SECONDS, SHARED_SECONDS, effective_within
from key_admin.times import write_time
from store.admin.audit import AuditEntry
from store.admin.audit_keys import AuditKeys
from store.admin.identities import ListedIdentity
from store.admin.verification import CHANGED, MESSAGES
from store.master_secret import Keyring, MasterKeys

KEY_HASH = KeyHash("8mRZfKb9dQm1x0vTq3nUuVwY2hLsJcEoPiA7gDkXtN4")
API_URL = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"
AT = 1_767_225_600  # 2026-01-01T00:00:00Z
_KEYRING = Keyring(MasterKeys(b"", b"", b""))  # nothing here is sealed
_LIMITS: dict[str, Any] = {"rate_limits": (RateLimit(10, "1s"),), "quotas": (Quota(1000, "month"),)}
_KEY = KeyRecord(
    KEY_HASH,
    1,
    "acme-mobile",
    AT,
    AT,
    owner="acme",
    credentials=(StoredCredential("c1", "HS256", 320, "vmfxU0oa7im_51BOexbaWP6rAMyECSukz_3iuP872a4", AT),),
    policies=("gold",),
    grants=(Grant("orders", ("GET",), "/v1/*"),),
    tags=("mobile",),
    metadata={"tier": "gold"},
    **_LIMITS,
)
_IDS = (IssuedId("i2", KEY_HASH, "9-1h", AT + 86_400), IssuedId("i1", KEY_HASH, "x7Qa", AT, AT + 90_000))
_REPLACED = _KEY._replace(version=2, credentials=(), ids=_IDS)
_NEW_ID = "tg_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-g9-1h"
_LIFTED = RateLimit(UNLIMITED, "", "burst")
_POLICY = Policy(
    "gold",
    1,
    "Gold",
    AT,
    AT,
    grants=(Grant("orders"),),
    rate_limits=(*_LIMITS["rate_limits"], _LIFTED),
    quotas=_LIMITS["quotas"],
    thresholds=(80, 100),
)
_EFFECTIVE = Effective(_POLICY.grants, **_LIMITS, tags=_KEY.tags, metadata=_KEY.metadata, lifted=(_LIFTED,))
_USED = (
    LimitStatus("rate", "default", "", "key", 10, "1s", 1, 9, AT + 1),
    LimitStatus("quota", "default", "", "key", 1000, "month", 12, 988, AT + 86_400),
)
_ENTRY = AuditEntry.make(
    AuditKeys("5e0b7c1f93aa", {"5e0b7c1f93aa": b"example"}),
    entry_id="d1d8a38bbb464547",
    now=AT,
    principal="k3nUuVwY2hLsJcEoPiA7gDkXtN48mRZfKb9dQm1x0vT",
    action="key.create",
    resource=f"/keys/{KEY_HASH}",
    fields=("grants", "name"),
    request_id="JKJaXmPLvHcESHA=",
    after="",
)


def problem_of(code: str) -> dict[str, Any]:
    """A problem of this code."""
    status, detail = PROBLEMS[code]
    errors = [FieldError("rate_limits.0.limit", "must be a whole number")] if code == "invalid" else []
    return Problem(status, code, detail, errors=errors).body(API_URL)


def _page(item: dict[str, Any]) -> dict[str, Any]:
    return {"items": [item], "next": None}


_SHOWN = render_key(_KEY, {"at": AT}, _KEYRING)
_NEW = render_key(_KEY, {}, _KEYRING) | {"key_id": "acme-mobile-1"}
_STANDING = dict(zip(_EFFECTIVE.limits, _USED, strict=True))
_APPLIES = {"effective": render_effective(_EFFECTIVE, _STANDING, {*_EFFECTIVE.limits, _LIFTED})}
_EFFECT = _SHOWN | _APPLIES
_API = render_api(ApiDefinition("orders", 1, "Orders", AT, AT, ("a1b2c3d4e5/prod",)))
_PROVIDER = Issuer("example", 1, AT, AT, "https://idp.example.com", audiences=("orders",), default_policies=("gold",))
_ISSUER = render_issuer(_PROVIDER)
_IDENTITY = render_identity(
    IdentityRecord.default(KEY_HASH), {"at": AT}, ListedIdentity(KEY_HASH, "example", "ada@example.com", AT)
)
ANSWERS: dict[type[BaseModel], dict[str, Any]] = {
    schemas.NewKeyAnswer: _NEW,
    schemas.KeyWithEffect: _EFFECT,
    schemas.ChangedKeyAnswer: _EFFECT | effective_within(LIMIT_SECONDS),
    schemas.PutPolicyAnswer: render_policy(_POLICY) | effective_within(SHARED_SECONDS),
    schemas.PutApiAnswer: _API | effective_within(SHARED_SECONDS),
    schemas.PutIssuerAnswer: _ISSUER | effective_within(SHARED_SECONDS),
    schemas.ReplacedKeyAnswer: render_key(_REPLACED, {"at": AT}, _KEYRING) | _APPLIES | {"key_id": _NEW_ID},
    schemas.KeyPage: _page(_SHOWN),
    schemas.ImportAnswer: {"items": [{"status": 201, "key": _NEW}, {"status": 409, "problem": problem_of("conflict")}]},
    schemas.UsageAnswer: {"items": [render_day(DayTotals(AT // 86_400, 1200, 30))]},
    schemas.PolicyAnswer: render_policy(_POLICY),
    schemas.PolicyPage: _page(render_policy(_POLICY)),
    schemas.ApiAnswer: _API,
    schemas.ApiPage: _page(_API),
    schemas.IssuerAnswer: _ISSUER,
    schemas.IssuerPage: _page(_ISSUER),
    schemas.IdentityAnswer: _IDENTITY,
    schemas.ChangedIdentityAnswer: _IDENTITY | effective_within(0),
    schemas.IdentityPage: _page(_IDENTITY),
    schemas.AuditPage: _page(_ENTRY._asdict() | {"fields": list(_ENTRY.fields)}),
    schemas.VerificationAnswer: {
        "checked": 120,
        "intact": False,
        "faults": [
            {"id": _ENTRY.id, "resource": _ENTRY.resource, "reason": CHANGED, "message": MESSAGES[CHANGED]},
        ],
    },
    schemas.SessionAnswer: {
        "key_hash": KEY_HASH,
        "name": "ada",
        "owner": "",
        "rights": [render_grant(Grant("admin"))],
        "expires_at": write_time(AT + 8 * 3600),
    },
    schemas.ExplanationAnswer: {
        "decision": "deny",
        "reason": "token_expired",
        "status": 401,
        "steps": [
            {"step": 1, "name": "Read the credential", "ok": True, "detail": "There is one."},
            {"step": 2, "name": "Bound and parse it", "ok": True, "detail": "It is well-formed."},
            {"step": 3, "name": "Name the key", "ok": True, "detail": "It names a key."},
            {"step": 4, "name": "Find the record", "ok": True, "detail": "The key is known."},
            {"step": 5, "name": "Verify signature and claims", "ok": False, "detail": "The token has expired."},
        ],
        "key_hash": KEY_HASH,
        "grant": None,
        "limits": [],
    },
    schemas.SelfAnswer: {
        "name": _KEY.name,
        "expires_at": None,
        **{name: _APPLIES["effective"][name] for name in ("grants", "rate_limits", "quotas")},
    },
    schemas.HealthAnswer: {"status": "ok"},
    schemas.ProblemTypeAnswer: explain("invalid") or {},
    schemas.GatewayMessage: {"message": "Forbidden"},
}
PATHS = {"key_hash": KEY_HASH, "policy_id": "gold", "api_id": "orders", "issuer_id": "example", "name": "invalid"}
QUERY = {"issuer": "example"}  # of parameters that are required
