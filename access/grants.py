"""Grants: which methods on which paths of which API a key may call, and at what cost.

In a path `*` stands for any run of characters and `{name}` for one segment. Matching is
case-sensitive, on the decoded path without the stage.
"""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import NamedTuple

ANY = "*"
ADMIN_API = "admin"  # never covered by `*`: it must be named
_WILDCARD = re.compile(r"\*|\{[A-Za-z_][A-Za-z0-9_]*\}", re.ASCII)
_DOT_SEGMENT = re.compile(r"(?:^|[/\\])\.{1,2}(?:[/\\]|$)")


class Grant(NamedTuple):
    """Methods on a path pattern of an API. `cost`: units that a request takes of every limit."""

    api: str
    methods: tuple[str, ...] = (ANY,)
    path: str = "/*"
    cost: int = 1
    owner: str = ""  # on the admin API: only what belongs to this owner
    policies: tuple[str, ...] = ()  # beside an owner: those that its holder may give to keys; `*` for any


def find_grant(grants: Iterable[Grant], *, apis: Collection[str], method: str, path: str) -> Grant | None:
    """The grant that covers a request, or None; the most specific path decides, unless it has an owner.

    `apis` are the names under which the called API is known. A path with dot segments is
    covered by nothing, since what stands behind may resolve it to another one.
    """
    if _DOT_SEGMENT.search(path):
        return None
    matching = (
        grant
        for grant in grants
        if names_api(grant, apis) and _has_method(grant, method) and _pattern(grant.path).fullmatch(path)
    )
    return max(matching, key=lambda grant: (not grant.owner, _specificity(grant)), default=None)


def names_api(grant: Grant, apis: Collection[str]) -> bool:
    """Whether a grant is about the API known under these names."""
    return grant.api in apis or (grant.api == ANY and ADMIN_API not in apis)


def administers(grants: Iterable[Grant]) -> bool:
    """Whether one of these is a right on the admin API."""
    return any(grant.api == ADMIN_API for grant in grants)


def _has_method(grant: Grant, method: str) -> bool:
    return ANY in grant.methods or method in grant.methods


@lru_cache(maxsize=1024)
def _pattern(path: str) -> re.Pattern[str]:
    literals = _WILDCARD.split(path)
    wildcards = [".*" if found == ANY else "[^/]+" for found in _WILDCARD.findall(path)]
    pieces = [re.escape(literals[0])]
    for wildcard, literal in zip(wildcards, literals[1:], strict=True):
        pieces += [wildcard, re.escape(literal)]
    return re.compile("".join(pieces), re.DOTALL)


def _specificity(grant: Grant) -> tuple[int, int, bool, int]:
    literal = len(_WILDCARD.sub("", grant.path))
    return literal, -grant.path.count(ANY), ANY not in grant.methods, grant.cost
