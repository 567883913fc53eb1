"""What a check is, and what it finds."""

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from doctor.model import Api, Kind, Place, Stack
from doctor.template import Form


class Severity(Enum):
    """How much a mistake bites."""

    ERROR = "error"  # requests pass uncounted, are refused, or the deployment fails
    WARNING = "warning"  # it works, but not as one would expect


ERROR, WARNING = Severity.ERROR, Severity.WARNING


class Fault(NamedTuple):
    """A mistake at a place; `detail` says what in particular."""

    place: Place
    detail: str = ""
    form: Form | None = None  # of its API


class Remedy(NamedTuple):
    """What to do, in the words of each form; CloudFormation takes SAM's, and Terraform its, where it has none."""

    sam: str
    cloudformation: str = ""
    terraform: str = ""

    def for_form(self, form: Form) -> str:
        own = {Form.CLOUDFORMATION: self.cloudformation, Form.TERRAFORM: self.terraform or self.cloudformation}
        return own.get(form) or self.sam


Find = Callable[[Stack], Iterable[Fault]]


class Check(NamedTuple):
    """A mistake that a template can make: its name, how it bites, what is wrong, what to do, and how it is found."""

    id: str
    severity: Severity
    find: Find
    wrong: str
    remedy: Remedy


def of_each(find: Callable[[Api], Iterable[Fault]], *kinds: Kind) -> Find:
    """Of each API that asks Tollgate or was meant to, of some kinds or of all."""

    def found(stack: Stack) -> Iterator[Fault]:
        for api in stack.apis:
            if api.is_protected and (not kinds or api.kind in kinds):
                yield from (fault._replace(form=api.form) for fault in find(api))

    return found


def of_any(find: Callable[[Api], Iterable[Fault]]) -> Find:
    """Of each API, also of those that ask somebody else."""
    return lambda stack: (fault._replace(form=api.form) for api in stack.apis for fault in find(api))
