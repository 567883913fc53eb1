"""Keys from session objects of Tyk, as its gateway stores and lists them.

Only what limits and grants is taken: rate, per, quota_max, quota_renewal_rate, access_rights,
apply_policies, expires, is_inactive, jwt_data.secret, tags, meta_data and alias. The id of a
key is no part of a session object; give it as `key_id` beside the others.
"""

import json
from datetime import UTC, datetime
from typing import Any

from key_admin.problems import invalid_field

NEVER = (0, -1)
UNLIMITED = (0, -1)


def read_session(session: dict[str, Any]) -> dict[str, Any]:
    """The body of POST /keys that a session object stands for. Raises a Problem."""
    wanted: dict[str, Any] = {"name": _text(session, "alias") or "imported from Tyk"}
    if session.get("key_id"):
        wanted["key_id"] = session["key_id"]
    secret = _object(session, "jwt_data").get("secret")
    if secret:
        is_pem = isinstance(secret, str) and "-----BEGIN" in secret
        wanted["jwt_data"] = {"public_key" if is_pem else "secret": secret}
    rate, per = _number(session, "rate"), _number(session, "per")
    if rate > 0 and per > 0:
        wanted["rate_limits"] = [{"limit": int(rate), "period": _seconds("per", per)}]
    quota, renewal = _number(session, "quota_max"), _number(session, "quota_renewal_rate")
    if quota not in UNLIMITED:
        period = _seconds("quota_renewal_rate", renewal) if renewal > 0 else "never"
        wanted["quotas"] = [{"limit": int(quota), "period": period}]
    expires = _number(session, "expires")
    if expires not in NEVER:
        wanted["expires_at"] = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return wanted | {
        "grants": _grants(_object(session, "access_rights")),
        "policies": session.get("apply_policies") or [],
        "enabled": not session.get("is_inactive", False),
        "tags": session.get("tags") or [],
        "metadata": {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in _object(session, "meta_data").items()
        },
    }


def _grants(rights: dict[str, Any]) -> list[dict[str, Any]]:
    grants: list[dict[str, Any]] = []
    for api_id, right in rights.items():
        urls = right.get("allowed_urls") if isinstance(right, dict) else None
        if not urls:
            grants.append({"api": api_id})
            continue
        for url in urls:
            if not isinstance(url, dict) or not isinstance(url.get("url"), str):
                raise invalid_field(f"access_rights.{api_id}.allowed_urls", "is a list of objects with url and methods")
            grants.append({"api": api_id, "path": url["url"], "methods": url.get("methods") or ["*"]})
    return grants


def _number(session: dict[str, Any], name: str) -> float:
    value = session.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid_field(name, "is a number")
    return value


def _seconds(name: str, value: float) -> str:
    if value != int(value):
        raise invalid_field(name, "is a whole number of seconds")
    return f"{int(value)}s"


def _text(session: dict[str, Any], name: str) -> str:
    value = session.get(name) or ""
    if not isinstance(value, str):
        raise invalid_field(name, "is a text")
    return value


def _object(session: dict[str, Any], name: str) -> dict[str, Any]:
    value = session.get(name) or {}
    if not isinstance(value, dict):
        raise invalid_field(name, "is an object")
    return value
