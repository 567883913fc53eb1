"""A stack that cannot be verified is said to be one, and what to do."""

import json

import boto3
import pytest

from dev.deployed import NotVerifiableError, in_account, ministack
from dev.services import CREDENTIALS

BARE = {
    "Parameters": {"LimitAnswer": {"Type": "String", "Default": "429"}},
    "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
    "Outputs": {"AdminUrl": {"Value": "https://admin"}, "KeyAdminFunctionName": {"Value": "tollgate-KeyAdmin"}},
}


def test_a_stack_without_demo_apis_is_refused_in_words(monkeypatch):
    """`make verify-stack` calls them: it raised KeyError."""
    with ministack() as endpoint:
        for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": endpoint}).items():
            monkeypatch.setenv(name, value)
        boto3.client("cloudformation").create_stack(StackName="bare", TemplateBody=json.dumps(BARE))

        with (
            pytest.raises(NotVerifiableError, match=r"the stack bare has no demo APIs.*DemoApis=on"),
            in_account("bare"),
        ):
            pass
