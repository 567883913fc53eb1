"""Lambda, locally: the real runtime client, one process for each environment.

Each environment is a process of `awslambdaric` that polls a Runtime API of its own, as AWS
documents it (2018-06-01). One request at a time; a pool of environments makes a function.
"""

import json
import os
import select
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import IO, Any, NamedTuple

from dev.processes import end, spawn

INIT_SECONDS = 10.0
MAX_ENVIRONMENTS = 8
_KEPT_BYTES = 65_536
_PREFIX = "/2018-06-01/runtime/"


class FunctionError(Exception):
    """The function failed. `kind` is Lambda's error type, `message` the text of the error."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind, self.message = kind, message


# What a function writes of every request: its metric, its level INFO, and the one error that means a 401.
_ROUTINE = ('{"_aws":', '{"level":"INFO"', '{"level":"DEBUG"', "[ERROR] UnauthorizedError: Unauthorized")


class FunctionConfig(NamedTuple):
    """What a function runs as. `verbose`: the console shows each line that it writes, not only what is unusual."""

    name: str
    handler: str
    code: Path
    timeout_seconds: float
    memory_mb: int
    environ: Mapping[str, str]
    verbose: bool = True


class Function:
    """A function: as many environments as requests at once, up to a maximum."""

    def __init__(self, config: FunctionConfig, *, max_environments: int = MAX_ENVIRONMENTS) -> None:
        self.config = config
        self._idle: list[Environment] = []
        self._slots = threading.Semaphore(max_environments)
        self._lock = threading.Lock()
        self._closed = False

    def invoke(self, event: Any, *, patience_seconds: float | None = None, told: list[str] | None = None) -> Any:
        """The function's answer, through JSON. Raises FunctionError, also where the caller's patience ends first.

        `told` gets the lines that the function wrote meanwhile.
        """
        payload = json.dumps(event).encode()
        with self._slots:
            with self._lock:
                environment = self._idle.pop() if self._idle else None
            environment = environment or Environment(self.config)
            try:
                answer = environment.invoke(payload, patience_seconds)
            finally:
                if told is not None:
                    told.extend(environment.told())
                self._give_back(environment)
        return json.loads(answer)

    def warm(self) -> None:
        """Start one environment before the first request."""
        environment = Environment(self.config)
        environment.wait_until_ready()
        self._give_back(environment)

    def close(self) -> None:
        """End every environment."""
        with self._lock:
            self._closed = True
            environments, self._idle = self._idle, []
        for environment in environments:
            environment.close()

    def _give_back(self, environment: "Environment") -> None:
        with self._lock:
            if environment.is_alive and not self._closed:
                self._idle.append(environment)
                return
        environment.close()


class Environment:
    """One process of the runtime client and the Runtime API that it polls."""

    def __init__(self, config: FunctionConfig, *, quiet: bool = False) -> None:
        self._config = config
        self._events: Queue[tuple[str, bytes] | None] = Queue()
        self._results: Queue[tuple[str, str, bytes]] = Queue()
        self._ready = threading.Event()
        self._server = _RuntimeServer(self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        environ = {
            "PATH": "/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": str(config.code),
            "PYTHONUNBUFFERED": "1",
            "LAMBDA_TASK_ROOT": str(config.code),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": config.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{config.name}",
            "_HANDLER": config.handler,
            **config.environ,
        }
        command = [sys.executable, "-m", "awslambdaric", config.handler]
        output = subprocess.DEVNULL if quiet else subprocess.PIPE
        self._process = spawn(command, environ=environ, cwd=config.code, output=output)
        self._console = None if self._process.stdout is None else _Console(self._process.stdout, verbose=config.verbose)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def told(self) -> list[str]:
        """The lines that the function wrote since the last look."""
        return [] if self._console is None else self._console.told()

    def wait_until_ready(self) -> None:
        """Wait for the end of the init phase. Raises FunctionError where it fails."""
        deadline = time.monotonic() + INIT_SECONDS
        while not self._ready.wait(0.02):
            try:
                _, kind, body = self._results.get_nowait()
            except Empty:
                if not self.is_alive:
                    raise FunctionError("Runtime.ExitError", "the runtime ended during init") from None
                if time.monotonic() > deadline:
                    self.close()
                    raise FunctionError("Sandbox.Timedout", "init took more than 10 seconds") from None
            else:
                self.close()
                raise _failure(kind, body)

    def invoke(self, payload: bytes, patience_seconds: float | None = None) -> bytes:
        """One request. Raises FunctionError; after a time-out the environment is gone."""
        self.wait_until_ready()
        request_id = str(uuid.uuid4())
        self._events.put((request_id, payload))
        allowed_seconds = min(self._config.timeout_seconds, patience_seconds or self._config.timeout_seconds)
        deadline = time.monotonic() + allowed_seconds
        while True:
            try:
                answered, kind, body = self._results.get(timeout=0.1)
            except Empty:
                if not self.is_alive:
                    raise FunctionError("Runtime.ExitError", "the runtime ended during a request") from None
                if time.monotonic() > deadline:
                    self.close()
                    text = f"Task timed out after {allowed_seconds:.2f} seconds"
                    raise FunctionError("Sandbox.Timedout", text) from None
                continue
            if answered != request_id:
                continue
            if kind:
                raise _failure(kind, body)
            return body

    def close(self) -> None:
        """End the process and its Runtime API."""
        end(self._process, seconds=1)
        if self._console is not None:
            self._console.close()
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()

    # --- what the Runtime API asks ---------------------------------------------------------

    def next_event(self) -> tuple[str, bytes] | None:
        self._ready.set()
        return self._events.get()

    def answer(self, request_id: str, kind: str, body: bytes) -> None:
        self._results.put((request_id, kind, body))

    def deadline_ms(self) -> int:
        return int((time.time() + self._config.timeout_seconds) * 1000)

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:us-east-1:123456789012:function:{self._config.name}"


class _Console:
    """What a process writes: passed on to our own console, and kept until somebody looks."""

    def __init__(self, pipe: IO[bytes], *, verbose: bool) -> None:
        self._pipe, self._kept, self._lock = pipe, b"", threading.Lock()
        self._verbose, self._unfinished = verbose, b""
        os.set_blocking(pipe.fileno(), False)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def told(self) -> list[str]:
        """A function writes before it answers, so after its answer all of it is in the pipe."""
        with self._lock:
            self._read()
            kept, self._kept = self._kept, b""
        return kept.decode(errors="replace").splitlines()

    def close(self) -> None:
        self._thread.join()
        with self._lock:
            self._pipe.close()

    def _follow(self) -> None:
        is_open = True
        while is_open:
            select.select([self._pipe], [], [])
            with self._lock:
                is_open = self._read()

    def _read(self) -> bool:
        """Take what is there. Whether more may come."""
        if self._pipe.closed:
            return False
        try:
            while data := os.read(self._pipe.fileno(), _KEPT_BYTES):
                self._show(data)
                self._kept = (self._kept + data)[-_KEPT_BYTES:]
        except BlockingIOError:
            return True
        self._show(b"\n" if self._unfinished else b"")
        return False

    def _show(self, data: bytes) -> None:
        """Pass on the lines that are whole by now."""
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        for line in lines:
            text = line.decode(errors="replace")
            if self._verbose or not text.startswith(_ROUTINE):
                sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


class _RuntimeServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(("127.0.0.1", 0), _RuntimeHandler)
        self.environment = environment

    def handle_error(self, request: Any, client_address: Any) -> None:
        """An environment that is ended breaks its connection; anything else is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _RuntimeHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes; together they would wait 40 ms
    server: _RuntimeServer

    def do_GET(self) -> None:
        environment = self.server.environment
        if self.path != f"{_PREFIX}invocation/next":
            self._send(404)
            return
        event = environment.next_event()
        if event is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": event[0],
            "Lambda-Runtime-Deadline-Ms": str(environment.deadline_ms()),
            "Lambda-Runtime-Invoked-Function-Arn": environment.arn,
            "Content-Type": "application/json",
        }
        self._send(200, event[1], headers)

    def do_POST(self) -> None:
        body = self._read_body()
        parts = self.path.removeprefix(_PREFIX).split("/")
        kind = self.headers.get("Lambda-Runtime-Function-Error-Type", "Unhandled")
        if parts == ["init", "error"]:
            self.server.environment.answer("", kind, body)
        elif parts[-1] == "response":
            self.server.environment.answer(parts[1], "", body)
        else:
            self.server.environment.answer(parts[1], kind, body)
        self._send(202)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class says so
        """Stay silent: the gateway's log tells enough."""

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response_only(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _failure(kind: str, body: bytes) -> FunctionError:
    try:
        details = json.loads(body)
    except ValueError:
        details = {}
    return FunctionError(str(details.get("errorType") or kind), str(details.get("errorMessage", "")))
