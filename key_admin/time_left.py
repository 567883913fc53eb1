"""How much of the function's time a request may take before it must have answered."""

from collections.abc import Callable
from typing import Any

from store.client import Client

LEAST_MS = 5_000  # what must be left to begin something: a call to the table may take as long, see store/boto.py


class OutOfTimeError(Exception):
    """Too little time is left for one more call."""


def has_time_left(context: Any) -> bool:
    """Whether something more may be begun; `context` is Lambda's."""
    left_ms: int = context.get_remaining_time_in_millis()
    return left_ms >= LEAST_MS


class PunctualClient:
    """A client that calls only as long as there is time. Raises OutOfTimeError then."""

    def __init__(self, client: Client, has_time: Callable[[], bool]) -> None:
        self._client = client
        self._has_time = has_time

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if not self._has_time():
            raise OutOfTimeError
        return self._client.call(operation, request)
