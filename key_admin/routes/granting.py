"""Of some keys, those that may call an API: by their own grants, or by those of their policies."""

from access.grants import ADMIN_API, ANY, Grant
from access.keys import KeyRecord, Policy
from key_admin.reach import names_of
from key_admin.routes.named_records import every
from key_admin.service import Service

MAX_READ = 100  # policies at once, as DynamoDB reads them


class Granting:
    """What a list of keys is narrowed by; keeps the policies that it has read."""

    def __init__(self, work: Service, api: str) -> None:
        self._work = work
        self._names = names_of(api, every(work.apis))
        self._names |= set() if ADMIN_API in self._names else {ANY}
        self._grants: dict[str, bool] = {}  # by policy

    def __call__(self, records: list[KeyRecord]) -> list[KeyRecord]:
        self._read({policy_id for record in records for policy_id in record.policies} - self._grants.keys())
        return [record for record in records if self._covers(record)]

    def _read(self, policy_ids: set[str]) -> None:
        ids = sorted(policy_ids)
        for start in range(0, len(ids), MAX_READ):
            part = ids[start : start + MAX_READ]
            policies = self._work.policies_of(part)
            self._grants |= {policy_id: self._is_named(policies.get(policy_id)) for policy_id in part}

    def _is_named(self, policy: Policy | None) -> bool:
        return policy is not None and self._is_granted(policy.grants)

    def _is_granted(self, grants: tuple[Grant, ...]) -> bool:
        return any(grant.api in self._names for grant in grants)

    def _covers(self, record: KeyRecord) -> bool:
        return self._is_granted(record.grants) or any(self._grants[policy_id] for policy_id in record.policies)
