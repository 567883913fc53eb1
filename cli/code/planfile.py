"""A plan in a file, to be shown now and applied later. It holds references to secrets, never a secret."""

import json
from pathlib import Path
from typing import Any

from cli.code.plan import Change, Difference, Plan
from cli.exits import CommandError, ExitCode
from cli.private_files import write_private

FORMAT = 1


def write_plan(plan: Plan, path: Path) -> None:
    write_private(path, json.dumps({"format": FORMAT} | as_json(plan), indent=1) + "\n")


def as_json(plan: Plan) -> dict[str, Any]:
    """A plan for programs."""
    changes = [
        change._asdict() | {"differences": [difference._asdict() for difference in change.differences]}
        for change in plan.changes
    ]
    return plan._asdict() | {"changes": changes}


def read_plan(path: Path) -> Plan:
    """The plan of a file. Raises a CommandError where it is none of ours."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return _read(values)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", ExitCode.NOT_FOUND) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"{path} is not a plan of this version of tollgate; make it anew with `tollgate plan --out`."
        raise CommandError(message, ExitCode.INVALID) from None


def _read(values: dict[str, Any]) -> Plan:
    if values.pop("format") != FORMAT:
        raise ValueError
    changes = tuple(_read_change(change) for change in values.pop("changes"))
    return Plan(**values | {"changes": changes, "notes": tuple(values["notes"])})


def _read_change(values: dict[str, Any]) -> Change:
    differences = tuple(Difference(**difference) for difference in values.pop("differences"))
    return Change(**values, differences=differences)
