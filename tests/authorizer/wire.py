"""A wire between the authorizer and DynamoDB, with faults, and with an item's limit of writes."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from store.connection import TIMEOUT_SECONDS

THROTTLED = b'{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}'
CANCELLED = b'{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","CancellationReasons":%s}'
BROKEN = b'{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}'


class Wire(ThreadingHTTPServer):
    """Passes requests on, except those that it has a fault for, and writes above what an item takes a second.

    With an `allowance`, so many writes of each item pass until the next `tick`.
    """

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = port
        self.faults, self.operation, self.left, self.spared = ("",), "", 0, 0
        self.hits = 0
        self.allowance: int | None = None
        self.written: Counter[str] = Counter()

    def break_down(self, fault: str, operation: str, times: int, *, spared: int = 0, first: str = "") -> None:
        """Break so many calls of an operation, the first of them in a way of its own."""
        self.faults, self.operation, self.left, self.spared = (first or fault, fault), operation, times, spared

    def take_fault(self, operation: str) -> str:
        if operation != self.operation or self.left <= 0:
            return ""
        if self.spared:
            self.spared -= 1
            return ""
        self.left -= 1
        self.hits += 1
        fault, self.faults = self.faults[0], self.faults[-1:]
        return fault

    def tick(self) -> None:
        """A second is over."""
        self.written.clear()

    def throttle(self, operation: str, request: Any) -> bytes | None:
        """What DynamoDB answers where an item has had its writes of this second; None where it takes the write."""
        if self.allowance is None or operation not in {"UpdateItem", "TransactWriteItems"}:
            return None
        updates = [action["Update"] for action in request.get("TransactItems", [{"Update": request}])]
        items = [json.dumps(update["Key"], sort_keys=True) for update in updates]
        codes = ["None" if self.written[item] < self.allowance else "ThrottlingError" for item in items]
        if set(codes) != {"None"}:
            reasons = [{"Code": code} for code in codes]
            return THROTTLED if operation == "UpdateItem" else CANCELLED % json.dumps(reasons).encode()
        self.written.update(items)
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Wire

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        fault = self.server.take_fault(operation)
        throttle = self.server.throttle(operation, json.loads(body))
        if throttle is not None:
            self._answer(400, throttle)
        elif fault == "throttled":
            self._answer(400, THROTTLED)
        elif fault == "conflict":
            self._answer(400, CANCELLED % b'[{"Code":"TransactionConflict"},{"Code":"None"}]')
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
