"""The one interface through which both clients speak."""

from typing import Any, Protocol


class Client(Protocol):
    """A client of one AWS service with a JSON protocol."""

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Perform an operation, in the service's own JSON. Raises a StoreError."""
        ...
