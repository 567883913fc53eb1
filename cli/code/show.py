"""A plan in words: `+` is made, `~` changes, `-` goes, as Terraform shows it."""

import json
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from cli.code.plan import CREATE, DELETE, FINISH, ROTATE, UPDATE, Change, Difference, Plan
from cli.output import console, plain

SIGNS = {CREATE: "+", UPDATE: "~", ROTATE: "~", FINISH: "~", DELETE: "-"}
STYLES = {"+": "green", "~": "yellow", "-": "red"}
MAX_ALIKE = 20  # new keys that are shown in full; the rest is counted
_VERBS = {ROTATE: " is rotated", FINISH: " is finished"}


def show_plan(plan: Plan, *, whole: bool = False) -> None:
    """Every change with its members, the notes, and the sum."""
    out = console()
    for line in _lines(plan, whole=whole):
        out.print(line, soft_wrap=True)
    for note in plan.notes:
        out.print(plain(f"Note: {note}", "dim"), soft_wrap=True)
    out.print(plain(summary(plan), "bold"), soft_wrap=True)


def summary(plan: Plan) -> str:
    """The sum of a plan, in one line."""
    made, changed, removed = plan.count(CREATE), plan.count(UPDATE, ROTATE, FINISH), plan.count(DELETE)
    if not plan.changes:
        return f"No changes: {plan.unchanged} records are as the files say."
    return f"Plan: {made} to make, {changed} to change, {removed} to remove; {plan.unchanged} stay as they are."


def _lines(plan: Plan, *, whole: bool) -> Iterator[Text]:
    new_keys = 0
    for change in plan.changes:
        if change.action == CREATE and change.collection == "keys":
            new_keys += 1
            if new_keys > MAX_ALIKE and not whole:
                continue
        yield from _lines_of(change)
    if new_keys > MAX_ALIKE and not whole:
        yield plain(f"+ … and {new_keys - MAX_ALIKE} more new keys (--whole shows them)", STYLES["+"])


def _lines_of(change: Change) -> Iterator[Text]:
    sign = SIGNS[change.action]
    head = f"{sign} {change.title}{_VERBS.get(change.action, '')}"
    place = f"  {change.place}" if change.place else ""
    effect = f"  ({change.effect})" if change.effect else ""
    yield Text.assemble(plain(head, STYLES[sign]), plain(place, "dim"), plain(effect))
    for difference in change.differences:
        yield from _lines_of_difference(difference, is_new=change.action == CREATE)


def _lines_of_difference(difference: Difference, *, is_new: bool) -> Iterator[Text]:
    name, before, after = difference
    if is_new:
        yield Text.assemble(plain(f"    + {name}: "), plain(_short(after)))
    elif _is_list_of_records(before) or _is_list_of_records(after):
        yield plain(f"    ~ {name}:", STYLES["~"])
        yield from (
            plain(f"        - {_short(member)}", "red") for member in before or () if member not in (after or ())
        )
        yield from (
            plain(f"        + {_short(member)}", "green") for member in after or () if member not in (before or ())
        )
    else:
        yield Text.assemble(plain(f"    ~ {name}: ", STYLES["~"]), plain(f"{_short(before)} -> {_short(after)}"))


def _is_list_of_records(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(member, dict) for member in value)


def _short(value: Any) -> str:
    """A value in one line, without what says nothing."""
    if value is None or value == "":
        return "none"
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_short(member)}" for name, member in value.items() if member != "") + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_short, value)) + "]"
    return json.dumps(value)
