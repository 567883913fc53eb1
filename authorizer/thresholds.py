"""Publish the thresholds that a request crossed. Loaded by the requests that cross one."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing

from authorizer.authorize import Outcome
from store.errors import StoreError
from store.event_bus import publish
from store.lean import Budget, LeanClient

KIND = "Quota threshold crossed"
MAX_EVENTS = 10  # of one PutEvents
ANNOUNCE_SECONDS = 1.0  # beside those that the request may take


def announce(outcome: Outcome, environ: Mapping[str, str]) -> Iterator[str]:
    """Tell EventBridge; the log lines that say so, and whether the event was taken."""
    record, bus = outcome.decision.record, environ.get("EVENT_BUS", "")
    if record is None:
        return
    details = [
        {"percent": crossing.percent, "keyHash": record.key_hash, "keyName": record.name, "owner": record.owner}
        | crossing.status._asdict()
        for crossing in outcome.crossings
    ]
    failure, budget = "", Budget()
    budget.start(ANNOUNCE_SECONDS)
    if bus:
        try:
            with closing(LeanClient("events", environ=environ, budget=budget)) as client:
                publish(client, bus, KIND, details[:MAX_EVENTS])
        except StoreError as error:
            failure = type(error).__name__
    for detail in details:
        line = {"threshold": detail, "published": bool(bus) and not failure, "failure": failure}
        yield json.dumps(line, separators=(",", ":"))
