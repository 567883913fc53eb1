"""Which records a list shows by their labels."""

from collections.abc import Mapping
from typing import NamedTuple


class LabelFilter(NamedTuple):
    """A label that records must have; `value` None: whatever it says."""

    name: str
    value: str | None = None

    def covers(self, labels: Mapping[str, str]) -> bool:
        return self.name in labels and self.value in {None, labels[self.name]}
