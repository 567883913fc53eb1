"""`make dev`: run the whole stack until it is told to end."""

import fcntl
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from dev.gateway.authorizers import AS_DOCUMENTED, Undocumented
from dev.processes import StartError, require_free_port
from dev.services import ROOT, Services
from dev.stack import LocalStack, show

ENDPOINTS = ROOT / ".dev" / "endpoints.json"
_WELCOME = """
Tollgate is ready.

  dashboard  {admin_url}/
  admin API  {admin_url}
  REST API   {rest_url}
  HTTP API   {http_url}
  admin key  {admin_key}

Three commands to paste in another terminal: make a key, call with a token it signs, and see
the limit of three requests in ten seconds.

  curl -sS --fail-with-body {admin_url}/keys -H "Authorization: Bearer {admin_key}" -H "Content-Type: application/json" \\
    -d '{{"name":"demo","key_id":"demo-{pid}","jwt_data":{{"algorithm":"HS256","secret":"{secret}"}},"grants":[{{"api":"*"}}],"rate_limits":[{{"limit":3,"period":"10s"}}]}}'

  curl -i {rest_url}/hello -H "Authorization: Bearer $(.venv/bin/python -m dev.sign demo-{pid} {secret})"

  for i in 1 2 3 4; do curl -sS -w ' %{{http_code}}\\n' {rest_url}/hello -H "Authorization: Bearer $(.venv/bin/python -m dev.sign demo-{pid} {secret})"; done

A line for each request follows; VERBOSE=1 shows all that the functions log. Ctrl-C ends it.
"""


def main() -> int:
    """Start, say where everything is, wait, end."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        with _alone_in_this_folder():
            _run(ended)
    except StartError as error:
        sys.exit(str(error))
    return 0


def _run(ended: threading.Event) -> None:
    port = _read_port("PORT", os.environ.get("PORT") or "3000")
    services, undocumented = _services(os.environ), read_undocumented(os.environ)
    require_free_port("127.0.0.1", port, "make dev PORT=0 (any free port)")
    show("Starting DynamoDB, Secrets Manager, the functions and the gateway …")
    stack = LocalStack(
        port=port,
        services=services,
        progress=show,
        quiet=False,
        verbose=os.environ.get("VERBOSE", "") not in {"", "0"},
        undocumented=undocumented,
    )
    with stack:
        endpoints = {
            "admin_url": stack.admin_url,
            "rest_url": stack.rest_url,
            "http_url": stack.http_url,
            "rest_api_id": "demorest",
            "http_api_id": "demohttp",
            "admin_key": stack.admin_key,
            "pid": os.getpid(),
        }
        ENDPOINTS.write_text(json.dumps(endpoints, indent=2) + "\n")
        show(_WELCOME.format(**endpoints, secret=os.urandom(20).hex()))
        ended.wait()
        show("Ending …")
    ENDPOINTS.unlink(missing_ok=True)


@contextmanager
def _alone_in_this_folder() -> Iterator[None]:
    """Hold the lock of this folder: scripts read where everything is from one file, which has room for one run.

    The system gives the lock back however a run ends. Raises StartError while another run holds it.
    """
    ENDPOINTS.parent.mkdir(exist_ok=True)
    with (ENDPOINTS.parent / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"`make dev` runs in this folder already{_other_run()}. End that one, or start this one in another clone"
            raise StartError(message) from None
        yield


def _other_run() -> str:
    with suppress(OSError, ValueError, KeyError):
        endpoints = json.loads(ENDPOINTS.read_text())
        return f": process {endpoints['pid']}, {endpoints['admin_url']}/"
    return ""


def _services(environ: Mapping[str, str]) -> Services:
    data = environ.get("DATA")
    host, _, port = (environ.get("SERVICES") or "127.0.0.1:0").rpartition(":")
    return Services(Path(data) if data else None, host=host or "127.0.0.1", port=_read_port("SERVICES", port))


def read_undocumented(environ: Mapping[str, str]) -> Undocumented:
    """What AWS leaves open, as the environment chooses it. Raises SystemExit for another value."""
    status = environ.get("HTTP_UNAUTHORIZED") or str(AS_DOCUMENTED.http_unauthorized_status)
    match = environ.get("EXPRESSION_MATCH") or AS_DOCUMENTED.expression_match
    if status not in {"401", "500"} or match not in {"full", "prefix"}:
        sys.exit("HTTP_UNAUTHORIZED is 401 or 500, EXPRESSION_MATCH is full or prefix")
    return Undocumented(int(status), match)


def _read_port(name: str, text: str) -> int:
    if not text.isdigit() or int(text) > 65_535:  # noqa: PLR2004 - the highest port
        sys.exit(f"{name} must have a port from 0 to 65535, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
