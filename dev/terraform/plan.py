"""Run `terraform plan` on a copy of a configuration, with the stand-in provider beside it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from dev.services import ROOT

PYTHON = ROOT / ".venv-terraform" / "bin" / "python"
_TERRAFORM = "terraform"  # on PATH
_PROVIDER = "registry.terraform.io/hashicorp/aws"


def is_available() -> bool:
    """Whether Terraform and what the provider needs are on this machine."""
    return shutil.which("terraform") is not None and PYTHON.exists()


def plan(folder: Path, variables: Mapping[str, str] | None = None) -> str:
    """What `terraform show -json` prints of the plan. Raises CalledProcessError with Terraform's own words."""
    settings = [f"-var={name}={value}" for name, value in (variables or {}).items()]
    with TemporaryDirectory(prefix="tollgate-plan-") as here, _provider() as environ:
        for file in folder.rglob("*.tf"):
            copy = Path(here) / file.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
        _terraform(here, environ, "init")
        _terraform(here, environ, "plan", "-input=false", "-out=made", *settings)
        return _terraform(here, environ, "show", "-json", "made")


def _terraform(folder: str, environ: Mapping[str, str], command: str, *arguments: str) -> str:
    done = subprocess.run(
        [_TERRAFORM, command, "-no-color", *arguments],
        cwd=folder,
        env=dict(environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
    return done.stdout


@contextmanager
def _provider() -> Iterator[Mapping[str, str]]:
    """The stand-in, and the environment by which Terraform finds it."""
    command = [str(PYTHON), "-m", "dev.terraform.provider"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None or process.stdin is None:
            raise AssertionError
        address = {"Network": "tcp", "String": f"127.0.0.1:{process.stdout.readline().strip()}"}
        attached = {"Protocol": "grpc", "ProtocolVersion": 5, "Pid": process.pid, "Test": True, "Addr": address}
        yield os.environ | {
            "TF_REATTACH_PROVIDERS": json.dumps({_PROVIDER: attached}),
            "TF_CLI_CONFIG_FILE": os.devnull,
            "CHECKPOINT_DISABLE": "1",
        }
        process.stdin.close()
