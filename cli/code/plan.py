"""The plan: which changes lead from what the server has to what the files declare.

    create   a record that the server does not have
    update   a record that differs; keys by a merge patch, the others as a whole
    rotate   a key whose material, or what it asks of tokens, differs
    finish   a key that was made, but whose id did not reach its place: the run was cut off there
    delete   a record of ours that the files no longer have; with --prune only

A change holds what is sent and what was seen, and no secret: material stays a reference until it is sent.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cli.code.files import COLLECTIONS, Mistake, MistakesError
from cli.code.project import Credential, Declared, Project
from cli.code.records import KEY, NAMES, PENDING, PROJECT, essentials, shorten
from cli.code.state import Known, State, all_ours, owner_of, pending_of
from cli.exits import CommandError
from cli.material import thumbprint

CREATE, UPDATE, ROTATE, FINISH, DELETE = "create", "update", "rotate", "finish", "delete"
Object = dict[str, Any]


class Difference(NamedTuple):
    """A member that changes. None: it was not, or will not be, there."""

    field: str
    before: Any
    after: Any


class Change(NamedTuple):
    """One change of one record."""

    action: str
    collection: str
    address: str  # its name in the files
    record_id: str = ""  # of a record that exists
    version: int = 0  # the one that was seen
    body: Object = {}  # noqa: RUF012 - never mutated
    credential: Object = {}  # noqa: RUF012 - never mutated; a Credential, by name
    differences: tuple[Difference, ...] = ()
    effect: str = ""  # what it means, and for how many keys
    place: str = ""  # file:line

    @property
    def title(self) -> str:
        return f"{NAMES[self.collection]} {self.address}"


class Plan(NamedTuple):
    """What is to be done, in the order in which it is done."""

    url: str
    project: str
    folder: str
    store: Object
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()
    unchanged: int = 0

    def count(self, *actions: str) -> int:
        return sum(change.action in actions for change in self.changes)


class Wishes(NamedTuple):
    """How a plan is made."""

    prune: bool = False  # remove what is ours and no longer in the files
    adopt: bool = False  # take over what was there before
    reads_secrets: bool = True  # so that a secret that differs is seen


def make_plan(project: Project, state: State, url: str, wishes: Wishes) -> Plan:
    """Compare files and server. Raises MistakesError where the files do not fit what is there."""
    return _Planner(project, state, wishes).plan(url)


class _Planner:
    def __init__(self, project: Project, state: State, wishes: Wishes) -> None:
        self._project = project
        self._state = state
        self._prune, self._adopt, self._reads_secrets = wishes
        self._mistakes: list[Mistake] = []
        self._notes: list[str] = []
        self._foreign = 0
        self._unchanged = 0

    def plan(self, url: str) -> Plan:
        changes = [change for collection in COLLECTIONS for change in self._of(collection)]
        removals = list(self._removals())
        if self._mistakes:
            raise MistakesError(self._mistakes)
        if self._foreign:
            self._notes.append(
                f"{_count(self._foreign, 'record')} of these files existed before: kept up to date, never pruned;"
                " --adopt takes over."
            )
        return Plan(
            url,
            self._project.name,
            str(self._project.folder.resolve()),
            self._project.store,
            tuple(_in_order(changes, removals)),
            tuple(self._notes),
            self._unchanged,
        )

    def _of(self, collection: str) -> Iterator[Change]:
        for declared in self._project.of(collection):
            if collection in self._state.missing:
                self._mistake(declared, "", f"this server has no {collection}")
                continue
            self._check_references(declared)
            changes = list(self._of_key(declared) if collection == "keys" else self._of_named(declared))
            self._unchanged += not changes
            yield from changes

    def _of_named(self, declared: Declared) -> Iterator[Change]:
        known = self._state.named[declared.collection].get(declared.address)
        record = declared.record
        if known is None:
            yield self._create(declared, self._labelled(record))
            return
        before = known.record
        project = owner_of(before["labels"])
        if project and project != self._project.name:
            self._mistake(
                declared, "", f"belongs to the project {project}; take it out of these files, or out of those"
            )
            return
        after = self._labelled(record) if project or self._adopt else record
        self._foreign += not project and not self._adopt
        differences = tuple(compare(declared.collection, before, after))
        if differences:
            yield Change(
                UPDATE,
                declared.collection,
                declared.address,
                known.record_id,
                known.version,
                body=after,
                differences=differences,
                effect=self._effect(declared.collection, declared.address, before, after),
                place=declared.place,
            )

    def _of_key(self, declared: Declared) -> Iterator[Change]:
        credential = declared.credential
        known = self._known_key(declared, credential)
        record = declared.record
        if known is None:
            if not credential.key_hash:
                yield self._create(declared, self._labelled(record, declared.address), credential)
            return
        before = known.record
        is_ours = bool(owner_of(before["labels"]))
        after = self._labelled(record, declared.address) if is_ours or self._adopt else record
        self._foreign += not is_ours and not self._adopt
        if not record["expires_at"] and self._expires_by_policy(record["policies"]):
            after = after | {"expires_at": before["expires_at"]}
        if pending_of(before["labels"]):
            before = before | {"labels": _without(before["labels"], PENDING)}
            made = self._labelled(record, declared.address)
            yield self._change(FINISH, declared, known, credential, made, effect="its id is put into its place")
        differences = tuple(compare("keys", before, after))
        if differences:
            body = {name: after[name] if after[name] != "" else None for name in after if before[name] != after[name]}
            body |= {name: _patch(before[name], after[name]) for name in body.keys() & {"labels", "metadata"}}
            yield self._change(
                UPDATE, declared, known, credential, body, differences, self._effect("keys", "", before, after)
            )
        yield from self._rotation(declared, known, credential)

    def _known_key(self, declared: Declared, credential: Credential) -> Known | None:
        if credential.key_hash:
            known = self._state.by_hash.get(credential.key_hash)
            if known is None:
                self._mistake(declared, "key_hash", "names no key of this server; leave it out to make a new one")
            elif owner_of(known.record["labels"]) not in {"", self._project.name}:
                project = owner_of(known.record["labels"])
                self._mistake(declared, "key_hash", f"names a key of the project {project}")
            return known
        found = self._state.keys.get(declared.address, [])
        if len(found) > 1:
            hashes = " and ".join(known.record_id for known in found)
            self._mistake(declared, "", f"{hashes} both have its label; take it from all but one")
        return found[0] if found else None

    def _rotation(self, declared: Declared, known: Known, credential: Credential) -> Iterator[Change]:
        """New material, or the same with other rules for its tokens."""
        if not credential.jwt_data:
            if credential.is_opaque and known.credential.algorithm:
                self._mistake(
                    declared, "", "is not opaque on the server; give its jwt_data, or remove it and name another"
                )
            return
        current = known.credential
        if not current.algorithm:
            self._mistake(declared, "jwt_data", "the key is opaque on the server; remove it and name another")
            return
        differences = [
            Difference(f"jwt_data.{rule}", current.rules.get(rule), value)
            for rule, value in credential.rules.items()
            if (current.rules.get(rule) or None) != (value or None)
        ]
        if credential.algorithm != current.algorithm:
            differences.append(Difference("jwt_data.algorithm", current.algorithm, credential.algorithm))
        elif self._is_other_material(declared, credential, current.thumbprint):
            differences.append(Difference("jwt_data", "the material in force", "other material"))
        if differences:
            grace = credential.rotation_grace_seconds
            effect = f"older material verifies for {grace} s more" if grace else "older material ends at once"
            yield self._change(ROTATE, declared, known, credential, {}, tuple(differences), effect)

    def _is_other_material(self, declared: Declared, credential: Credential, current: str) -> bool:
        """Whether the files name other material than what is in force; generated material is left alone."""
        if credential.is_generated or ("secret" in credential.jwt_data and not self._reads_secrets):
            return False
        try:
            return thumbprint(credential.material(self._project.folder)) != current
        except CommandError as error:
            self._mistake(declared, "jwt_data.secret", str(error))
        except ValueError:
            self._mistake(declared, "jwt_data.secret", "is not base64url")
        return False

    def _create(self, declared: Declared, body: Object, credential: Credential | None = None) -> Change:
        differences = tuple(compare(declared.collection, {}, essentials(declared.collection, body)))
        if credential and "secret" in credential.jwt_data:
            self._is_other_material(declared, credential, "")
        return Change(
            CREATE,
            declared.collection,
            declared.address,
            body=body,
            credential=credential._asdict() if credential else {},
            differences=differences,
            place=declared.place,
        )

    @staticmethod
    def _change(
        action: str,
        declared: Declared,
        known: Known,
        credential: Credential,
        body: Object | None = None,
        differences: tuple[Difference, ...] = (),
        effect: str = "",
    ) -> Change:
        return Change(
            action,
            declared.collection,
            declared.address,
            known.record_id,
            known.version,
            body or {},
            credential._asdict(),
            differences,
            effect,
            declared.place,
        )

    def _removals(self) -> Iterator[Change]:
        """What is ours and no longer in the files."""
        gone = [
            (collection, address, known)
            for collection, address, known in all_ours(self._state, self._project.name)
            if (collection, address) not in self._project.entries
        ]
        if gone and not self._prune:
            self._notes.append(
                f"{_count(len(gone), 'record')} of this project no longer in its files; --prune removes what is gone."
            )
            return
        for collection, address, known in gone:
            effect = self._effect(collection, address, known.record, {})
            yield Change(DELETE, collection, address, known.record_id, known.version, effect=effect)

    def _check_references(self, declared: Declared) -> None:
        """What a record names is in the files, or on the server and stays there."""
        record = declared.record
        policies = [*record.get("policies", ()), *record.get("default_policies", ())]
        policies += list(record.get("scope_policies", {}).values())
        named = [("policies", policy) for policy in policies]
        if declared.collection == "apis":
            named += [("issuers", issuer) for issuer in record["issuers"]]
        for collection, record_id in dict.fromkeys(named):
            if (collection, record_id) not in self._project.entries:
                known = self._state.named[collection].get(record_id)
                goes = known is not None and self._prune and owner_of(known.record["labels"]) == self._project.name
                if known is None or goes:
                    noun = NAMES[collection]
                    self._mistake(
                        declared, "", f"names the {noun} {record_id}, which is neither here nor on the server"
                    )

    def _expires_by_policy(self, policies: list[str]) -> bool:
        for policy in policies:
            declared = self._project.entries.get(("policies", policy))
            known = self._state.named["policies"].get(policy)
            record = declared.record if declared else known.record if known else {}
            if record.get("key_expires_in_seconds"):
                return True
        return False

    def _labelled(self, record: Object, address: str = "") -> Object:
        ours = {PROJECT: self._project.name} | ({KEY: address} if address else {})
        return record | {"labels": record["labels"] | ours}

    def _effect(self, collection: str, address: str, before: Object, after: Object) -> str:
        """What a change means, and for how many keys."""
        if collection == "keys":
            if not after:
                return "refused from its next request on"
            if before["enabled"] != after["enabled"]:
                return "accepted again" if after["enabled"] else "refused from its next request on"
            return ""
        if collection == "policies":
            return _say_policy(before, after, self._state.policy_users[address])
        if collection == "apis":
            names = {address, *before.get("gateways", ()), *after.get("gateways", ())}
            users = f"{_keys(self._state.users_of_api(names))} may call it"
            return users if after else f"{users}, by the defaults from then on"
        return "every identity of it" if collection == "issuers" else ""

    def _mistake(self, declared: Declared, field: str, message: str) -> None:
        file, _, line = declared.place.rpartition(":")
        name = ".".join(filter(None, (declared.collection, declared.address, field)))
        self._mistakes.append(Mistake(file, int(line), name, message))


def compare(collection: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    """The members in which two records differ, as somebody would write them; of mappings, member by member."""
    for name, value in after.items():
        old = before.get(name)
        if old == value:
            continue
        old, value = shorten(collection, name, old), shorten(collection, name, value)  # noqa: PLW2901 - only shorter
        if isinstance(value, dict) and isinstance(old or {}, dict):
            yield from _compare_members(name, old or {}, value)
        else:
            yield Difference(name, old, value)


def _compare_members(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for member in sorted(before.keys() | after.keys()):
        if before.get(member) != after.get(member):
            yield Difference(f"{name}.{member}", before.get(member), after.get(member))


def _say_policy(before: Object, after: Object, users: int) -> str:
    if not after or not users:
        return _uses(users)
    if before["active"] and not after["active"]:
        return f"{_keys(users)} are refused" if users > 1 else "1 key is refused"
    said = [
        words
        for members, words in (
            (("grants",), "may call something else"),
            (("rate_limits", "quotas", "counting"), "get other limits"),
            (("active",), "are accepted again"),
        )
        if any(before[member] != after[member] for member in members)
    ]
    return f"{_keys(users)}: {', '.join(said)}" if said else _uses(users)


def _uses(users: int) -> str:
    return f"{_keys(users)} use{'s' if users == 1 else ''} it"


def _keys(count: int) -> str:
    return _count(count, "key")


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _patch(before: Mapping[str, str], after: Mapping[str, str]) -> Object:
    """The merge patch (RFC 7396) that leads from one mapping to another."""
    gone: Object = dict.fromkeys(before.keys() - after.keys())
    return gone | {name: value for name, value in after.items() if before.get(name) != value}


def _without(labels: Mapping[str, str], name: str) -> dict[str, str]:
    return {label: value for label, value in labels.items() if label != name}


def _in_order(changes: list[Change], removals: list[Change]) -> Iterator[Change]:
    """What others need comes first, what others needed goes last; a gateway is given up before it is taken."""
    takes_gateways = any(_gateways(change, "after") for change in changes)
    early = {change.address for change in removals if change.collection == "apis" and takes_gateways}
    yield from (change for change in removals if change.collection == "apis" and change.address in early)
    for collection in COLLECTIONS:
        of_kind = [change for change in changes if change.collection == collection]
        yield from sorted(of_kind, key=lambda change: not _gateways(change, "before") - _gateways(change, "after"))
    for collection in reversed(COLLECTIONS):
        yield from (
            change
            for change in removals
            if change.collection == collection and not (collection == "apis" and change.address in early)
        )


def _gateways(change: Change, side: str) -> set[str]:
    if change.collection != "apis":
        return set()
    return {
        gateway
        for difference in change.differences
        if difference.field == "gateways"
        for gateway in getattr(difference, side) or ()
    }
