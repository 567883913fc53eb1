"""Grants: which methods on which paths of which API a key may call, and at what cost.

`paths` says what a path pattern covers.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from access.paths import WILDCARD, Places, has_dot_segment, read_pattern

ANY = "*"
ADMIN_API = "admin"  # never covered by `*`: it must be named


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
    if has_dot_segment(path):
        return None
    places = Places(path)
    matching = (
        grant
        for grant in grants
        if names_api(grant, apis) and _has_method(grant, method) and read_pattern(grant.path).covers(places)
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


def _specificity(grant: Grant) -> tuple[int, int, bool, int]:
    literal = len(WILDCARD.sub("", grant.path))
    return literal, -grant.path.count(ANY), ANY not in grant.methods, grant.cost
