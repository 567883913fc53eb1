"""What `sam build` puts into the zips: exactly what is imported, with byte code, for the right machine."""

import os
import shutil
import struct
import subprocess

import pytest

from dev.services import ROOT

AARCH64 = 183  # e_machine of the ELF header
HAS_313 = (
    shutil.which("python3.13") is not None
    and subprocess.run(["python3.13", "-c", ""], check=False, capture_output=True).returncode == 0
)


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    if not HAS_313:
        pytest.skip("sam build compiles for python3.13, which is not on this machine")
    folder = tmp_path_factory.mktemp("build")
    environ = os.environ | {
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PATH": f"{ROOT}/.venv-sam/bin:{os.environ['PATH']}",
    }
    done = subprocess.run(
        [ROOT / ".venv-sam/bin/sam", "build", "--build-dir", folder],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def top(folder):
    return {
        path.name for path in folder.iterdir() if not path.name.endswith(".dist-info") and path.name != "__pycache__"
    }


def test_the_authorizer_holds_what_it_imports_and_no_more(build):
    found = top(build / "AuthorizerFunction")

    assert {"access", "store", "authorizer", "cryptography"} <= found
    assert not found & {
        "boto3",
        "botocore",
        "jwt",
        "pydantic",
        "aws_lambda_powertools",
        "key_admin",
        "dev",
        "tests",
        "bin",
    }
    assert not (build / "AuthorizerFunction/store/boto.py").exists()


def test_the_admin_function_holds_what_it_imports(build):
    found = top(build / "KeyAdminFunction")

    assert {
        "access",
        "store",
        "key_admin",
        "boto3",
        "pydantic",
        "aws_lambda_powertools",
        "jwt",
        "cryptography",
    } <= found
    assert not found & {"authorizer", "dev", "tests"}


@pytest.mark.parametrize("function", ["AuthorizerFunction", "KeyAdminFunction"])
def test_every_module_has_byte_code_that_is_never_checked_again(build, function):
    """The code folder on Lambda is read-only: a missing or stale one is compiled at every cold start."""
    sources = [path for path in (build / function).rglob("*.py") if "dist-info" not in str(path)]

    assert sources
    for path in sources:
        compiled = path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc"
        flags = struct.unpack("<I", compiled.read_bytes()[4:8])[0]
        assert flags == 0b01, compiled  # hash-based, unchecked (PEP 552)


@pytest.mark.parametrize("function", ["AuthorizerFunction", "KeyAdminFunction"])
def test_native_code_is_for_arm64(build, function):
    objects = list((build / function).rglob("*.so"))

    assert objects
    assert {struct.unpack("<H", path.read_bytes()[18:20])[0] for path in objects} == {AARCH64}


def test_the_magic_number_is_that_of_the_runtime(build):
    compiled = build / "AuthorizerFunction/authorizer/__pycache__/handler.cpython-313.pyc"

    assert int.from_bytes(compiled.read_bytes()[:2], "little") == 3571  # CPython 3.13
