"""Fetch a small JSON document from a named place: metadata and key sets of identity providers.

HTTPS only, or HTTP on this machine; bounded in size and time; redirects are not followed.
"""

import os
import re
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

from access.strict_json import read_object
from store.connection import Connection, parse_endpoint
from store.errors import UnavailableError

MAX_BYTES = 256 * 1024
MAX_FETCH_SECONDS = 1.5  # of one document
MAX_URL = 1024  # characters
_URL = re.compile(r"(https?)://([A-Za-z0-9.-]{1,253})(?::([0-9]{1,5}))?(?:/[!-\"$-~]*)?", re.ASCII)
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
OK = 200
ResultT = TypeVar("ResultT")


def is_fetchable(url: str) -> bool:
    """Whether we would fetch from a URL: https, or http on this machine, and never the Lambda runtime."""
    parts = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    if parts is None or int(parts[3] or 0) > 65_535:  # noqa: PLR2004 - ports
        return False
    endpoint = parse_endpoint(url)
    if not endpoint.is_tls:
        return endpoint.host in _LOOPBACK and endpoint.port != _runtime_port()
    return True


def _runtime_port() -> int | None:
    """Where Lambda's Runtime API answers on this machine: a GET there would take a request away."""
    port = os.environ.get("AWS_LAMBDA_RUNTIME_API", "").rpartition(":")[2]
    return int(port) if port.isdecimal() else None


def within(seconds: float, work: Callable[[], ResultT]) -> ResultT:
    """What work gives, or UnavailableError after so long; work is left to itself then.

    Sockets have their own time-outs; the resolution of names has none.
    """
    outcome: Future[ResultT] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except Exception as error:  # noqa: BLE001 - raised again where the outcome is awaited
            outcome.set_exception(error)

    Thread(target=run, daemon=True).start()
    try:
        return outcome.result(timeout=seconds)
    except TimeoutError as error:
        raise UnavailableError("there is no answer in time") from error


def fetch_json(url: str) -> dict[str, Any]:
    """The JSON object at a URL. Raises UnavailableError, whose message tells what was wrong."""
    if not is_fetchable(url):
        raise UnavailableError("the URL is not https (http only on this machine)")
    endpoint = parse_endpoint(url)
    path = "/" + url.partition("://")[2].partition("/")[2]
    headers = (
        f"host: {endpoint.host_header}\r\naccept: application/json\r\naccept-encoding: identity\r\nconnection: close"
    )
    head = f"GET {path} HTTP/1.1\r\n{headers}\r\n\r\n"
    try:
        connection = Connection(endpoint, max_bytes=MAX_BYTES, seconds=MAX_FETCH_SECONDS)
        try:
            status, _, body = connection.exchange(head.encode())
        finally:
            connection.close()
    except (OSError, ValueError, LookupError) as error:
        raise UnavailableError("there is no answer") from error
    if status != OK:
        raise UnavailableError(f"the answer has status {status}")
    try:
        return read_object(body.decode())
    except ValueError as error:
        raise UnavailableError("the answer is no JSON object") from error
