"""The guides tell the truth: their programs are run against the running stack, their links exist."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from dev.services import ROOT
from tests.conftest import SECRET, call

DOCS = ROOT / "docs"
GUIDES = sorted(DOCS.glob("*.md"))
PROGRAMS = {
    "python": ("token.py", [sys.executable]),
    "javascript": ("token.js", ["node"]),
    "sh": ("token.sh", ["bash", "-eu"]),
    "go": ("main.go", ["go", "run"]),
    "java": ("Token.java", ["java"]),
}


@pytest.mark.parametrize("language", PROGRAMS)
def test_every_first_token_is_accepted(stack, admin, tmp_path, language):
    name, command = PROGRAMS[language]
    if shutil.which(command[0]) is None or (language == "sh" and shutil.which("openssl") is None):
        pytest.skip(f"the tools of {language} are not on PATH")
    found = re.search(rf"```{language}\n(.*?)```", (DOCS / "first-token.md").read_text(), re.DOTALL)
    assert found is not None
    (tmp_path / name).write_text(found[1])
    key = admin.create_key()
    environ = os.environ | {"KEY_ID": key["key_id"], "SECRET": SECRET}

    done = subprocess.run(
        [*command, name], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=120
    )

    assert done.returncode == 0, done.stderr
    assert call("GET", f"{stack.rest_url}/x", token=done.stdout.strip()).status == 200


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_every_link_and_named_file_exists(path):
    text = path.read_text()

    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (path.parent / target).exists(), target
    for name in re.findall(r"`((?:tests|docs|store|access|examples|events|integration|doctor)/[\w./-]+)`", text):
        assert list(ROOT.glob(f"{name}*")), name


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_every_make_target_exists(path):
    makefile = (ROOT / "Makefile").read_text()

    for target in re.findall(r"`make ([a-z-]+)", path.read_text()):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_index_names_every_guide():
    index = (DOCS / "README.md").read_text()

    assert all(f"({path.name})" in index for path in GUIDES if path.name not in {"README.md", "benchmarks.md"})
