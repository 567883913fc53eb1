"""What a template says is understood wherever it says it: short or long, by Globals, parameters, conditions, modules."""

import contextlib
import copy
import json
import random
import textwrap

import pytest

from dev.services import ROOT
from dev.terraform.plan import is_available, plan
from doctor.checks import examine
from doctor.nodes import TemplateError
from doctor.template import Template
from tests.doctor.forms import DELETED, FORMS, SOUND, put

SAM = """
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      StageVariables: { tollgateApi: orders }
      Auth:
        DefaultAuthorizer: T
        Authorizers:
          T:
            FunctionArn: !ImportValue tollgate-AuthorizerArn
            AuthorizerPayloadFormatVersion: "2.0"
            EnableSimpleResponses: true
            EnableFunctionDefaultPermissions: true
            Identity: { Headers: [Authorization], ReauthorizeEvery: 0 }
"""

BY_GLOBALS = """
Parameters:
  Ttl: { Type: Number, Default: 0 }
Globals:
  Api:
    OpenApiVersion: 3.0.1
    Variables: { tollgateApi: orders }
    Auth:
      DefaultAuthorizer: T
      Authorizers:
        T:
          FunctionPayloadType: REQUEST
          FunctionArn: !ImportValue tollgate-AuthorizerArn
          Identity: { ReauthorizeEvery: !Ref Ttl }
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        List: { Type: Api, Properties: { Method: GET, Path: /orders } }
"""

DEFINED = """
Globals: { Api: { OpenApiVersion: 3.0.1 } }
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      ApiKeySourceType: AUTHORIZER
      Variables: { tollgateApi: orders, tollgateLimits: "429" }
      DefinitionBody:
        openapi: 3.0.1
        paths:
          /x:
            get:
              security: [{ T: [], key: [] }]
            options:
              security: []
        components:
          securitySchemes:
            key: { type: apiKey, in: header, name: x-api-key }
            T:
              type: apiKey
              in: header
              name: Authorization
              x-amazon-apigateway-authorizer:
                type: request
                identitySource: method.request.header.Authorization
                authorizerResultTtlInSeconds: 0
                authorizerUri: !Sub arn:${AWS::Partition}:apigateway:r:lambda:path/2015-03-31/functions/arn:aws:lambda:r:1:function:t/invocations
        x-amazon-apigateway-gateway-responses:
          INVALID_API_KEY:
            statusCode: 429
            responseParameters: { gatewayresponse.header.Retry-After: context.authorizer.retryAfter }
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: arn:aws:lambda:r:1:function:t
      Principal: apigateway.amazonaws.com
      SourceArn: !Sub arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/authorizers/*
  Plan:
    Type: AWS::ApiGateway::UsagePlan
    Properties: { ApiStages: [{ ApiId: !Ref Api, Stage: !Ref Api.Stage }] }
  PlanKey:
    Type: AWS::ApiGateway::UsagePlanKey
    Properties: { UsagePlanId: !Ref Plan, KeyId: !ImportValue tollgate-UsageKeyId }
"""


def found_in(text):
    return {(one.check, one.line) for one in examine(Template(text))}


@pytest.mark.parametrize("text", [SAM, BY_GLOBALS, DEFINED], ids=["short forms", "Globals", "a definition"])
def test_what_is_sound_has_no_findings(text):
    assert found_in(text) == set()


@pytest.mark.parametrize(
    ("form", "base", "changes"),
    [
        (
            "SAM",  # the plan that SAM makes, with Tollgate's key beside SAM's own
            "rest",
            {
                "Resources/UsagePlan": DELETED,
                "Resources/Api/Properties/Auth/UsagePlan": {"CreateUsagePlan": "PER_API"},
                "Resources/UsagePlanKey/Properties/UsagePlanId": {"Ref": "ApiUsagePlan"},
            },
        ),
        ("CloudFormation", "rest", {"Resources/Authorizer/Properties/AuthorizerUri": {"Ref": "Uri"}, "Resources/Permission": DELETED, "Resources/Authorizer/Properties/AuthorizerCredentials": "arn:x"}),
        ("CloudFormation", "http", {"Resources/List/Properties/RouteKey": "$default", "Resources/Api/Properties/CorsConfiguration": DELETED}),
        ("CloudFormation", "rest", {"Resources/Plan/Properties/ApiStages/0/Stage": "prod"}),
        ("CloudFormation", "rest", {"Resources/Permission/Properties/SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:*/authorizers/*"}}),
        ("CloudFormation", "http", {"Resources/Permission/Properties/SourceArn": DELETED, "Resources/Permission/Properties/SourceAccount": {"Ref": "AWS::AccountId"}}),
    ],
)  # fmt: skip
def test_another_sound_way_has_no_findings_either(form, base, changes):
    data = FORMS[form].load(base)
    for path, value in changes.items():
        put(data, path, value)

    assert examine(Template(FORMS[form].dump(data))) == []


def line_of(text, part):
    (line,) = [number for number, one in enumerate(text.splitlines(), 1) if part in one]
    return line


@pytest.mark.parametrize(
    ("good", "before", "after", "check"),
    [
        (SAM, "ReauthorizeEvery: 0 }", "ReauthorizeEvery: 60 }", "cached-result"),
        (BY_GLOBALS, "Default: 0", "Default: 9", "cached-result"),
        (BY_GLOBALS, "      DefaultAuthorizer: T\n", "", "no-default-authorizer"),
        (BY_GLOBALS, "Path: /orders }", "Path: /orders, Auth: { Authorizer: NONE } }", "open-route"),
        (DEFINED, "{ T: [], key: [] }", "{ T: [] }", "channel-without-key"),
        (DEFINED, "[{ T: [], key: [] }]", "[]", "open-route"),
        (DEFINED, "[{ T: [], key: [] }]", "[{ U: [], key: [] }]", "unknown-authorizer"),
        (DEFINED, "security: []", "security: [{ T: [] }]", "blocked-preflight"),
        (DEFINED, "authorizerResultTtlInSeconds: 0", "authorizerResultTtlInSeconds: 60", "cached-result"),
        (DEFINED, "header.Authorization", "header.X-Tenant", "identity-source"),
        (DEFINED, "FunctionName: arn:aws:lambda:r:1:function:t", "FunctionName: another", "no-permission"),
        (DEFINED, "statusCode: 429", "statusCode: 403", "channel-without-429"),
        (DEFINED, "context.authorizer.retryAfter }", "soon }", "bare-value"),
        (DEFINED, "      DefinitionBody:\n", "      DefinitionUri: x.yaml\n      Definition:\n", "unread-definition"),
    ],
)
def test_a_mistake_is_found_wherever_it_is_written(good, before, after, check):
    assert before in good

    found = {name for name, _ in found_in(good.replace(before, after, 1))}

    assert check in found


def test_a_branch_is_chosen_by_the_defaults_of_parameters():
    chosen = """
Parameters: {{ Stage: {{ Type: String, Default: {stage} }} }}
Conditions: {{ IsTest: !Not [!Equals [!Ref Stage, prod]] }}
""" + SAM.replace("{", "{{").replace("}", "}}").replace("ReauthorizeEvery: 0", "ReauthorizeEvery: !If [IsTest, 60, 0]")

    assert "cached-result" not in {name for name, _ in found_in(chosen.format(stage="prod"))}
    assert ("cached-result", line_of(chosen, "ReauthorizeEvery")) in found_in(chosen.format(stage="test"))


def test_json_may_be_indented_by_tabs():
    text = SAM.replace("!ImportValue tollgate-AuthorizerArn", "a").replace("Every: 0", "Every: 60")
    import yaml

    tabbed = json.dumps(yaml.safe_load(text), indent="\t")

    assert ("cached-result", line_of(tabbed, "ReauthorizeEvery")) in found_in(tabbed)


BOUND = """
def handler(event, context):
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke",
                 "Resource": event["methodArn"]}
    return {"principalId": "x", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
"""
OWN = """
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Auth:
        Authorizers:
          T: { FunctionPayloadType: REQUEST, FunctionArn: !GetAtt Own.Arn, Identity: { Headers: [X-Own], ReauthorizeEvery: 60 } }
  Own:
    Type: AWS::Serverless::Function
    Properties:
"""


def test_inline_code_that_is_a_block_is_found_by_its_own_line():
    text = OWN + "      InlineCode: |" + textwrap.indent(BOUND, "        ")

    assert found_in(text) == {("bound-policy", line_of(text, "methodArn"))}


def test_code_in_a_file_is_found_by_the_line_that_names_it_and_by_its_own(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "guard.py").write_text(BOUND)
    path = tmp_path / "t.yaml"
    path.write_text(OWN + "      CodeUri: src/\n      Handler: guard.handler\n")

    (found,) = examine(Template.read(path))

    assert path.read_text().splitlines()[found.line - 1] == "      Handler: guard.handler"
    assert "guard.py, line 4" in found.wrong


def test_an_api_that_asks_somebody_else_is_none_of_our_affair():
    assert found_in(OWN.replace("ReauthorizeEvery: 60", "ReauthorizeEvery: 0") + "      Handler: a.b\n") == set()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it has no resources"),
        ("a: 1\nb: [", "line 2: this is neither YAML nor JSON"),
        ("Resources: {}", "it has no resources"),
        ("- x", "it has no resources"),
        ("Resources: [1]", "it has no resources"),
        ("Resources:\n  A: {B: 0x_}", "neither YAML nor JSON"),
        ("[" * 5000, "nested too deeply"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "nested too deeply"),
        ("Resources: &a\n  A: *a", "nested too deeply"),
        ("a: 1\n---\nb: 2", "line 2: this is neither"),
        ('{"planned_values": {}, "configuration": {}}', "it has no resources"),
    ],
)
def test_what_is_not_a_template_is_refused_in_words(text, said):
    with pytest.raises(TemplateError, match=said):
        Template(text)


ODDITIES = [None, 1, "x", "", True, [], [[]], [{}], {}, {"a": "b"}, {"Ref": []}, {"Ref": "x"}, {"Fn::GetAtt": "x"}]
ODDITIES += [{"Fn::Sub": []}, {"Fn::Sub": ["a"]}, {"Fn::Join": 1}, {"Fn::If": [1, 2, 3]}, {"Fn::Equals": [1]}]


def places_in(data):
    """Everything that holds something, with the key or the place of it."""
    for key, value in list(data.items() if isinstance(data, dict) else enumerate(data)):
        yield data, key
        if isinstance(value, dict | list):
            yield from places_in(value)


@pytest.mark.parametrize("form", FORMS)
def test_whatever_stands_where_something_else_belongs_is_borne(form):
    """A template may be wrong in ways that are not ours to tell: nothing of it ends the doctor."""
    chance = random.Random(7)
    for _ in range(60):
        data = FORMS[form].load(chance.choice(["rest", "http", "websocket"]))
        for _ in range(chance.choice([1, 2, 5])):
            where, key = chance.choice(list(places_in(data)))
            where[key] = copy.deepcopy(chance.choice(ODDITIES))

        with contextlib.suppress(TemplateError):
            examine(Template(FORMS[form].dump(data)))


@pytest.mark.skipif(not is_available(), reason="terraform or .venv-terraform is not here: make test makes the latter")
@pytest.mark.parametrize("name", ["rest", "http", "websocket", "modules"])
def test_a_recorded_plan_is_what_terraform_plans(name):
    """So that a case spoils a plan of the shape that Terraform gives."""
    planned = json.loads(plan(ROOT / "tests" / "doctor" / "terraform" / name))
    recorded = json.loads((SOUND / f"{name}.plan.json").read_text())

    del planned["prior_state"]["terraform_version"], recorded["prior_state"]["terraform_version"]
    for key in ("planned_values", "configuration", "prior_state"):
        assert planned[key] == recorded[key], key


def test_a_plan_is_followed_across_modules():
    """A route of one instance asks nobody: it alone is named."""
    recorded = json.loads((SOUND / "modules.plan.json").read_text())
    assert examine(Template(json.dumps(recorded))) == []
    modules = recorded["planned_values"]["root_module"]["child_modules"]
    (bills,) = [one for one in modules if one["address"] == 'module.api["bills"]']
    address = 'module.api["bills"].aws_apigatewayv2_route.this["POST /"]'
    (route,) = [one for one in bills["resources"] if one["address"] == address]
    route["values"]["authorization_type"] = "NONE"

    (found,) = examine(Template(json.dumps(recorded)))

    assert (found.check, found.resource) == ("open-route", f"{address} (POST /)")
