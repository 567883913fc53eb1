"""What Tollgate gives to API Gateway, as far as templates refer to it. A test compares it with what is given."""

CONTEXT = frozenset(
    {"keyHash", "keyName", "owner", "policies", "tags", "reason", "retryAfter", "retryAfterJson"}
    | {f"{prefix}{name}" for prefix in ("rateLimit", "quota") for name in ("Limit", "Remaining", "Reset")}
    | {"limit", "remaining", "reset"}
)
ADDED_BY_GATEWAY = frozenset(
    {"principalId", "integrationLatency", "latency", "requestId", "status", "error", "usageIdentifierKey"}
)
METADATA = "meta_"  # and the name of the key's own entry
# A limit with a time to wait, and one without (a prepaid quota that is used up).
SAMPLES = (
    {
        "reason": "rate_limited",
        "retryAfter": "10",
        "retryAfterJson": "10",
        "limit": "3",
        "remaining": "0",
        "reset": "1",
    },
    {"reason": "quota_exhausted", "retryAfterJson": "null", "limit": "3", "remaining": "0"},
)
USAGE_KEY_SETTING = "USAGE_IDENTIFIER_KEY"  # of the authorizer: the value of the API key that it names
