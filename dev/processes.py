"""Child processes that do not outlive us."""

import contextlib
import ctypes
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
# The kernel means the parent *thread* by the parent, so one thread that lasts spawns them all.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


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
