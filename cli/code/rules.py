"""What JSON Schema cannot say of an entry: how its members go together."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from cli.code.records import OURS
from cli.code.schema import Path
from cli.material import thumbprint

ADMIN_API = "admin"
ANY = "*"
LIFTED = "unlimited"
MAX_LABELS = 8  # the API keeps ten, two are ours
MAX_LIMITS = 10
DEVELOPERS = "dev_"
_NAME = re.compile(r"\{[^}]*\}")
_BLOCK = re.compile(r"[0-9A-Fa-f:.]+(/[0-9]{1,3})?", re.ASCII)
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
Found = Iterator[tuple[Path, str]]


def judge_rules(collection: str, value: Any) -> Found:
    """What is wrong with an entry that its schema accepts."""
    if not isinstance(value, dict):
        return
    yield from _judge_labels(value.get("labels", {}))
    if collection in {"keys", "policies"}:
        yield from _judge_limits(value)
        yield from _judge_grants(value.get("grants", []))
        yield from _judge_sources(value.get("sources", []))
    if collection == "keys":
        yield from _judge_key(value)
    if collection == "issuers":
        yield from _judge_issuer(value)


def _judge_labels(labels: Mapping[str, str]) -> Found:
    if len(labels) > MAX_LABELS:
        yield ("labels",), f"has at most {MAX_LABELS} members here; two more are tollgate's own"
    for name in labels:
        if name.startswith(OURS):
            yield ("labels", name), f"names that begin with {OURS} are tollgate's own"


def _judge_limits(value: Mapping[str, Any]) -> Found:
    for member in ("rate_limits", "quotas"):
        seen = set()
        for place, limit in enumerate(value.get(member, [])):
            api = limit.get("api", "")
            identity = (limit.get("name", "default"), "" if api == "*" else api, limit.get("scope", "key"))
            if identity in seen:
                yield (member, place), "has the `name`, `api` and `scope` of another one; give it a name of its own"
            seen.add(identity)
            if limit["limit"] != LIFTED and not limit.get("period"):
                yield (member, place, "period"), f"is missing; only a limit that is {LIFTED} needs none"
    if len(value.get("rate_limits", [])) + len(value.get("quotas", [])) > MAX_LIMITS:
        yield ("quotas",), f"at most {MAX_LIMITS} rate limits and quotas together"


def _judge_grants(grants: list[Mapping[str, Any]]) -> Found:
    for place, grant in enumerate(grants):
        if grant.get("owner") and grant["api"] != ADMIN_API:
            yield ("grants", place, "owner"), f"only a grant on the API `{ADMIN_API}` is limited to an owner"
        policies = grant.get("policies", [])
        if policies and not grant.get("owner"):
            yield ("grants", place, "policies"), "are those that an admin of one owner may give: name the `owner` too"
        if ANY in policies and len(policies) > 1:
            yield ("grants", place, "policies"), "`*` is any policy without admin rights, and stands alone"
        if any(len(_NAME.findall(segment)) > 1 for segment in grant.get("path", "").split("/")):
            yield ("grants", place, "path"), "a segment of a path has at most one `{name}`"


def _judge_sources(sources: list[str]) -> Found:
    for place, source in enumerate(sources):
        if not _is_block(source):
            yield ("sources", place), "is not an address or a CIDR block without host bits, such as 203.0.113.0/24"


def _is_block(source: str) -> bool:
    try:
        ip_network(source)
    except ValueError:
        return False
    return _BLOCK.fullmatch(source) is not None


def _judge_key(value: Mapping[str, Any]) -> Found:
    data = value.get("jwt_data")
    if value.get("owner", "").startswith(DEVELOPERS):
        yield ("owner",), f"owners that begin with {DEVELOPERS} are the portal's developers"
    if value.get("key_id") and not data:
        yield ("key_id",), "is given together with jwt_data only: an opaque id must not be guessable"
    if value.get("key_id") and value.get("key_hash"):
        yield ("key_id",), "does not change; leave it out beside key_hash"
    for member in ("public_key", "jwk"):
        if data and member in data and (message := _judge_public(data, member)):
            yield ("jwt_data", member), message


def _judge_public(data: Mapping[str, Any], member: str) -> str:
    if "PRIVATE KEY" in str(data.get("public_key")) or _PRIVATE & data.get("jwk", {}).keys():
        return "holds a private key or a secret; keep it, and give the public half only"
    try:
        thumbprint({member: data[member]})
    except ValueError as error:
        return str(error)
    return ""


def _judge_issuer(value: Mapping[str, Any]) -> Found:
    if bool(value.get("audience")) == value.get("any_audience", False):
        yield ("audience",), "say whom its tokens are for: give either audience, or any_audience: true"
    if bool(value.get("policy_claim")) != bool(value.get("allowed_policies")):
        yield ("allowed_policies",), "goes with policy_claim: the only policies that a token may name there"
    if value.get("scope_policies") and not value.get("scope_claim"):
        yield ("scope_policies",), "needs the scope_claim that names the scopes"
    if not any(value.get(member) for member in ("policy_claim", "default_policies", "scope_policies")):
        message = "is missing; say which policies tokens bring: default_policies, policy_claim or scope_policies"
        yield ("default_policies",), message
