"""What the tests of the command share: a stack of their own, and a way to run the command on it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dev.services import ROOT
from dev.stack import LocalStack
from tests.conftest import Admin
from tests.key_admin.provider import Provider

COMPANY = ROOT / "examples/company"
COMMAND = [sys.executable, "-m", "cli.main"]


class Ended(NamedTuple):
    """How a run of the command ended."""

    code: int
    out: str
    err: str


class Command(NamedTuple):
    """The command, as an operator of one stack runs it."""

    url: str
    key: str
    home: Path

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TOLLGATE")}
        settings = {"TOLLGATE_CONFIG": str(self.home), "PYTHONPATH": str(ROOT), "COLUMNS": "80", "NO_COLOR": "1"}
        return kept | settings | {"TOLLGATE_URL": self.url, "TOLLGATE_KEY": self.key} | more

    def __call__(self, *arguments: object, stdin: str = "", **environment: str) -> Ended:
        """Run it to its end."""
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            env=self.environment(**environment),
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: object, stderr: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start it, to be ended from outside."""
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=self.environment(),
        )


@pytest.fixture(scope="module")
def empty() -> Iterator[LocalStack]:
    """A stack that has nothing but its first admin key. One for each module."""
    with LocalStack() as running:
        yield running


@pytest.fixture
def tollgate(empty: LocalStack, tmp_path: Path) -> Command:
    return Command(empty.admin_url, empty.admin_key, tmp_path / "home")


@pytest.fixture
def operator(empty: LocalStack) -> Admin:
    """Somebody with curl, or at the dashboard."""
    return Admin(empty.admin_url, empty.admin_key)


@pytest.fixture(scope="session")
def staff() -> Iterator[Provider]:
    """The identity provider of the example's company."""
    provider = Provider()
    yield provider
    provider.shutdown()
    provider.server_close()


@pytest.fixture
def company(staff: Provider, tmp_path: Path) -> Path:
    """The example, with an identity provider that answers."""
    folder = tmp_path / "company"
    shutil.copytree(COMPANY, folder, ignore=shutil.ignore_patterns("secrets"))
    issuers = folder / "issuers.yaml"
    issuers.write_text(issuers.read_text().replace("https://login.example.com", staff.url))
    return folder


def edit(path: Path, before: str, after: str) -> None:
    """Change one place of a file."""
    text = path.read_text()
    assert text.count(before) == 1, f"{before} stands {text.count(before)} times in {path}"
    path.write_text(text.replace(before, after))
