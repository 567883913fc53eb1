"""What the authorizer tells: one line of embedded metric format, log and metric in one.

Pure. It names reasons and hashes, never a token, a secret or a key id. A request that was
refused or failed open is told at WARNING, an allowed one at INFO; of allowed requests one in
`one_in` is told, and its metric counts for all of them. That a request could not be decided is
told at every level.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from access.decisions import Deny
from authorizer.authorize import Outcome
from authorizer.events import Request

# Made once: json.dumps would make an encoder a line.
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_RANKS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}


class Log(NamedTuple):
    """What to tell, as the environment says."""

    rank: int
    one_in: int
    function: str

    @classmethod
    def start(cls, environ: Mapping[str, str]) -> "Log":
        """Raises KeyError for an unknown level, ValueError for a share that is no positive number."""
        one_in = int(environ.get("LOG_ONE_IN", "1"))
        if one_in < 1:
            message = "LOG_ONE_IN: must be 1 or more"
            raise ValueError(message)
        return cls(_RANKS[environ.get("LOG_LEVEL", "INFO")], one_in, environ.get("AWS_LAMBDA_FUNCTION_NAME", ""))

    def line(self, request: Request, outcome: Outcome, *, milliseconds: float, now_ms: int, draw: int) -> str | None:
        """The line of a decision, None where it is not told. `draw` is any random number."""
        decision = outcome.decision
        is_denied = isinstance(decision, Deny)
        is_notable = is_denied or bool(outcome.detail)  # an allowed request with a detail failed open
        if self.rank > _RANKS["WARNING" if is_notable else "INFO"] or not (is_notable or draw % self.one_in == 0):
            return None
        metrics = [{"Name": "requests", "Unit": "Count"}, {"Name": "milliseconds", "Unit": "Milliseconds"}]
        return _write(
            "decision",
            metrics,
            now_ms,
            {
                "decision": "deny" if is_denied else "allow",
                "reason": decision.reason.value if isinstance(decision, Deny) else "",
                "detail": outcome.detail,
                "keyHash": decision.record.key_hash if decision.record else "",
                "api": outcome.apis[0] if outcome.apis else request.api_name or request.gateways[0],
                "method": request.method,
                "requests": 1 if is_notable else self.one_in,
                "milliseconds": round(milliseconds, 3),
            },
        )

    def undecided(self, error: Exception, *, now_ms: int) -> str:
        """The line of a request that ends as a 500. Names the kind of error, not its text."""
        members = {"FunctionName": self.function, "error": type(error).__name__, "undecided": 1}
        return _write("FunctionName", [{"Name": "undecided", "Unit": "Count"}], now_ms, members)


def _write(dimension: str, metrics: list[dict[str, str]], now_ms: int, members: dict[str, Any]) -> str:
    shape = {"Namespace": "Tollgate", "Dimensions": [[dimension]], "Metrics": metrics}
    aws = {"_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [shape]}}
    return _encode(aws | members)
