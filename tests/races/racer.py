"""A process of racers: environments of the authorizer that all start at the same moment.

Reads one order a line from standard input, answers one line with the outcomes:
{"racers": 25, "requests": 1, "token": "…", "start": <Unix seconds>, "spread": 0.0} → {"allow": 12, …}.
"""

import json
import os
import random
import sys
import threading
import time
from collections import Counter
from typing import Any

from access.decisions import Deny
from authorizer.authorize import UndecidedError, authorize
from authorizer.environment import Environment
from authorizer.events import read_event
from store.errors import StoreError


def event_of(token: str) -> dict[str, Any]:
    return {"type": "TOKEN", "authorizationToken": token, "methodArn": "arn:aws:execute-api:us-east-1:1:a/p/GET/x"}


def race(environment: Environment, order: dict[str, Any], outcomes: list[tuple[str, float]]) -> None:
    request = read_event(event_of(order["token"]))
    time.sleep(max(0.0, order["start"] - time.time()))
    for _ in range(order["requests"]):
        now = time.time()
        try:
            decision = authorize(request, environment, now_ms=int(now * 1000)).decision
            outcomes.append((decision.reason.value if isinstance(decision, Deny) else "allow", now))
        except (StoreError, UndecidedError) as error:
            outcomes.append((type(error).__name__, now))
        time.sleep(random.uniform(0, order["spread"]))


def main() -> None:
    environments: list[Environment] = []
    for line in sys.stdin:
        order = json.loads(line)
        while len(environments) < order["racers"]:
            environments.append(Environment.start(os.environ))
        outcomes: list[tuple[str, float]] = []
        threads = [
            threading.Thread(target=race, args=(environment, order, outcomes))
            for environment in environments[: order["racers"]]
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        answer = {
            "outcomes": Counter(kind for kind, _ in outcomes),
            "allowed": [at for kind, at in outcomes if kind == "allow"],
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
