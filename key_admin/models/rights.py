"""What keys and policies have in common: limits, grants, tags, metadata."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

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
from key_admin.models.fields import AnyApi, Label, Labels, LimitScope, Name, Owner, Source, Strict, distinct
from key_admin.models.patterns import API, METADATA_NAME, METHOD, NO_CONTROL, PATH

MAX_SOURCES = 100
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

Amount = Annotated[int, Field(ge=0, le=MAX_LIMIT)]
ApiName = Annotated[str, Field(min_length=1, max_length=128, pattern=API)]
Method = Annotated[str, Field(pattern=METHOD)]
MetadataName = Annotated[str, Field(min_length=1, max_length=64, pattern=METADATA_NAME)]
MetadataValue = Annotated[str, Field(max_length=256, pattern=NO_CONTROL)]


class LimitInput(Strict):
    """What both kinds of limit have in common."""

    limit: Amount
    period: str
    name: Label = DEFAULT_NAME
    api: AnyApi = ""
    scope: LimitScope = "key"


class RateLimitInput(LimitInput):
    @field_validator("period")
    @classmethod
    def _is_short_period(cls, period: str) -> str:
        seconds = period_seconds(period)
        if seconds is None or seconds > MAX_RATE_PERIOD_SECONDS:
            raise ValueError("a rate limit has a period of 1 second to a day")
        return period

    def value(self) -> RateLimit:
        return RateLimit(self.limit, self.period, self.name, self.api, self.scope)


class QuotaInput(LimitInput):
    anchor: Literal["first_use", "calendar"] = "first_use"

    @field_validator("period")
    @classmethod
    def _is_period(cls, period: str) -> str:
        period_seconds(period)
        return period

    @model_validator(mode="after")
    def _has_calendar(self) -> "QuotaInput":
        if self.anchor == CALENDAR and self.period not in CALENDAR_PERIODS:
            raise ValueError("a calendar quota has a period of second, minute, hour, day, week or month")
        return self

    def value(self) -> Quota:
        return Quota(self.limit, self.period, self.anchor, self.name, self.api, self.scope)


class GrantInput(Strict):
    api: ApiName
    methods: Annotated[list[Method], Field(min_length=1, max_length=16)] = [ANY]
    path: Annotated[str, Field(max_length=256, pattern=PATH, description=PATHS)] = "/*"
    cost: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    owner: Owner = ""

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
        return self

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
    def _has_few_limits(self) -> "Rights":
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
