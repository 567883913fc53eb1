"""Keys from session objects of Tyk, as its gateway stores and lists them.

Taken are alias, rate, per, quota_max, quota_renewal_rate, access_rights (with the paths and
limits of each API), apply_policies, expires, is_inactive, jwt_data.secret, tags and meta_data.
The id of a key is no part of a session object; give it as `key_id` beside the others, and as
`algorithm` in jwt_data how its tokens are signed. What a key here has no room for is told in
notes, and what would change its meaning is refused, both by the names of Tyk.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

from access.grants import ANY
from key_admin.problems import FieldError, Problem, invalid, invalid_field
from key_admin.times import MAX_TIME

UNLIMITED = (0, -1)
CARRIED = frozenset(
    [
        "key_id",
        "alias",
        "rate",
        "per",
        "quota_max",
        "quota_renewal_rate",
        "access_rights",
        "apply_policies",
        "apply_policy_id",
        "expires",
        "is_inactive",
        "jwt_data",
        "tags",
        "meta_data",
    ]
)
COMPUTED = frozenset(
    [
        "allowance",
        "last_check",
        "last_updated",
        "date_created",
        "quota_remaining",
        "quota_renews",
        "org_id",
        "id_extractor_deadline",
    ]
)
CARRIED_RIGHTS = frozenset(["api_id", "api_name", "versions", "allowed_urls", "limit", "allowance_scope"])
CARRIED_LIMITS = frozenset(["rate", "per", "quota_max", "quota_renewal_rate"])
NOT_CARRIED = "is not carried over"
# Of regular expressions, what a path pattern can say: `.*`, one segment, and characters as they are.
_TOKEN = re.compile(
    r"(?P<any>\.\*|\(\.\*\)|(?<=/)\*)|(?P<segment>\[\^/\]\+|\(\[\^/\]\+\))|(?P<name>\{[A-Za-z_][A-Za-z0-9_]*\})"
    r"|\\(?P<escaped>[^A-Za-z0-9])|(?P<plain>[A-Za-z0-9/_~:@!,=%&;'.-](?![*+?]|\{[0-9])|/(?=\*))",
    re.ASCII,
)


class Imported(NamedTuple):
    """The body of POST /keys that a session object stands for, and what is to be told of it.

    `origins` maps the beginnings of paths in the body to paths in the session object.
    """

    body: dict[str, Any]
    notes: tuple[FieldError, ...]
    origins: dict[str, str]

    def in_its_words(self, problem: Problem) -> Problem:
        """A problem of the body with the names of the session object."""
        errors = (FieldError(self._origin_of(error.field), error.message) for error in problem.errors)
        return invalid(*errors) if problem.errors else problem

    def _origin_of(self, field: str) -> str:
        parts = field.split(".")
        for size in range(len(parts), 0, -1):
            origin = self.origins.get(".".join(parts[:size]))
            if origin:
                return ".".join([origin, *parts[size:]])
        return field


def read_session(session: dict[str, Any]) -> Imported:
    """What a session object stands for. Raises a Problem where a member makes no sense."""
    reader = _Reader()
    reader.read_names(session)
    reader.read_material(session)
    reader.read_rights(_object(session, "access_rights"))
    reader.read_limits(session, _object(session, "access_rights"))
    reader.read_state(session)
    reader.note_others(session, CARRIED | COMPUTED, "")
    return Imported(reader.body, tuple(reader.notes), reader.origins)


class _Reader:
    """What was read of one session object so far."""

    def __init__(self) -> None:
        self.body: dict[str, Any] = {"rate_limits": [], "quotas": [], "grants": []}
        self.notes: list[FieldError] = []
        self.origins = {
            "body": "access_rights",
            "name": "alias",
            "policies": "apply_policies",
            "expires_at": "expires",
            "enabled": "is_inactive",
            "metadata": "meta_data",
            "jwt_data.public_key": "jwt_data.secret",
        }

    def note(self, field: str, message: str) -> None:
        self.notes.append(FieldError(field, message))

    def note_others(self, holder: dict[str, Any], known: frozenset[str], place: str) -> None:
        """Tell of every member that says something and that nobody read."""
        for name, value in holder.items():
            if name not in known and _says_something(value):
                self.note(f"{place}{name}", NOT_CARRIED)

    def add(self, kind: str, member: dict[str, Any], **origins: str) -> None:
        """Add a limit or a grant, and where each of its members comes from."""
        place = f"{kind}.{len(self.body[kind])}"
        self.body[kind].append(member)
        self.origins |= {f"{place}.{name}" if name != "whole" else place: origin for name, origin in origins.items()}

    def read_names(self, session: dict[str, Any]) -> None:
        alias = session.get("alias") or "imported from Tyk"
        metadata = _object(session, "meta_data")
        self.body |= {"name": alias, "tags": session.get("tags") or [], "metadata": _texts(metadata)}
        if session.get("key_id") is not None:
            self.body["key_id"] = session["key_id"]
        else:
            self.note("key_id", "is not given beside the session object: the key has a new id")
        if "rate_limit_pattern" in metadata:
            self.note("meta_data.rate_limit_pattern", "names no shared counter here; limits of scope `owner` do")

    def read_material(self, session: dict[str, Any]) -> None:
        data = _object(session, "jwt_data")
        secret = data.get("secret")
        self.note_others(data, frozenset({"secret", "algorithm"}), "jwt_data.")
        if not secret:
            self.note("jwt_data", "holds no secret: the key is opaque, and its id is the credential")
            return
        is_pem = isinstance(secret, str) and "-----BEGIN" in secret
        self.body["jwt_data"] = {"public_key" if is_pem else "secret": secret}
        if data.get("algorithm"):
            self.body["jwt_data"]["algorithm"] = data["algorithm"]
        else:
            self.note("jwt_data.secret", "verifies tokens of one algorithm, which `credentials` shows")

    def read_rights(self, rights: dict[str, Any]) -> None:
        for api, right in rights.items():
            place = f"access_rights.{api}"
            right = _object(rights, api, place)  # noqa: PLW2901 - null is an object without members
            if any(one not in ("", "Default") for one in _list(right.get("versions") or [], f"{place}.versions")):
                self.note(f"{place}.versions", NOT_CARRIED)
            self.note_others(right, CARRIED_RIGHTS, f"{place}.")
            urls = right.get("allowed_urls") or []
            if not urls:
                self.add("grants", {"api": api}, whole=place, api=place)
            for number, url in enumerate(_list(urls, f"{place}.allowed_urls")):
                self._read_url(api, url, f"{place}.allowed_urls.{number}")

    def _read_url(self, api: str, url: Any, place: str) -> None:
        if not isinstance(url, dict) or not isinstance(url.get("url"), str):
            raise invalid_field(place, "is an object with url and methods")
        if not url.get("methods"):
            raise invalid_field(f"{place}.methods", "names no method, so it allows nothing in Tyk")
        path = _path_of(url["url"], f"{place}.url")
        if path != url["url"]:
            self.note(f"{place}.url", f"became the path {path}, without Tyk's listen path")
        member = {"api": api, "path": path, "methods": url["methods"]}
        self.add("grants", member, whole=place, api=place, path=f"{place}.url", methods=f"{place}.methods")

    def read_limits(self, session: dict[str, Any], rights: dict[str, Any]) -> None:
        """Limits of an API stand for those of the key there; the key's own hold for the other APIs."""
        own = {api: limit for api in rights if (limit := _limit_of(rights, api))}
        others = [api for api in rights if api not in own]
        for api, limit in own.items():
            self._read_limit(limit, api, f"access_rights.{api}.limit.")
            self.note_others(limit, CARRIED_LIMITS | COMPUTED, f"access_rights.{api}.limit.")
        if others or not own:
            self._read_limit(session, others[0] if own and len(others) == 1 else "", "")
        if own and len(others) > 1:
            for api in own:
                self.note(f"access_rights.{api}.limit", "holds beside the limits of the key here, not instead of them")

    def _read_limit(self, holder: dict[str, Any], api: str, place: str) -> None:
        scope = {"api": api} if api else {}
        rate, quota = _whole(holder, "rate", place), _whole(holder, "quota_max", place)
        if rate > 0:
            per = _whole(holder, "per", place)
            if per <= 0:
                raise invalid_field(f"{place}per", "is a number of seconds above 0")
            member = {"limit": rate, "period": f"{per}s"} | scope
            self.add("rate_limits", member, limit=f"{place}rate", period=f"{place}per")
        if quota not in UNLIMITED:
            renewal = _whole(holder, "quota_renewal_rate", place)
            member = {"limit": quota, "period": f"{renewal}s" if renewal > 0 else "never"} | scope
            self.add("quotas", member, limit=f"{place}quota_max", period=f"{place}quota_renewal_rate")
            if 0 <= _whole(holder, "quota_remaining", place, quota) < quota:
                self.note(f"{place}quota_remaining", f"{NOT_CARRIED}: the quota starts anew")

    def read_state(self, session: dict[str, Any]) -> None:
        policies = session.get("apply_policies") or [one for one in [session.get("apply_policy_id")] if one]
        is_inactive = session.get("is_inactive") or False
        if not isinstance(is_inactive, bool):
            raise invalid_field("is_inactive", "is true or false")
        self.body |= {"policies": policies, "enabled": not is_inactive}
        if is_inactive and policies:
            self.note("is_inactive", "disables the key here; Tyk heeds that of the policies alone")
        expires = _whole(session, "expires", "")
        if expires not in UNLIMITED:
            if not 0 <= expires <= MAX_TIME:
                raise invalid_field("expires", "is a Unix time, or 0 or -1 for never")
            self.body["expires_at"] = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _path_of(url: str, field: str) -> str:
    """The path pattern that matches what Tyk's expression does: anywhere in the path, unless it is anchored."""
    inner = url.removeprefix("^").removesuffix("$")
    pieces, position = [], 0
    while position < len(inner):
        found = _TOKEN.match(inner, position)
        if found is None:
            raise invalid_field(field, "is an expression that no path pattern says; give paths with * and {name}")
        pieces.append(_piece_of(found))
        position = found.end()
    start, end = ("" if url.startswith("^") else ANY), ("" if url.endswith("$") else ANY)
    return re.sub(r"\*+", ANY, "".join([start, *pieces, end]))


def _piece_of(found: re.Match[str]) -> str:
    kind = str(found.lastgroup)
    return {"any": ANY, "segment": "{segment}"}.get(kind, found[kind])


def _limit_of(rights: dict[str, Any], api: str) -> dict[str, Any]:
    """The limits of an API; empty where all of them are zero, since the key's hold there then."""
    place = f"access_rights.{api}"
    limit = _object(_object(rights, api, place), "limit", f"{place}.limit")
    return limit if any(_says_something(limit.get(name)) or limit.get(name) == -1 for name in CARRIED_LIMITS) else {}


def _says_something(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_says_something(one) for one in value.values())
    return value not in (None, False, 0, -1, "", [])


def _texts(metadata: dict[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in metadata.items()}


def _whole(holder: dict[str, Any], name: str, place: str, default: int = 0) -> int:
    value = holder.get(name, default)
    is_whole = value.is_integer() if isinstance(value, float) else type(value) is int
    if not is_whole:
        raise invalid_field(f"{place}{name}", "is a whole number")
    return int(value)


def _object(holder: dict[str, Any], name: str, field: str = "") -> dict[str, Any]:
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid_field(field or name, "is an object")
    return value


def _list(value: Any, field: str) -> list[Any]:
    if not isinstance(value, list):
        raise invalid_field(field, "is a list")
    return value
