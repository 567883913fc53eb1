"""One kept-alive HTTP/1.1 connection, on the standard library's sockets and TLS.

Bounded in time, step by step and as a whole, and in the size of an answer. An answer is framed as
RFC 9112, section 6.3, says; where that leaves a doubt, there is no answer.
"""

import select
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from store.trust import MACHINE, context_of

TIMEOUT_SECONDS = 1.0  # of connecting, and of each read
IDLE_SECONDS = 20.0  # after that the other side may have closed, so we connect anew
MAX_ANSWER_BYTES = 16 * 1024 * 1024  # of everything that is read of an answer, and of its body
MAX_HEAD_BYTES = 32 * 1024
MAX_LINE_BYTES = 256  # of the line before a chunk
MAX_DIGITS = 16  # of a length
MAX_INTERIM = 8  # answers 1xx before the one that was asked for
MAX_SECONDS = 2.0  # of connecting and one exchange, however the other side splits it
_LINE_END = b"\r\n"
_SWITCHING_PROTOCOLS = 101
_OLDER_VERSION = "HTTP/1.0"
_VERSIONS = ("HTTP/1.1", _OLDER_VERSION)
_WITHOUT_BODY = (204, 304)
_CHUNKED = "chunked"
_GZIP = ("gzip", "x-gzip")
_HEX_DIGITS = b"0123456789abcdefABCDEF"


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
        self._socket: socket.socket = (
            context.wrap_socket(plain, server_hostname=endpoint.host, suppress_ragged_eofs=False) if context else plain
        )
        self._readable = select.poll()
        self._readable.register(self._socket, select.POLLIN)
        self._buffer = b""
        self._room = max_bytes
        self._takes_requests = True
        self._used_at = time.monotonic()

    def is_stale(self) -> bool:
        """Whether it takes no other request, was idle for long, or the other side has closed it or said more."""
        if not self._takes_requests or self._buffer or time.monotonic() - self._used_at > IDLE_SECONDS:
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

        It may take `seconds`, else what connecting has left. Raises OSError where there is no
        answer, or none whose end is beyond doubt; the connection takes no other request then.
        """
        if self._buffer:
            raise ConnectionError("there are bytes of no answer before the request")
        if seconds is not None:
            self._deadline = time.monotonic() + seconds
        self._takes_requests = False
        self._room = self._max_bytes
        self._wait_no_longer()
        self._socket.sendall(message)
        version, status, headers = self._read_head()
        body, ends_by_itself = self._read_body(version, status, headers)
        stays_open = "close" not in headers.get("connection", "").lower()
        self._takes_requests = ends_by_itself and stays_open and version != _OLDER_VERSION
        self._used_at = time.monotonic()
        return status, headers, body

    def close(self) -> None:
        self._socket.close()

    def _read_head(self) -> tuple[str, int, dict[str, str]]:
        """Version, status and headers, after those of interim answers (RFC 9110, section 15.2)."""
        for _ in range(1 + MAX_INTERIM):
            version, status, headers = _parse_head(self._read_until(b"\r\n\r\n", MAX_HEAD_BYTES))
            if status >= 200:  # noqa: PLR2004 - a final one
                return version, status, headers
            if status == _SWITCHING_PROTOCOLS:
                raise ConnectionError("the answer changes to a protocol that nobody asked for")
        raise ConnectionError("there are too many interim answers")

    def _read_body(self, version: str, status: int, headers: Mapping[str, str]) -> tuple[bytes, bool]:
        """The body, and whether its end shows without the end of the connection (RFC 9112, section 6.3)."""
        codings, length = headers.get("transfer-encoding"), headers.get("content-length")
        if status in _WITHOUT_BODY:
            return b"", True
        if codings is not None and (length is not None or version == _OLDER_VERSION):
            raise ConnectionError("the answer is framed in two ways")
        if codings is not None:
            return self._read_coded(codings.lower())
        if length is not None:
            return self._read_exactly(_read_length(length)), True
        return self._read_to_the_end(), False

    def _read_coded(self, codings: str) -> tuple[bytes, bool]:
        *applied, last = [coding.strip() for coding in codings.split(",")]
        is_chunked = last == _CHUNKED
        packings = applied if is_chunked else [*applied, last]
        if len(packings) > 1 or any(packing not in _GZIP for packing in packings):
            raise ConnectionError("the answer has a transfer coding that we do not know")
        body = self._read_chunks() if is_chunked else self._read_to_the_end()
        return (self._unpack(body) if packings else body), is_chunked

    def _read_chunks(self) -> bytes:
        """RFC 9112, section 7.1; extensions and trailers are not looked at."""
        chunks = []
        while size := _read_chunk_size(self._read_until(_LINE_END, MAX_LINE_BYTES)):
            chunks.append(self._read_exactly(size))
            if self._read_exactly(2) != _LINE_END:
                raise ConnectionError("a chunk of the answer has another size than it says")
        while self._read_until(_LINE_END, MAX_HEAD_BYTES):
            pass
        return b"".join(chunks)

    def _unpack(self, body: bytes) -> bytes:
        packed = zlib.decompressobj(wbits=31)  # gzip
        try:
            unpacked = packed.decompress(body, self._max_bytes + 1)
        except zlib.error as error:
            raise ConnectionError("the answer does not unpack") from error
        if len(unpacked) > self._max_bytes:
            raise _too_large()
        if not packed.eof or packed.unused_data:
            raise ConnectionError("the answer does not unpack")
        return unpacked

    def _read_until(self, mark: bytes, most: int) -> bytes:
        while mark not in self._buffer:
            if len(self._buffer) > most:
                raise _too_large()
            self._receive_more()
        found, _, self._buffer = self._buffer.partition(mark)
        if len(found) > most:
            raise _too_large()
        return found

    def _read_exactly(self, size: int) -> bytes:
        if size > self._max_bytes:
            raise _too_large()
        while len(self._buffer) < size:
            self._receive_more()
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def _read_to_the_end(self) -> bytes:
        while self._receive():
            pass
        found, self._buffer = self._buffer, b""
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

    def _receive_more(self) -> None:
        if not self._receive():
            raise ConnectionError("the connection ended within an answer")

    def _receive(self) -> bool:
        """Take in what comes next of an answer; False where the connection has ended."""
        self._wait_no_longer()
        received = self._socket.recv(65_536)
        self._room -= len(received)
        if self._room < 0:
            raise _too_large()
        self._buffer += received
        return bool(received)


def _parse_head(raw: bytes) -> tuple[str, int, dict[str, str]]:
    """Version, status and headers; what two readers could read in two ways is refused (RFC 9112, 2.2 and 5)."""
    head = raw.decode("latin-1")
    status_line, *lines = head.split("\r\n")
    version, code, rest = status_line[:8], status_line[9:12], status_line[12:13]
    is_status = code.isascii() and code.isdigit() and "100" <= code <= "599"
    if version not in _VERSIONS or status_line[8:9] != " " or not is_status or rest not in {"", " "}:
        raise ConnectionError("the answer begins with no status line")
    if head.count("\r") != len(lines) or head.count("\n") != len(lines) or "\0" in head:
        raise ConnectionError("a line of the answer's head ends in another way")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise ConnectionError("a line of the answer's head is no header")
        name, value = name.lower(), value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    names = "".join(headers)  # judged together: each call for each name would show in every request
    if "" in headers or " " in names or not names.isascii() or not names.isprintable():
        raise ConnectionError("a line of the answer's head is no header")
    return version, int(code), headers


def _read_length(text: str) -> int:
    """One number of few digits; a list, even of equal ones, leaves a doubt."""
    if not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS:
        raise ConnectionError("the length of the answer is no number")
    return int(text)


def _read_chunk_size(line: bytes) -> int:
    digits, extension, _ = line.partition(b";")
    digits = digits.rstrip(b" \t") if extension else digits
    if not 0 < len(digits) <= MAX_DIGITS or digits.strip(_HEX_DIGITS):
        raise ConnectionError("the size of a chunk is no number")
    return int(digits, 16)


def _too_large() -> ConnectionError:
    return ConnectionError("the answer is too large")


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
