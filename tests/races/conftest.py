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
PATIENCE_SECONDS = 60.0


def _tell(process, line):
    process.stdin.write(line + "\n")
    process.stdin.flush()


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
        self._running_on = False
        self.processes = [self._start() for _ in range(PROCESSES)]

    def start(self, *, racers=25, requests=1, spread=0.0, token=""):
        """Send every process off at once; `finish` collects. Without requests they run until then."""
        order = {"racers": racers, "requests": requests, "token": token or self.bench.request_token(), "spread": spread}
        self._running_on = not requests
        for process in self.processes:
            _tell(process, json.dumps(order))
        for process in self.processes:
            assert json.loads(process.stdout.readline()) == "ready"
        for process in self.processes:
            _tell(process, "go")

    def finish(self, *, killed=None):
        """The outcomes by kind; when each that was allowed was asked and answered, in milliseconds."""
        answering = [process for place, process in enumerate(self.processes) if place != killed]
        if self._running_on:
            for process in answering:
                _tell(process, "stop")
        answers = [json.loads(process.stdout.readline()) for process in answering]
        outcomes = sum((Counter(answer["outcomes"]) for answer in answers), Counter())
        return outcomes, sorted(tuple(times) for answer in answers for times in answer["allowed"])

    def until(self, record, fact):
        """Wait, while they run, until something is true of the gate of a key."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not fact(gate := self.bench.gate(record)):
            assert time.monotonic() < deadline, gate
            time.sleep(0.01)

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
