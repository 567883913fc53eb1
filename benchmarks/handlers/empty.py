"""An authorizer that does nothing: the floor under every Python handler."""

from typing import Any


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Allow."""
    return {"isAuthorized": True}
