"""Fetch a small JSON document from a named place: metadata and key sets of identity providers.

HTTPS only, or HTTP on this machine; bounded in size and time; redirects are not followed.
"""

import os
import re
from typing import Any

from access.strict_json import read_object
from store.errors import UnavailableError
from store.lean import Connection, parse_endpoint

MAX_BYTES = 256 * 1024
MAX_FETCH_SECONDS = 1.5
_URL = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[!-~]*)?", re.ASCII)
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?(/|$)", re.ASCII)
OK = 200


def is_fetchable(url: str) -> bool:
    """Whether we would fetch from a URL: https, or http on this machine, and never the Lambda runtime."""
    if not _URL.fullmatch(url) or len(url) > 1024 or "#" in url:  # noqa: PLR2004 - characters of a URL
        return False
    runtime = os.environ.get("AWS_LAMBDA_RUNTIME_API")
    if runtime and url.partition("://")[2].partition("/")[0].lower() == runtime.lower():
        return False
    return url.startswith("https://") or _LOOPBACK.match(url) is not None


def fetch_json(url: str) -> dict[str, Any]:
    """The JSON object at a URL. Raises UnavailableError, whose message tells what was wrong."""
    if not is_fetchable(url):
        raise UnavailableError("the URL is not https")
    endpoint = parse_endpoint(url)
    path = "/" + url.partition("://")[2].partition("/")[2]
    head = (
        f"GET {path} HTTP/1.1\r\nhost: {endpoint.host_header}\r\naccept: application/json\r\nconnection: close\r\n\r\n"
    )
    try:
        connection = Connection(endpoint, max_bytes=MAX_BYTES, seconds=MAX_FETCH_SECONDS)
        try:
            status, _, body = connection.exchange(head.encode())
        finally:
            connection.close()
    except (OSError, ValueError) as error:
        raise UnavailableError("there is no answer") from error
    if status != OK:
        raise UnavailableError(f"the answer has status {status}")
    try:
        return read_object(body.decode())
    except ValueError as error:
        raise UnavailableError("the answer is no JSON object") from error
