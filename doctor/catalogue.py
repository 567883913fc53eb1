"""The table of checks as the page docs/doctor.md shows it."""

from doctor.checks import TOPICS
from doctor.checks.check import Check


def catalogue() -> str:
    """A section a topic, a row a check."""
    return "\n".join(_section(topic, checks) for topic, checks in TOPICS.items())


def _section(topic: str, checks: tuple[Check, ...]) -> str:
    rows = "".join(_row(check) for check in checks)
    return f"### {topic}\n\n| check | | what is wrong | what to do |\n| --- | --- | --- | --- |\n{rows}"


def _row(check: Check) -> str:
    cells = (f"`{check.id}`", check.severity.value, check.wrong, _remedies(check))
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |\n"


def _escaped(cell: str) -> str:
    """What Markdown would take for a border of the table, or for an element."""
    return cell.replace("|", r"\|").replace("<", "&lt;").replace("&lt;br>", "<br>")


def _remedies(check: Check) -> str:
    """One for all, or each with the form that it is for."""
    sam, cloudformation, terraform = check.remedy
    others = [(form, text) for form, text in (("CloudFormation", cloudformation), ("Terraform", terraform)) if text]
    return "<br>".join([f"SAM: {sam}" if others else sam, *(f"{form}: {text}" for form, text in others)])
