"""Child processes that do not outlive us."""

import contextlib
import ctypes
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.request import urlopen

READY_SECONDS = 30.0
END_SECONDS = 20.0  # for what it has to store or to end itself
_PR_SET_PDEATHSIG = 1
# The kernel means the parent *thread* by the parent, so one thread that lasts spawns them all.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


class StartError(Exception):
    """What is asked for cannot start. The message says why, and what to do."""


def spawn(
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    cwd: Path,
    output: int | IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child that is killed when we die, however that happens (on Linux)."""
    return _SPAWNER.submit(
        subprocess.Popen,
        command,
        env=dict(environ),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        preexec_fn=_follow_parent,
    ).result()


def end(process: subprocess.Popen[bytes], *, seconds: float = 3.0) -> None:
    """Ask a child to end, then make it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


@contextlib.contextmanager
def answering(
    command: Sequence[str],
    url: str,
    *,
    environ: Mapping[str, str],
    cwd: Path,
    status: int | None = None,
    ready_seconds: float = READY_SECONDS,
) -> Iterator[None]:
    """A child that answers at `url`, with `status` where one is named; ended afterwards.

    Raises RuntimeError with the end of its output where it does not answer in time.
    """
    with tempfile.TemporaryFile() as output:
        process = spawn(command, environ=environ, cwd=cwd, output=output)
        try:
            _wait_until_answers(process, url, status, ready_seconds, output)
            yield
        finally:
            end(process, seconds=END_SECONDS)


def _wait_until_answers(
    process: subprocess.Popen[bytes], url: str, status: int | None, seconds: float, output: IO[bytes]
) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        found = _status_of(url)
        if found is not None and status in {None, found}:
            return
        time.sleep(0.05)
    output.seek(0)
    tail = output.read()[-2000:].decode(errors="replace")
    raise RuntimeError(f"nothing answers at {url}:\n{tail}")


def _status_of(url: str) -> int | None:
    try:
        with urlopen(url, timeout=1) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code
    except OSError:
        return None


def require_free_port(host: str, port: int, setting: str) -> None:
    """Raises StartError where nothing can listen on a port. `setting` chooses another."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as servers do: a connection that ended is no hindrance
        try:
            probe.bind((host, port))
        except OSError as error:
            message = (
                f"Nothing can listen on {host}:{port} ({error.strerror}). End what runs there, or choose: {setting}"
            )
            raise StartError(message) from error


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _follow_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is ours to handle
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
