"""Deploy the probe beside a stack, ask, print what API Gateway answered, remove the probe.

`python -m dev.open_points NAME` uses the credentials and Region of the environment.
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

import boto3

from dev.deployed import SAM
from dev.stack import show

TEMPLATE = Path(__file__).parent / "template.yaml"
KNOWN_KEY = "key-of-a-plan-whose-rate-is-0"


class Heard(NamedTuple):
    """An answer of API Gateway."""

    status: int
    probe: str  # the header X-Probe, empty where there is none
    body: str


def main(name: str) -> None:
    """Print the answers, a line each."""
    deploy = [str(SAM), "deploy", "--template-file", str(TEMPLATE), "--stack-name", name, "--resolve-s3"]
    deploy += ["--no-confirm-changeset", "--capabilities", "CAPABILITY_IAM"]
    subprocess.run(deploy, env=os.environ | {"SAM_CLI_TELEMETRY": "0"}, check=True, cwd=TEMPLATE.parent)
    cloudformation = boto3.client("cloudformation")
    try:
        outputs = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
        urls = {one["OutputKey"]: one["OutputValue"] for one in outputs}
        for question, answer in answers(urls["RestUrl"], urls["HttpUrl"]):
            show(f"{question}\n    {answer}")
    finally:
        cloudformation.delete_stack(StackName=name)


def answers(rest: str, http: str) -> list[tuple[str, str]]:
    """What is asked, and what was heard."""
    denied, unknown = ask(f"{rest}/x", "deny"), ask(f"{rest}/keyed", "key-unknown-to-every-plan")
    throttled, encoded = ask(f"{rest}/keyed", KNOWN_KEY), ask(f"{rest}/a%20b/")
    bare = ask(f"{http}/bare", token="")
    half = ask(f"{rest}/token", token="abc!")  # noqa: S106 - no secret
    return [
        ("1. context.authorizer in headers of ACCESS_DENIED", _probe(denied)),
        ("   of INVALID_API_KEY", _probe(unknown)),
        ("   of THROTTLED", _probe(throttled)),
        ("2. HTTP API, the authorizer raises Unauthorized", f"{ask(f'{http}/x', 'raise').status}"),
        ("3. methodArn of /a%20b/", _member(encoded, "arn")),
        ("4. TOKEN expression [a-z]+ and the token abc!", f"{half.status} (401: the whole token has to match)"),
        ("5. an unset context variable in a response template", denied.body),
        ("6. principalId inside authorizer.lambda", _member(ask(f"{http}/x"), "lambda")),
        ("7. a usage plan with rate 0", f"{throttled.status}"),
        ("8. HTTP API, no identity source, no Authorization", f"{bare.status} (200: the authorizer was asked)"),
    ]


def ask(url: str, probe: str = "allow", *, token: str = "abc") -> Heard:  # noqa: S107 - no secret
    """One request that tells the authorizer how to answer."""
    request = urllib.request.Request(url, headers={"x-probe": probe} | ({"Authorization": token} if token else {}))
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Heard(answer.status, answer.headers.get("x-probe", ""), answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Heard(error.code, error.headers.get("x-probe", ""), error.read().decode())


def _probe(heard: Heard) -> str:
    return f"{heard.status}, X-Probe: {heard.probe or 'absent'}"


def _member(heard: Heard, name: str) -> str:
    return json.dumps(json.loads(heard.body).get(name)) if heard.status == 200 else f"{heard.status} {heard.body}"  # noqa: PLR2004


if __name__ == "__main__":
    main(sys.argv[1])
