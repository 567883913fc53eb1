"""The outcomes of a request, as values.

A denial is a value with a stable reason; an exception means that we could not decide.
"""

from enum import StrEnum
from typing import NamedTuple

from access.keys import KeyRecord


class Reason(StrEnum):
    """Why a request is refused. Stable: logged, and shown where the caller may hear it."""

    MISSING_CREDENTIAL = "missing_credential"
    MALFORMED_TOKEN = "malformed_token"  # noqa: S105 - a reason, not a secret
    UNKNOWN_KEY = "unknown_key"
    UNSUPPORTED_ALGORITHM = "unsupported_algorithm"
    INVALID_SIGNATURE = "invalid_signature"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a reason, not a secret
    TOKEN_NOT_YET_VALID = "token_not_yet_valid"  # noqa: S105 - a reason, not a secret
    INVALID_CLAIMS = "invalid_claims"
    KEY_DISABLED = "key_disabled"
    KEY_EXPIRED = "key_expired"
    SOURCE_NOT_ALLOWED = "source_not_allowed"
    POLICY_UNAVAILABLE = "policy_unavailable"
    NOT_GRANTED = "not_granted"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXHAUSTED = "quota_exhausted"


AUTHENTICATION_REASONS = frozenset(
    {
        Reason.MISSING_CREDENTIAL,
        Reason.MALFORMED_TOKEN,
        Reason.UNKNOWN_KEY,
        Reason.UNSUPPORTED_ALGORITHM,
        Reason.INVALID_SIGNATURE,
        Reason.TOKEN_EXPIRED,
        Reason.TOKEN_NOT_YET_VALID,
        Reason.INVALID_CLAIMS,
    }
)
LIMIT_REASONS = frozenset({Reason.RATE_LIMITED, Reason.QUOTA_EXHAUSTED})


class LimitStatus(NamedTuple):
    """How one limit stands after a decision. `resets_at`: Unix seconds, None for `never`."""

    kind: str  # "rate" or "quota"
    name: str
    api: str
    scope: str
    limit: int
    period: str
    used: int
    remaining: int
    resets_at: int | None


class Deny(NamedTuple):
    """Refused. `record` is None until the signature was right; `refused_by` only for limits."""

    reason: Reason
    record: KeyRecord | None = None
    limits: tuple[LimitStatus, ...] = ()
    refused_by: LimitStatus | None = None
    retry_after_seconds: int | None = None


class Allow(NamedTuple):
    """Allowed. `limits` holds every limit that counted the request."""

    record: KeyRecord
    limits: tuple[LimitStatus, ...] = ()


Decision = Allow | Deny
