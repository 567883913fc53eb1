"""Admin rights: which grants are rights on the admin API, and when one lies within another."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import NamedTuple

from access.grants import ADMIN_API, ANY, Grant
from access.keys import KeyRecord, Policy

EVERYTHING = frozenset({"/*", ANY})  # paths; every path begins with a slash


class AdminApi(NamedTuple):
    """The admin API. It has one name; whatever else would mean its gateway opens nothing."""

    gateway: str = ""  # API Gateway's id of it; empty where no gateway is known

    def is_meant_by(self, name: str) -> bool:
        """Whether a grant or a definition of this name means the admin API, by whatever name."""
        api = name.partition("/")[0]
        return api == ADMIN_API or (api == self.gateway and bool(api))

    def rights_of(self, holder: KeyRecord | Policy) -> tuple[Grant, ...]:
        """The admin rights that stand in a key or a policy itself."""
        return tuple(grant for grant in holder.grants if self.is_meant_by(grant.api))


class KeyInFull(NamedTuple):
    """A key, or one that is to be, and the policies that it names, as far as they exist."""

    record: KeyRecord
    policies: Mapping[str, Policy]

    @property
    def named_policies(self) -> tuple[Policy, ...]:
        return tuple(self.policies[name] for name in self.record.policies if name in self.policies)

    def admin_rights(self, admin_api: AdminApi) -> tuple[Grant, ...]:
        """The admin rights of the key (rule 5).

        Those of a policy count while it is inactive, narrowed by partitions, or beside one that
        replaces the key's own grants.
        """
        own = admin_api.rights_of(self.record)
        return own + tuple(right for policy in self.named_policies for right in admin_api.rights_of(policy))


def is_unrestricted(grant: Grant) -> bool:
    """Whether a grant opens all of the admin API."""
    return grant.api == ADMIN_API and not grant.owner and ANY in grant.methods and grant.path in EVERYTHING


def lies_within(given: Grant, own: Grant) -> bool:
    """Whether an admin right that is given lies within one that the giver has (rule 1)."""
    return not own.owner and _methods_within(given, own) and _path_within(given.path, own.path)


def describe(grant: Grant) -> str:
    """An admin right in words."""
    owner = f" for the owner {grant.owner}" if grant.owner else ""
    return f"`{','.join(grant.methods)} {grant.path}` on the admin API{owner}"


def sources_within(given: Iterable[Iterable[str]], own: Iterable[Iterable[str]]) -> bool:
    """Whether a key that has the lists `given` can be used from nowhere that the lists `own` leave out.

    A caller's address is in each list that is set. So for each list of the giver, one of the
    given lists must lie within it.
    """
    inner = [_networks(one) for one in given if one]
    return all(any(_covers(outer, one) for one in inner) for outer in map(_networks, filter(None, own)))


def _methods_within(given: Grant, own: Grant) -> bool:
    return ANY in own.methods or set(given.methods) <= set(own.methods)


def _path_within(given: str, own: str) -> bool:
    if given == own or own in EVERYTHING:
        return True
    return own.endswith(ANY) and given.startswith(own.removesuffix(ANY))


Networks = list[IPv4Network | IPv6Network]


def _networks(texts: Iterable[str]) -> Networks:
    networks = [ip_network(text) for text in texts]
    versions = ([one for one in networks if one.version == version] for version in (4, 6))
    return [network for same in versions for network in collapse_addresses(same)]  # type: ignore[type-var] # of one version


def _covers(outer: Networks, inner: Networks) -> bool:
    return all(any(_is_subnet(one, other) for other in outer) for one in inner)


def _is_subnet(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type] # of one version
