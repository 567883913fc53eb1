"""Make a plan so, change by change.

A run that is cut off anywhere is continued by running it again: what was made is found by its
labels. The one thing that the API shows only once is put into its place safely:

- Material is made on this machine and put into its place before the key that uses it is made.
- An opaque key is made under the label `tollgate.pending`; its id is put into its place, then the
  label goes. Where the run ends between the two, the next one asks for the same answer again (the
  request has an Idempotency-Key), or, too late for that, gives the key a new id.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from cli.api import AdminApi, ApiError, segment
from cli.code.plan import CREATE, DELETE, FINISH, ROTATE, UPDATE, Change, Plan
from cli.code.project import Credential
from cli.code.records import PENDING
from cli.exits import CommandError, ExitCode
from cli.material import Place, generate, public_part, thumbprint

KEPT_ANSWER = timedelta(hours=20)  # the API keeps answers for a day
Object = dict[str, Any]


class Outcome(NamedTuple):
    """What became of a change; no problem: it is done."""

    change: Change
    problem: str = ""
    was_tried: bool = True


def apply_plan(plan: Plan, api: AdminApi, on_outcome: Callable[[Outcome], None]) -> list[Outcome]:
    """Make every change, one after the other; what fails does not stop the others.

    Where the API is out of reach, or knows our key no longer, the rest is left.
    """
    outcomes: list[Outcome] = []
    applier = _Applier(plan, api)
    for place, change in enumerate(plan.changes):
        try:
            applier.make(change)
            outcome = Outcome(change)
        except CommandError as error:
            outcome = Outcome(change, str(error))
            if _ends_the_run(error):
                on_outcome(outcome)
                return [*outcomes, outcome, *map(_untried, plan.changes[place + 1 :])]
        on_outcome(outcome)
        outcomes.append(outcome)
    return outcomes


def cut_off(changes: Sequence[Change]) -> list[Outcome]:
    """What became of the changes of a run that was interrupted: of the first, nobody knows."""
    return [Outcome(change, "was cut off, and may be done") for change in changes[:1]] + [*map(_untried, changes[1:])]


def _untried(change: Change) -> Outcome:
    return Outcome(change, "was not tried", was_tried=False)


def _ends_the_run(error: CommandError) -> bool:
    """Whether the next change would fail alike."""
    is_unknown = isinstance(error, ApiError) and error.status == HTTPStatus.UNAUTHORIZED
    return is_unknown or error.code == ExitCode.UNAVAILABLE


class _Applier:
    def __init__(self, plan: Plan, api: AdminApi) -> None:
        self._plan = plan
        self._api = api
        self._folder = Path(plan.folder)
        self._versions: dict[tuple[str, str], int] = {}  # of what this run changed

    def make(self, change: Change) -> None:
        ways = {
            CREATE: self._create_key if change.collection == "keys" else self._put_new,
            UPDATE: self._patch_key if change.collection == "keys" else self._put,
            ROTATE: self._rotate,
            FINISH: self._finish,
            DELETE: self._delete,
        }
        ways[change.action](change)

    # --- policies, issuers, APIs, the catalogue ------------------------------------------------

    def _put_new(self, change: Change) -> None:
        """Make a record, unless somebody made one of its id since the plan."""
        try:
            self._api.get(_path(change.collection, change.address))
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
        else:
            raise CommandError("exists by now, since the plan was made; plan anew.")
        self._api.put(_path(change.collection, change.address), change.body)

    def _put(self, change: Change) -> None:
        self._api.put(_path(change.collection, change.record_id), change.body, version=change.version)

    def _delete(self, change: Change) -> None:
        try:
            self._api.delete(_path(change.collection, change.record_id), version=self._version(change))
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    # --- keys ----------------------------------------------------------------------------------

    def _create_key(self, change: Change) -> None:
        credential = Credential(**change.credential)
        if credential.is_opaque:
            self._create_opaque(change, credential)
            return
        data = self._make(change, credential) if credential.is_generated else credential.material(self._folder)
        body = change.body | {"key_id": self._key_id(change, credential), "jwt_data": data | credential.rules}
        self._api.post("/keys", body)

    def _create_opaque(self, change: Change, credential: Credential) -> None:
        place = self._place(change, credential)
        place.read()  # a place that cannot be reached shows before the key is made
        request = str(uuid4())
        made = self._api.post("/keys", _pending_body(change, request), once=request)
        self._keep_id(change, place, made)

    def _finish(self, change: Change) -> None:
        """Put the id of an opaque key where it belongs; nobody has it yet."""
        place = self._place(change, Credential(**change.credential))
        shown = self._api.get(_path("keys", change.record_id))
        request = shown["labels"].get(PENDING)
        if request is None:
            return
        kept = place.read()
        made = shown if kept.get("key_hash") == change.record_id else self._made_again(change, shown, request)
        self._keep_id(change, place, made, is_kept=made is shown)

    def _made_again(self, change: Change, shown: Object, request: str) -> Object:
        """The answer that showed the id, once more; or a new id where that is over."""
        age = datetime.now(UTC) - datetime.fromisoformat(shown["created_at"])
        if age < KEPT_ANSWER and change.body:
            try:
                made = self._api.post("/keys", _pending_body(change, request), once=request)
            except ApiError as error:
                if error.status != HTTPStatus.CONFLICT:
                    raise
            else:
                return made | {"version": shown["version"]}
        path = f"{_path('keys', change.record_id)}/replace"
        return self._api.post(path, {"grace_seconds": 0}, version=shown["version"])

    def _keep_id(self, change: Change, place: Place, made: Object, *, is_kept: bool = False) -> None:
        if not is_kept:
            place.write({"key_hash": made["key_hash"], "key_id": made["key_id"]})
        done = self._api.patch(_path("keys", made["key_hash"]), {"labels": {PENDING: None}}, version=made["version"])
        self._versions["keys", change.address] = done["version"]

    def _patch_key(self, change: Change) -> None:
        done = self._api.patch(_path("keys", change.record_id), change.body, version=self._version(change))
        self._versions["keys", change.address] = done["version"]

    def _rotate(self, change: Change) -> None:
        credential = Credential(**change.credential)
        path = _path("keys", change.record_id)
        data = self._material(change, credential)
        newest: Object = next(iter(self._api.get(path)["credentials"]), {})
        is_same = newest.get("thumbprint") == thumbprint(data) and newest.get("algorithm") == data["algorithm"]
        grace = 0 if is_same else credential.rotation_grace_seconds  # the same material needs no older one beside it
        body = {"jwt_data": data | credential.rules, "grace_seconds": grace}
        done = self._api.post(f"{path}/rotate", body, version=self._version(change))
        self._versions["keys", change.address] = done["version"]

    def _material(self, change: Change, credential: Credential) -> Object:
        """What a rotation puts in force; generated material of the right algorithm is taken from its place."""
        if not credential.is_generated:
            return credential.material(self._folder)
        kept = self._place(change, credential).read().get("jwt_data") or {}
        return public_part(kept) if kept.get("algorithm") == credential.algorithm else self._make(change, credential)

    def _make(self, change: Change, credential: Credential) -> Object:
        """New material, put into its place before anything knows it."""
        data = generate(credential.algorithm)
        self._place(change, credential).write({"key_id": self._key_id(change, credential), "jwt_data": data})
        return public_part(data)

    def _key_id(self, change: Change, credential: Credential) -> str:
        return credential.key_id or f"{self._plan.project}.{change.address}"

    def _place(self, change: Change, credential: Credential) -> Place:
        return credential.place(self._folder, self._plan.store, change.address)

    def _version(self, change: Change) -> int:
        return self._versions.get((change.collection, change.address), change.version)


def report(outcomes: list[Outcome]) -> Iterator[str]:
    """What was done, what was not and why, and how to go on."""
    failed = [outcome for outcome in outcomes if outcome.problem and outcome.was_tried]
    left = sum(not outcome.was_tried for outcome in outcomes)
    done = len(outcomes) - len(failed) - left
    for outcome in failed:
        place = f"{outcome.change.place}: " if outcome.change.place else ""
        yield f"{place}{outcome.change.action} {outcome.change.title}: {outcome.problem}"
    yield f"{done} of {len(outcomes)} changes are made." if failed or left else f"All {done} changes are made."
    if failed or left:
        yield "Run the same command again to go on: what is made is not made twice."


def _path(collection: str, record_id: str) -> str:
    return f"/{collection}/{segment(record_id)}"


def _pending_body(change: Change, request: str) -> Object:
    return change.body | {"labels": change.body["labels"] | {PENDING: request}}
