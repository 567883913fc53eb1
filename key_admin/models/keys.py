"""Keys and their material, as operators send them, and what is asked of a key."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from access.limits import Quota, RateLimit
from key_admin.models.fields import Leeway, LimitApi, LimitScope, Owner, RecordId, Seconds, Strict, Texts, distinct
from key_admin.models.patterns import LABEL, TYP
from key_admin.models.rights import QuotaInput, RateLimitInput, Rights
from key_admin.times import read_time

Grace = Annotated[int, Field(ge=0, le=366 * 86_400)]
MAX_POLICIES = 16  # exchanging all of them, and all tags, fits a transaction of 100 actions


class JwtData(Strict):
    algorithm: str = ""
    secret: Annotated[str, Field(repr=False)] = ""
    encoding: Literal["text", "base64url"] = "text"
    public_key: Annotated[str, Field(max_length=16_384)] = ""  # a long certificate has a third of it
    jwk: Annotated[dict[str, Any], Field(repr=False)] = {}
    generate: bool = False
    issuer: Texts = []
    audience: Texts = []
    typ: Annotated[str, Field(max_length=64, pattern=TYP)] = ""
    require_exp: bool = True
    max_lifetime_seconds: Seconds = 0
    leeway_seconds: Leeway = 0


class KeyFields(Rights[RateLimitInput, QuotaInput]):
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
            raise ValueError("a key needs at least one policy or grant")
        return self

    def values(self) -> dict[str, Any]:
        return super().values() | {
            "owner": self.owner,
            "policies": distinct(self.policies),
            "enabled": self.enabled,
            "expires_at": read_time(self.expires_at) if self.expires_at else None,
        }


class KeyInput(KeyFields):
    """The body of POST /keys."""

    key_id: Annotated[str, Field(min_length=1)] = ""  # left out, not empty: an opaque key
    jwt_data: JwtData | None = None


class ImportInput(Strict):
    """The body of POST /keys/import: keys as in POST /keys, or session objects of Tyk."""

    format: Literal["tollgate", "tyk"] = "tollgate"
    items: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=100)]


class LookupInput(Strict):
    """The body of POST /keys/lookup."""

    key_id: Annotated[str, Field(max_length=512)]


class ReplaceInput(Strict):
    """The body of POST /keys/{key_hash}/replace: how long the ids of before still work."""

    grace_seconds: Grace = 0


class RotateInput(Strict):
    """The body of POST /keys/{key_hash}/rotate; without `jwt_data` only the grace changes."""

    jwt_data: JwtData | None = None
    grace_seconds: Grace = 0

    @model_validator(mode="after")
    def _says_what_to_do(self) -> "RotateInput":
        if not self.model_fields_set:
            raise ValueError("give jwt_data, the new material, or grace_seconds, when the older one ends")
        return self


class ResetInput(Strict):
    """The body of POST /keys/{key_hash}/reset: which limits; without members, all of the key."""

    kind: Literal["rate_limit", "quota", ""] = ""
    name: Annotated[str, Field(max_length=64, pattern=LABEL)] = ""  # empty: any
    api: LimitApi = ""
    scope: LimitScope = "key"

    def names(self, limit: RateLimit | Quota) -> bool:
        """Whether this limit is to be reset. An empty kind or name means any; an empty api, said, all APIs."""
        kind = "rate_limit" if isinstance(limit, RateLimit) else "quota"
        return (
            limit.scope == self.scope
            and self.kind in {"", kind}
            and self.name in {"", limit.name}
            and ("api" not in self.model_fields_set or self.api == limit.api)
        )
