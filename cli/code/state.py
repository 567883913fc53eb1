"""What the server has: our records in full, the rest in numbers."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from cli.api import AdminApi, ApiError
from cli.code.records import KEY, KINDS, PENDING, PROJECT, canonical, is_ours
from cli.output import Steps

ANY_API = "*"
Object = dict[str, Any]


class Known(NamedTuple):
    """A record of the server. It is kept packed, as JSON, since there may be many."""

    record_id: str  # the key hash of a key
    version: int
    packed: bytes

    @classmethod
    def pack(cls, collection: str, record_id: str, shown: Mapping[str, Any]) -> "Known":
        credential = {name: shown.get(name) for name in ("credentials", "token_rules", "created_at")}
        packed = json.dumps([canonical(collection, shown), credential if collection == "keys" else {}]).encode()
        return cls(record_id, int(shown["version"]), packed)

    @property
    def record(self) -> Object:
        """The record in full form, labels and all."""
        record: Object = json.loads(self.packed)[0]
        return record

    @property
    def credential(self) -> "KnownCredential":
        shown = json.loads(self.packed)[1]
        newest: Object = next(iter(shown["credentials"] or ()), {})
        return KnownCredential(
            algorithm=newest.get("algorithm") or "",
            thumbprint=newest.get("thumbprint") or "",
            rules=shown["token_rules"] or {},
            created_at=shown["created_at"] or "",
        )


class KnownCredential(NamedTuple):
    """What the server shows of a key's newest credential. No algorithm: the key is opaque."""

    algorithm: str
    thumbprint: str
    rules: Object
    created_at: str


class State(NamedTuple):
    """The server at one moment."""

    named: dict[str, dict[str, Known]]  # by collection and id
    keys: dict[str, list[Known]]  # our keys by their name in the files
    by_hash: dict[str, Known]  # keys that files name by their hash
    key_count: int
    policy_users: Counter[str]
    api_users: Counter[frozenset[str]]  # keys by the APIs that they may call
    missing: frozenset[str] = frozenset()  # collections that this server does not have

    def users_of_api(self, names: Iterable[str]) -> int:
        """How many keys may call an API under one of its names."""
        wanted = {ANY_API, *names}
        return sum(count for apis, count in self.api_users.items() if apis & wanted)


def read_state(api: AdminApi, project: str, hashes: frozenset[str], steps: Steps) -> State:
    """Read everything once. `hashes` are of keys that files name so."""
    named: dict[str, dict[str, Known]] = {}
    missing = set()
    policy_apis: dict[str, frozenset[str]] = {}
    for kind in KINDS:
        named[kind.collection] = {}
        try:
            for shown in api.items(f"/{kind.collection}"):
                record_id = str(shown[kind.id_name])
                named[kind.collection][record_id] = Known.pack(kind.collection, record_id, shown)
                if kind.collection == "policies":
                    policy_apis[record_id] = _apis_of(shown)
        except ApiError as error:
            if kind.collection != "catalogue" or error.status != HTTPStatus.NOT_FOUND:
                raise
            missing.add(kind.collection)
    state = State(named, {}, {}, 0, Counter(), Counter(), frozenset(missing))
    return _read_keys(api, project, hashes, state, policy_apis, steps)


def _read_keys(
    api: AdminApi,
    project: str,
    hashes: frozenset[str],
    state: State,
    policy_apis: Mapping[str, frozenset[str]],
    steps: Steps,
) -> State:
    count = 0
    for shown in api.items("/keys"):
        count += 1
        steps.step()
        state.policy_users.update(shown["policies"])
        from_policies = [policy_apis.get(policy, frozenset()) for policy in shown["policies"]]
        state.api_users[frozenset().union(_apis_of(shown), *from_policies)] += 1
        labels = shown.get("labels", {})
        if shown["key_hash"] in hashes:
            state.by_hash[shown["key_hash"]] = Known.pack("keys", shown["key_hash"], shown)
        elif is_ours(labels, project) and KEY in labels:
            known = Known.pack("keys", shown["key_hash"], shown)
            state.keys.setdefault(labels[KEY], []).append(known)
    return state._replace(key_count=count)


def owner_of(labels: Mapping[str, str]) -> str:
    """The project that a record belongs to, empty where it belongs to none."""
    return labels.get(PROJECT, "")


def pending_of(labels: Mapping[str, str]) -> str:
    """The request that made a key whose id was not put into its place yet; empty where that is done."""
    return labels.get(PENDING, "")


def all_ours(state: State, project: str) -> Iterator[tuple[str, str, Known]]:
    """Collection, name in the files, and record of whatever is ours."""
    for collection, records in state.named.items():
        for record_id, known in records.items():
            if is_ours(known.record["labels"], project):
                yield collection, record_id, known
    for address, keys in state.keys.items():
        for known in keys:
            yield "keys", address, known


def _apis_of(holder: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(grant["api"] for grant in holder["grants"])
