"""Racers in processes of their own, and an operator who changes keys while they run."""

import json
import os
import subprocess
import sys
import time
from collections import Counter

import pytest

from dev.services import ROOT
from store.master_secret import parse_keyring
from tests.authorizer import bench as benches

PROCESSES = 8


class Race:
    """Processes of racers against one table."""

    def __init__(self, services, table, bench):
        self.bench = bench
        secret = services.client("secretsmanager").create_secret(
            Name=f"races-{table}", SecretString=json.dumps({"current": "c" * 64})
        )
        assert parse_keyring(json.dumps({"current": "c" * 64})) == benches.KEYRING
        self._environ = services.environ() | {
            "PATH": os.environ["PATH"],
            "TABLE_NAME": table,
            "MASTER_SECRET_ARN": secret["ARN"],
        }
        self.processes = [self._start() for _ in range(PROCESSES)]

    def start(self, *, racers=25, requests=1, spread=0.0, token=""):
        """Send every process off; `finish` collects."""
        order = {
            "racers": racers,
            "requests": requests,
            "token": token or self.bench.request_token(),
            "start": time.time() + 0.15,
            "spread": spread,
        }
        for process in self.processes:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()

    def finish(self, *, killed=None):
        """The outcomes by kind, and the moments of those that were allowed."""
        answering = [process for place, process in enumerate(self.processes) if place != killed]
        answers = [json.loads(process.stdout.readline()) for process in answering]
        outcomes = sum((Counter(answer["outcomes"]) for answer in answers), Counter())
        return outcomes, sorted(moment for answer in answers for moment in answer["allowed"])

    def kill(self, place):
        """End a process in the middle of what it does, and put another in its place."""
        self.processes[place].kill()
        self.processes[place].communicate()
        self.processes[place] = self._start()

    def close(self):
        for process in self.processes:
            process.kill()
            process.communicate()

    def _start(self):
        return subprocess.Popen(
            [sys.executable, "-m", "tests.races.racer"],
            env=self._environ,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def bench(services, table, monkeypatch):
    return benches.Bench(services, table, monkeypatch)


@pytest.fixture
def race(services, table, bench):
    running = Race(services, table, bench)
    yield running
    running.close()
