"""Builds the expressions of one conditional UpdateItem."""

from functools import lru_cache
from typing import NamedTuple

VERSION = "v"  # of the key; every gate has it
OWNER_VERSION = 1  # the gate that an owner's keys share has one version for ever
_MAX_BOUNDS = 40  # sub-windows bounded one by one: DynamoDB allows 300 operators, 4 KB a condition


@lru_cache(maxsize=1024)
def _place(kind: str, number: int) -> str:
    return f"{kind}{number}"


class GateWrite(NamedTuple):
    """One conditional UpdateItem. `names` and `values` map placeholders (`#a`, `:a`)."""

    condition: str
    update: str
    names: dict[str, str]
    values: dict[str, int | str]


class Builder:
    """Collects the parts of a write and hands out placeholders."""

    def __init__(self) -> None:
        self._conditions: list[str] = []
        self._assignments: list[str] = []
        self._additions: list[str] = []
        self._removals: dict[str, None] = {}
        self._names: dict[str, str] = {}
        self._values: dict[str, int | str] = {}
        self.bounds_left = _MAX_BOUNDS

    def require(self, attribute: str, value: int | str) -> None:
        self._conditions.append(f"{self._name(attribute)} = {self._value(value)}")

    def require_same(self, attribute: str, seen: int | str | None) -> None:
        """Require what was seen; None stands for an attribute that was not there."""
        if seen is None:
            self._conditions.append(f"attribute_not_exists({self._name(attribute)})")
        else:
            self.require(attribute, seen)

    def require_at_most(self, attribute: str, bound: int, *, or_absent: bool) -> None:
        name = self._name(attribute)
        within = f"{name} <= {self._value(bound)}"
        absent = f"attribute_not_exists({name}) OR "
        self._conditions.append(f"({absent}{within})" if or_absent and bound >= 0 else within)

    def require_never(self) -> None:
        """A condition that no gate meets, so that the item found tells why."""
        self._conditions.append(f"attribute_not_exists({self._name(VERSION)})")

    def assign(self, attribute: str, value: int | str) -> None:
        """Set an attribute, also one that was to be removed: an update may name it once."""
        name = self._name(attribute)
        self._removals.pop(name, None)
        self._assignments.append(f"{name} = {self._value(value)}")

    def copy(self, attribute: str, source: str) -> None:
        """Set an attribute to what another one holds before the write."""
        self._assignments.append(f"{self._name(attribute)} = {self._name(source)}")

    def add(self, attribute: str, value: int) -> None:
        self._additions.append(f"{self._name(attribute)} {self._value(value)}")

    def remove(self, attribute: str) -> None:
        self._removals[self._name(attribute)] = None

    def build(self) -> GateWrite:
        clauses = (("SET", self._assignments), ("ADD", self._additions), ("REMOVE", list(self._removals)))
        return GateWrite(
            condition=" AND ".join(self._conditions),
            update=" ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses if parts),
            names={placeholder: attribute for attribute, placeholder in self._names.items()},
            values=self._values,
        )

    def _name(self, attribute: str) -> str:
        known = self._names.get(attribute)
        if known is None:
            known = self._names[attribute] = _place("#", len(self._names))
        return known

    def _value(self, value: int | str) -> str:
        placeholder = _place(":", len(self._values))
        self._values[placeholder] = value
        return placeholder
