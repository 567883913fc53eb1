"""One kept-alive HTTP/1.1 connection, on the standard library's sockets and TLS.

Bounded in time, step by step and as a whole, and in the size of an answer.
"""

import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from store.trust import MACHINE, context_of

TIMEOUT_SECONDS = 1.0  # of connecting, and of each read
IDLE_SECONDS = 20.0  # after that the other side may have closed, so we connect anew
MAX_ANSWER_BYTES = 16 * 1024 * 1024
MAX_SECONDS = 2.0  # of connecting and one exchange, however the other side splits it


class Endpoint(NamedTuple):
    """Where a service answers."""

    is_tls: bool
    host: str
    port: int

    @property
    def host_header(self) -> str:
        return self.host if self.port == (443 if self.is_tls else 80) else f"{self.host}:{self.port}"


def parse_endpoint(url: str) -> Endpoint:
    """Scheme, host and port of a URL; its path is not looked at."""
    scheme, _, rest = url.partition("://")
    host, _, port = rest.partition("/")[0].partition(":")
    is_tls = scheme == "https"
    return Endpoint(is_tls=is_tls, host=host, port=int(port) if port else (443 if is_tls else 80))


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
        self._wait_no_longer()
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

    def _wait_no_longer(self) -> None:
        """Bound the next step. Setting the same bound again would be a call to the kernel for nothing."""
        patience = self._patience()
        if patience != self._socket.gettimeout():
            self._socket.settimeout(patience)

    def _receive(self) -> None:
        self._wait_no_longer()
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
