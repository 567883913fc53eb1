"""A lean client for the authorizer: Signature Version 4 on a kept-alive connection.

Standard library only, and of that only sockets and TLS: boto3 would cost several times
everything else at a cold start, and in every call. Signs as AWS documents for Signature
Version 4; tests compare the signatures with botocore's.
"""

import hmac
import json
import os
import random
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from threading import Lock, Thread
from typing import Any, NamedTuple
from zlib import crc32

from store.errors import ConditionFailed, StoreError, ThrottledError, UnavailableError, translate
from store.trust import MACHINE, context_of, roots_for_aws

TIMEOUT_SECONDS = 1.0  # of connecting, and of each read
MAX_TRIES = 3
CALL_SECONDS = 2.0  # for all tries of a call together
REQUEST_SECONDS = 3.5  # for all calls of a request together, well below the function's time-out
BACKOFF_SECONDS = 0.025
IDLE_SECONDS = 20.0  # after that the other side may have closed, so we connect anew
MAX_ANSWER_BYTES = 16 * 1024 * 1024
MAX_SECONDS = 2.0  # of connecting and one exchange, however the other side splits it
_TARGETS = {
    "dynamodb": ("DynamoDB_20120810", "1.0"),
    "secretsmanager": ("secretsmanager", "1.1"),
    "events": ("AWSEvents", "1.1"),
}
_encode = json.JSONEncoder(separators=(",", ":")).encode  # made once: json.dumps would make one a call
_VARIABLES = {"dynamodb": "DYNAMODB", "secretsmanager": "SECRETS_MANAGER", "events": "EVENTBRIDGE"}


class Credentials(NamedTuple):
    """AWS credentials. `expires_at`: Unix seconds, None where they last as long as we do."""

    access_key: str
    secret_key: str
    token: str
    expires_at: float | None = None

    def __repr__(self) -> str:
        return "Credentials(<secret>)"


class Endpoint(NamedTuple):
    """Where a service answers."""

    is_tls: bool
    host: str
    port: int

    @property
    def host_header(self) -> str:
        return self.host if self.port == (443 if self.is_tls else 80) else f"{self.host}:{self.port}"


class Budget:
    """How long the calls of one request may take together. Without a start, for ever."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until = float("inf")

    def start(self, seconds: float = REQUEST_SECONDS) -> None:
        """Begin with a request."""
        self._until = time.monotonic() + seconds

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
                except UnavailableError:
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
        if checksum is not None and int(checksum) != crc32(answer):
            message = "the answer was damaged on its way"
            raise UnavailableError(message)
        try:
            parsed: dict[str, Any] = json.loads(answer) if answer else {}
        except ValueError as error:
            message = f"status {status} with no JSON"
            raise UnavailableError(message) from error
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

    def _connect(self, seconds: float) -> "Connection":
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


def parse_endpoint(url: str) -> Endpoint:
    """Scheme, host and port of a URL; its path is not looked at."""
    scheme, _, rest = url.partition("://")
    host, _, port = rest.partition("/")[0].partition(":")
    is_tls = scheme == "https"
    return Endpoint(is_tls=is_tls, host=host, port=int(port) if port else (443 if is_tls else 80))


def _failure(status: int, body: Mapping[str, Any]) -> StoreError:
    code = str(body.get("__type", "")).rpartition("#")[2]
    failure = translate(code, body)
    is_known = isinstance(failure, ConditionFailed | ThrottledError)
    if status >= 500 and not is_known:  # noqa: PLR2004 - HTTP server errors
        return UnavailableError(f"status {status}")
    return failure


# --- signing -------------------------------------------------------------------------------


class Signer:
    """AWS Signature Version 4 for POST / without a query. The key of a day is kept."""

    def __init__(self, service: str, region: str) -> None:
        self._service = service
        self._region = region
        self._day_key: tuple[str, str, bytes] = ("", "", b"")

    def sign(self, headers: dict[str, str], body: bytes, credentials: Credentials, moment: float) -> dict[str, str]:
        """The headers with date, token and Authorization added; names in lower case."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))
        signed = headers | {"x-amz-date": stamp}
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        ordered = sorted(signed)
        names = ";".join(ordered)
        lines = "\n".join([f"{name}:{signed[name]}" for name in ordered])
        canonical = f"POST\n/\n\n{lines}\n\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{self._region}/{self._service}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key(credentials, stamp[:8]), text.encode(), "sha256").hex()
        signed["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        return signed

    def _key(self, credentials: Credentials, day: str) -> bytes:
        if self._day_key[:2] != (day, credentials.access_key):
            key = f"AWS4{credentials.secret_key}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day_key = (day, credentials.access_key, key)
        return self._day_key[2]


class CredentialSource:
    """Credentials from the environment, or from the container endpoint that it names."""

    def __init__(self, environ: Mapping[str, str], clock: Callable[[], float]) -> None:
        self._environ = environ
        self._clock = clock
        self._known: Credentials | None = None

    def current(self) -> Credentials:
        """Credentials that last another minute. Raises UnavailableError where there are none."""
        known = self._known
        if known is None or (known.expires_at is not None and known.expires_at - self._clock() < 60):  # noqa: PLR2004 - a minute
            known = self._known = self._read()
        return known

    def _read(self) -> Credentials:
        environ = self._environ
        if environ.get("AWS_ACCESS_KEY_ID"):
            return Credentials(
                environ["AWS_ACCESS_KEY_ID"],
                environ.get("AWS_SECRET_ACCESS_KEY", ""),
                environ.get("AWS_SESSION_TOKEN", ""),
            )
        if environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            return self._read_container(environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
        message = "no AWS credentials in the environment"
        raise UnavailableError(message)

    def _read_container(self, uri: str) -> Credentials:
        endpoint = parse_endpoint(uri)
        path = "/" + uri.partition("://")[2].partition("/")[2]
        head = f"GET {path} HTTP/1.1\r\nhost: {endpoint.host_header}\r\n"
        token = self._container_token()
        if token:
            head += f"authorization: {token}\r\n"
        try:
            connection = Connection(endpoint)
            try:
                _, _, answer = connection.exchange(f"{head}\r\n".encode())
            finally:
                connection.close()
            found = json.loads(answer)
            expires = datetime.fromisoformat(found["Expiration"]).timestamp()
            return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["Token"], expires)
        except (OSError, ValueError, KeyError) as error:
            message = "the container's credentials cannot be read"
            raise UnavailableError(message) from error

    def _container_token(self) -> str:
        path = self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        if path:
            with open(path, encoding="ascii") as file:  # noqa: PTH123 - pathlib costs a cold start
                return file.read().strip()
        return self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")


# --- connection ----------------------------------------------------------------------------


class Connection:
    """One HTTP/1.1 connection, one request at a time."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        roots: str = MACHINE,
        max_bytes: int = MAX_ANSWER_BYTES,
        seconds: float = MAX_SECONDS,
    ) -> None:
        self._max_bytes = max_bytes
        self._deadline = time.monotonic() + seconds
        context = context_of(roots) if endpoint.is_tls else None
        plain = _connect(endpoint, self._patience)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.settimeout(self._patience())
        self._socket: socket.socket = context.wrap_socket(plain, server_hostname=endpoint.host) if context else plain
        self._readable = select.poll()
        self._readable.register(self._socket, select.POLLIN)
        self._buffer = b""
        self._used_at = time.monotonic()

    def is_stale(self) -> bool:
        """Whether the connection was idle for long, or the other side has closed it."""
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            return True
        if not self._readable.poll(0):
            return False
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        return True  # end of stream, or an answer that nobody asked for

    def exchange(self, message: bytes, *, seconds: float | None = None) -> tuple[int, dict[str, str], bytes]:
        """Send a request, read its answer: status, headers by lower-case name, body.

        It may take `seconds`, else what connecting has left.
        """
        if seconds is not None:
            self._deadline = time.monotonic() + seconds
        self._socket.settimeout(self._patience())
        self._socket.sendall(message)
        head = self._read_until(b"\r\n\r\n").decode("latin-1")
        status_line, *lines = head.split("\r\n")
        parts = [line.partition(":") for line in lines]
        headers = {name.strip().lower(): value.strip() for name, _, value in parts}
        body = self._read_body(headers)
        self._used_at = time.monotonic()
        if headers.get("connection", "").lower() == "close":
            self._used_at = -IDLE_SECONDS * 2
        return int(status_line.split(" ", 2)[1]), headers, body

    def close(self) -> None:
        self._socket.close()

    def _read_body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self._read_exactly(int(headers.get("content-length", "0")))
        chunks = []
        room = self._max_bytes
        while size := int(self._read_until(b"\r\n").split(b";")[0], 16):
            if not 0 < size <= room:
                message = "the answer is too large"
                raise ConnectionError(message)
            room -= size
            chunks.append(self._read_exactly(size))
            self._read_exactly(2)
        self._read_until(b"\r\n")
        return b"".join(chunks)

    def _read_until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._receive()
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def _read_exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive()
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def _patience(self) -> float:
        """How long the next step may take. Raises TimeoutError where no time is left."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(TIMEOUT_SECONDS, left)

    def _receive(self) -> None:
        self._socket.settimeout(self._patience())
        received = self._socket.recv(65_536)
        if not received:
            message = "the connection ended within an answer"
            raise ConnectionError(message)
        self._buffer += received
        if len(self._buffer) > self._max_bytes:
            message = "the answer is too large"
            raise ConnectionError(message)


def _connect(endpoint: Endpoint, patience: Callable[[], float]) -> socket.socket:
    """A connection to the first address that takes one; all together in the time that is left."""
    failure = OSError(f"{endpoint.host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM):
        plain = None
        try:
            plain = socket.socket(family, kind, protocol)
            plain.settimeout(patience())
            plain.connect(address)
        except OSError as error:
            failure = error
            if plain is not None:
                plain.close()
        else:
            return plain
    raise failure
