"""Outside identity providers: whose tokens an API takes, and what their claims mean here.

Pure. Follows OpenID Connect Core 1.0, RFC 7517 (JWK sets) and RFC 8725, section 3.8 to 3.10.
Each identity is a key of its own, with a gate of its own, so limits follow it across tokens.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from access.credentials import (
    Algorithm,
    Credential,
    UnusableMaterialError,
    algorithm_named,
    load_public_key,
)
from access.keys import TokenRules
from access.tokens import UnverifiedToken

OUTSIDE_ALGORITHMS = tuple(one.value for one in Algorithm if not one.value.startswith("HS"))
MAX_KEYS_IN_SET = 50
MAX_IDENTITY_CHARACTERS = 256
MAX_POLICIES = 20  # of one token; they are read in one call
_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}


class Issuer(NamedTuple):
    """An identity provider. An empty `jwks_uri` is discovered from the issuer's metadata."""

    issuer_id: str
    version: int
    created_at: int
    updated_at: int
    issuer: str  # the claim `iss`, exactly
    jwks_uri: str = ""
    algorithms: tuple[str, ...] = ("RS256",)
    audiences: tuple[str, ...] = ()  # whom its tokens are for
    any_audience: bool = False  # said aloud: its tokens are taken whomever they are for
    identity_claim: str = "sub"  # dots lead into objects, unless a claim has the whole name
    policy_claim: str = ""
    allowed_policies: tuple[str, ...] = ()  # the only ones that a token may name in that claim
    default_policies: tuple[str, ...] = ()
    scope_claim: str = ""
    scope_policies: dict[str, str] = {}  # noqa: RUF012 - never mutated
    leeway_seconds: int = 0
    last_audit: str = ""
    labels: dict[str, str] = {}  # noqa: RUF012 - never mutated

    @property
    def named_policies(self) -> frozenset[str]:
        """Every policy that a token of it can bring."""
        return frozenset([*self.default_policies, *self.scope_policies.values(), *self.allowed_policies])

    @property
    def token_rules(self) -> TokenRules:
        return TokenRules((self.issuer,), self.audiences, leeway_seconds=self.leeway_seconds)


class KeySet(NamedTuple):
    """A provider's public keys: members of JWKs, with `kid` and `alg` where they have them."""

    keys: tuple[dict[str, str], ...]
    fetched_at: int  # Unix seconds

    def has(self, key_id: str | None) -> bool:
        return key_id is None or any(one.get("kid") == key_id for one in self.keys)


def read_key_set(document: Mapping[str, Any], *, fetched_at: int) -> KeySet:
    """The usable keys of a JWK set; others are passed over (RFC 7517, section 5).

    Raises ValueError where it is no set, or holds nothing usable.
    """
    found = document.get("keys")
    if not isinstance(found, list):
        raise ValueError("has no array `keys`")  # noqa: TRY004 - one error for every unusable document
    keys = tuple(key for one in found[:MAX_KEYS_IN_SET] if (key := _read_key(one)) is not None)
    if not keys:
        raise ValueError("holds no usable public key for signatures")
    return KeySet(keys, fetched_at)


def credentials_for(token: UnverifiedToken, issuer: Issuer, key_set: KeySet) -> tuple[Credential, ...]:
    """The keys of the set that may have signed a token, bound to its algorithm.

    None where the issuer does not say whom its tokens are for: it would take those of every application.
    """
    algorithm = algorithm_named(token.algorithm)
    if algorithm is None or algorithm.value not in issuer.algorithms or algorithm.value not in OUTSIDE_ALGORITHMS:
        return ()
    if not (issuer.audiences or issuer.any_audience):
        return ()
    named = [one for one in key_set.keys if token.key_id is None or one.get("kid") == token.key_id]
    if token.key_id is None and len(named) > 1:
        return ()
    return tuple(credential for one in named if (credential := _load(one, algorithm)) is not None)


def identity_of(claims: Mapping[str, Any], issuer: Issuer) -> str | None:
    """Whom a token speaks for; None where the claim is absent, empty, or no text of printable characters."""
    value = _claim(claims, issuer.identity_claim)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_IDENTITY_CHARACTERS or not value.isprintable():
        return None
    return value


def policies_of(claims: Mapping[str, Any], issuer: Issuer) -> tuple[str, ...]:
    """The policies of a token: those that it names and those of its scopes, else the default ones (as in Tyk).

    None at all where it names more than a token may, or one that this issuer's tokens may not name.
    """
    named = _texts(_claim(claims, issuer.policy_claim)) if issuer.policy_claim else []
    scopes = _texts(_claim(claims, issuer.scope_claim)) if issuer.scope_claim else []
    by_scope = [issuer.scope_policies[scope] for scope in scopes if scope in issuer.scope_policies]
    found = tuple(dict.fromkeys([*named, *by_scope] or issuer.default_policies))
    may_name_them = set(named) <= set(issuer.allowed_policies)
    return found if may_name_them and len(found) <= MAX_POLICIES else ()


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.split()
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _read_key(jwk: Any) -> dict[str, str] | None:
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
        return None
    operations = jwk.get("key_ops", ["verify"])
    members = ("kty", *_MEMBERS.get(str(jwk.get("kty")), ()))
    if len(members) == 1 or not isinstance(operations, list) or "verify" not in operations:
        return None
    wanted = [*members, *(name for name in ("kid", "alg") if name in jwk)]
    key = {name: jwk.get(name) for name in wanted}
    texts = {name: value for name, value in key.items() if isinstance(value, str)}
    if len(texts) != len(key):
        return None
    return texts if any(_load(texts, one) for one in Algorithm if one.value in OUTSIDE_ALGORITHMS) else None


def _load(jwk: Mapping[str, str], algorithm: Algorithm) -> Credential | None:
    if jwk.get("alg", algorithm.value) != algorithm.value:
        return None
    try:
        return Credential(jwk.get("kid", ""), algorithm, load_public_key(algorithm, dict(jwk)), None)
    except UnusableMaterialError:
        return None
