"""The five rules of who may give what, each as the functions that hold it.

A function returns the refusal, or None where the rule has nothing against it.
"""

from collections.abc import Collection, Iterable

from access.apis import ApiDefinition
from access.grants import ANY, Grant
from access.keys import KeyRecord, Policy
from access.limits import OWNER
from key_admin.rights.grants import AdminApi, KeyInFull, describe, lies_within, sources_within
from key_admin.rights.holders import Holder, OfOwner, Restricted, Unrestricted, owner_of
from key_admin.rights.refusals import Ground, Refusal, forbid

CHANGED_BY_OWNERS = frozenset({"name", "tags", "metadata", "labels", "policies", "enabled"})


# --- 1. Wider ------------------------------------------------------------------------------


def forbid_wider(rights: Iterable[Grant], holder: Holder) -> Refusal | None:
    """An admin right that is given lies within one grant of the giver that has no owner.

    Parts of two grants do not add up.
    """
    if isinstance(holder, Unrestricted):
        return None
    own = holder.rights if isinstance(holder, Restricted) else ()
    for right in rights:
        if not any(lies_within(right, one) for one in own):
            return forbid(f"This admin key may not give the right {describe(right)}: no grant of its own covers it.")
    return None


# --- 2. Restricted holders -----------------------------------------------------------------


def forbid_lasting_longer(record: KeyRecord, holder: Restricted) -> Refusal | None:
    """An admin key that a restricted holder makes ends no later than theirs, and is made by no key with limits."""
    if holder.has_limits:
        return forbid("An admin key with limits of its own makes no key with admin rights: its limits would not hold.")
    if holder.expires_at is not None and (record.expires_at is None or record.expires_at > holder.expires_at):
        return forbid("A key with admin rights may not outlive the one that makes it: set `expires_at` to its end.")
    return None


def forbid_more_sources(key: KeyInFull, holder: Restricted) -> Refusal | None:
    """An admin key that a restricted holder makes is used from nowhere that theirs is not."""
    given = (key.record.sources, *(policy.sources for policy in key.named_policies))
    if sources_within(given, holder.sources):
        return None
    return forbid("A key with admin rights may be used only from where the one that makes it is: set `sources`.")


def forbid_touching_admins(keys: Iterable[KeyInFull], admin_api: AdminApi) -> Refusal | None:
    """Restricted holders, and those with an owner, leave keys with admin rights alone, their own included.

    Asked of a key as it is and, where a change is made, as it is to be.
    """
    for key in keys:
        for right in key.admin_rights(admin_api):
            detail = f"The key has, or would have, the right {describe(right)}"
            return forbid(f"{detail}: only an unrestricted admin key may do this.")
    return None


# --- 3. Holders with an owner --------------------------------------------------------------


def forbid_making(holder: OfOwner) -> Refusal | None:
    """Without `policies` in the grant, a holder with an owner makes no keys."""
    if holder.gives_policies:
        return None
    return forbid(f"This admin key makes and imports no keys of {holder.owner}: its grant has no `policies` to give.")


def forbid_above_ceiling(key: KeyInFull, holder: OfOwner, admin_api: AdminApi) -> Refusal | None:
    """A new key belongs to the owner, and has one policy of the list (any number where it is `*`), and no grants."""
    record = key.record
    if record.owner != holder.owner:
        return forbid(f"This admin key makes keys with the `owner` {holder.owner} alone.")
    if record.grants:
        return forbid("An admin key with an owner gives no `grants`; it gives the policies of its own grant.")
    scopes = [limit.scope for limit in record.rate_limits] + [quota.scope for quota in record.quotas]
    if OWNER in scopes:
        return forbid("An admin key with an owner sets no limits of scope `owner`.")
    if key.admin_rights(admin_api):
        return forbid("An admin key with an owner gives no policy with admin rights.")
    return forbid_policies(key, holder)


def forbid_policies(key: KeyInFull, holder: OfOwner) -> Refusal | None:
    """Several policies of a list together could admit more than each of them."""
    named = key.record.policies
    if all(map(holder.may_give, named)) and (len(named) == 1 or (holder.gives_any_policy and named)):
        return None
    given = "at least one" if holder.gives_any_policy else f"exactly one of {', '.join(holder.policies)}"
    return forbid(f"Of `policies`, this admin key gives a key {given}.")


def forbid_outside_ceiling(record: KeyRecord, holder: OfOwner) -> Refusal | None:
    """Keys with grants of their own, or with policies outside the list, are what an operator made them."""
    if not holder.gives_policies or record.grants or not all(map(holder.may_give, record.policies)):
        given = ", ".join(holder.policies) or "none"
        kind = "keys without `grants` of their own whose `policies` are all among those that it gives"
        return forbid(f"This admin key changes and resets only {kind}: {given}.")
    return None


def forbid_change(before: KeyInFull, after: KeyInFull, changed: Collection[str], holder: OfOwner) -> Refusal | None:
    """What a holder with an owner may change: whether the key is enabled and, below the ceiling, a few members."""
    others = [name for name in changed if name not in CHANGED_BY_OWNERS]
    if others:
        return forbid(f"This admin key may not change {_quoted(others)} of a key.")
    if "enabled" in changed and after.record.enabled and before.record.disabled_by != holder.owner:
        return forbid("An operator disabled the key: an admin key with an owner does not set `enabled` again.")
    if not set(changed) - {"enabled"}:
        return None
    outside = forbid_outside_ceiling(before.record, holder)
    return outside or (forbid_policies(after, holder) if "policies" in changed else None)


def forbid_reset(record: KeyRecord, scope: str, holder: OfOwner) -> Refusal | None:
    """A reset gives units back: below the ceiling, and never those that an owner's keys share."""
    if scope == OWNER:
        return forbid("An admin key with an owner does not reset limits of scope `owner`.")
    return forbid_outside_ceiling(record, holder)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


# --- 4. What belongs to no owner -----------------------------------------------------------


def forbid_unowned(holder: Holder) -> Refusal | None:
    """What belongs to no owner is changed, and beyond policies and APIs read, by who has no owner."""
    owner = owner_of(holder)
    return forbid(f"This admin key may only work with what belongs to {owner}.") if owner else None


def reads_policy(policy: Policy, holder: Holder, admin_api: AdminApi) -> bool:
    """Whether a holder sees a policy: with an owner, those that they may give."""
    if not isinstance(holder, OfOwner):
        return True
    return holder.may_give(policy.policy_id) and not admin_api.rights_of(policy)


def reads_api(definition: ApiDefinition, policies: Iterable[Policy], holder: Holder) -> bool:
    """Whether a holder sees an API: with an owner, those that the policies which they may give grant."""
    if not isinstance(holder, OfOwner):
        return True
    return any(_grants(grant, definition) for policy in policies for grant in policy.grants)


def _grants(grant: Grant, definition: ApiDefinition) -> bool:
    """Whether a grant reaches an API by one of its names, or some stage of it."""
    if grant.api in {ANY, definition.api_id, *definition.gateways}:
        return True
    api, _, stage = grant.api.partition("/")
    places = (gateway.partition("/") for gateway in definition.gateways)
    return any(api == other_api and ANY in {stage, other_stage} for other_api, _, other_stage in places)


# --- 5. Policies ---------------------------------------------------------------------------


def refuse_first_and_last(before: Policy | None, after: Policy, admin_api: AdminApi) -> Refusal | None:
    """Keys that took a policy as a plain one would be admin keys at once, whoever made them; and the reverse."""
    if before is None or bool(admin_api.rights_of(before)) == bool(admin_api.rights_of(after)):
        return None
    change = "without admin rights gains none" if admin_api.rights_of(after) else "with admin rights keeps one"
    return Refusal(Ground.STATE, f"A policy {change}: make another policy, and move the keys that are meant to it.")


def forbid_changing_administering(before: Policy | None, holder: Holder, admin_api: AdminApi) -> Refusal | None:
    """Only unrestricted holders change or remove a policy with admin rights."""
    rights = admin_api.rights_of(before) if before else ()
    if isinstance(holder, Unrestricted) or not rights:
        return None
    return forbid(f"The policy gives the right {describe(rights[0])}: only an unrestricted admin key changes it.")


def refuse_mixed_policies(key: KeyInFull, admin_api: AdminApi) -> Refusal | None:
    """A key with admin rights names only policies that have some, since others may change the rest."""
    if not key.admin_rights(admin_api):
        return None
    plain = [policy.policy_id for policy in key.named_policies if not admin_api.rights_of(policy)]
    if not plain:
        return None
    detail = f"a key with admin rights names only policies that have some themselves, not {', '.join(plain)}"
    return Refusal(Ground.INPUT, detail, "policies")


def refuse_administering_identities(policies: Iterable[Policy], admin_api: AdminApi, field: str) -> Refusal | None:
    """Identities have no admin rights, so no token brings a policy with some."""
    for policy in policies:
        if admin_api.rights_of(policy):
            return Refusal(Ground.INPUT, f"names {policy.policy_id}, which gives admin rights: no token may", field)
    return None


# --- the one name of the admin API ---------------------------------------------------------


def refuse_second_name(api_id: str, gateways: Iterable[str], admin_api: AdminApi) -> Refusal | None:
    """No definition means the admin API, by its id or by its gateway."""
    if admin_api.is_meant_by(api_id):
        return Refusal(Ground.INPUT, "is the admin API, which has no definition", "api_id")
    for place, gateway in enumerate(gateways):
        if admin_api.is_meant_by(gateway):
            detail = "is the gateway of the admin API, which has the one name `admin` and no definition"
            return Refusal(Ground.INPUT, detail, f"gateways.{place}")
    return None
