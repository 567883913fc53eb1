"""Tell EventBridge of what happened."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from store.client import Client
from store.errors import UnavailableError

SOURCE = "tollgate"


def publish(client: Client, bus: str, kind: str, details: Sequence[Mapping[str, Any]]) -> None:
    """Put events of one kind, at most 10, on a bus. Raises a StoreError where one was not taken."""
    entries = [
        {"Source": SOURCE, "DetailType": kind, "Detail": json.dumps(detail), "EventBusName": bus} for detail in details
    ]
    answer = client.call("PutEvents", {"Entries": entries})
    if answer.get("FailedEntryCount", 0):
        message = "EventBridge did not take an event"
        raise UnavailableError(message)
