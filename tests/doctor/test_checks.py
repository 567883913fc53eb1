"""Each mistake is found at the line marked `<-`, and is gone when it is mended."""

import json
import subprocess
import sys
import textwrap

import pytest
import yaml

from dev.services import ROOT
from doctor.checks import examine
from doctor.template import Template, TemplateError

SAM_REST = """
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      ApiKeySourceType: AUTHORIZER
      Variables: { tollgateLimits: "429" }
      Cors: "'*'"
      Auth:
        DefaultAuthorizer: T
        ApiKeyRequired: true
        UsagePlan: { CreateUsagePlan: PER_API }
        AddDefaultAuthorizerToCorsPreflight: false
        AddApiKeyRequiredToCorsPreflight: false
        Authorizers:
          T:
            FunctionPayloadType: REQUEST
            FunctionArn: !ImportValue tollgate-AuthorizerArn
            Identity:
              ReauthorizeEvery: 0
      GatewayResponses:
        DEFAULT_4XX: { ResponseParameters: { Headers: { Access-Control-Allow-Origin: "'*'" } } }
        DEFAULT_5XX: { ResponseParameters: { Headers: { Access-Control-Allow-Origin: "'*'" } } }
        INVALID_API_KEY:
          StatusCode: 429
          ResponseParameters:
            Headers:
              Access-Control-Allow-Origin: "'*'"
              Retry-After: context.authorizer.retryAfter
"""

SAM_HTTP = """
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      StageVariables:
        tollgateLimits: integration
      CorsConfiguration: { AllowOrigins: ["*"] }
      Auth:
        DefaultAuthorizer: T
        Authorizers:
          T:
            FunctionArn: !ImportValue tollgate-AuthorizerArn
            AuthorizerPayloadFormatVersion: "2.0"
            EnableSimpleResponses: true
            EnableFunctionDefaultPermissions: true
            Identity: { Headers: [Authorization], ReauthorizeEvery: 0 }
  Function:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: "from tollgate_limits import tollgate_limits"
      Events:
        Any: { Type: HttpApi, Properties: { ApiId: !Ref Api, Method: GET, Path: /x } }
"""

PLAIN_REST = """
Resources:
  Api: { Type: AWS::ApiGateway::RestApi, Properties: { ApiKeySourceType: AUTHORIZER } }
  Stage:
    Type: AWS::ApiGateway::Stage
    Properties: { RestApiId: !Ref Api, StageName: prod, Variables: { tollgateLimits: "429" } }
  Authorizer:
    Type: AWS::ApiGateway::Authorizer
    Properties:
      RestApiId: !Ref Api
      Type: REQUEST
      IdentitySource: method.request.header.Authorization
      AuthorizerResultTtlInSeconds: 0
      AuthorizerUri: !Sub
        - arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Arn}/invocations
        - Arn: !ImportValue tollgate-AuthorizerArn
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !ImportValue tollgate-AuthorizerArn
      Principal: apigateway.amazonaws.com
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      HttpMethod: GET
      AuthorizationType: CUSTOM
      ApiKeyRequired: true
  Options:
    Type: AWS::ApiGateway::Method
    Properties: { RestApiId: !Ref Api, HttpMethod: OPTIONS, AuthorizationType: NONE }
  Plan:
    Type: AWS::ApiGateway::UsagePlan
    Properties: { ApiStages: [{ ApiId: !Ref Api, Stage: !Ref Stage }] }
  PlanKey: { Type: AWS::ApiGateway::UsagePlanKey, Properties: { UsagePlanId: !Ref Plan } }
  Limited:
    Type: AWS::ApiGateway::GatewayResponse
    Properties:
      RestApiId: !Ref Api
      ResponseType: INVALID_API_KEY
      StatusCode: "429"
      ResponseParameters: { gatewayresponse.header.Access-Control-Allow-Origin: "'*'" }
  Other:
    Type: AWS::ApiGateway::GatewayResponse
    Properties:
      RestApiId: !Ref Api
      ResponseType: DEFAULT_4XX
      ResponseParameters: { gatewayresponse.header.Access-Control-Allow-Origin: "'*'" }
  Fault:
    Type: AWS::ApiGateway::GatewayResponse
    Properties:
      RestApiId: !Ref Api
      ResponseType: DEFAULT_5XX
      ResponseParameters: { gatewayresponse.header.Access-Control-Allow-Origin: "'*'" }
"""

PLAIN_HTTP = """
Resources:
  Api: { Type: AWS::ApiGatewayV2::Api, Properties: { ProtocolType: HTTP, CorsConfiguration: { AllowOrigins: ["*"] } } }
  Authorizer:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Api
      AuthorizerType: REQUEST
      AuthorizerPayloadFormatVersion: "2.0"
      EnableSimpleResponses: true
      IdentitySource: [$request.header.Authorization]
      AuthorizerUri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Fn.Arn}/invocations
  Permission:
    Type: AWS::Lambda::Permission
    Properties: { FunctionName: !GetAtt Fn.Arn, Principal: apigateway.amazonaws.com }
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: { ApiId: !Ref Api, RouteKey: GET /x, AuthorizerId: !Ref Authorizer }
"""

OWN = """
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Auth:
        Authorizers:
          T:
            FunctionPayloadType: REQUEST
            FunctionArn: !GetAtt Own.Arn
            Identity: { Headers: [X-Own], ReauthorizeEvery: 0 }
  Own:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: |
        def handler(event, context):
            statement = {"Effect": "Allow", "Action": "execute-api:Invoke",
                         "Resource": event["methodArn"]}
            return {"principalId": "x", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
"""

DEFINED = """
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      ApiKeySourceType: AUTHORIZER
      Variables: { tollgateLimits: "429" }
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
                authorizerUri: arn:aws:apigateway:r:lambda:path/2015-03-31/functions/arn:aws:lambda:r:1:function:t/invocations
        x-amazon-apigateway-gateway-responses:
          INVALID_API_KEY:
            statusCode: 429
            responseParameters: { gatewayresponse.header.Retry-After: context.authorizer.retryAfter }
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: arn:aws:lambda:r:1:function:t
      Principal: apigateway.amazonaws.com
  Plan:
    Type: AWS::ApiGateway::UsagePlan
    Properties: { ApiStages: [{ ApiId: !Ref Api, Stage: !Ref Api.Stage }] }
  PlanKey: { Type: AWS::ApiGateway::UsagePlanKey, Properties: { UsagePlanId: !Ref Plan } }
"""

ROUTES = """
Parameters:
  Ttl: { Type: Number, Default: 0 }
Globals:
  Api:
    Variables: { tollgateLimits: "429" }
    Auth:
      Authorizers:
        T: { FunctionPayloadType: REQUEST, Identity: { Headers: [Authorization], ReauthorizeEvery: !Ref Ttl } }
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      ApiKeySourceType: AUTHORIZER
      Variables: { other: x }
      Auth:
        DefaultAuthorizer: T
        UsagePlan: { CreateUsagePlan: PER_API }
        Authorizers:
          T: { FunctionArn: { "Fn::ImportValue": { "Fn::Sub": "${Stack}-AuthorizerArn" } } }
      GatewayResponses:
        INVALID_API_KEY: { StatusCode: 429 }
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Keyed:
          Type: Api
          Properties: { RestApiId: !Ref Api, Method: GET, Path: /x, Auth: { ApiKeyRequired: true } }
        Open:
          Type: Api
          Properties: { RestApiId: !Ref Api, Method: GET, Path: /y, Auth: { Authorizer: NONE, ApiKeyRequired: false } }
"""

GOOD = {
    "SAM_REST": SAM_REST,
    "SAM_HTTP": SAM_HTTP,
    "PLAIN_REST": PLAIN_REST,
    "PLAIN_HTTP": PLAIN_HTTP,
    "OWN": OWN,
    "DEFINED": DEFINED,
    "ROUTES": ROUTES,
}

MISTAKES = [  # the template, the text that is changed, what it becomes (its line is told), the code
    (
        SAM_REST,
        "              ReauthorizeEvery: 0",
        "              ReauthorizeEvery: 60 #<-\n              Headers: [Authorization]",
        "cached-result",
    ),
    (
        SAM_REST,
        "          T:\n",
        "          T: #<-\n",
        "cached-result",
        "            Identity:\n              ReauthorizeEvery: 0\n",
    ),
    (
        SAM_REST,
        "              ReauthorizeEvery: 0",
        "              ReauthorizeEvery: 60",
        "identity-source",
        "            Identity:\n",
        "            Identity: #<-\n",
    ),
    (
        SAM_REST,
        "            Identity:\n",
        "            Identity: #<-\n              Headers: [X-Tenant]\n",
        "identity-source",
    ),
    (
        SAM_REST,
        "FunctionPayloadType: REQUEST",
        "FunctionPayloadType: TOKEN",
        "token-event",
        "          T:\n",
        "          T: #<-\n",
    ),
    (
        SAM_REST,
        "!ImportValue tollgate-AuthorizerArn",
        "!Ref Fn.Alias #<-\n",
        "dropped-alias",
        "Resources:\n",
        "Resources:\n  Fn: { Type: AWS::Serverless::Function }\n",
    ),
    (SAM_REST, "!ImportValue tollgate-AuthorizerArn", "!Sub '${Fn.Alias}' #<-", "dropped-alias"),
    (
        SAM_REST,
        "            FunctionPayloadType: REQUEST",
        "            FunctionPayloadType: REQUEST\n            DisableFunctionDefaultPermissions: true",
        "no-permission",
        "          T:\n",
        "          T: #<-\n",
    ),
    (SAM_REST, "        ApiKeyRequired: true", "        ApiKeyRequired: false #<-", "channel-without-key"),
    (
        SAM_REST,
        '      Variables: { tollgateLimits: "429" }',
        '      Variables: { tollgateLimits: "429" } #<-',
        "channel-without-key",
        "        ApiKeyRequired: true\n",
    ),
    (SAM_REST, "ApiKeySourceType: AUTHORIZER", "ApiKeySourceType: HEADER #<-", "channel-key-source"),
    (SAM_REST, "  Api:\n", "  Api: #<-\n", "channel-without-plan", "        UsagePlan: { CreateUsagePlan: PER_API }\n"),
    (
        SAM_REST,
        "        INVALID_API_KEY:\n",
        "        INVALID_API_KEY: #<-\n",
        "channel-without-429",
        "          StatusCode: 429\n",
    ),
    (
        SAM_REST,
        "        INVALID_API_KEY:\n",
        "        INVALID_API_KEY: #<-\n",
        "channel-not-announced",
        '      Variables: { tollgateLimits: "429" }\n',
    ),
    (SAM_REST, '{ tollgateLimits: "429" }', "{ tollgateLimits: integration } #<-", "wrong-channel"),
    (
        SAM_REST,
        "        DefaultAuthorizer: T\n",
        "        DefaultAuthorizer: T #<-\n",
        "blocked-preflight",
        "        AddDefaultAuthorizerToCorsPreflight: false\n",
    ),
    (
        SAM_REST,
        "AddApiKeyRequiredToCorsPreflight: false",
        "AddApiKeyRequiredToCorsPreflight: true #<-",
        "blocked-preflight",
    ),
    (
        SAM_REST,
        "        INVALID_API_KEY:\n",
        "        INVALID_API_KEY: #<-\n",
        "no-cors-headers",
        "              Access-Control-Allow-Origin: \"'*'\"\n",
    ),
    (SAM_REST, "context.authorizer.retryAfter", "soon #<-", "bare-value"),
    (
        SAM_REST,
        "        INVALID_API_KEY:\n",
        "        ACCESS_DENIED:\n          StatusCode: 429 #<-\n          ResponseParameters: { Headers: { Access-Control-Allow-Origin: \"'*'\" } }\n        INVALID_API_KEY:\n",
        "hiding-status",
    ),
    (SAM_HTTP, "ReauthorizeEvery: 0 }", "ReauthorizeEvery: 60 } #<-", "cached-result"),
    (
        SAM_HTTP,
        "          T:\n",
        "          T: #<-\n",
        "no-permission",
        "            EnableFunctionDefaultPermissions: true\n",
    ),
    (SAM_HTTP, "EnableSimpleResponses: true", "EnableSimpleResponses: false #<-", "answer-shape"),
    (SAM_HTTP, "tollgateLimits: integration", 'tollgateLimits: "429" #<-', "wrong-channel"),
    (
        SAM_HTTP,
        '"from tollgate_limits import tollgate_limits"',
        '"def handler(event, context): pass" #<-',
        "forgotten-decorator",
    ),
    (SAM_HTTP, "Method: GET, Path: /x } }", "Path: /x } } #<-", "blocked-preflight"),
    (
        PLAIN_REST,
        "      AuthorizerResultTtlInSeconds: 0",
        "      AuthorizerResultTtlInSeconds: 300 #<-",
        "cached-result",
    ),
    (PLAIN_REST, "      ApiKeyRequired: true", "      ApiKeyRequired: false #<-", "channel-without-key"),
    (
        PLAIN_REST,
        "HttpMethod: OPTIONS, AuthorizationType: NONE }",
        "HttpMethod: OPTIONS, AuthorizationType: CUSTOM, ApiKeyRequired: true }",
        "blocked-preflight",
        "  Options:\n",
        "  Options: #<-\n",
    ),
    (
        PLAIN_REST,
        "  Authorizer:\n",
        "  Authorizer: #<-\n",
        "no-permission",
        "      Principal: apigateway.amazonaws.com\n",
    ),
    (
        PLAIN_REST,
        "  Api: {",
        "  Api: { #<-\n ",
        "channel-without-plan",
        "  PlanKey: { Type: AWS::ApiGateway::UsagePlanKey, Properties: { UsagePlanId: !Ref Plan } }\n",
    ),
    (PLAIN_REST, "  Limited:\n", "  Limited: #<-\n", "channel-without-429", '      StatusCode: "429"\n'),
    (PLAIN_HTTP, "  Route:\n", "  Route: #<-\n", "blocked-preflight", "RouteKey: GET /x", "RouteKey: $default"),
    (
        PLAIN_HTTP,
        "  Authorizer:\n",
        "  Authorizer: #<-\n",
        "no-permission",
        "Principal: apigateway.amazonaws.com",
        "Principal: events.amazonaws.com",
    ),
    (
        PLAIN_HTTP,
        "      EnableSimpleResponses: true",
        "      EnableSimpleResponses: true\n      AuthorizerResultTtlInSeconds: 9 #<-",
        "cached-result",
    ),
    (DEFINED, "{ T: [], key: [] }", "{ T: [] }", "channel-without-key", "            get:\n", "            get: #<-\n"),
    (DEFINED, "authorizerResultTtlInSeconds: 0", "authorizerResultTtlInSeconds: 60 #<-", "cached-result"),
    (DEFINED, "header.Authorization", "header.X-Tenant #<-", "identity-source"),
    (
        DEFINED,
        "              x-amazon-apigateway-authorizer:",
        "              x-amazon-apigateway-authorizer: #<-",
        "no-permission",
        "FunctionName: arn:aws:lambda:r:1:function:t",
        "FunctionName: another",
    ),
    (
        DEFINED,
        "            options:",
        "            options: #<-",
        "blocked-preflight",
        "security: []",
        "security: [{ T: [] }]",
    ),
    (
        DEFINED,
        "          INVALID_API_KEY:",
        "          INVALID_API_KEY: #<-",
        "channel-without-429",
        "statusCode: 429",
        "statusCode: 403",
    ),
    (DEFINED, "context.authorizer.retryAfter }", "soon } #<-", "bare-value"),
    (
        ROUTES,
        "ReauthorizeEvery: !Ref Ttl } }",
        "ReauthorizeEvery: !Ref Ttl } } #<-",
        "cached-result",
        "Default: 0",
        "Default: 9",
    ),
    (
        ROUTES,
        "Path: /x, Auth: { ApiKeyRequired: true } }",
        "Path: /x, Auth: { ApiKeyRequired: false } } #<-",
        "channel-without-key",
    ),
    (
        ROUTES,
        '    Variables: { tollgateLimits: "429" }',
        '    Variables: { tollgateLimits: "429" } #<-',
        "channel-without-key",
        ", Auth: { ApiKeyRequired: true }",
    ),
    (
        SAM_REST,
        "!ImportValue tollgate-AuthorizerArn",
        "!Ref FnAliaslive #<-",
        "dropped-alias",
        "Resources:\n",
        "Resources:\n  Fn: { Type: AWS::Serverless::Function }\n",
    ),
    (SAM_REST, "!ImportValue tollgate-AuthorizerArn", "!Sub ['${a}', { a: !Ref Fn.Alias }] #<-", "dropped-alias"),
    (
        SAM_REST,
        "!ImportValue tollgate-AuthorizerArn",
        '{ "Ref": "Fn" } #<-',
        "dropped-alias",
        "Resources:\n",
        "Resources:\n  Fn: { Type: AWS::Serverless::Function }\n",
    ),
    (
        OWN,
        '                         "Resource": event["methodArn"]}',
        '                         "Resource": event["methodArn"]} #<-',
        "bound-policy",
        "ReauthorizeEvery: 0",
        "ReauthorizeEvery: 60",
    ),
]


def found_in(text):
    return {(one.code, one.line) for one in examine(Template(text))}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_template_has_no_findings(name):
    assert examine(Template(GOOD[name])) == []


def mistaken(case):
    """The bad template of a case, and the line that its mark says."""
    good, before, after, _, *second = case
    assert before in good
    bad = good.replace(before, after, 1)
    if second:
        assert second[0] in bad
        bad = bad.replace(second[0], second[1] if len(second) > 1 else "", 1)
    (line,) = [number for number, text in enumerate(bad.splitlines(), 1) if "#<-" in text]
    return bad, line


def in_json(text):
    """The same template in JSON, where intrinsic functions have their long form."""

    class Long(yaml.SafeLoader):
        pass

    def construct(loader, suffix, node):
        is_text = isinstance(node, yaml.ScalarNode)
        value = loader.construct_scalar(node) if is_text else loader.construct_sequence(node, deep=True)
        if suffix == "GetAtt":
            value = value.split(".", 1)
        return {"Ref" if suffix == "Ref" else f"Fn::{suffix}": value}

    Long.add_multi_constructor("!", construct)
    return json.dumps(yaml.load(text, Long), indent=1)  # noqa: S506 - a safe loader


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: f"{case[3]}-{MISTAKES.index(case)}")
def test_a_mistake_is_told_with_its_line(case):
    bad, line = mistaken(case)

    assert (case[3], line) in found_in(bad)
    assert case[3] not in {one for one, _ in found_in(case[0])}


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: f"{case[3]}-{MISTAKES.index(case)}")
def test_a_mistake_is_told_with_its_line_in_json_too(case):
    bad, line = mistaken(case)
    text = in_json(bad)

    keys = [text.splitlines()[number - 1].split('"')[1] for code, number in found_in(text) if code == case[3]]

    marked = bad.splitlines()[line - 1]
    assert any(key in marked or key == "InlineCode" for key in keys)  # in JSON all of the code is one line


@pytest.mark.parametrize("name", GOOD)
def test_a_good_template_has_no_findings_in_json_either(name):
    assert examine(Template(in_json(GOOD[name]))) == []


def test_every_code_has_a_case():
    source = "".join(path.read_text() for path in (ROOT / "doctor" / "checks").glob("*.py"))
    codes = {case[3] for case in MISTAKES}

    assert all(f'"{code}"' in source for code in codes)


def test_json_may_be_indented_by_tabs():
    text = '{\n\t"Resources": {\n\t\t"Api": {"Type": "AWS::Serverless::Api", "Properties": {\n\t\t\t"Auth": {"Authorizers": {"T": {"FunctionArn": "a"}}}}}}}'

    assert ("cached-result", 4) in found_in(text)


def test_a_policy_of_one_arn_is_found_in_the_handler_file_too(tmp_path):
    """The finding names the line of the template that names the file, and the line in the file."""
    head, _, code = OWN.partition("      InlineCode: |\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "guard.py").write_text(textwrap.dedent(code))
    path = tmp_path / "t.yaml"
    path.write_text(head.replace("Every: 0", "Every: 60") + "      CodeUri: src/\n      Handler: guard.handler\n")

    (found,) = [one for one in examine(Template.read(path)) if one.code == "bound-policy"]

    assert path.read_text().splitlines()[found.line - 1] == "      Handler: guard.handler"
    assert "guard.py, line 3" in found.mistake


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no SAM or CloudFormation template"),
        ("a: 1\nb: [", "line 2: this is neither YAML nor JSON"),
        ("Resources: {}", "no Resources"),
        ("- x", "no Resources"),
        ("Resources:\n  A: {B: 0x_}", "neither YAML nor JSON"),
        ("[" * 5000, "nested too deeply"),
        ("Resources: &a\n  A: *a", "nested too deeply"),
        ("a: 1\n---\nb: 2", "line 2: this is neither"),
    ],
)
def test_what_is_no_template_is_told_in_words(text, told):
    with pytest.raises(TemplateError, match=told):
        Template(text)


NO_API = "Resources: {Q: {Type: AWS::SQS::Queue}}"


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (SAM_REST.encode(), 0, "nothing found"),
        (SAM_REST.replace("Every: 0", "Every: 9").encode(), 1, "remedy:"),
        (NO_API.encode(), 0, "there is no API"),
        (b"x: [", 2, "neither YAML nor JSON"),
        (b"\xff\xfe", 2, "no text in UTF-8"),
        (None, 2, "No such file"),
    ],
)
def test_the_exit_code_and_the_words_tell(tmp_path, content, code, told):
    path = tmp_path / "t.yaml"
    if content is not None:
        path.write_bytes(content)

    done = subprocess.run([sys.executable, "-m", "doctor", path], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == code
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_our_own_template_passes():
    assert examine(Template.read(ROOT / "template.yaml")) == []
