"""Faults on the wire between the authorizer and DynamoDB, each at each call: never one too many."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from access.decisions import Allow
from access.grants import Grant
from access.limits import KEY, OWNER, Quota
from authorizer.authorize import UndecidedError
from authorizer.environment import Environment
from authorizer.thresholds import ANNOUNCE_SECONDS
from dev.services import ROOT
from dev.template import Template
from store.connection import TIMEOUT_SECONDS
from store.errors import StoreError
from store.lean import REQUEST_SECONDS, Budget, LeanClient
from tests.authorizer.bench import KEYRING

LIMIT = 3
THROTTLED = b'{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}'
BROKEN = b'{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}'


class Wire(ThreadingHTTPServer):
    """Passes requests on, except those that it has a fault for."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = port
        self.fault, self.operation, self.left, self.spared = "", "", 0, 0
        self.hits = 0

    def break_down(self, fault: str, operation: str, times: int, *, spared: int = 0) -> None:
        self.fault, self.operation, self.left, self.spared = fault, operation, times, spared

    def takes_fault(self, operation: str) -> bool:
        if operation != self.operation or self.left <= 0:
            return False
        if self.spared:
            self.spared -= 1
            return False
        self.left -= 1
        self.hits += 1
        return True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Wire

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        fault = self.server.fault if self.server.takes_fault(operation) else ""
        if fault == "throttled":
            self._answer(400, THROTTLED)
        elif fault == "broken":
            self._answer(500, BROKEN)
        elif fault == "cut before":
            self.close_connection = True
        else:
            status, answer = self._pass_on(body)
            if fault == "late":
                time.sleep(TIMEOUT_SECONDS + 0.2)
            if fault in {"cut after", "late"}:
                self.close_connection = True
            elif fault == "truncated":
                self._answer(status, answer, cut=len(answer) // 2)
            else:
                self._answer(status, answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class says so
        """Stay silent."""

    def _pass_on(self, body: bytes) -> tuple[int, bytes]:
        behind = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=10)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        behind.request("POST", "/", body, headers)
        answer = behind.getresponse()
        found = answer.status, answer.read()
        behind.close()
        return found

    def _answer(self, status: int, body: bytes, *, cut: int = 0) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) - cut])
        self.close_connection = bool(cut)


@contextmanager
def wire_to(services) -> Iterator[Wire]:
    with Wire(int(services.dynamodb_endpoint.rpartition(":")[2])) as wire:
        threading.Thread(target=wire.serve_forever, args=(0.02,), daemon=True).start()
        yield wire
        wire.shutdown()


@pytest.mark.parametrize("times", [1, 9])
@pytest.mark.parametrize("fault", ["throttled", "broken", "cut before", "cut after", "truncated", "late"])
@pytest.mark.parametrize(
    ("operation", "spared", "scope"),
    [
        ("BatchGetItem", 0, KEY),  # the API definition
        ("BatchGetItem", 1, KEY),  # record and gate
        ("UpdateItem", 0, KEY),
        ("BatchGetItem", 2, OWNER),  # the gates
        ("TransactWriteItems", 0, OWNER),
    ],
)
def test_a_fault_at_any_call_never_admits_one_too_many(bench, services, operation, spared, scope, fault, times):
    limit = Quota(LIMIT, "day", scope=scope)
    record = bench.key(quotas=(limit,), owner="acme", grants=(Grant("*"),))
    with wire_to(services) as wire:
        environ = services.environ() | {"AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{wire.server_port}"}
        client = LeanClient("dynamodb", environ=environ)
        environment = Environment(client, bench.table, KEYRING)
        wire.break_down(fault, operation, times, spared=spared)
        admitted = failed = 0
        for _ in range(LIMIT + 2):
            if failed == 1:
                wire.left = 0
            try:
                admitted += isinstance(bench.request(environment=environment), Allow)
            except (StoreError, UndecidedError):
                failed += 1
        client.close()
    used = bench.owner_used("acme", limit) if limit.scope == OWNER else bench.statuses(record)[0].used

    assert wire.hits > 0
    assert admitted <= used <= LIMIT
    assert failed <= 1
    if times == 1 and fault in {"throttled", "broken", "cut before"}:
        assert (admitted, failed) == (LIMIT, 0)


def test_the_calls_of_a_request_together_end_before_the_function_does():
    """What DynamoDB and EventBridge may take, and a rest for the work itself."""
    timeout = Template(ROOT / "template.yaml", {}).resources["AuthorizerFunction"]["Properties"]["Timeout"]

    assert timeout - 0.5 >= REQUEST_SECONDS + ANNOUNCE_SECONDS


def test_each_request_has_the_whole_time(bench, services):
    """What an earlier request used up is not taken from the next one."""
    bench.key(quotas=(Quota(LIMIT, "day"),))
    environ = services.environ() | {"AWS_ENDPOINT_URL_DYNAMODB": services.dynamodb_endpoint}
    budget = Budget()
    client = LeanClient("dynamodb", environ=environ, budget=budget)
    environment = Environment(client, bench.table, KEYRING, budget)
    budget.start(0)

    assert isinstance(bench.request(environment=environment), Allow)

    budget.start(0)
    assert isinstance(bench.request(environment=environment), Allow)
    client.close()
