"""A lean client for the authorizer: Signature Version 4 on a kept-alive connection.

Standard library only, and of that only sockets and TLS: boto3 would cost several times
everything else at a cold start, and in every call.
"""

import json
import os
import random
import ssl
import time
from collections.abc import Callable, Mapping
from threading import Lock, Thread
from typing import Any
from zlib import crc32

from store.connection import MAX_SECONDS, Connection, Endpoint, parse_endpoint
from store.credentials import CredentialSource
from store.errors import ConditionFailed, StoreError, ThrottledError, TransientError, UnavailableError, translate
from store.signing import Signer
from store.trust import roots_for_aws

MAX_TRIES = 3
CALL_SECONDS = 2.0  # for all tries of a call together
REQUEST_SECONDS = 3.5  # for all calls of a request together, well below the function's time-out
BACKOFF_SECONDS = 0.025
_TARGETS = {
    "dynamodb": ("DynamoDB_20120810", "1.0"),
    "secretsmanager": ("secretsmanager", "1.1"),
    "events": ("AWSEvents", "1.1"),
}
_VARIABLES = {"dynamodb": "DYNAMODB", "secretsmanager": "SECRETS_MANAGER", "events": "EVENTBRIDGE"}
# Made once: json.dumps would make an encoder a call.
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Budget:
    """How long the calls of one request may take together. Without a start, for ever.

    `was_throttled`: a service asked us to slow down meanwhile, or others held an item.
    """

    __slots__ = ("_until", "was_throttled")

    def __init__(self) -> None:
        self._until = float("inf")
        self.was_throttled = False

    def start(self, seconds: float = REQUEST_SECONDS) -> None:
        """Begin with a request."""
        self._until = time.monotonic() + seconds
        self.was_throttled = False

    def left(self) -> float:
        """Seconds that are left; none is 0."""
        return max(self._until - time.monotonic(), 0.0)

    def end_of_call(self) -> float:
        """When a call that begins now ends at the latest, by the monotonic clock."""
        return min(time.monotonic() + CALL_SECONDS, self._until)


class LeanClient:
    """Speaks to one service from one environment; one request at a time."""

    def __init__(
        self,
        service: str,
        *,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.time,
        budget: Budget | None = None,
    ) -> None:
        self._service = service
        self._budget = budget or Budget()
        self._region = environ["AWS_REGION"]
        self._endpoint = endpoint_of(service, environ)
        self._credentials = CredentialSource(environ, clock)
        self._signer = Signer(service, self._region)
        self._roots = roots_for_aws(environ)
        self._clock = clock
        self._connection: Connection | None = None
        self._lock = Lock()

    def connect_early(self) -> None:
        """Open the connection in the background, while the environment still starts."""
        Thread(target=self._connect_quietly, daemon=True).start()

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Perform an operation. Raises a StoreError; retries what may be retried."""
        body = _encode(request).encode()
        deadline = self._budget.end_of_call()
        with self._lock:
            for attempt in range(1, MAX_TRIES + 1):
                try:
                    return self._try(operation, body, deadline)
                except TransientError as error:
                    self._budget.was_throttled |= isinstance(error, ThrottledError)
                    pause = random.uniform(0, BACKOFF_SECONDS * 2**attempt)  # noqa: S311 - jitter
                    if attempt == MAX_TRIES or time.monotonic() + pause >= deadline:
                        raise
                    time.sleep(pause)
        raise AssertionError  # the loop returns or raises

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        with self._lock:
            self._drop()

    def _try(self, operation: str, body: bytes, deadline: float) -> dict[str, Any]:
        status, headers, answer = self._exchange(self._head(operation, body) + body, deadline)
        checksum = headers.get("x-amz-crc32")
        if checksum is not None and checksum != str(crc32(answer)):
            message = "the answer was damaged on its way"
            raise UnavailableError(message)
        parsed = _read_object(answer, status)
        if status == 200:  # noqa: PLR2004 - HTTP OK
            return parsed
        raise _failure(status, parsed)

    def _head(self, operation: str, body: bytes) -> bytes:
        target, version = _TARGETS[self._service]
        headers = {
            "content-type": f"application/x-amz-json-{version}",
            "host": self._endpoint.host_header,
            "x-amz-target": f"{target}.{operation}",
        }
        signed = self._signer.sign(headers, body, self._credentials.current(), self._clock())
        lines = [f"{name}: {value}" for name, value in signed.items()]
        return "\r\n".join(["POST / HTTP/1.1", *lines, f"content-length: {len(body)}", "", ""]).encode()

    def _exchange(self, message: bytes, deadline: float) -> tuple[int, dict[str, str], bytes]:
        connection, seconds = self._connection, deadline - time.monotonic()
        try:
            if connection is None or connection.is_stale():
                self._drop()
                connection = self._connection = self._connect(seconds)
            return connection.exchange(message, seconds=deadline - time.monotonic())
        except (OSError, ValueError) as error:
            self._drop()
            message_text = f"no answer from {self._service}"
            raise UnavailableError(message_text) from error

    def _connect(self, seconds: float) -> Connection:
        """A new connection; roots that did not vouch for the service are not tried again."""
        try:
            return Connection(self._endpoint, roots=self._roots[0], seconds=seconds)
        except ssl.SSLCertVerificationError:
            if len(self._roots) == 1:
                raise
        self._roots = self._roots[1:]
        return Connection(self._endpoint, roots=self._roots[0], seconds=seconds)

    def _connect_quietly(self) -> None:
        with self._lock:
            try:
                self._connection = self._connect(MAX_SECONDS)
            except OSError:
                self._connection = None  # the first call tries again, and tells

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def endpoint_of(service: str, environ: Mapping[str, str]) -> Endpoint:
    """The service's endpoint, or the one that an AWS_ENDPOINT_URL variable names."""
    url = environ.get(f"AWS_ENDPOINT_URL_{_VARIABLES[service]}") or environ.get("AWS_ENDPOINT_URL")
    if not url:
        region = environ["AWS_REGION"]
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        return Endpoint(is_tls=True, host=f"{service}.{region}.{suffix}", port=443)
    return parse_endpoint(url)


def _read_object(answer: bytes, status: int) -> dict[str, Any]:
    try:
        parsed = json.loads(answer) if answer else {}
    except (ValueError, RecursionError) as error:
        message = f"status {status} with no JSON"
        raise UnavailableError(message) from error
    if not isinstance(parsed, dict):
        message = f"status {status} with no JSON object"
        raise UnavailableError(message)
    return parsed


def _failure(status: int, body: Mapping[str, Any]) -> StoreError:
    code = str(body.get("__type", "")).rpartition("#")[2]
    failure = translate(code, body)
    is_known = isinstance(failure, ConditionFailed | ThrottledError)
    if status >= 500 and not is_known:  # noqa: PLR2004 - HTTP server errors
        return UnavailableError(f"status {status}")
    return failure
