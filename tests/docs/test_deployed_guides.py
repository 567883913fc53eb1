"""The commands of the guides that speak to AWS, run against the stack that is deployed into MiniStack."""

import json

import boto3
import pytest

from tests.conftest import WHERE, call, sign
from tests.docs.conftest import commands_of

pytestmark = pytest.mark.skipif(WHERE != "ministack", reason="needs the deployed stack: make test-stack runs it")


@pytest.fixture
def deployed(stack):
    """Where AWS is played, as the environment of a shell."""
    settings = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
    endpoint = stack.client.meta.endpoint_url
    described = boto3.client("cloudformation", endpoint_url=endpoint, **settings).describe_stacks(StackName="tollgate")
    outputs = {one["OutputKey"]: one["OutputValue"] for one in described["Stacks"][0]["Outputs"]}
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "TABLE": outputs["TableName"],
        "AUTHORIZER_FUNCTION": outputs["AuthorizerArn"].rpartition(":")[2],
        "KEY_ADMIN_FUNCTION": outputs["KeyAdminFunctionName"],
    }


def test_the_first_admin_key_is_made_as_deploy_says(deployed, shell):
    told = shell("\n".join(commands_of("deploy.md")), deployed)

    assert '"key_id": "tg_' in told


def test_operating_commands_work_and_a_rotated_master_secret_still_finds_old_keys(stack, deployed, shell, admin):
    token = sign(admin.create_key()["key_id"])
    assert call("GET", f"{stack.rest_url}/x", token=token).status == 200

    shell("\n".join(one for one in commands_of("operate.md") if "aws " in one), deployed)

    assert call("GET", f"{stack.rest_url}/x", token=token).status == 200
    assert call("GET", f"{stack.rest_url}/x", token=sign(admin.create_key()["key_id"])).status == 200
    secret = shell(
        "aws secretsmanager get-secret-value --query SecretString --output text --secret-id "
        "$(aws cloudformation describe-stack-resource --stack-name tollgate --logical-resource-id MasterSecret "
        "--query StackResourceDetail.PhysicalResourceId --output text)",
        deployed,
    )
    assert set(json.loads(secret)) == {"current", "previous", "audit"}
