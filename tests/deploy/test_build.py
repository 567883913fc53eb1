"""What `sam build` puts into the zips: exactly what is imported, with byte code, for the right machine."""

import io
import os
import shutil
import struct
import subprocess
import zipfile

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


OURS = {"access", "store", "authorizer"}
CRYPTOGRAPHY = {"cryptography", "_cffi_backend"}
CONTENT = {
    "AuthorizerFunction": OURS | CRYPTOGRAPHY,
    "KeyAdminFunction": OURS
    | CRYPTOGRAPHY
    | {
        "authorizer",
        "key_admin",
        "annotated_types",
        "aws_lambda_powertools",
        "boto3",
        "botocore",
        "dateutil",
        "jmespath",
        "jwt",
    }
    | {"pydantic", "pydantic_core", "s3transfer", "six", "typing_extensions", "typing_inspection", "urllib3"},
}


def packed(folder):
    """The size of a folder as the zip that is uploaded."""
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in folder.rglob("*"):
                archive.write(path, path.relative_to(folder))
        return len(file.getvalue())


@pytest.mark.parametrize("function", CONTENT)
def test_the_zip_holds_what_is_imported_and_no_more(build, function):
    names = {path.name.partition(".")[0] for path in (build / function).iterdir() if path.suffix != ".dist-info"}

    assert names - {"__pycache__"} == CONTENT[function]


def test_the_authorizer_is_without_what_only_the_admin_function_needs(build):
    assert not (build / "AuthorizerFunction/store/boto.py").exists()
    assert not (build / "AuthorizerFunction/store/admin").exists()


def test_the_authorizer_stays_within_its_budget(build):
    assert packed(build / "AuthorizerFunction") <= 8_000_000


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


def test_byte_code_names_the_path_on_lambda_and_not_the_machine_that_built(build):
    """So tracebacks there are true, and the same source gives the same zip wherever it is built."""
    compiled = (build / "AuthorizerFunction/authorizer/__pycache__/handler.cpython-313.pyc").read_bytes()

    assert b"/var/task/authorizer/handler.py" in compiled
    assert str(build).encode() not in compiled


def test_without_python_3_13_the_deployed_stack_is_not_said_to_be_tested(tmp_path):
    """Not a skip: whoever asks for this test hears that it did not run."""
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    environ = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    pinned = ["requirements-dev.txt", "dev/requirements-ministack.txt", "dev/requirements-sam.txt"]
    kept = [f"--assume-old={one}" for one in pinned]  # the environments are not what is asked about

    done = subprocess.run(
        ["make", "--silent", *kept, "test-stack"], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert "cannot run" in done.stdout
