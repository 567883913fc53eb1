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
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import boto3

from dev.processes import answering, free_port
from dev.services import CREDENTIALS, MINISTACK_HEALTH, ROOT, ministack_environ

STACK = "tollgate"
SAM = ROOT / ".venv-sam" / "bin" / "sam"
# MiniStack transforms SAM templates when it finds the translator, which SAM's environment has.
_SERVE = "import sys; sys.path.extend(sys.argv.pop(1).split(':')); from ministack.app import main; main()"


class NotVerifiableError(Exception):
    """The stack has nothing that the tests could call; the message says what to do."""


class Deployed(NamedTuple):
    """Where a deployed stack answers. An empty URL means that nothing answers there."""

    admin_url: str
    rest_url: str
    http_url: str
    admin_key: str
    admin_hash: str  # the key hash of that key
    limit_status: int  # what the demo REST API answers where a limit is reached
    usage_key: str  # what a client of MiniStack has to send: there the authorizer's is ignored
    function: str
    client: Any

    def invoke_admin(self, event: dict[str, Any]) -> Any:
        """The admin function's answer to an event, past the gateway."""
        answer = self.client.invoke(FunctionName=self.function, Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read())


@contextmanager
def ministack() -> Iterator[str]:
    """Everything that MiniStack plays, SAM's transform included; where it answers."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    environ = ministack_environ("127.0.0.1", port)
    translator = ":".join(str(one) for one in (ROOT / ".venv-sam/lib").glob("python*/site-packages"))
    command = [str(ROOT / ".venv-ministack/bin/python"), "-c", _SERVE, translator]
    with answering(command, endpoint + MINISTACK_HEALTH, environ=environ, cwd=ROOT, status=HTTPStatus.OK):
        yield endpoint


@contextmanager
def in_ministack() -> Iterator[Deployed]:
    """Build, deploy, and end it all afterwards. Raises CalledProcessError with SAM's own words."""
    with tempfile.TemporaryDirectory() as folder, ministack() as endpoint:
        build(Path(folder), _environ())
        parameters = ("LimitAnswer=deny", f"EndpointUrl={endpoint}")
        deploy(endpoint, Path(folder) / "template.yaml", STACK, parameters)
        yield _in_ministack(endpoint)


@contextmanager
def in_account(stack: str) -> Iterator[Deployed]:
    """A stack of the account and Region that the environment's credentials name. Its admin key goes afterwards.

    Raises NotVerifiableError where it has no demo APIs.
    """
    found = _with_admin_key(_describe(stack, {}))
    try:
        yield found
    finally:
        found.invoke_admin(direct("DELETE", f"/keys/{found.admin_hash}", by=found.admin_hash))


def direct(method: str, path: str, body: Any = None, *, by: str) -> dict[str, Any]:
    """An event for the admin function as its gateway would send it, for a direct invocation.

    `by` is the hash of the admin key that an authorizer would have let pass.
    """
    route, _, query = path.partition("?")
    return {
        "version": "2.0",
        "rawPath": route,
        "rawQueryString": query,
        "headers": {"content-type": "application/json"},
        "queryStringParameters": dict(parse_qsl(query)),
        "requestContext": {
            "http": {"method": method, "path": route},
            "stage": "$default",
            "authorizer": {"lambda": {"keyHash": by}},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def build(folder: Path, environ: dict[str, str]) -> None:
    """Build both functions as they are deployed, with wheels of this machine."""
    path = f"{SAM.parent}:{os.environ['PATH']}"
    _run([SAM, "build", "--build-dir", folder], ROOT, environ | {"PATH": path, "MACHINE": os.uname().machine})


def deploy(endpoint: str, template: Path, stack: str, parameters: tuple[str, ...] = ()) -> None:
    """Deploy a template with `sam deploy` into what answers at an endpoint. Raises CalledProcessError."""
    command = [SAM, "deploy", "--template-file", template, "--stack-name", stack, "--resolve-s3"]
    command += ["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset"]
    command += ["--parameter-overrides", *parameters] if parameters else []
    # Elsewhere than in the project, whose samconfig.toml is for the project's own stack.
    _run(command, template.parent, _environ() | {"AWS_ENDPOINT_URL": endpoint})


def _environ() -> dict[str, str]:
    return os.environ | CREDENTIALS | {"SAM_CLI_TELEMETRY": "0", "AWS_EC2_METADATA_DISABLED": "true"}


def _run(command: list[Any], cwd: Path, environ: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        done.check_returncode()


def _describe(stack: str, settings: dict[str, Any]) -> Deployed:
    described = boto3.client("cloudformation", **settings).describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in described["Parameters"]}
    if "DemoRestUrl" not in outputs:
        message = (
            f"the stack {stack} has no demo APIs, which the tests call: "
            "sam deploy --parameter-overrides DemoApis=on, verify, and switch them off again"
        )
        raise NotVerifiableError(message)
    return Deployed(
        outputs["AdminUrl"],
        outputs["DemoRestUrl"],
        outputs["DemoHttpUrl"],
        "",
        "",
        429 if parameters["LimitAnswer"] == "429" else 403,
        "",
        outputs["KeyAdminFunctionName"],
        boto3.client("lambda", **settings),
    )


def _in_ministack(endpoint: str) -> Deployed:
    """Without HTTP APIs, whose routes MiniStack leaves out, and with the key that it wants from clients."""
    settings: dict[str, Any] = {"endpoint_url": endpoint, "region_name": CREDENTIALS["AWS_REGION"]}
    settings |= {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    found = _describe(STACK, settings)
    api_id, stage = found.rest_url.removeprefix("https://").partition(".")[0], found.rest_url.rpartition("/")[2]
    keys = boto3.client("apigateway", **settings).get_api_keys(includeValues=True)["items"]
    return _with_admin_key(
        found._replace(
            admin_url="",
            rest_url=f"{endpoint}/restapis/{api_id}/{stage}/_user_request_",
            http_url="",
            usage_key=keys[0]["value"],
        )
    )


def _with_admin_key(found: Deployed) -> Deployed:
    created = found.invoke_admin({"operation": "create_admin_key", "name": "verification"})
    return found._replace(admin_key=created["key_id"], admin_hash=created["key_hash"])
