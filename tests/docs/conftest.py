"""What the tests of the guides share: their commands, and a shell to run them in."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dev.services import ROOT

DOCS = ROOT / "docs"
Shell = Callable[[str, Mapping[str, str]], str]


def commands_of(guide: str) -> list[str]:
    """The blocks marked `sh`, in order."""
    found: list[str] = re.findall(r"```sh\n(.*?)```", (DOCS / guide).read_text(), re.DOTALL)
    assert found, guide
    return found


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Runs a script in the project's folder, with `aws` on the path; its output. A command that fails fails the test."""
    aws = tmp_path / "bin" / "aws"
    aws.parent.mkdir()
    aws.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/tests/docs/aws_cli.py "$@"\n')
    aws.chmod(0o755)
    common = os.environ | {
        "PATH": f"{aws.parent}:{os.environ['PATH']}",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "MAKEFLAGS": "--assume-old=requirements-dev.txt",  # the environment is not what is asked about
    }

    def run(script: str, environ: Mapping[str, str]) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=ROOT,
            env=common | dict(environ),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
