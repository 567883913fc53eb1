"""Why something may not be given, as a value."""

from enum import Enum
from typing import NamedTuple


class Ground(Enum):
    """What a refusal rests on, and so which status it has."""

    RIGHTS = "rights"  # of who asks: 403
    INPUT = "input"  # nobody may: 400
    STATE = "state"  # of what is stored: 409


class Refusal(NamedTuple):
    """`detail` names the right that is missing, or the rule; `field` the member of the body, where it is the input."""

    ground: Ground
    detail: str
    field: str = ""


def forbid(detail: str) -> Refusal:
    """Who asks has no right to it."""
    return Refusal(Ground.RIGHTS, detail)
