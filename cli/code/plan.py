"""The plan: which changes lead from what the server has to what the files declare.

    create   a record that the server does not have
    update   a record that differs; keys by a merge patch, the others as a whole
    rotate   a key whose material, or what it asks of tokens, differs
    finish   a key that was made, but whose id did not reach its place: the run was cut off there
    delete   a record of ours that the files no longer have; with --prune only

A change holds what is sent and what was seen, and no secret: material stays a reference until it is sent.
"""

from typing import Any, NamedTuple

from cli.code.records import NAMES

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
