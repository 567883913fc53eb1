"""The README tells the truth: its commands are run."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from dev.services import ROOT

README = (ROOT / "README.md").read_text()


def test_make_dev_starts_says_where_everything_is_and_ends_cleanly(tmp_path):
    """The README's own commands, pasted into a shell beside `make dev`."""
    endpoints = ROOT / ".dev" / "endpoints.json"
    endpoints.unlink(missing_ok=True)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dev"], cwd=ROOT, env=os.environ | {"PORT": "0"}, stdout=log, stderr=log
        )
        try:
            wait_for(endpoints, process)
            commands = re.search(r"second terminal:\n\n```sh\n(.*?)```", README, re.DOTALL)
            assert commands is not None
            script = commands[1].replace(".venv/bin/python", sys.executable)
            told = json.loads(endpoints.read_text())
            done = subprocess.run(
                ["bash", "-euc", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
            )
            pasted = re.findall(r"^  (curl .*?|for .*?)\n\n", (tmp_path / "log").read_text(), re.DOTALL | re.MULTILINE)
            results = [
                subprocess.run(
                    ["bash", "-euc", one.replace(".venv/bin/python", sys.executable)],
                    cwd=ROOT,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=60,
                ).stdout
                for one in pasted
            ]
            started = descendants_of(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(30)

    assert done.returncode == 0, done.stderr
    assert '"name": "acme-mobile"' in done.stdout
    assert set(told) == {"admin_url", "rest_url", "http_url", "rest_api_id", "http_api_id", "admin_key", "pid"}
    assert told["pid"] == process.pid
    assert len(results) == 3
    assert '"key_hash"' in results[0]
    assert " 200 OK" in results[1]
    assert [line.rsplit(" ", 1)[1] for line in results[2].splitlines()] == ["200", "200", "429", "429"]
    assert code == 0
    assert not endpoints.exists()
    assert len(started) >= 4  # the services, and an environment of each function
    assert not started & processes().keys()


def test_every_make_target_that_the_readme_names_exists():
    makefile = (ROOT / "Makefile").read_text()

    for target in re.findall(r"`make ([a-z-]+)`", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_decision_and_file_that_is_named_exists():
    for name in re.findall(r"`((?:tests|docs|store|access)/[\w./-]+)`", README + (ROOT / "SECURITY.md").read_text()):
        assert list(ROOT.glob(f"{name}*")), name


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(0.3)


def descendants_of(pid: int) -> set[int]:
    """The processes that a process started, and those that these started."""
    found: set[int] = set()
    parents = processes()
    while more := {child for child, parent in parents.items() if parent in {pid, *found}} - found:
        found |= more
    return found


def processes() -> dict[int, int]:
    """The parent of every process there is."""
    lines = subprocess.run(["ps", "-Ao", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.splitlines()
    return {int(pid): int(parent) for pid, parent in map(str.split, lines)}
