"""Requests and responses, as the gateway's parts pass them on."""

import time
import uuid
from typing import NamedTuple
from urllib.parse import parse_qsl

Header = tuple[str, str]


class Request(NamedTuple):
    """A request below a mount. `path` is as sent, percent-encoding and all."""

    method: str
    path: str
    query: str
    headers: tuple[Header, ...]
    body: bytes
    source_ip: str
    request_id: str
    received_at: float

    @classmethod
    def make(
        cls, method: str, target: str, headers: tuple[Header, ...], body: bytes, source_ip: str, *, mount: str = ""
    ) -> "Request":
        """A request with the headers that API Gateway adds, and the path that only a local gateway mounts an API at."""
        path, _, query = target.partition("?")
        received_at, request_id = time.time(), str(uuid.uuid4())
        before = next((value for name, value in headers if name.lower() == "x-forwarded-for"), "")
        kept = tuple((name, value) for name, value in headers if not name.lower().startswith("x-forwarded-"))
        added = (
            ("X-Forwarded-For", f"{before}, {source_ip}" if before else source_ip),
            ("X-Forwarded-Port", "443"),
            ("X-Forwarded-Proto", "https"),
            *((("X-Forwarded-Prefix", mount),) if mount else ()),
            ("X-Amzn-Trace-Id", f"Root=1-{int(received_at):08x}-{request_id.replace('-', '')[:24]}"),
        )
        return cls(method, path or "/", query, kept + added, body, source_ip, request_id, received_at)

    def header(self, name: str) -> str | None:
        """The last value of a header, None where it is absent."""
        return next((value for found, value in reversed(self.headers) if found.lower() == name.lower()), None)

    @property
    def parameters(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query, keep_blank_values=True)


class Response(NamedTuple):
    """What the client gets, and why, for the gateway's log."""

    status: int
    headers: tuple[Header, ...]
    body: bytes
    decision: str = ""
    reason: str = ""


class GatewayError(Exception):
    """The gateway itself answers. `kind` is a gateway response type."""

    def __init__(self, kind: str, *, context: dict[str, str] | None = None, detail: str = "") -> None:
        super().__init__(f"{kind} {detail}".strip())
        self.kind, self.context, self.detail = kind, context or {}, detail
