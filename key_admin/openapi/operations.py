"""The operations of the admin API. A test compares them with the routes."""

from typing import Any, NamedTuple

from pydantic import BaseModel

from key_admin.models.apis import ApiInput
from key_admin.models.explain import ExplainInput
from key_admin.models.identities import IdentityFields
from key_admin.models.issuers import IssuerInput
from key_admin.models.keys import ImportInput, KeyFields, KeyInput, LookupInput, ReplaceInput, ResetInput, RotateInput
from key_admin.models.policies import PolicyInput
from key_admin.openapi import schemas

_KEY = {
    "name": "acme-mobile",
    "owner": "acme",
    "jwt_data": {"algorithm": "HS256", "secret": "9f0e2b7d4c1a8e6f3b5d7a9c0e1f2d3b4a5c6e7f"},
    "rate_limits": [{"limit": 10, "period": "1s"}],
    "quotas": [{"limit": 1000, "period": "month"}],
    "grants": [{"api": "orders", "methods": ["GET"], "path": "/v1/*"}],
}
_POLICY = {
    "name": "Gold",
    "grants": [{"api": "orders"}],
    "rate_limits": [{"limit": 100, "period": "1s"}, {"limit": "unlimited", "name": "burst"}],
    "quotas": [{"limit": 100000, "period": "month", "anchor": "calendar"}],
    "thresholds": [80, 100],
}
_API = {"name": "Orders", "gateways": ["a1b2c3d4e5/prod"], "token": {"header": "Authorization"}}
_ISSUER = {
    "issuer": "https://idp.example.com",
    "discovery": True,
    "audience": "orders",
    "default_policies": ["gold"],
}
_TEXT = {"type": "string"}
_PAGE = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
    "cursor": {"type": "string", "description": "`next` of the page before."},
    "next": {"type": "string", "description": "The same as `cursor`; give one of them."},
}
_LABEL_FILTER: dict[str, Any] = {"label": _TEXT | {"description": "A label: `name`, or `name:value`."}}
_KEY_FILTERS: dict[str, Any] = _LABEL_FILTER | {
    "owner": _TEXT,
    "policy": _TEXT,
    "tag": _TEXT,
    "enabled": {"type": "boolean"},
    "api": _TEXT | {"description": "An API that grants of the key or its policies name, by any of its names or `*`."},
    "name": _TEXT | {"description": "What the name begins with, in any case."},
}
_INTERVAL: dict[str, Any] = {
    "from": {
        "type": "string",
        "description": "A date or an RFC 3339 time, at most 400 days before `to`; 30 days before it unless given.",
    },
    "to": {
        "type": "string",
        "description": "A date, meant whole, or an RFC 3339 time; now unless it is given.",
    },
}
_DAYS: dict[str, Any] = {
    "from": {
        "type": "string",
        "description": "A date; of 400 days at most with `to`, both included; 29 days before `to` unless it is given.",
    },
    "to": {"type": "string", "description": "A date; today unless it is given."},
}
_AUDIT_FILTERS = _INTERVAL | {
    "key_hash": _TEXT | {"description": "The entries of this key; reads no others."},
    "resource": _TEXT | {"description": "The entries of this resource, as `/policies/gold`; reads no others."},
    "principal": _TEXT | {"description": "Looked for in the interval: a page may be short, or empty with a `next`."},
}
_VERSION = ("If-Match",)
_ONCE = ("Idempotency-Key",)


class Operation(NamedTuple):
    """One operation of the API. `route` is method and path."""

    route: str
    id: str
    summary: str
    tag: str
    answer: type[BaseModel] | None = None
    statuses: tuple[int, ...] = (200,)
    body: type[BaseModel] | None = None
    example: dict[str, Any] = {}  # noqa: RUF012 - never mutated
    query: dict[str, Any] = {}  # noqa: RUF012 - never mutated
    required: tuple[str, ...] = ()  # of `query`
    headers: tuple[str, ...] = ()
    problems: tuple[int, ...] = ()
    is_open: bool = False
    is_of_sessions: bool = False  # no authorizer of the gateway stands before it
    takes_cookie: bool = False  # of a session, and nothing else
    takes_any_key: bool = False  # judged by the operation itself: no authorizer stands before it
    body_is_optional: bool = False

    @property
    def method(self) -> str:
        return self.route.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.route.partition(" ")[2]


def _named_records(
    name: str,
    many: str,
    words: tuple[str, str],
    answer: type[BaseModel],
    changed: type[BaseModel],
    page: type[BaseModel],
    body: type[BaseModel],
    example: dict[str, Any],
) -> list[Operation]:
    """The four operations of a kind of record that operators name; `words` are one of them, and several."""
    noun, nouns = words
    tag, one = nouns[0].upper() + nouns[1:], f"/{many}/{{{name}_id}}"
    return [
        Operation(
            f"GET /{many}", f"list_{many}", f"List {nouns}", tag, page, query=_PAGE | _LABEL_FILTER, problems=(400,)
        ),
        Operation(f"GET {one}", f"read_{name}", f"Read {noun}", tag, answer, problems=(404,)),
        Operation(
            f"PUT {one}",
            f"put_{name}",
            f"Make or replace {noun}",
            tag,
            changed,
            (200, 201),
            body,
            example,
            headers=(*_VERSION, "If-None-Match"),
            problems=(400, 409, 412),
        ),
        Operation(
            f"DELETE {one}",
            f"delete_{name}",
            f"Remove {noun}",
            tag,
            statuses=(204,),
            headers=_VERSION,
            problems=(404, 409, 412),
        ),
    ]


_KEYS = [
    Operation(
        "POST /keys",
        "create_key",
        "Make a key",
        "Keys",
        schemas.NewKeyAnswer,
        (201,),
        KeyInput,
        _KEY,
        headers=_ONCE,
        problems=(400, 409),
    ),
    Operation(
        "GET /keys",
        "list_keys",
        "List keys by time of creation",
        "Keys",
        schemas.KeyPage,
        query=_PAGE | _KEY_FILTERS,
        problems=(400,),
    ),
    Operation(
        "POST /keys/import",
        "import_keys",
        "Make up to 100 keys; each has its own result",
        "Keys",
        schemas.ImportAnswer,
        body=ImportInput,
        example={"format": "tollgate", "items": [_KEY]},
        headers=_ONCE,
        problems=(400, 409),
    ),
    Operation(
        "POST /keys/lookup",
        "look_up_key",
        "Find a key by its id",
        "Keys",
        schemas.KeyWithEffect,
        body=LookupInput,
        example={"key_id": "acme-mobile"},
        problems=(400, 404),
    ),
    Operation(
        "GET /keys/{key_hash}",
        "read_key",
        "Read a key, with what applies and what is used",
        "Keys",
        schemas.KeyWithEffect,
        problems=(404,),
    ),
    Operation(
        "PATCH /keys/{key_hash}",
        "change_key",
        "Change a key by a JSON merge patch (RFC 7396)",
        "Keys",
        schemas.ChangedKeyAnswer,
        body=KeyFields,
        example={"enabled": False, "metadata": {"plan": None}},
        headers=_VERSION,
        problems=(400, 404, 412),
    ),
    Operation(
        "DELETE /keys/{key_hash}",
        "delete_key",
        "Remove a key",
        "Keys",
        statuses=(204,),
        headers=_VERSION,
        problems=(404, 412),
    ),
    Operation(
        "POST /keys/{key_hash}/rotate",
        "rotate_key",
        "Put new material in force, or change the grace of what was in force",
        "Keys",
        schemas.KeyWithEffect,
        body=RotateInput,
        example={"jwt_data": {"generate": True}, "grace_seconds": 3600},
        headers=(*_VERSION, *_ONCE),
        problems=(400, 404, 409, 412),
    ),
    Operation(
        "POST /keys/{key_hash}/replace",
        "replace_key",
        "Give an opaque key a new id",
        "Keys",
        schemas.ReplacedKeyAnswer,
        body=ReplaceInput,
        example={"grace_seconds": 3600},
        headers=(*_VERSION, *_ONCE),
        problems=(400, 404, 409, 412),
        body_is_optional=True,
    ),
    Operation(
        "POST /keys/{key_hash}/reset",
        "reset_key",
        "Set counters to zero",
        "Keys",
        schemas.ChangedKeyAnswer,
        body=ResetInput,
        example={"kind": "quota", "name": "default"},
        headers=(*_VERSION, *_ONCE),
        problems=(400, 404, 409, 412),
        body_is_optional=True,
    ),
    Operation(
        "GET /keys/{key_hash}/usage",
        "read_usage",
        "Requests by day",
        "Keys",
        schemas.UsageAnswer,
        query=_DAYS,
        problems=(400, 404),
    ),
]
_USERS_OF_A_POLICY = Operation(
    "GET /policies/{policy_id}/keys",
    "list_keys_of_policy",
    "List the keys that use a policy",
    "Policies",
    schemas.KeyPage,
    query=_PAGE,
    problems=(400, 404),
)
_IDENTITIES = [
    Operation(
        "GET /identities",
        "list_identities",
        "List the identities of an issuer that have called",
        "Issuers",
        schemas.IdentityPage,
        query={"issuer": _TEXT | {"minLength": 1, "maxLength": 64}} | _PAGE,
        required=("issuer",),
        problems=(400,),
    ),
    Operation(
        "GET /identities/{key_hash}",
        "read_identity",
        "Read an identity",
        "Issuers",
        schemas.IdentityAnswer,
        problems=(404,),
    ),
    Operation(
        "PATCH /identities/{key_hash}",
        "change_identity",
        "Block an identity, or let it in again",
        "Issuers",
        schemas.ChangedIdentityAnswer,
        body=IdentityFields,
        example={"enabled": False},
        headers=_VERSION,
        problems=(400, 404, 412),
    ),
    Operation(
        "POST /identities/{key_hash}/reset",
        "reset_identity",
        "Set the counters of an identity to zero",
        "Issuers",
        schemas.ChangedIdentityAnswer,
        headers=(*_VERSION, *_ONCE),
        problems=(400, 404, 409, 412),
    ),
    Operation(
        "GET /identities/{key_hash}/usage",
        "read_usage_of_identity",
        "Requests of an identity by day",
        "Issuers",
        schemas.UsageAnswer,
        query=_DAYS,
        problems=(400, 404),
    ),
]
_AUDIT = [
    Operation(
        "GET /audit",
        "list_audit",
        "Who changed what",
        "Audit",
        schemas.AuditPage,
        query=_PAGE | _AUDIT_FILTERS,
        problems=(400,),
    ),
    Operation(
        "GET /audit/verify",
        "verify_audit",
        "Whether the log is whole",
        "Audit",
        schemas.VerificationAnswer,
        query=_INTERVAL,
        problems=(400,),
    ),
]
_SESSIONS = [
    Operation(
        "POST /session",
        "open_session",
        "Open a session of the dashboard: an admin key in `Authorization` becomes a cookie",
        "Sessions",
        statuses=(204,),
        is_of_sessions=True,
    ),
    Operation(
        "GET /session",
        "read_session",
        "Whose session it is, and what it may do",
        "Sessions",
        schemas.SessionAnswer,
        is_of_sessions=True,
        takes_cookie=True,
    ),
    Operation(
        "DELETE /session",
        "end_session",
        "End a session, or every session of its key",
        "Sessions",
        statuses=(204,),
        query={"everywhere": {"type": "boolean", "description": "Whether every session of the key ends."}},
        problems=(400,),
        is_of_sessions=True,
        takes_cookie=True,
    ),
]
_DECISIONS = [
    Operation(
        "POST /explain",
        "explain",
        "Explain what would be decided now, step by step; counted and stored nowhere",
        "Decisions",
        schemas.ExplanationAnswer,
        body=ExplainInput,
        example={
            "credential": "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFjbWUifQ.e30.c2ln",
            "api": "orders",
            "method": "GET",
            "path": "/v1/x",
        },
        problems=(400, 404),
    ),
    Operation(
        "GET /self",
        "read_self",
        "What the presented key is, and what is left of its limits; counted nowhere",
        "Decisions",
        schemas.SelfAnswer,
        takes_any_key=True,
    ),
]
_PROBLEM = Operation(
    "GET /problems/{name}",
    "read_problem",
    "What a type of problem means",
    "Open",
    schemas.ProblemTypeAnswer,
    problems=(404,),
    is_open=True,
)
_HEALTH = Operation("GET /health", "health", "Whether the API answers", "Open", schemas.HealthAnswer, is_open=True)

OPERATIONS: tuple[Operation, ...] = (
    *_KEYS,
    *_named_records(
        "policy",
        "policies",
        ("a policy", "policies"),
        schemas.PolicyAnswer,
        schemas.PutPolicyAnswer,
        schemas.PolicyPage,
        PolicyInput,
        _POLICY,
    ),
    _USERS_OF_A_POLICY,
    *_named_records(
        "api",
        "apis",
        ("an API definition", "API definitions"),
        schemas.ApiAnswer,
        schemas.PutApiAnswer,
        schemas.ApiPage,
        ApiInput,
        _API,
    ),
    *_named_records(
        "issuer",
        "issuers",
        ("an issuer", "issuers"),
        schemas.IssuerAnswer,
        schemas.PutIssuerAnswer,
        schemas.IssuerPage,
        IssuerInput,
        _ISSUER,
    ),
    *_IDENTITIES,
    *_AUDIT,
    *_SESSIONS,
    *_DECISIONS,
    _HEALTH,
    _PROBLEM,
)
