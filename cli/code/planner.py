"""Make a plan: compare what files declare with what the server has."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cli.code.effects import count_of, effect_of
from cli.code.files import COLLECTIONS, Mistake, MistakesError
from cli.code.plan import CREATE, DELETE, FINISH, ROTATE, UPDATE, Change, Difference, Plan
from cli.code.project import Credential, Declared, Project
from cli.code.records import KEY, NAMES, PENDING, PROJECT, essentials, shorten
from cli.code.state import Known, State, all_ours, owner_of, pending_of
from cli.exits import CommandError
from cli.material import thumbprint

Object = dict[str, Any]


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
                f"{count_of(self._foreign, 'record')} of these files existed before: kept up to date, never pruned;"
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
                effect=effect_of(declared.collection, declared.address, before, after, self._state),
                place=declared.place,
            )

    def _of_key(self, declared: Declared) -> Iterator[Change]:
        credential = declared.credential
        known = self._known_key(declared, credential)
        if known is not None:
            yield from self._of_known_key(declared, known, credential)
        elif not credential.key_hash:
            yield self._create(declared, self._labelled(declared.record, declared.address), credential)

    def _of_known_key(self, declared: Declared, known: Known, credential: Credential) -> Iterator[Change]:
        before, after = known.record, self._wanted(declared, known)
        if pending_of(before["labels"]):
            before = before | {"labels": _without(before["labels"], PENDING)}
            made = self._labelled(declared.record, declared.address)
            yield self._change(FINISH, declared, known, credential, made, effect="its id is put into its place")
        differences = tuple(compare("keys", before, after))
        if differences:
            body = {name: after[name] if after[name] != "" else None for name in after if before[name] != after[name]}
            body |= {name: _patch(before[name], after[name]) for name in body.keys() & {"labels", "metadata"}}
            effect = effect_of("keys", declared.address, before, after, self._state)
            yield self._change(UPDATE, declared, known, credential, body, differences, effect)
        yield from self._rotation(declared, known, credential)

    def _wanted(self, declared: Declared, known: Known) -> Object:
        """What a key that exists is to be: with our labels where it is ours, and the expiry that a policy gave it."""
        record, before = declared.record, known.record
        is_ours = bool(owner_of(before["labels"])) or self._adopt
        self._foreign += not is_ours
        after = self._labelled(record, declared.address) if is_ours else record
        if not record["expires_at"] and self._expires_by_policy(record["policies"]):
            return after | {"expires_at": before["expires_at"]}
        return after

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
                f"{count_of(len(gone), 'record')} of this project no longer in its files; --prune removes what is gone."
            )
            return
        for collection, address, known in gone:
            effect = effect_of(collection, address, known.record, {}, self._state)
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
