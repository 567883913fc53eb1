"""API definitions: how a protected API is called in grants, and where its tokens are read.

An API that no definition names uses the defaults.
"""

from typing import NamedTuple


class TokenPlace(NamedTuple):
    """Where an API expects the credential; empty names are not looked at."""

    header: str = "Authorization"  # compared without regard to case
    query: str = ""
    cookie: str = ""


class ApiDefinition(NamedTuple):
    """What an operator said of an API. `gateways` are "<api id>/<stage>" or "<api id>/*"."""

    api_id: str
    version: int
    name: str
    created_at: int
    updated_at: int
    gateways: tuple[str, ...] = ()
    enable_jwt: bool = True
    enable_opaque: bool = True
    allow_sub: bool = True  # whether `sub` may name the key where `kid` is absent
    token: TokenPlace = TokenPlace()
    issuers: tuple[str, ...] = ()  # whose tokens it takes beside those of keys
    last_audit: str = ""
    labels: dict[str, str] = {}  # noqa: RUF012 - never mutated


UNDEFINED = ApiDefinition("", 0, "", 0, 0)
