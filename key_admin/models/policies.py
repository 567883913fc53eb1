"""Policies, as operators send them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from access.keys import Counting
from access.limits import UNLIMITED
from key_admin.models.fields import Seconds, Strict, distinct
from key_admin.models.rights import LimitInput, QuotaInput, RateLimitInput, Rights, Units


class CountingInput(Strict):
    mode: Literal["exact", "leased"] = "exact"
    max_staleness_seconds: Annotated[int, Field(ge=1, le=5)] = 1
    fail_open: bool = False

    def value(self) -> Counting:
        return Counting(self.max_staleness_seconds * 1000 if self.mode == "leased" else 0, self.fail_open)


class PolicyLimitInput(LimitInput):
    """A limit of a policy, which may also lift the limit of its name, API and scope."""

    limit: Units | Literal["unlimited"]  # type: ignore[assignment] # a policy may say more than a key
    period: Annotated[str, Field(validate_default=True)] = ""

    @property
    def units(self) -> int:
        return UNLIMITED if isinstance(self.limit, str) else self.limit


class PolicyRateLimitInput(PolicyLimitInput, RateLimitInput):
    """A rate limit of a policy; "unlimited" lifts the one of its name, API and scope, and needs no period."""


class PolicyQuotaInput(PolicyLimitInput, QuotaInput):
    """A quota of a policy; "unlimited" lifts the one of its name, API and scope, and needs no period."""


class PolicyInput(Rights[PolicyRateLimitInput, PolicyQuotaInput]):
    """The body of PUT /policies/{id}."""

    counting: CountingInput = CountingInput()
    thresholds: Annotated[list[Annotated[int, Field(ge=1, le=100)]], Field(max_length=10)] = []  # percent
    active: bool = True
    partitions: list[Literal["grants", "rate_limits", "quotas"]] = []
    key_expires_in_seconds: Seconds = 0

    def values(self) -> dict[str, Any]:
        return super().values() | {
            "active": self.active,
            "partitions": distinct(self.partitions),
            "key_expires_in_seconds": self.key_expires_in_seconds or None,
            "counting": self.counting.value(),
            "thresholds": tuple(sorted(set(self.thresholds))),
        }
