"""The examples, deployed by `sam deploy` beside the Tollgate stack in MiniStack, import what it exports."""

import re

import boto3
import pytest

from dev.deployed import deploy
from dev.services import ROOT
from tests.conftest import WHERE, call, sign

pytestmark = pytest.mark.skipif(WHERE != "ministack", reason="needs the deployed stack: make test-stack runs it")
EXAMPLES = ["rest", "http", "websocket"]
UNKNOWN_TO_MINISTACK = ("MockResponse", "ConnectResponse")  # it knows no responses of WebSocket APIs


def as_ministack_takes_it(name, folder):
    """The example itself, or a copy without the resources of types that MiniStack refuses."""
    path = ROOT / "examples" / name / "template.yaml"
    text = path.read_text()
    for resource in UNKNOWN_TO_MINISTACK:
        text = re.sub(rf"\n  {resource}:.*?\n(?=\n)", "", text, flags=re.DOTALL)
    if text == path.read_text():
        return path
    (folder / "template.yaml").write_text(text)
    return folder / "template.yaml"


@pytest.fixture(scope="module")
def urls(stack, tmp_path_factory):
    """Of each example, as its stack says."""
    endpoint = stack.client.meta.endpoint_url
    settings = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
    cloudformation = boto3.client("cloudformation", endpoint_url=endpoint, **settings)
    for name in EXAMPLES:
        deploy(endpoint, as_ministack_takes_it(name, tmp_path_factory.mktemp(name)), name)
    described = {name: cloudformation.describe_stacks(StackName=name)["Stacks"][0] for name in EXAMPLES}
    return {name: one["Outputs"][0]["OutputValue"] for name, one in described.items()}


def test_every_example_deploys(urls):
    assert {url.partition(":")[0] for url in urls.values()} == {"https", "wss"}


def test_the_rest_example_is_guarded(stack, urls, admin):
    """Its 429 is played by the local gateway: MiniStack ignores the key that the authorizer names."""
    api_id = urls["rest"].removeprefix("https://").partition(".")[0]
    url = f"{stack.client.meta.endpoint_url}/restapis/{api_id}/prod/_user_request_/orders"
    token = sign(admin.create_key(owner="acme", grants=[{"api": "orders"}])["key_id"])

    allowed, forged = call("GET", url, token=token), call("GET", url, token=f"{token}x")

    assert (allowed.status, allowed.body) == (200, {"owner": "acme"})
    assert forged.status == 401
