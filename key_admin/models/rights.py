"""What keys and policies have in common: limits, grants, tags, metadata."""

import re
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from access.grants import ADMIN_API, ANY, Grant
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
from key_admin.models.fields import (
    LIFTED,
    ApiName,
    Label,
    Labels,
    LimitApi,
    LimitScope,
    Name,
    OnlyOwner,
    Source,
    Strict,
    distinct,
)
from key_admin.models.patterns import METADATA_NAME, METHOD, NO_CONTROL, PATH, RECORD_ID_OR_ANY

MAX_SOURCES = 100
MAX_GIVEN_POLICIES = 20
MAX_TAGS = 20  # exchanging all of them, and all policies, fits a transaction of 100 actions
PATHS = (
    "Compared with the decoded path, without the stage. `*` stands for any run of characters, `{name}` for one segment "
    "or a part of one, at most one in a segment."
)
SOURCES = (
    "Addresses that a key may be used from: CIDR blocks, IPv4 or IPv6, or single addresses. Empty: from anywhere. "
    "Each list that is set, the key's and every policy's, must hold the address that API Gateway saw. The TOKEN "
    "authorizer of a REST API is sent no address, so keys with sources are refused there."
)
_BRACES = re.compile(r"\{[^}]*\}|\{|\}")
_SEGMENT = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}", re.ASCII)


Units = Annotated[int, Field(ge=0, le=MAX_LIMIT)]
Method = Annotated[str, Field(pattern=METHOD)]
GivenPolicy = Annotated[str, Field(min_length=1, max_length=64, pattern=RECORD_ID_OR_ANY)]
MetadataName = Annotated[str, Field(min_length=1, max_length=64, pattern=METADATA_NAME)]
MetadataValue = Annotated[str, Field(max_length=256, pattern=NO_CONTROL)]


def _is_no_lift(limit: Any) -> Any:
    if limit == LIFTED:
        raise ValueError('is a whole number; "unlimited" stands in policies only')
    return limit


def _goes_without(period: str, others: ValidationInfo) -> bool:
    """Whether a limit has no period, as only one that counts nothing may."""
    if not period and others.data.get("limit") != LIFTED:
        raise PydanticCustomError("missing", "is missing")
    return not period


class LimitInput(Strict):
    """What both kinds of limit have in common."""

    limit: Annotated[Units, BeforeValidator(_is_no_lift)]
    period: str
    name: Label = DEFAULT_NAME
    api: LimitApi = ""
    scope: LimitScope = "key"

    @property
    def units(self) -> int:
        """The limit as the core's number."""
        return self.limit


class RateLimitInput(LimitInput):
    @field_validator("period")
    @classmethod
    def _is_short_period(cls, period: str, others: ValidationInfo) -> str:
        if _goes_without(period, others):
            return period
        seconds = period_seconds(period)
        if seconds is None or seconds > MAX_RATE_PERIOD_SECONDS:
            raise ValueError("a rate limit has a period of 1 second to a day")
        return period

    def value(self) -> RateLimit:
        return RateLimit(self.units, self.period, self.name, self.api, self.scope)


class QuotaInput(LimitInput):
    anchor: Literal["first_use", "calendar"] = "first_use"

    @field_validator("period")
    @classmethod
    def _is_period(cls, period: str, others: ValidationInfo) -> str:
        if not _goes_without(period, others):
            period_seconds(period)
        return period

    @model_validator(mode="after")
    def _has_calendar(self) -> "QuotaInput":
        if self.anchor == CALENDAR and self.period not in CALENDAR_PERIODS:
            raise ValueError("a calendar quota has a period of second, minute, hour, day, week or month")
        return self

    def value(self) -> Quota:
        return Quota(self.units, self.period, self.anchor, self.name, self.api, self.scope)


RateT = TypeVar("RateT", bound=RateLimitInput)
QuotaT = TypeVar("QuotaT", bound=QuotaInput)


class GrantInput(Strict):
    """Methods on a path pattern of an API.

    On the API `admin`, `owner` limits the grant to what belongs to that owner, and `policies` are those that its
    holder may give to keys (`*`: any without admin rights). Nobody gives a right wider than their own.
    """

    api: ApiName
    methods: Annotated[list[Method], Field(min_length=1, max_length=16)] = [ANY]
    path: Annotated[str, Field(max_length=256, pattern=PATH, description=PATHS)] = "/*"
    cost: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    owner: OnlyOwner = ""
    policies: Annotated[list[GivenPolicy], Field(max_length=MAX_GIVEN_POLICIES)] = []

    @field_validator("policies")
    @classmethod
    def _are_named_or_any(cls, policies: list[str]) -> list[str]:
        if ANY in policies and len(policies) > 1:
            raise ValueError("`*` is any policy without admin rights, and stands alone")
        return policies

    @field_validator("path")
    @classmethod
    def _is_path_pattern(cls, path: str) -> str:
        if any(not _SEGMENT.fullmatch(found) for found in _BRACES.findall(path)):
            raise ValueError("in a path `*` stands for any run of characters and `{name}` for one segment")
        if any(len(_SEGMENT.findall(segment)) > 1 for segment in path.split("/")):
            raise ValueError("a segment of a path has at most one `{name}`")
        return path

    @model_validator(mode="after")
    def _has_an_owner_only_for_admins(self) -> "GrantInput":
        if self.owner and self.api != ADMIN_API:
            raise ValueError("only a grant on the API `admin` is limited to an owner")
        if self.policies and not self.owner:
            raise ValueError("`policies` are those that an admin of one owner may give to keys: name the `owner` too")
        return self

    def value(self) -> Grant:
        return Grant(self.api, tuple(self.methods), self.path, self.cost, self.owner, distinct(self.policies))


class Rights(Strict, Generic[RateT, QuotaT]):
    """What keys and policies have in common, apart from what their limits may say."""

    name: Name
    rate_limits: Annotated[list[RateT], Field(max_length=MAX_LIMITS_PER_KEY)] = []
    quotas: Annotated[list[QuotaT], Field(max_length=MAX_LIMITS_PER_KEY)] = []
    grants: Annotated[list[GrantInput], Field(max_length=100)] = []
    tags: Annotated[list[Label], Field(max_length=MAX_TAGS)] = []
    metadata: dict[MetadataName, MetadataValue] = {}
    labels: Labels = {}
    sources: Annotated[list[Source], Field(max_length=MAX_SOURCES, description=SOURCES)] = []

    @field_validator("rate_limits", "quotas")
    @classmethod
    def _are_distinct(cls, limits: list[Any]) -> list[Any]:
        if len({(limit.name, limit.api, limit.scope) for limit in limits}) != len(limits):
            raise ValueError("two limits have the same `name`, `api` and `scope`; give them names of their own")
        return limits

    @field_validator("metadata")
    @classmethod
    def _fits(cls, metadata: dict[str, str], others: ValidationInfo) -> dict[str, str]:
        if told_bytes(others.data.get("tags", []), metadata) > MAX_TOLD_BYTES:
            raise ValueError(f"has, with the tags, at most {MAX_TOLD_BYTES} bytes as JSON in ASCII")
        return metadata

    @model_validator(mode="after")
    def _has_few_limits(self) -> Self:
        if len(self.rate_limits) + len(self.quotas) > MAX_LIMITS_PER_KEY:
            raise ValueError(f"at most {MAX_LIMITS_PER_KEY} rate limits and quotas together")
        return self

    def values(self) -> dict[str, Any]:
        """The members as the core's values."""
        return {
            "name": self.name,
            "rate_limits": tuple(limit.value() for limit in self.rate_limits),
            "quotas": tuple(limit.value() for limit in self.quotas),
            "grants": tuple(grant.value() for grant in self.grants),
            "tags": distinct(self.tags),
            "metadata": self.metadata,
            "labels": self.labels,
            "sources": distinct(self.sources),
        }
