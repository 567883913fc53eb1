"""What operators send, checked. Unknown members, other types and nulls are refused."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from access.apis import TokenPlace
from access.grants import ADMIN_API, ANY, Grant
from access.issuers import OUTSIDE_ALGORITHMS
from access.keys import Counting
from access.limits import (
    CALENDAR,
    CALENDAR_PERIODS,
    DEFAULT_NAME,
    MAX_LIMIT,
    MAX_LIMITS_PER_KEY,
    MAX_RATE_PERIOD_SECONDS,
    Quota,
    RateLimit,
    period_seconds,
)
from access.policies import MAX_TOLD_BYTES, told_bytes
from key_admin.problems import FieldError, invalid
from store.fetch import is_fetchable

MAX_POLICIES, MAX_TAGS = 16, 20  # exchanging all of them fits a transaction of 100 actions
MAX_TIME = 253_370_764_799  # 9998-12-31T23:59:59Z: no zone and no day more leads out of the calendar
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_WILDCARD_NAME = re.compile(r"\{[^}]*\}|\{|\}")
_SEGMENT = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}", re.ASCII)

_NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"
_LABEL = r"^[A-Za-z0-9._:@/+-]*$"
_API = r"^[A-Za-z0-9._$/*-]*$"
_METHOD = r"^(\*|[A-Z]{1,16})$"
_PATH = r"^(/|\*)[^\x00-\x20?#\x7f]*$"
_METADATA_NAME = r"^[A-Za-z0-9_-]+$"
_RECORD_ID = r"^[A-Za-z0-9._~-]+$"
_HEADER = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
_GATEWAY = r"^[A-Za-z0-9]+/(\*|[A-Za-z0-9_$-]+)$"
_SCOPE = r"^[!-~]+$"
_TYP = r"^[A-Za-z0-9!#$&^_.+/-]*$"  # RFC 6838, section 4.2

Name = Annotated[str, Field(min_length=1, max_length=128, pattern=_NO_CONTROL)]
Label = Annotated[str, Field(min_length=1, max_length=64, pattern=_LABEL)]
ApiName = Annotated[str, Field(min_length=1, max_length=128, pattern=_API)]
AnyLabel = Annotated[str, Field(max_length=64, pattern=_LABEL)]  # empty: any
AnyApi = Annotated[str, Field(max_length=128, pattern=_API)]  # empty: all of them
Owner = Annotated[str, Field(max_length=128, pattern=_LABEL)]
Amount = Annotated[int, Field(ge=0, le=MAX_LIMIT)]
Seconds = Annotated[int, Field(ge=0, le=10 * 366 * 86_400)]  # 0: none
MetadataName = Annotated[str, Field(min_length=1, max_length=64, pattern=_METADATA_NAME)]
MetadataValue = Annotated[str, Field(max_length=256, pattern=_NO_CONTROL)]


class Strict(BaseModel):
    """Refuses unknown members and takes no type for another."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class RateLimitInput(Strict):
    limit: Amount
    period: str
    name: Label = DEFAULT_NAME
    api: AnyApi = ""
    scope: Literal["key", "owner"] = "key"

    @field_validator("period")
    @classmethod
    def _is_period(cls, period: str) -> str:
        seconds = period_seconds(period)
        if seconds is None or seconds > MAX_RATE_PERIOD_SECONDS:
            message = "a rate limit has a period of 1 second to a day"
            raise ValueError(message)
        return period

    def value(self) -> RateLimit:
        return RateLimit(self.limit, self.period, self.name, self.api, self.scope)


class QuotaInput(Strict):
    limit: Amount
    period: str
    anchor: Literal["first_use", "calendar"] = "first_use"
    name: Label = DEFAULT_NAME
    api: AnyApi = ""
    scope: Literal["key", "owner"] = "key"

    @field_validator("period")
    @classmethod
    def _is_period(cls, period: str) -> str:
        period_seconds(period)
        return period

    @model_validator(mode="after")
    def _has_calendar(self) -> "QuotaInput":
        if self.anchor == CALENDAR and self.period not in CALENDAR_PERIODS:
            message = "a calendar quota has a period of second, minute, hour, day, week or month"
            raise ValueError(message)
        return self

    def value(self) -> Quota:
        return Quota(self.limit, self.period, self.anchor, self.name, self.api, self.scope)


class GrantInput(Strict):
    api: ApiName
    methods: Annotated[list[Annotated[str, Field(pattern=_METHOD)]], Field(min_length=1, max_length=16)] = [ANY]
    path: Annotated[str, Field(max_length=256, pattern=_PATH)] = "/*"
    cost: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    owner: Owner = ""

    @model_validator(mode="after")
    def _has_an_owner_only_for_admins(self) -> "GrantInput":
        if self.owner and self.api != ADMIN_API:
            message = "only a grant on the API `admin` is limited to an owner"
            raise ValueError(message)
        return self

    @field_validator("path")
    @classmethod
    def _is_pattern(cls, path: str) -> str:
        if any(not _SEGMENT.fullmatch(found) for found in _WILDCARD_NAME.findall(path)):
            message = "in a path `*` stands for any run of characters and `{name}` for one segment"
            raise ValueError(message)
        return path

    def value(self) -> Grant:
        return Grant(self.api, tuple(self.methods), self.path, self.cost, self.owner)


class Rights(Strict):
    """What keys and policies have in common."""

    name: Name
    rate_limits: Annotated[list[RateLimitInput], Field(max_length=MAX_LIMITS_PER_KEY)] = []
    quotas: Annotated[list[QuotaInput], Field(max_length=MAX_LIMITS_PER_KEY)] = []
    grants: Annotated[list[GrantInput], Field(max_length=100)] = []
    tags: Annotated[list[Label], Field(max_length=MAX_TAGS)] = []
    metadata: dict[MetadataName, MetadataValue] = {}

    @field_validator("rate_limits", "quotas")
    @classmethod
    def _are_distinct(cls, limits: list[Any]) -> list[Any]:
        if len({(limit.name, limit.api, limit.scope) for limit in limits}) != len(limits):
            message = "two limits have the same `name`, `api` and `scope`; give them names of their own"
            raise ValueError(message)
        return limits

    @field_validator("metadata")
    @classmethod
    def _fits(cls, metadata: dict[str, str], others: ValidationInfo) -> dict[str, str]:
        if told_bytes(others.data.get("tags", []), metadata) > MAX_TOLD_BYTES:
            message = f"has, with the tags, at most {MAX_TOLD_BYTES} bytes as JSON in ASCII"
            raise ValueError(message)
        return metadata

    @model_validator(mode="after")
    def _has_few_limits(self) -> "Rights":
        if len(self.rate_limits) + len(self.quotas) > MAX_LIMITS_PER_KEY:
            message = f"at most {MAX_LIMITS_PER_KEY} rate limits and quotas together"
            raise ValueError(message)
        return self

    def values(self) -> dict[str, Any]:
        """The members as the core's values."""
        return {
            "name": self.name,
            "rate_limits": tuple(limit.value() for limit in self.rate_limits),
            "quotas": tuple(limit.value() for limit in self.quotas),
            "grants": tuple(grant.value() for grant in self.grants),
            "tags": tuple(dict.fromkeys(self.tags)),
            "metadata": self.metadata,
        }


Text = Annotated[str, Field(min_length=1, max_length=1024)]
Texts = Text | Annotated[list[Text], Field(max_length=50)]


class JwtData(Strict):
    algorithm: str = ""
    secret: Annotated[str, Field(repr=False)] = ""
    encoding: Literal["text", "base64url"] = "text"
    public_key: Annotated[str, Field(max_length=16_384)] = ""  # a long certificate has a third of it
    jwk: Annotated[dict[str, Any], Field(repr=False)] = {}
    generate: bool = False
    issuer: Texts = []
    audience: Texts = []
    typ: Annotated[str, Field(max_length=64, pattern=_TYP)] = ""
    require_exp: bool = True
    max_lifetime_seconds: Seconds = 0
    leeway_seconds: Annotated[int, Field(ge=0, le=60)] = 0


RecordId = Annotated[str, Field(min_length=1, max_length=64, pattern=_RECORD_ID)]


class KeyFields(Rights):
    """What may be changed in a key."""

    owner: Owner = ""
    policies: Annotated[list[RecordId], Field(max_length=MAX_POLICIES)] = []
    enabled: bool = True
    expires_at: str = ""

    @field_validator("expires_at")
    @classmethod
    def _is_time(cls, text: str) -> str:
        if text:
            read_time(text)
        return text

    @model_validator(mode="after")
    def _grants_something(self) -> "KeyFields":
        if not self.policies and not self.grants:
            message = "a key needs at least one policy or grant"
            raise ValueError(message)
        return self

    def values(self) -> dict[str, Any]:
        return super().values() | {
            "owner": self.owner,
            "policies": tuple(dict.fromkeys(self.policies)),
            "enabled": self.enabled,
            "expires_at": read_time(self.expires_at) if self.expires_at else None,
        }


class KeyInput(KeyFields):
    """The body of POST /keys."""

    key_id: str = ""
    jwt_data: JwtData | None = None


class RotateInput(Strict):
    """The body of POST /keys/{key_hash}/rotate; without `jwt_data` only the grace changes."""

    jwt_data: JwtData | None = None
    grace_seconds: Annotated[int, Field(ge=0, le=366 * 86_400)] = 0

    @model_validator(mode="after")
    def _says_what_to_do(self) -> "RotateInput":
        if not self.model_fields_set:
            message = "give jwt_data, the new material, or grace_seconds, when the older one ends"
            raise ValueError(message)
        return self


HeaderName = Annotated[str, Field(min_length=1, max_length=64, pattern=_HEADER)]
Gateway = Annotated[str, Field(max_length=128, pattern=_GATEWAY)]


class TokenInput(Strict):
    header: HeaderName | None = None
    query: Label | None = None
    cookie: Label | None = None

    @model_validator(mode="after")
    def _names_a_place(self) -> "TokenInput":
        if not (self.header or self.query or self.cookie):
            message = "name at least one of header, query and cookie"
            raise ValueError(message)
        return self


class ApiInput(Strict):
    """The body of PUT /apis/{id}."""

    name: Name
    gateways: Annotated[list[Gateway], Field(max_length=40)] = []
    enable_jwt: bool = True
    enable_opaque: bool = True
    allow_sub: bool = True
    token: TokenInput = TokenInput(header="Authorization")
    issuers: Annotated[list[RecordId], Field(max_length=20)] = []

    def values(self) -> dict[str, Any]:
        token = self.token
        return {
            "name": self.name,
            "gateways": tuple(dict.fromkeys(self.gateways)),
            "enable_jwt": self.enable_jwt,
            "enable_opaque": self.enable_opaque,
            "allow_sub": self.allow_sub,
            "issuers": tuple(dict.fromkeys(self.issuers)),
            "token": TokenPlace(token.header or "", token.query or "", token.cookie or ""),
        }


def _is_url(text: str) -> str:
    if text and not is_fetchable(text):
        message = "is an https URL (http only on this machine)"
        raise ValueError(message)
    return text


Url = Annotated[str, Field(max_length=1024), AfterValidator(_is_url)]
ClaimName = Annotated[str, Field(max_length=256, pattern=_NO_CONTROL)]
Scope = Annotated[str, Field(min_length=1, max_length=128, pattern=_SCOPE)]


class IssuerInput(Strict):
    """The body of PUT /issuers/{id}."""

    issuer: Annotated[str, Field(min_length=1, max_length=1024, pattern=_NO_CONTROL)]  # a URL only to be discovered
    jwks_uri: Url = ""
    discovery: bool = False
    algorithms: Annotated[list[Literal[OUTSIDE_ALGORITHMS]], Field(min_length=1)] = ["RS256"]  # type: ignore[valid-type] # names
    audience: Texts = []
    identity_claim: Annotated[ClaimName, Field(min_length=1)] = "sub"
    policy_claim: ClaimName = ""
    default_policies: Annotated[list[RecordId], Field(max_length=20)] = []
    scope_claim: ClaimName = ""
    scope_policies: Annotated[dict[Scope, RecordId], Field(max_length=100)] = {}
    leeway_seconds: Annotated[int, Field(ge=0, le=60)] = 0

    @model_validator(mode="after")
    def _says_where_the_keys_are(self) -> "IssuerInput":
        if bool(self.jwks_uri) == self.discovery:
            message = "give either jwks_uri, or discovery: true"
            raise ValueError(message)
        if self.scope_policies and not self.scope_claim:
            message = "scope_policies needs the scope_claim that names the scopes"
            raise ValueError(message)
        if not (self.policy_claim or self.default_policies or self.scope_policies):
            message = "say which policies its tokens bring: default_policies, policy_claim or scope_policies"
            raise ValueError(message)
        return self

    def values(self) -> dict[str, Any]:
        values = self.model_dump(exclude={"discovery", "audience", "algorithms", "default_policies"})
        return values | {
            "algorithms": tuple(dict.fromkeys(self.algorithms)),
            "audiences": (self.audience,) if isinstance(self.audience, str) else tuple(self.audience),
            "default_policies": tuple(dict.fromkeys(self.default_policies)),
        }


class ImportInput(Strict):
    """The body of POST /keys/import: keys as in POST /keys, or session objects of Tyk."""

    format: Literal["tollgate", "tyk"] = "tollgate"
    items: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=100)]


class LookupInput(Strict):
    key_id: Annotated[str, Field(max_length=512)]


class ResetInput(Strict):
    """The body of POST /keys/{key_hash}/reset: which limits; without members, all of the key."""

    kind: Literal["rate_limit", "quota", ""] = ""
    name: AnyLabel = ""
    api: AnyApi = ""
    scope: Literal["key", "owner"] = "key"

    def names(self, limit: RateLimit | Quota) -> bool:
        kind = "rate_limit" if isinstance(limit, RateLimit) else "quota"
        asked = self.model_fields_set
        return (
            limit.scope == self.scope
            and ("kind" not in asked or self.kind in {"", kind})
            and ("name" not in asked or self.name in {"", limit.name})
            and ("api" not in asked or self.api == limit.api)
        )


class CountingInput(Strict):
    mode: Literal["exact", "leased"] = "exact"
    max_staleness_seconds: Annotated[int, Field(ge=1, le=5)] = 1
    fail_open: bool = False

    def value(self) -> Counting:
        return Counting(self.max_staleness_seconds * 1000 if self.mode == "leased" else 0, self.fail_open)


class PolicyInput(Rights):
    """The body of PUT /policies/{id}."""

    counting: CountingInput = CountingInput()
    thresholds: Annotated[list[Annotated[int, Field(ge=1, le=100)]], Field(max_length=10)] = []
    active: bool = True
    partitions: list[Literal["grants", "rate_limits", "quotas"]] = []
    key_expires_in_seconds: Seconds = 0

    def values(self) -> dict[str, Any]:
        return super().values() | {
            "active": self.active,
            "partitions": tuple(dict.fromkeys(self.partitions)),
            "key_expires_in_seconds": self.key_expires_in_seconds or None,
            "counting": self.counting.value(),
            "thresholds": tuple(sorted(set(self.thresholds))),
        }


ModelT = TypeVar("ModelT", bound=BaseModel)


def read_time(text: str) -> int:
    """An RFC 3339 time as Unix seconds; ValueError where it is none."""
    if not _TIME.fullmatch(text):
        message = "a time is written as in RFC 3339: 2027-01-01T00:00:00Z"
        raise ValueError(message)
    seconds = (datetime.fromisoformat(text) - _EPOCH) // timedelta(seconds=1)
    if not 0 <= seconds <= MAX_TIME:
        message = "is not within the years 1970 to 9998"
        raise ValueError(message)
    return seconds


def write_time(seconds: int | None) -> str | None:
    """Unix seconds as an RFC 3339 time in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def validate(model: type[ModelT], body: dict[str, Any]) -> ModelT:
    """The body as a model; a Problem that names every wrong field."""
    nulls = [FieldError(name, "must not be null") for name, value in body.items() if value is None]
    if nulls:
        raise invalid(*nulls)
    try:
        return model.model_validate(body)
    except (ValidationError, RecursionError) as error:
        found = error.errors(include_input=False, include_url=False) if isinstance(error, ValidationError) else []
        raise invalid(*_field_errors(found, body)) from None


def _field_errors(found: Iterable[Any], body: dict[str, Any]) -> list[FieldError]:
    """What pydantic found, by field; what it says of each type that a field may have is told together."""
    messages: dict[str, list[str]] = {}
    for error in found:
        messages.setdefault(_field_of(error, body), []).append(_message_of(error))
    return [FieldError(field, ", or ".join(dict.fromkeys(said))) for field, said in messages.items()]


def _field_of(error: Any, body: Any) -> str:
    """The dotted path as the sender wrote it, without pydantic's names for types and keys."""
    path, node = [], body
    for part in error["loc"]:
        if isinstance(node, dict) and (part in node or error["type"] == "missing"):
            path.append(str(part))
            node = node.get(part)
        elif isinstance(node, list) and isinstance(part, int):
            path.append(str(part))
            node = node[part]
    return ".".join(path) or "body"


def _message_of(error: Any) -> str:
    told = error.get("ctx", {})
    if error["type"] == "string_pattern_mismatch":
        return _WORDS[told["pattern"]]
    if error["type"] in _MESSAGES:
        return _MESSAGES[error["type"]].format(**told)
    message = str(error["msg"]).removeprefix("Value error, ")
    return message.replace("Input should be", "must be")


_WORDS = {
    _NO_CONTROL: "has no control characters",
    _LABEL: "has only A-Z a-z 0-9 . _ : @ / + -",
    _API: "is the id of an API definition, <api id>/<stage>, or *",
    _METHOD: "is a method in capitals, or *",
    _PATH: "begins with / or *, and has no space, ? or #",
    _METADATA_NAME: "has a name of A-Z a-z 0-9 _ -",
    _RECORD_ID: "has only A-Z a-z 0-9 . _ ~ -",
    _HEADER: "is the name of a header",
    _GATEWAY: "is <api id>/<stage>, or <api id>/*",
    _SCOPE: "has no spaces, and ASCII characters only",
    _TYP: "is a media type, or what is left of one without application/",
}
_MESSAGES = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "must be a text",
    "string_too_short": "has at least {min_length} characters",
    "string_too_long": "has at most {max_length} characters",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "too_short": "has at least {min_length} members",
    "too_long": "has at most {max_length} members",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
}
