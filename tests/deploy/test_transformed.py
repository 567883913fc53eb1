"""What SAM makes of the templates: one stage an API, and permissions for what is switched on."""

import json
import os
import subprocess

import pytest

from dev.services import ROOT

PYTHON = ROOT / ".venv-sam" / "bin" / "python"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="sam is not installed: make check installs it")
WITH_REST = [
    ROOT / "template.yaml",
    ROOT / "examples" / "rest" / "template.yaml",
    ROOT / "dev/open_points/template.yaml",
]


def made_of(path, *parameters):
    """The resources of the CloudFormation template."""
    done = subprocess.run(
        [PYTHON, ROOT / "tests" / "deploy" / "transformed.py", path, *parameters],
        env=os.environ | {"AWS_DEFAULT_REGION": "eu-west-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["Resources"]


@pytest.mark.parametrize("path", WITH_REST, ids=lambda path: path.parent.name)
def test_a_rest_api_has_one_stage(path):
    """SAM adds one named Stage, without stage variables or usage plan, unless OpenApiVersion is set."""
    made = made_of(path)

    deployments = [one for one in made.values() if one["Type"] == "AWS::ApiGateway::Deployment"]
    stages = [one for one in made.values() if one["Type"] == "AWS::ApiGateway::Stage"]

    assert len(deployments) == len(stages) == 1
    assert not any("StageName" in one["Properties"] for one in deployments)


@pytest.mark.parametrize("path", WITH_REST[:2], ids=lambda path: path.parent.name)
def test_a_rest_api_answers_in_its_region(path):
    (api,) = [one for one in made_of(path).values() if one["Type"] == "AWS::ApiGateway::RestApi"]

    assert api["Properties"]["EndpointConfiguration"] == {"Types": ["REGIONAL"]}


def test_the_admin_api_asks_its_authorizer_whatever_a_request_brings():
    """A header or a cookie: API Gateway wants every identity source there is, so it is given none."""
    (api,) = [
        one["Properties"]["Body"]
        for one in made_of(ROOT / "template.yaml").values()
        if one["Type"] == "AWS::ApiGatewayV2::Api" and "/session" in one["Properties"]["Body"]["paths"]
    ]
    authorizer = api["components"]["securitySchemes"]["Tollgate"]["x-amazon-apigateway-authorizer"]
    routes = {path: methods for path, methods in api["paths"].items() if path in {"/session", "$default"}}

    assert authorizer["identitySource"] == []
    assert authorizer["authorizerResultTtlInSeconds"] == 0
    assert {path: [one["security"] for one in methods.values()] for path, methods in routes.items()} == {
        "/session": [[{"NONE": []}]] * 3,
        "$default": [[{"Tollgate": []}]],
    }


@pytest.mark.parametrize(("tracing", "is_traced"), [("Active", True), ("Disabled", False)])
def test_a_role_may_write_traces_only_where_they_are_on(tracing, is_traced):
    made = made_of(ROOT / "template.yaml", f"Tracing={tracing}")

    roles = [
        made[f"{name}Role"]["Properties"]["ManagedPolicyArns"] for name in ("AuthorizerFunction", "KeyAdminFunction")
    ]
    functions = [made[name]["Properties"] for name in ("AuthorizerFunction", "KeyAdminFunction")]

    assert all(("xray" in json.dumps(role).lower()) is is_traced for role in roles)
    assert all(("TracingConfig" in one) is is_traced for one in functions)
