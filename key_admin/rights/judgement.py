"""Which rules an operation falls under.

Each function judges a key or a policy as it is and as it is to be, and returns the refusal, or
None where the holder may do it.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from access.apis import ApiDefinition
from access.keys import KeyRecord, Policy
from key_admin.rights.grants import AdminApi, KeyInFull
from key_admin.rights.holders import Holder, OfOwner, Restricted, Unrestricted, owner_of
from key_admin.rights.refusals import Refusal
from key_admin.rights.rules import (
    forbid_above_ceiling,
    forbid_change,
    forbid_changing_administering,
    forbid_lasting_longer,
    forbid_making,
    forbid_more_sources,
    forbid_reset,
    forbid_touching_admins,
    forbid_unowned,
    forbid_wider,
    reads_api,
    reads_policy,
    refuse_administering_identities,
    refuse_first_and_last,
    refuse_mixed_policies,
    refuse_second_name,
)


class Judge(NamedTuple):
    """Judges what one holder may do."""

    holder: Holder
    admin_api: AdminApi

    def is_admin(self, key: KeyInFull) -> bool:
        """Whether a key has admin rights, or may have them once its policies are in force."""
        return bool(key.admin_rights(self.admin_api))

    # --- keys ------------------------------------------------------------------------------

    def sees(self, record: KeyRecord) -> bool:
        """Whether the key is there at all for the holder."""
        owner = owner_of(self.holder)
        return not owner or record.owner == owner

    def of_making(self) -> Refusal | None:
        """Whether the holder makes keys at all."""
        return forbid_making(self.holder) if isinstance(self.holder, OfOwner) else None

    def of_creation(self, key: KeyInFull) -> Refusal | None:
        """Rules 1, 2, 3 and 5 on a key that is to be made, by create or import."""
        holder, rights = self.holder, key.admin_rights(self.admin_api)
        refusal = None
        if isinstance(holder, OfOwner):
            refusal = forbid_making(holder) or forbid_above_ceiling(key, holder, self.admin_api)
        elif isinstance(holder, Restricted) and rights:
            refusal = (
                forbid_wider(rights, holder)
                or forbid_lasting_longer(key.record, holder)
                or forbid_more_sources(key, holder)
            )
        return refusal or refuse_mixed_policies(key, self.admin_api)

    def of_change(self, before: KeyInFull, after: KeyInFull, changed: Collection[str]) -> Refusal | None:
        """Rules 2, 3 and 5 on a PATCH; `changed` are the members that it changes."""
        refusal = self._of_touching(before, after)
        if refusal is None and isinstance(self.holder, OfOwner):
            refusal = forbid_change(before, after, changed, self.holder)
        return refusal or refuse_mixed_policies(after, self.admin_api)

    def of_reset(self, key: KeyInFull, scope: str) -> Refusal | None:
        """Rules 2 and 3 on a reset of the limits of a scope."""
        refusal = self._of_touching(key)
        if refusal is None and isinstance(self.holder, OfOwner):
            refusal = forbid_reset(key.record, scope, self.holder)
        return refusal

    def of_material(self, key: KeyInFull) -> Refusal | None:
        """Rule 2 on new material of a key, or a new id: who sets it can act as the key."""
        return self._of_touching(key)

    def of_removal(self, key: KeyInFull) -> Refusal | None:
        """Rule 2 on a key that is to go."""
        return self._of_touching(key)

    def _of_touching(self, *keys: KeyInFull) -> Refusal | None:
        is_free = isinstance(self.holder, Unrestricted)
        return None if is_free else forbid_touching_admins(keys, self.admin_api)

    # --- what belongs to no owner ----------------------------------------------------------

    def of_unowned(self) -> Refusal | None:
        """Rule 4 on everything but keys."""
        return forbid_unowned(self.holder)

    def reads_policy(self, policy: Policy) -> bool:
        """Rule 4 on a policy."""
        return reads_policy(policy, self.holder, self.admin_api)

    def reads_api(self, definition: ApiDefinition, policies: Iterable[Policy]) -> bool:
        """Rule 4 on an API; `policies` are those that the list of the holder names."""
        return reads_api(definition, filter(self.reads_policy, policies), self.holder)

    def of_definition(self, api_id: str, gateways: Iterable[str]) -> Refusal | None:
        """The admin API has one name, and none that a definition gives it."""
        return refuse_second_name(api_id, gateways, self.admin_api)

    def of_tokens(self, policies: Iterable[Policy], field: str) -> Refusal | None:
        """Rule 5 on the policies that tokens of an outside provider may bring."""
        return refuse_administering_identities(policies, self.admin_api, field)

    def of_policy(self, before: Policy | None, after: Policy) -> Refusal | None:
        """Rules 1 and 5 on a policy that is made or changed."""
        return (
            forbid_changing_administering(before, self.holder, self.admin_api)
            or forbid_wider(self.admin_api.rights_of(after), self.holder)
            or refuse_first_and_last(before, after, self.admin_api)
        )

    def of_policy_removal(self, policy: Policy) -> Refusal | None:
        """Rule 5 on a policy that is to go."""
        return forbid_changing_administering(policy, self.holder, self.admin_api)
