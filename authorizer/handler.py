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

_ENVIRONMENT = Environment.start(os.environ)
_USAGE_KEY = os.environ.get("USAGE_IDENTIFIER_KEY", "")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one authorizer event. An exception other than `Unauthorized` means 500."""
    started = time.perf_counter_ns()
    request = read_event(event)
    outcome = authorize(request, _ENVIRONMENT, now_ms=time.time_ns() // 1_000_000)
    _tell(request, outcome, (time.perf_counter_ns() - started) / 1_000_000)
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
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()
