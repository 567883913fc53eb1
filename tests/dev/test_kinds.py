"""The authorizer behind every kind of API and authorizer, as the local gateway plays them."""

import re
import time

import pytest

from dev.services import ROOT
from dev.stack import LocalStack
from tests.conftest import Admin, call, sign
from tests.dev.test_templates import Client

SOCKET = """
  Chat:
    Type: AWS::ApiGatewayV2::Api
    Properties: { Name: chat, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action }
  ChatStage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: { ApiId: !Ref Chat, StageName: prod, AutoDeploy: true, StageVariables: { tollgateApi: chat } }
  ChatAuthorizer:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Chat
      Name: tollgate
      AuthorizerType: REQUEST
      AuthorizerUri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${AuthorizerFunction.Arn}/invocations
      IdentitySource: [route.request.querystring.token]
  ChatPermission:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Ref AuthorizerFunction
      Principal: apigateway.amazonaws.com
      SourceArn: !Sub arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Chat}/authorizers/*
  ChatIntegration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Chat
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${EchoFunction.Arn}/invocations
  ChatConnect:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Chat
      RouteKey: $connect
      AuthorizationType: CUSTOM
      AuthorizerId: !Ref ChatAuthorizer
      Target: !Sub integrations/${ChatIntegration}

Outputs:
"""
SIMPLE = 'AuthorizerPayloadFormatVersion: "2.0"\n            EnableSimpleResponses: true'
POLICY = 'AuthorizerPayloadFormatVersion: "{}"\n            EnableSimpleResponses: false'


@pytest.fixture(scope="module", params=["1.0", "2.0"])
def kinds(request, tmp_path_factory):
    """REST with TOKEN, HTTP with policy answers of either payload, and a WebSocket API."""
    text = (ROOT / "template.yaml").read_text()
    assert "FunctionPayloadType: REQUEST" in text
    text = text.replace("FunctionPayloadType: REQUEST", "FunctionPayloadType: TOKEN").replace("\nOutputs:\n", SOCKET)
    before, found, after = text.rpartition(SIMPLE)
    text = before + POLICY.format(request.param) + after
    properties = "    Type: AWS::Serverless::HttpApi\n    Properties:\n"
    before, found, after = text.rpartition(properties)
    text = f"{before}{found}      StageVariables: {{ tollgateResponse: iam }}\n{after}"
    path = tmp_path_factory.mktemp("kinds") / "template.yaml"
    path.write_text(text)
    with LocalStack(template=path) as running:
        yield running


@pytest.fixture(scope="module")
def operator(kinds):
    return Admin(kinds.admin_url, kinds.admin_key)


def test_rest_token_and_http_policies_allow_refuse_and_count(kinds, operator):
    token = sign(operator.create_key(quotas=[{"limit": 4, "period": "day"}])["key_id"])
    rest, http = f"{kinds.rest_url}/x", f"{kinds.http_url}/x"

    allowed = [call("GET", url, token=token) for url in (rest, http, rest, http)]

    assert [one.status for one in allowed] == [200] * 4
    assert all(one.body["authorizer"]["keyName"] == "test" for one in allowed)
    assert [call("GET", url, token=token).status for url in (rest, http)] == [403, 403]
    assert [call("GET", url, token=f"{token}x").status for url in (rest, http)] == [401, 403]
    assert [call("GET", url).status for url in (rest, http)] == [401, 401]


def test_a_websocket_is_decided_upon_and_counted_at_its_handshake(kinds, operator):
    operator("PUT", "/apis/chat", {"name": "Chat", "token": {"query": "token"}})
    key = operator.create_key(grants=[{"api": "chat"}], quotas=[{"limit": 1, "period": "day"}])
    token = sign(key["key_id"])

    answers = []
    for sent in (token, token, f"{token}x", ""):
        client = Client(kinds.port, f"?token={sent}" if sent else "")
        answers.append(client.next())
        client._socket.close()

    assert [getattr(one, "status_code", 101) for one in answers] == [101, 403, 401, 401]


def test_the_request_log_tells_decision_reason_and_milliseconds_also_what_the_client_never_hears(
    kinds, operator, capsys
):
    token = sign(operator.create_key(quotas=[{"limit": 1, "period": "day"}])["key_id"])
    kinds._server.quiet = False
    for sent in (token, token, f"{token}x", ""):
        call("GET", f"{kinds.rest_url}/x", token=sent)
        call("GET", f"{kinds.http_url}/x", token=sent)
    written, deadline = "", time.monotonic() + 10
    while written.count(" ms\n") < 8 and time.monotonic() < deadline:  # a line follows its answer
        written += capsys.readouterr().out
    kinds._server.quiet = True

    lines = [line.split(" ", 3) for line in written.splitlines() if line.startswith("GET ")]
    assert all(re.search(r" \d+\.\d ms$", rest) for *_, rest in lines)
    told = [(path, status, rest.rpartition(" ms")[0].rpartition(" ")[0]) for _, path, status, rest in lines]
    assert told == [
        ("/rest/prod/x", "200", "allow"),
        ("/http/x", "403", "ACCESS_DENIED quota_exhausted"),
        ("/rest/prod/x", "403", "ACCESS_DENIED quota_exhausted"),
        ("/http/x", "403", "ACCESS_DENIED quota_exhausted"),
        ("/rest/prod/x", "401", "UNAUTHORIZED invalid_signature (checked by 1 of HS256)"),
        ("/http/x", "403", "ACCESS_DENIED invalid_signature (checked by 1 of HS256)"),
        ("/rest/prod/x", "401", "UNAUTHORIZED no header Authorization"),
        ("/http/x", "401", "UNAUTHORIZED no header Authorization"),
    ]
