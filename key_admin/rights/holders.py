"""Who asks: the kinds of holder of an admin key, by the grant that let their request in."""

from typing import NamedTuple

from access.grants import ADMIN_API, ANY, Grant, find_grant
from access.policies import overlay
from key_admin.rights.grants import KeyInFull, is_unrestricted


class Unrestricted(NamedTuple):
    """Has a grant of all methods on `/*` and no owner; also who may invoke the function."""


class Restricted(NamedTuple):
    """Has grants without an owner on a part of the admin API."""

    rights: tuple[Grant, ...]
    has_limits: bool
    expires_at: int | None
    sources: tuple[tuple[str, ...], ...] = ()  # the lists that a caller's address must be in


class OfOwner(NamedTuple):
    """Was let in by a grant with an owner. Gives keys no policies but these; `*` is any without admin rights."""

    owner: str
    policies: tuple[str, ...]

    @property
    def gives_policies(self) -> bool:
        return bool(self.policies)

    @property
    def gives_any_policy(self) -> bool:
        return ANY in self.policies

    def may_give(self, policy_id: str) -> bool:
        """Whether the list names a policy; that it has no admin rights is another question."""
        return self.gives_any_policy or policy_id in self.policies


Holder = Unrestricted | Restricted | OfOwner


def find_holder(key: KeyInFull, *, method: str, path: str, now: int) -> Holder | None:
    """The kind of holder that asks by this key, None where nothing lets the request in.

    Unlike the authorizer, which may have copies of policies, this judges what was read just now.
    """
    record, effective = key.record, overlay(key.record, key.policies)
    is_ended = record.expires_at is not None and record.expires_at <= now
    if effective is None or not record.enabled or is_ended:
        return None
    grant = find_grant(effective.grants, apis=(ADMIN_API,), method=method, path=path)
    if grant is None:
        return None
    if grant.owner:
        return OfOwner(grant.owner, grant.policies)
    rights = tuple(one for one in effective.grants if one.api == ADMIN_API and not one.owner)
    if any(map(is_unrestricted, rights)):
        return Unrestricted()
    sources = tuple(filter(None, (record.sources, *effective.sources)))
    return Restricted(rights, bool(effective.limits), record.expires_at, sources)


def owner_of(holder: Holder) -> str:
    """The owner whose keys alone the holder works with; empty where they are everybody's."""
    return holder.owner if isinstance(holder, OfOwner) else ""
