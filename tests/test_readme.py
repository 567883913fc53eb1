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
from tests.conftest import clone_into

README = (ROOT / "README.md").read_text()
PEERS = (ROOT / "docs" / "peers.md").read_text()
README_COLUMNS = 7
EXAMPLE_URL = "http://127.0.0.1:3000/rest/prod"
_COMMANDS = re.findall(r"^\$ (curl .*?)(?: +#.*)?$", README, re.MULTILINE)
EXCHANGE = [_COMMANDS[0], *_COMMANDS]  # "the fourth": a call of the block that made the key was the first


def test_make_dev_starts_says_where_everything_is_and_ends_cleanly(tmp_path):
    """The README's own commands, pasted into a shell beside `make dev`."""
    clone = clone_into(tmp_path / "clone")
    endpoints = clone / ".dev" / "endpoints.json"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dev"], cwd=clone, env=os.environ | {"PORT": "0"}, stdout=log, stderr=log
        )
        try:
            wait_for(endpoints, process)
            commands = re.search(r"second terminal:\n\n```sh\n(.*?)```", README, re.DOTALL)
            assert commands is not None
            script = commands[1].replace(".venv/bin/python", sys.executable)
            told = json.loads(endpoints.read_text())
            done = paste(f"{script}\necho TOKEN=$TOKEN", clone)
            answers = [paste(one.replace(EXAMPLE_URL, told["rest_url"]), clone, done.stdout) for one in EXCHANGE]
            pasted = re.findall(r"^  (curl .*?|for .*?)\n\n", (tmp_path / "log").read_text(), re.DOTALL | re.MULTILINE)
            results = [paste(one.replace(".venv/bin/python", sys.executable), clone).stdout for one in pasted]
            started = descendants_of(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(30)

    assert done.returncode == 0, done.stderr
    assert '"name": "acme-mobile"' in done.stdout
    assert [answer.stdout.splitlines()[0] for answer in answers] == ["HTTP/1.1 200 OK"] * 2 + [
        "HTTP/1.1 429 Too Many Requests"
    ]
    for line in shown_answer():
        assert line in without_seconds(answers[-1].stdout)
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


def test_the_readme_is_for_a_reader_in_a_hurry():
    assert len(README.splitlines()) < 150


def test_every_link_and_picture_of_the_readme_and_of_contributing_exists():
    pages = README + (ROOT / "CONTRIBUTING.md").read_text()

    for target in re.findall(r"(?:\]\(|src=\"|srcset=\")([^)\"#:]+)(?:#[^)]*)?[)\"]", pages):
        assert (ROOT / target).exists(), target


def test_every_claim_about_a_peer_has_its_source():
    """A cell that claims nothing says `?`, and has none."""
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in README.splitlines()
        if line.startswith("| ") and line.count("|") == README_COLUMNS + 1
    ]

    for name, _, *cells in rows:
        claims = re.search(rf"^## {re.escape(name)}\n\n(.*?)(?:\n\n|\Z)", PEERS, re.MULTILINE | re.DOTALL)
        assert claims is not None, name
        sourced = re.findall(r"^- \*\*(.*?)\*\*: .*\(\[source\]\(https://.*\)\)\.$", claims[1], re.MULTILINE)
        assert sourced == [peer for peer, cell in zip(head[2:], cells, strict=True) if cell != "?"], name
    assert len(rows) == PEERS.count("\n## ")


def test_every_make_target_that_the_readme_names_exists():
    makefile = (ROOT / "Makefile").read_text()

    for target in re.findall(r"`make ([a-z-]+)`", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_file_and_target_that_contributing_names_exists():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    makefile = (ROOT / "Makefile").read_text()

    names = re.findall(r"`((?:access|authorizer|cli|dev|docs|doctor|events|key_admin|store|tests)/[\w./]*)`", page)
    assert len(names) > 40
    assert [name for name in names if not (ROOT / name).exists()] == []
    for target in re.findall(r"`make ([a-z-]+)", page):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_decision_and_file_that_is_named_exists():
    for name in re.findall(r"`((?:tests|docs|store|access)/[\w./-]+)`", README + (ROOT / "SECURITY.md").read_text()):
        assert list(ROOT.glob(f"{name}*")), name


def paste(command: str, folder: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """A command in a shell that knows the token of what was pasted before."""
    token = before.rpartition("TOKEN=")[2].strip()
    environ = os.environ | {"TOKEN": token}
    return subprocess.run(
        ["bash", "-euc", command], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60
    )


def shown_answer() -> list[str]:
    """The lines of the refusal that the README shows."""
    shown = README.partition("HTTP/1.1 429")[2].partition("```")[0]
    return [line for line in without_seconds(shown).splitlines()[1:] if line]


def without_seconds(text: str) -> str:
    """Of the ten seconds some are over."""
    return re.sub(r'(Retry-After: |"retry_after":)\d+', r"\1N", text)


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
