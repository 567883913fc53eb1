"""An integration that answers 429 for limited requests."""

from typing import Any

from tollgate_limits import tollgate_limits


@tollgate_limits
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer with the caller's owner."""
    return {"owner": event["requestContext"]["authorizer"]["lambda"]["owner"]}
