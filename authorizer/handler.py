"""The entry point: reads the clock and the environment, answers API Gateway, writes log lines."""

# ruff: noqa: E402 - what is imported below is imported without the garbage collector

import gc

gc.disable()  # nothing that an import makes is garbage: a collection would walk over it for nothing

import os
import sys
import time
from collections.abc import Callable
from typing import Any

from authorizer.answers import render
from authorizer.authorize import Outcome, authorize
from authorizer.environment import Environment
from authorizer.events import Request, read_event
from authorizer.log import Log

_ENVIRONMENT = Environment.start(os.environ)
_USAGE_KEY = os.environ.get("USAGE_IDENTIFIER_KEY", "")
_LOG = Log.start(os.environ)
gc.freeze()  # and none of it is looked at again
gc.enable()


def handler(event: Any, _context: object) -> dict[str, Any]:
    """Answer one authorizer event, or a direct invocation. An exception other than `Unauthorized` means 500."""
    if isinstance(event, dict) and event.get("type") == "VERIFY":  # API Gateway says TOKEN or REQUEST
        from authorizer.verify import read_verification, render_verification  # noqa: PLC0415 - only they pay for it

        return render_verification(_decide(event, read_verification)[1])
    request, outcome = _decide(event, read_event)
    return render(request, outcome, usage_key=_USAGE_KEY)


def _decide(event: Any, read: Callable[[Any], Request]) -> tuple[Request, Outcome]:
    """Decide on the request that an event describes, and log that."""
    started = time.perf_counter_ns()
    try:
        request = read(event)
        outcome = authorize(request, _ENVIRONMENT, now_ms=_now_ms())
    except Exception as error:
        _tell(_LOG.undecided(error, now_ms=_now_ms()))
        raise
    milliseconds = (time.perf_counter_ns() - started) / 1_000_000
    draw = 0 if _LOG.one_in == 1 else int.from_bytes(os.urandom(4))
    line = _LOG.line(request, outcome, milliseconds=milliseconds, now_ms=_now_ms(), draw=draw)
    if line is not None:
        _tell(line)
    if outcome.crossings:
        from authorizer.thresholds import announce  # noqa: PLC0415 - one request in thousands needs it

        for told in announce(outcome, os.environ):
            _tell(told)
    return request, outcome


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
