"""What the admin API answers, as schemas for the OpenAPI document. `render` makes the answers."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """Answers say exactly what is listed."""

    model_config = ConfigDict(extra="forbid")


Time = str | None
Limits = list["LimitAnswer"]


class LimitAnswer(Answer):
    limit: int | Literal["unlimited"]
    period: str = ""
    name: str
    scope: Literal["key", "owner"]
    api: str = ""
    anchor: Literal["first_use", "calendar"] = "first_use"


class GrantAnswer(Answer):
    api: str
    methods: list[str]
    path: str
    cost: int
    owner: str = ""
    policies: list[str] = []


class StatusAnswer(Answer):
    name: str
    scope: Literal["key", "owner"]
    api: str = Field(description="Empty: every API.")
    limit: int | Literal["unlimited"] = Field(description="`unlimited` where a policy lifts it: counted nowhere.")
    period: str | None
    used: int | None
    remaining: Annotated[int, Field(ge=0)] | None
    resets_at: Time
    reachable: bool = Field(
        description="Whether a grant covers requests that this limit counts, as far as API definitions tell."
    )


class EffectiveAnswer(Answer):
    grants: list[GrantAnswer]
    rate_limits: list[StatusAnswer]
    quotas: list[StatusAnswer]
    tags: list[str]
    metadata: dict[str, str]


class CertificateAnswer(Answer):
    """The dates of the certificate that brought a key; they are not judged."""

    not_before: str
    not_after: str


class CredentialAnswer(Answer):
    algorithm: str
    size: int
    thumbprint: str
    created_at: Time
    expires_at: Time
    last_used_at: Time
    certificate: CertificateAnswer | None


class IdAnswer(Answer):
    """An id of an opaque key: `hint` is its last four characters."""

    algorithm: None
    hint: str
    created_at: Time
    expires_at: Time
    last_used_at: Time


class TokenRulesAnswer(Answer):
    issuer: list[str]
    audience: list[str]
    typ: str
    require_exp: bool
    max_lifetime_seconds: int | None
    leeway_seconds: int


class Rights(Answer):
    rate_limits: Limits
    quotas: Limits
    grants: list[GrantAnswer]
    tags: list[str]
    metadata: dict[str, str]
    labels: dict[str, str]
    sources: list[str]
    created_at: Time
    updated_at: Time
    version: int
    name: str


class KeyAnswer(Rights):
    key_hash: str
    owner: str
    hint: str | None = Field(description="The last four characters of the id of an opaque key; else null.")
    credentials: list[CredentialAnswer] | list[IdAnswer]
    token_rules: TokenRulesAnswer | None
    policies: list[str]
    enabled: bool
    expires_at: Time
    last_used_at: Time


class Shown(Answer):
    """Generated material, shown once."""

    algorithm: str
    secret: str = Field("", description="Random bytes, shown as base64url: decode it before you sign.")
    encoding: str = Field("", description="base64url where there is a secret. Send it too where you send this secret.")
    private_key: str = ""
    public_key: str = ""


class NewKeyAnswer(KeyAnswer):
    key_id: str = Field(description="Shown once; the client names it as `kid`, or sends it where the key is opaque.")
    jwt_data: Shown | None = None


class KeyWithEffect(KeyAnswer):
    effective: EffectiveAnswer | None = Field(
        description="null where a policy of the key is missing or inactive, or they bring it more than 10 limits."
    )
    jwt_data: Shown | None = None


class Delayed(BaseModel):
    effective_within_seconds: int = Field(
        description="Seconds until every environment of the authorizer acts on the change; 0: on the next request."
    )


class ChangedKeyAnswer(KeyWithEffect, Delayed):
    pass


class ReplacedKeyAnswer(KeyWithEffect):
    key_id: str = Field(description="The new id, shown once.")


class CountingAnswer(Answer):
    mode: Literal["exact", "leased"]
    fail_open: bool
    max_staleness_seconds: int = 0


class PolicyAnswer(Rights):
    policy_id: str
    active: bool
    partitions: list[str]
    key_expires_in_seconds: int | None
    counting: CountingAnswer
    thresholds: list[int]


class PutPolicyAnswer(PolicyAnswer, Delayed):
    pass


class TokenPlaceAnswer(Answer):
    header: str | None
    query: str | None
    cookie: str | None


class ApiAnswer(Answer):
    api_id: str
    version: int
    name: str
    gateways: list[str]
    enable_jwt: bool
    enable_opaque: bool
    allow_sub: bool
    token: TokenPlaceAnswer
    issuers: list[str]
    labels: dict[str, str]
    created_at: Time
    updated_at: Time


class PutApiAnswer(ApiAnswer, Delayed):
    pass


class IssuerAnswer(Answer):
    issuer_id: str
    version: int
    issuer: str
    jwks_uri: str
    discovery: bool
    algorithms: list[str]
    audience: list[str]
    any_audience: bool
    identity_claim: str
    policy_claim: str
    allowed_policies: list[str]
    default_policies: list[str]
    scope_claim: str
    scope_policies: dict[str, str]
    leeway_seconds: int
    labels: dict[str, str]
    created_at: Time
    updated_at: Time


class PutIssuerAnswer(IssuerAnswer, Delayed):
    pass


class IdentityAnswer(Answer):
    """An identity of an outside provider."""

    key_hash: str
    version: int
    issuer_id: str | None = Field(description="null where the issuer is gone.")
    name: str | None = Field(description="What its tokens call it: the first 256 characters of the claim.")
    enabled: bool
    first_used_at: Time
    last_used_at: Time
    updated_at: Time = Field(description="When an operator last said something of it.")


class ChangedIdentityAnswer(IdentityAnswer, Delayed):
    pass


class IdentityPage(Answer):
    items: list[IdentityAnswer]
    next: str | None


class FieldProblem(Answer):
    field: str
    message: str


class ProblemAnswer(Answer):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []
    reason: str = Field(default="", description="Why a key is refused, as the authorizer names it.")


class ProblemTypeAnswer(Answer):
    """Where the `type` of a problem leads."""

    name: str = Field(description="The end of the type.")
    status: int
    title: str
    meaning: str


class GatewayMessage(Answer):
    """What API Gateway says where the authorizer refuses."""

    message: str


class ImportResult(Answer):
    status: int
    key: NewKeyAnswer | None = None
    problem: ProblemAnswer | None = None
    notes: list[FieldProblem] = Field(
        default=[], description="Of a session object of Tyk: what has no room in a key, or another meaning."
    )


class ImportAnswer(Answer):
    items: list[ImportResult]


class DayAnswer(Answer):
    date: str
    allowed: int
    refused: int


class UsageAnswer(Answer):
    items: list[DayAnswer]


class AuditEntryAnswer(Answer):
    id: str
    at: str
    principal: str
    action: str
    resource: str
    fields: list[str]
    request_id: str
    audit_key: str = Field(description="The id of the audit key of `hash`.")
    previous: str = Field(description="The place of the entry before, `<at>#<id>`; empty for the first of a resource.")
    previous_hash: str
    hash: str = Field(description="HMAC-SHA-256 of every other member.")


class FaultAnswer(Answer):
    id: str = Field(description="Of the entry; empty where one is missing.")
    resource: str
    reason: Literal["changed", "moved", "unknown_key", "missing", "forked", "unlisted"]
    message: str


class VerificationAnswer(Answer):
    checked: int
    intact: bool
    faults: list[FaultAnswer]


class SessionAnswer(Answer):
    key_hash: str
    name: str
    owner: str
    rights: list[GrantAnswer]
    expires_at: str


class StepAnswer(Answer):
    step: Annotated[int, Field(ge=1, le=7)]
    name: str
    ok: bool
    detail: str


class CountedLimitAnswer(Answer):
    kind: Literal["rate", "quota"]
    name: str
    api: str
    scope: Literal["key", "owner"]
    limit: int
    period: str
    used: int
    remaining: int
    resets_at: Time


class ExplanationAnswer(Answer):
    decision: Literal["allow", "deny"]
    reason: str = Field(description="Empty where it is allowed.")
    status: Literal[200, 401, 403, 429] = Field(description="What a REST API answers; an HTTP API knows 200 and 403.")
    steps: list[StepAnswer] = Field(description="Up to the one that fails.")
    key_hash: str = Field(description="Empty where no key is known.")
    grant: GrantAnswer | None = Field(description="The grant that covers the call.")
    limits: list[CountedLimitAnswer] = Field(description="Those that count the call, as they stand before it.")


class SelfAnswer(Answer):
    name: str
    expires_at: Time
    grants: list[GrantAnswer]
    rate_limits: list[StatusAnswer]
    quotas: list[StatusAnswer]


class HealthAnswer(Answer):
    status: str


class KeyPage(Answer):
    items: list[KeyAnswer]
    next: str | None


class PolicyPage(Answer):
    items: list[PolicyAnswer]
    next: str | None


class ApiPage(Answer):
    items: list[ApiAnswer]
    next: str | None


class IssuerPage(Answer):
    items: list[IssuerAnswer]
    next: str | None


class AuditPage(Answer):
    items: list[AuditEntryAnswer]
    next: str | None
