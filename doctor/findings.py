"""What a check tells."""

from typing import NamedTuple


class Finding(NamedTuple):
    """A mistake at a line, and what to do about it."""

    line: int
    code: str
    mistake: str
    remedy: str
