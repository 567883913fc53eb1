"""The stack as SAM builds and deploys it: into MiniStack, or already in an account.

MiniStack deploys the real template. What it does not do is named by the tests that skip.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import boto3

from dev.processes import end, free_port, spawn
from dev.services import CREDENTIALS, ROOT, wait_until_ready

STACK = "tollgate"
SAM = ROOT / ".venv-sam" / "bin" / "sam"
# MiniStack transforms SAM templates when it finds the translator, which SAM's environment has.
_SERVE = "import sys; sys.path.extend(sys.argv.pop(1).split(':')); from ministack.app import main; main()"


class Deployed(NamedTuple):
    """Where a deployed stack answers. An empty URL means that nothing answers there."""

    admin_url: str
    rest_url: str
    http_url: str
    admin_key: str
    function: str
    client: Any

    def invoke_admin(self, event: dict[str, Any]) -> Any:
        """The admin function's answer to an event, past the gateway."""
        answer = self.client.invoke(FunctionName=self.function, Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read())


@contextmanager
def in_ministack() -> Iterator[Deployed]:
    """Build, deploy, and end it all afterwards. Raises CalledProcessError with SAM's own words."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    environ = {
        "PATH": os.environ["PATH"],
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": CREDENTIALS["AWS_REGION"],
    }
    translator = ":".join(str(one) for one in (ROOT / ".venv-sam/lib").glob("python*/site-packages"))
    python = ROOT / ".venv-ministack/bin/python"
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as folder:
        process = spawn([str(python), "-c", _SERVE, translator], environ=environ, cwd=ROOT, output=log)
        try:
            wait_until_ready(endpoint, process, log)
            _deploy(endpoint, Path(folder))
            yield _describe(STACK, endpoint)
        finally:
            end(process, seconds=10)


def in_account(stack: str) -> Deployed:
    """A stack of the account and Region that the environment's credentials name."""
    return _describe(stack, None)


def _deploy(endpoint: str, folder: Path) -> None:
    environ = os.environ | CREDENTIALS
    environ |= {"SAM_CLI_TELEMETRY": "0", "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": endpoint}
    environ |= {"PATH": f"{SAM.parent}:{os.environ['PATH']}", "MACHINE": os.uname().machine}
    built = folder / "template.yaml"
    _run([SAM, "build", "--build-dir", folder], ROOT, environ)
    deploy = [SAM, "deploy", "--template-file", built, "--stack-name", STACK, "--resolve-s3"]
    deploy += ["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset"]
    _run(deploy, folder, environ)


def _run(command: list[Any], cwd: Path, environ: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        done.check_returncode()


def _describe(stack: str, endpoint: str | None) -> Deployed:
    settings: dict[str, Any] = {}
    if endpoint is not None:
        settings = {"endpoint_url": endpoint, "region_name": CREDENTIALS["AWS_REGION"]}
        settings |= {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    stacks = boto3.client("cloudformation", **settings).describe_stacks(StackName=stack)["Stacks"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stacks[0]["Outputs"]}
    admin, rest, http = outputs["AdminUrl"], outputs["DemoRestUrl"], outputs["DemoHttpUrl"]
    if endpoint is not None:
        api_id = rest.removeprefix("https://").partition(".")[0]
        stage = rest.rpartition("/")[2]
        admin, rest, http = "", f"{endpoint}/restapis/{api_id}/{stage}/_user_request_", ""
    function = outputs["KeyAdminFunctionName"]
    found = Deployed(admin, rest, http, "", function, boto3.client("lambda", **settings))
    created = found.invoke_admin({"operation": "create_admin_key", "name": "verification"})
    return found._replace(admin_key=created["key_id"])
