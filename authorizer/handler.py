"""The entry point: reads the clock and the environment, answers API Gateway.

One line of embedded metric format is written for each decision: log and metric in one. It
names reasons and hashes, never a token, a secret or a key id.
"""

import json
import os
import sys
import time
from typing import Any

from access.decisions import Deny
from authorizer.answers import render
from authorizer.authorize import Outcome, authorize
from authorizer.environment import Environment
from authorizer.events import Request, read_event
from store.errors import StoreError

_encode = json.JSONEncoder(separators=(",", ":")).encode
MAX_EVENTS = 10  # of one PutEvents

_ENVIRONMENT = Environment.start(os.environ)
_USAGE_KEY = os.environ.get("USAGE_IDENTIFIER_KEY", "")
_EVENT_BUS = os.environ.get("EVENT_BUS", "")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one authorizer event. An exception other than `Unauthorized` means 500."""
    started = time.perf_counter_ns()
    request = read_event(event)
    outcome = authorize(request, _ENVIRONMENT, now_ms=time.time_ns() // 1_000_000)
    _tell(request, outcome, (time.perf_counter_ns() - started) / 1_000_000)
    if outcome.crossings:
        _announce(outcome)
    return render(request, outcome, usage_key=_USAGE_KEY)


def _tell(request: Request, outcome: Outcome, milliseconds: float) -> None:
    decision = outcome.decision
    line = {
        "_aws": {
            "Timestamp": time.time_ns() // 1_000_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Tollgate",
                    "Dimensions": [["decision"]],
                    "Metrics": [
                        {"Name": "requests", "Unit": "Count"},
                        {"Name": "milliseconds", "Unit": "Milliseconds"},
                    ],
                }
            ],
        },
        "decision": "deny" if isinstance(decision, Deny) else "allow",
        "reason": decision.reason.value if isinstance(decision, Deny) else "",
        "detail": outcome.detail,
        "keyHash": decision.record.key_hash if decision.record else "",
        "api": outcome.apis[0] if outcome.apis else request.api_name or request.gateways[0],
        "method": request.method,
        "requests": 1,
        "milliseconds": round(milliseconds, 3),
    }
    sys.stdout.write(_encode(line) + "\n")
    sys.stdout.flush()


def _announce(outcome: Outcome) -> None:
    """Log and publish the thresholds that this request crossed; no other request pays for it."""
    from contextlib import closing  # noqa: PLC0415 - one request in thousands needs these

    from store.event_bus import publish  # noqa: PLC0415
    from store.lean import LeanClient  # noqa: PLC0415

    record = outcome.decision.record
    details = [
        {"percent": crossing.percent, "keyHash": record.key_hash, "keyName": record.name, "owner": record.owner}
        | crossing.status._asdict()
        for crossing in outcome.crossings
        if record
    ]
    failure = ""
    if _EVENT_BUS:
        try:
            with closing(LeanClient("events")) as client:
                publish(client, _EVENT_BUS, "Quota threshold crossed", details[:MAX_EVENTS])
        except StoreError as error:
            failure = type(error).__name__
    for detail in details:
        line = {"threshold": detail, "published": bool(_EVENT_BUS) and not failure, "failure": failure}
        sys.stdout.write(_encode(line) + "\n")
    sys.stdout.flush()
