"""A process of racers: environments of the authorizer that all start at the same moment.

Reads an order from standard input, makes ready and says so, goes at the next line, answers one line:
{"racers": 25, "requests": 1, "token": "…", "spread": 0.0}
→ {"outcomes": {"allow": 12, "told 80%": 1, …}, "allowed": [[<asked>, <answered>], …]}, in Unix milliseconds.
With 0 requests they run until a further line comes.
"""

import json
import os
import random
import sys
import threading
import time
from collections import Counter
from typing import Any, NamedTuple

from access.decisions import Deny
from authorizer.authorize import UndecidedError, authorize
from authorizer.environment import Environment
from authorizer.events import read_event
from store import connection, lean
from store.errors import StoreError
from store.master_secret import Keyring, load_keyring

PATIENCE_SECONDS = 60.0  # these races are about counting: a busy machine may answer late


class Outcome(NamedTuple):
    """What came of a request, when it was made and when it was answered; the thresholds that it told."""

    kind: str
    asked_ms: int
    answered_ms: int
    told: tuple[int, ...] = ()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def event_of(token: str) -> dict[str, Any]:
    return {"type": "TOKEN", "authorizationToken": token, "methodArn": "arn:aws:execute-api:us-east-1:1:a/p/GET/x"}


def ask(environment: Environment, token: str) -> Outcome:
    asked, told = now_ms(), ()
    try:
        outcome = authorize(read_event(event_of(token)), environment, now_ms=asked)
        decision, told = outcome.decision, tuple(crossing.percent for crossing in outcome.crossings)
        kind = decision.reason.value if isinstance(decision, Deny) else "allow"
    except (StoreError, UndecidedError) as error:
        kind = type(error).__name__
    return Outcome(kind, asked, now_ms(), told)


def race(environment: Environment, order: dict[str, Any], stop: threading.Event, outcomes: list[Outcome]) -> None:
    asked = 0
    while not stop.is_set() and (asked < order["requests"] or not order["requests"]):
        outcomes.append(ask(environment, order["token"]))
        asked += 1
        stop.wait(random.uniform(0, order["spread"]))


def start_environment(keyring: Keyring) -> Environment:
    return Environment(lean.LeanClient("dynamodb"), os.environ["TABLE_NAME"], keyring)


def say(line: Any) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main() -> None:
    connection.TIMEOUT_SECONDS = lean.CALL_SECONDS = PATIENCE_SECONDS
    keyring = load_keyring(lean.LeanClient("secretsmanager"), os.environ["MASTER_SECRET_ARN"])
    environments: list[Environment] = []
    while line := sys.stdin.readline():
        order, stop = json.loads(line), threading.Event()
        while len(environments) < order["racers"]:
            environments.append(start_environment(keyring))
        outcomes: list[Outcome] = []
        threads = [
            threading.Thread(target=race, args=(environment, order, stop, outcomes))
            for environment in environments[: order["racers"]]
        ]
        say("ready")
        sys.stdin.readline()
        for thread in threads:
            thread.start()
        if not order["requests"]:
            sys.stdin.readline()
            stop.set()
        for thread in threads:
            thread.join()
        allowed = [(one.asked_ms, one.answered_ms) for one in outcomes if one.kind == "allow"]
        told = [f"told {percent}%" for one in outcomes for percent in one.told]
        say({"outcomes": Counter(one.kind for one in outcomes) + Counter(told), "allowed": allowed})


if __name__ == "__main__":
    main()
