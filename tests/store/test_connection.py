"""Answers of HTTP/1.1 as RFC 9112, section 6.3, frames them: each attack on the framing, and every sound form."""

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from dev.services import CREDENTIALS
from store.connection import MAX_HEAD_BYTES, MAX_INTERIM, Connection, Endpoint
from store.errors import UnavailableError
from store.fetch import fetch_json
from store.lean import LeanClient
from store.trust import context_of

OK = b"HTTP/1.1 200 OK\r\n"
PACKED = gzip.compress(b"{}", mtime=0)
PACKED_SET = gzip.compress(b'{"keys": []}', mtime=0)
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def whole(body: bytes, *headers: bytes, start: bytes = OK) -> bytes:
    """An answer of known length."""
    return start + b"".join(b"%b\r\n" % one for one in headers) + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@contextmanager
def raw_server(behave: Callable[[socket.socket, int], None], *, tls=None) -> Iterator[int]:
    """A port where each connection, once it asked, is treated as told."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for number in range(100):
                try:
                    plain, _ = server.accept()
                except OSError:
                    return
                with plain, suppress(OSError), tls.wrap_socket(plain, server_side=True) if tls else plain as connection:
                    connection.settimeout(5)
                    behave(connection, number)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def saying(*answers: bytes) -> Callable[[socket.socket, int], None]:
    """Say the next of these at each request of a connection, then close it."""

    def behave(connection: socket.socket, _number: int) -> None:
        for answer in answers:
            if not connection.recv(65_536):
                return
            connection.sendall(answer)

    return behave


@contextmanager
def connected(port: int, **options) -> Iterator[Connection]:
    with closing(Connection(Endpoint(is_tls=False, host="127.0.0.1", port=port), **options)) as connection:
        yield connection


def exchange(answer: bytes, **options) -> tuple[int, dict[str, str], bytes]:
    with raw_server(saying(answer)) as port, connected(port, **options) as connection:
        return connection.exchange(b"request")


def lean_client(port: int) -> LeanClient:
    return LeanClient("dynamodb", environ=CREDENTIALS | {"AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{port}"})


# --- one answer for one request ------------------------------------------------------------


@pytest.mark.parametrize(
    "stray", [whole(b'{"forged": true}'), b"H", b"\n", OK], ids=["answer", "byte", "newline", "line"]
)
def test_bytes_after_an_answer_are_never_the_next_answer(stray):
    """They came in one piece with the answer, so no look at the socket can see them."""

    def behave(connection: socket.socket, number: int) -> None:
        while connection.recv(65_536):
            connection.sendall(whole(json.dumps({"from": number}).encode()) + stray)

    with raw_server(behave) as port, closing(lean_client(port)) as client:
        assert [client.call("GetItem", {}) for _ in range(3)] == [{"from": 0}, {"from": 1}, {"from": 2}]


def test_a_connection_with_bytes_left_is_stale_and_takes_no_request():
    with raw_server(saying(whole(b"{}") + b"x")) as port, connected(port) as connection:
        assert connection.exchange(b"request")[2] == b"{}"

        assert connection.is_stale()
        with pytest.raises(ConnectionError):
            connection.exchange(b"request")


@pytest.mark.parametrize(
    ("answer", "is_stale"),
    [
        (whole(b"{}"), False),
        (whole(b"{}", b"Connection: keep-alive"), False),
        (CHUNKED + b"2\r\n{}\r\n0\r\n\r\n", False),
        (OK.replace(b"200", b"204") + b"\r\n", False),
        (whole(b"{}", b"Connection: close"), True),
        (whole(b"{}", b"Connection: keep-alive, Close"), True),
        (whole(b"{}", b"Connection: x", b"Connection: close"), True),
        (whole(b"{}", start=b"HTTP/1.0 200 OK\r\n"), True),
    ],
)
def test_a_connection_is_used_again_where_the_answer_allows_it(answer, is_stale):
    with raw_server(saying(answer, answer)) as port, connected(port) as connection:
        connection.exchange(b"request")

        assert connection.is_stale() == is_stale


# --- heads ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 099 OK",
        b"HTTP/1.1 600 OK",
        b"HTTP/1.1 +20 OK",
        b"HTTP/1.1 \xb200 OK",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1\t200 OK",
        b"HTTP/2.0 200 OK",
        b"http/1.1 200 OK",
        b" HTTP/1.1 200 OK",
        b"HTTP/1.1",
        b"200 OK",
        b"",
    ],
)
def test_a_line_that_is_no_status_line_begins_no_answer(line):
    with pytest.raises(ConnectionError):
        exchange(whole(b"{}", start=line + b"\r\n"))


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Length : 0",
        b" Content-Length: 0",
        b"Content-Length\xa0: 0",
        b"X: folded\r\n Content-Length: 0",
        b"X: 1\nContent-Length: 0",
        b"X: 1\rContent-Length: 0",
        b"X: \0",
        b"no colon",
        b": no name",
    ],
)
def test_a_header_that_two_readers_may_read_in_two_ways_is_no_header(header):
    with pytest.raises(ConnectionError):
        exchange(whole(b"{}", header))


def test_values_of_a_repeated_header_are_a_list():
    _, headers, _ = exchange(whole(b"{}", b"Vary: a", b"X: 1", b"vary:\tb "))

    assert (headers["vary"], headers["x"]) == ("a, b", "1")


# --- framing -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: -1",
        b"Content-Length: +2",
        b"Content-Length: 0x2",
        b"Content-Length: 2.0",
        b"Content-Length: 2_0",
        b"Content-Length: \xb2",
        b"Content-Length:",
        b"Content-Length: two",
        b"Content-Length: 2 2",
        b"Content-Length: 2, 2",
        b"Content-Length: 2\r\nContent-Length: 2",
        b"Content-Length: 2\r\nContent-Length: 0",
        b"Content-Length: 2\r\ncontent-length: 40",
        b"Content-Length: " + b"9" * 5000,
        b"Content-Length: 2\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 2",
        b"Transfer-Encoding: chunked\r\nContent-Length: 0",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked, gzip",
        b"Transfer-Encoding: gzip, gzip, chunked",
        b"Transfer-Encoding: br, chunked",
        b"Transfer-Encoding:",
        b"Transfer-Encoding: chunked;q=1",
    ],
)
def test_a_length_that_is_in_doubt_frames_nothing(headers):
    """Neither {} nor an empty body: whoever chose the other reading would send the next answer."""
    with pytest.raises(ConnectionError):
        exchange(OK + headers + b"\r\n\r\n{}")


def test_chunks_in_an_answer_of_http_1_0_are_a_fault():
    with pytest.raises(ConnectionError):
        exchange(CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"2\r\n{}\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "chunks",
    [
        b"-2\r\n{}\r\n0\r\n\r\n",
        b"+2\r\n{}\r\n0\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"2 \r\n{}\r\n0\r\n\r\n",
        b" 2\r\n{}\r\n0\r\n\r\n",
        b"0_2\r\n{}\r\n0\r\n\r\n",
        b"\r\n{}\r\n0\r\n\r\n",
        b";x\r\n{}\r\n0\r\n\r\n",
        b"g\r\n{}\r\n0\r\n\r\n",
        b"2\n{}\r\n0\r\n\r\n",
        b"00000000000000002\r\n{}\r\n0\r\n\r\n",
        b"1\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}0\r\n\r\n",
        b"2\r\n{}\n\n0\r\n\r\n",
        b"2\r\n{}\r\n",
        b"2\r\n{}\r\n0\r\n",
        b"2\r\n{}\r\n0\r\nX: 1\r\n",
    ],
)
def test_chunks_that_are_not_written_as_rfc_9112_says_are_a_fault(chunks):
    with pytest.raises(ConnectionError):
        exchange(CHUNKED + chunks)


@pytest.mark.parametrize(
    "answer",
    [
        whole(b"{}"),
        whole(b"{}", b"Content-Type: application/json", start=b"HTTP/1.1 200\r\n"),
        whole(b"{}", start=b"HTTP/1.0 200 OK\r\n"),
        CHUNKED + b"2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b'1\r\n{\r\n01 ;name="value"\r\n}\r\n00\r\n\r\n',
        CHUNKED + b"2\r\n{}\r\n0\r\nX-Checksum: 1\r\nY: 2\r\n\r\n",
        OK + b"\r\n{}",
        OK + b"Connection: close\r\n\r\n{}",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n16\r\n%b\r\n0\r\n\r\n" % PACKED,
        OK + b"Transfer-Encoding: X-Gzip\r\nTransfer-Encoding: Chunked\r\n\r\n16\r\n%b\r\n0\r\n\r\n" % PACKED,
        OK + b"Transfer-Encoding: gzip\r\n\r\n" + PACKED,
        b"HTTP/1.1 100 Continue\r\n\r\n" + whole(b"{}"),
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 40\r\n\r\n" * MAX_INTERIM + whole(b"{}"),
    ],
)  # fmt: skip
def test_a_body_is_read_whole_however_it_is_framed(answer):
    assert len(PACKED) == 0x16

    status, _, body = exchange(answer)

    assert (status, body) == (200, b"{}")


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_an_answer_that_has_no_body_by_its_status_has_none(status):
    start = b"HTTP/1.1 %b\r\n" % status
    with raw_server(saying(start + b"Content-Length: 40\r\n\r\n", whole(b"{}"))) as port, connected(port) as connection:
        assert connection.exchange(b"request")[2] == b""
        assert connection.exchange(b"request")[2] == b"{}"


def test_a_change_of_protocol_that_nobody_asked_for_is_a_fault():
    with pytest.raises(ConnectionError):
        exchange(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + whole(b"{}"))


@pytest.mark.parametrize(
    "packed",
    [PACKED[:-1], PACKED + b"x", PACKED * 2, b"{}", b""],
    ids=["cut", "more", "twice", "plain", "empty"],
)
def test_a_body_that_does_not_unpack_is_a_fault(packed):
    with pytest.raises(ConnectionError):
        exchange(OK + b"Transfer-Encoding: gzip\r\n\r\n" + packed)


# --- bounds --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" * (MAX_INTERIM + 1) + whole(b"{}"),
        OK + b"X: y\r\n" * (MAX_HEAD_BYTES // 6) + b"Content-Length: 2\r\n\r\n{}",
        CHUNKED + b"2;" + b"x" * 1000 + b"\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"1;" + b"x" * 200 + b"\r\n{\r\n" * 2_000,
        CHUNKED + b"0\r\n" + b"X: y\r\n" * 100_000,
        OK + b"Content-Length: 9999999\r\n\r\n{}",
        OK + b"\r\n" + b" " * 300_000,
        OK + b"Transfer-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(300_000)),
    ],
    ids=["interim", "head", "extension", "extensions", "trailers", "length", "to the end", "bomb"],
)
def test_everything_that_is_read_of_an_answer_is_bounded(answer):
    with pytest.raises(ConnectionError):
        exchange(answer, max_bytes=200_000)


@pytest.mark.parametrize("piece", [b"HTTP/1.1 100 Continue\r\n\r\n", b"H", b""], ids=["interim", "drip", "silence"])
def test_an_answer_that_never_comes_takes_no_more_than_its_time(piece):
    """A piece every 20 ms keeps each read within its own time-out."""
    done = threading.Event()

    def behave(connection: socket.socket, _number: int) -> None:
        connection.recv(65_536)
        while not done.wait(0.02):
            connection.sendall(piece)

    with raw_server(behave) as port, connected(port) as connection:
        with pytest.raises(OSError):
            connection.exchange(b"request", seconds=0.3)
        done.set()


# --- who uses it ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Type: application/json\r\n\r\n" + b'{"keys": []}',
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(PACKED_SET), PACKED_SET),
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + whole(b'{"keys": []}'),
    ],
    ids=["to the end", "gzip, chunked", "early hints"],
)
def test_a_key_set_is_fetched_from_a_server_of_any_sound_framing(answer):
    with raw_server(saying(answer)) as port:
        assert fetch_json(f"http://127.0.0.1:{port}/jwks") == {"keys": []}


def test_a_key_set_in_an_answer_of_doubtful_length_is_not_taken():
    doubtful = OK + b"Content-Length: 12\r\nContent-Length: 0\r\n\r\n" + b'{"keys": []}'

    with raw_server(saying(doubtful)) as port, pytest.raises(UnavailableError):
        fetch_json(f"http://127.0.0.1:{port}/jwks")


@pytest.mark.parametrize("is_closed_well", [True, False])
def test_a_body_that_ends_with_the_connection_ends_with_a_closure_that_nobody_else_can_make(
    authority, monkeypatch, is_closed_well
):
    """RFC 9112, section 9.8: whoever can cut a TLS connection must not choose where a body ends."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    context_of.cache_clear()

    def behave(connection, _number):
        connection.recv(65_536)
        connection.sendall(OK + b"\r\n{}")
        if is_closed_well:
            connection.unwrap().close()

    with raw_server(behave, tls=authority.server_context()) as port:
        endpoint = Endpoint(is_tls=True, host="127.0.0.1", port=port)
        with closing(Connection(endpoint)) as connection:
            if is_closed_well:
                assert connection.exchange(b"request")[2] == b"{}"
            else:
                with pytest.raises(OSError):
                    connection.exchange(b"request")
