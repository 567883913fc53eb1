"""What the guides say of `sam deploy` and parameters is what SAM does, against CloudFormation as MiniStack plays it."""

import os
import subprocess

import boto3
import pytest

from dev.deployed import SAM, ministack
from dev.services import CREDENTIALS

TEMPLATE = """
Parameters:
  Kept: { Type: String, Default: default }
  Changed: { Type: String, Default: default }
Resources:
  Both: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: !Sub "${Kept} ${Changed}" } }
"""
SETTINGS = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
pytestmark = pytest.mark.skipif(not SAM.exists(), reason="sam is not installed: make check installs it")


def test_an_update_keeps_parameters_and_a_saved_one_stays(tmp_path):
    """A plain deploy takes what is deployed; --save-params keeps a change for the deployments to come."""
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    with ministack() as endpoint:
        environ = os.environ | CREDENTIALS | {"AWS_ENDPOINT_URL": endpoint, "SAM_CLI_TELEMETRY": "0"}

        def deployed(*arguments):
            command = [SAM, "deploy", "--stack-name", "kept", "--no-confirm-changeset", "--no-fail-on-empty-changeset"]
            done = subprocess.run(
                [*command, *arguments], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
            client = boto3.client("cloudformation", endpoint_url=endpoint, **SETTINGS)
            parameters = client.describe_stacks(StackName="kept")["Stacks"][0]["Parameters"]
            return {one["ParameterKey"]: one["ParameterValue"] for one in parameters}

        first = deployed("--parameter-overrides", "Kept=mine", "Changed=first")
        changed = deployed("--parameter-overrides", "Changed=second", "--save-params")
        plain = deployed()

    assert first == {"Kept": "mine", "Changed": "first"}
    assert changed == plain == {"Kept": "mine", "Changed": "second"}
    assert 'Changed = "second"' in (tmp_path / "samconfig.toml").read_text()
