"""The contract of API Gateway over the wire, statement by statement, where no other test has it."""

import http.client
import io
import json
import sys
import uuid

import boto3
import pytest

from dev.gateway.authorizers import Undocumented
from dev.stack import LocalStack
from dev.template import TemplateError
from tests.conftest import call
from tests.dev.test_templates import TEMPLATES

CONTRACT = TEMPLATES / "contract.yaml"


@pytest.fixture(scope="module")
def running():
    with LocalStack(template=CONTRACT) as stack:
        yield stack


@pytest.fixture
def who():
    """An identity that no answer is cached for."""
    return uuid.uuid4().hex


def get(running, path, who, mode="", **headers):
    sent = {"X-Who": who} | ({"Mode": mode} if mode else {}) | headers
    return call("GET", f"{running.rest_url}{path}?who={who}", headers=sent)


def raw(running, target, headers, address="127.0.0.1"):
    """An answer to headers as they stand, in their case and as often as they are there, sent from an address."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10, source_address=(address, 0))
    connection.putrequest("GET", target)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body, found = answer.read(), {name.lower() for name, _ in answer.getheaders()}
    connection.close()
    return json.loads(body), found


def test_a_rest_event_keeps_case_repetition_and_encoding(running, who):
    headers = [("X-Who", who), ("x-MIXED", "1"), ("x-MIXED", "2")]

    told, _ = raw(running, f"/rest/prod/x/a%20b/%C3%BC/?who={who}&p=1&p=a%2Fb", headers)
    event = json.loads(told["event"])

    assert (event["headers"]["x-MIXED"], event["multiValueHeaders"]["x-MIXED"]) == ("2", ["1", "2"])
    assert event["multiValueQueryStringParameters"]["p"] == ["1", "a/b"]
    assert event["queryStringParameters"]["p"] == "a/b"
    assert event["path"] == "/x/a%20b/%C3%BC/"
    assert event["requestContext"]["path"] == "/prod/x/a%20b/%C3%BC/"
    assert event["methodArn"].endswith("/prod/GET/x/a%20b/%C3%BC/")
    assert event["stageVariables"] == {"colour": "red"}
    assert event["resource"] == "/x/{rest+}"


def test_an_http_event_has_lower_case_joined_values_and_cookies_apart(running, who):
    headers = [("X-Who", who), ("x-MIXED", "1"), ("x-MIXED", "2"), ("Cookie", "a=1; b=2")]

    told, _ = raw(running, "/http/x/7?p=1&p=2", headers)
    event = json.loads(told["event"])

    assert event["headers"]["x-mixed"] == "1,2"
    assert (event["cookies"], event["queryStringParameters"]) == (["a=1", "b=2"], {"p": "1,2"})
    assert event["identitySource"] == [who, "127.0.0.1", "GET /x/{id}"]
    assert (event["routeKey"], event["rawPath"], event["rawQueryString"]) == ("GET /x/{id}", "/x/7", "p=1&p=2")
    assert event["routeArn"].endswith("/$default/GET/x/7")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.1 is the only address of the loopback")
@pytest.mark.parametrize("target", ["/rest/prod/x/1?who={who}", "/http/x/7"])
def test_the_address_of_a_caller_is_that_of_the_connection_whatever_the_headers_say(running, who, target):
    headers = [("X-Who", who), ("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=192.0.2.1")]

    told, _ = raw(running, target.format(who=who), headers, address="127.0.0.9")
    event = json.loads(told["event"])

    context = event["requestContext"]
    assert (context.get("http") or context["identity"])["sourceIp"] == "127.0.0.9"
    forwarded = next(value for name, value in event["headers"].items() if name.lower() == "x-forwarded-for")
    assert forwarded == "192.0.2.1, 127.0.0.9"


def test_every_identity_source_has_to_be_there_or_nobody_is_asked(running, who):
    for query, headers in (("", {"X-Who": who}), (f"?who={who}", {}), ("?who=", {"X-Who": who})):
        refused = call("GET", f"{running.rest_url}/x/1{query}", headers=headers)

        assert (refused.status, refused.body) == (418, {"message": "Unauthorized"})
        assert refused.headers["x-fallback"] == "yes"


def test_a_kept_policy_is_judged_anew_for_every_path(running, who):
    first, again = (get(running, "/x/1", who).body["calls"] for _ in range(2))

    elsewhere = get(running, "/other", who)

    assert first == again
    assert (elsewhere.status, elsewhere.body["m"]) == (403, "User is not authorized to access this resource")


def test_a_deny_is_kept_and_covers_who_would_now_be_allowed(running, who):
    assert get(running, "/x/1", who, "deny").status == 403

    assert get(running, "/x/1", who).status == 403


@pytest.mark.parametrize(("mode", "status"), [("malformed", 500), ("unauthorized", 418), ("long", 500)])
def test_no_error_is_kept(running, who, mode, status):
    assert get(running, "/x/1", who, mode).status == status

    assert get(running, "/x/1", who).status == 200


def test_a_malformed_answer_reads_as_a_fault_of_the_authorizer(running, who):
    refused = get(running, "/x/1", who, "malformed")

    assert (refused.text, refused.headers["x-amzn-errortype"]) == (
        '{"message":null}',
        "AuthorizerConfigurationException",
    )


def test_aws_own_operations_flush_the_cache(running, who):
    credentials = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
    endpoint = f"http://127.0.0.1:{running.port}"
    before = get(running, "/x/1", who).body["calls"]

    boto3.client("apigateway", endpoint_url=endpoint, **credentials).flush_stage_authorizers_cache(
        restApiId="rest", stageName="prod"
    )
    boto3.client("apigatewayv2", endpoint_url=endpoint, **credentials).reset_authorizers_cache(
        ApiId="http", StageName="$default"
    )

    assert get(running, "/x/1", who).body["calls"] > before


def test_a_gateway_response_maps_headers_and_substitutes_in_its_body(running, who):
    refused = get(running, "/x/1", who, "deny")

    assert {name: refused.headers[f"x-{name}"] for name in ("reason", "colour", "who", "asked", "fixed")} == {
        "reason": "said so",
        "colour": "red",
        "who": who,
        "asked": who,
        "fixed": "a fixed text",
    }
    assert refused.body == {
        "m": "User is not authorized to access this resource with an explicit deny",
        "t": "ACCESS_DENIED",
        "w": who,
        "p": "GET prod",
        "u": "",
    }


@pytest.mark.parametrize(
    ("mode", "error_type", "text"),
    [
        ("throttled", "TooManyRequestsException", "Too Many Requests"),
        ("used-up", "LimitExceededException", "Limit Exceeded"),
    ],
)
def test_a_usage_plan_throttles_the_key_that_the_authorizer_names(running, who, mode, error_type, text):
    """After the cache, so also for answers that are kept. DEFAULT_4XX changes the status of this type too."""
    assert get(running, "/x/keyed", who, mode).status == 200

    refused = get(running, "/x/keyed", who, mode)

    assert (refused.status, refused.headers["x-amzn-errortype"], refused.body["message"]) == (418, error_type, text)
    assert get(running, "/x/1", who, mode).status == 200


def test_an_arn_beyond_1600_bytes_is_a_414(running, who):
    room = 1600 - len("arn:aws:execute-api:us-east-1:123456789012:rest/prod/GET/x/")
    assert get(running, "/x/1", who).status == 200  # kept, and good for the long path too
    assert get(running, f"/x/{'a' * room}", who).status == 200

    refused = get(running, f"/x/{'a' * (room + 1)}", who)

    assert (refused.status, refused.body) == (414, {"message": "Request URI too long"})


def test_answers_carry_the_request_id_of_their_kind_and_no_server(running, who):
    rest, http = get(running, "/x/1", who), call("GET", f"{running.http_url}/x/1", headers={"X-Who": who})

    assert "x-amzn-requestid" in rest.headers
    assert "apigw-requestid" not in rest.headers
    assert "apigw-requestid" in http.headers
    assert "x-amzn-requestid" not in http.headers
    assert not {"server", "x-emulator"} & (rest.headers.keys() | http.headers.keys())


def test_a_rest_api_renames_the_challenge_of_an_integration(running, who):
    rest, http = get(running, "/x/1", who), call("GET", f"{running.http_url}/x/1", headers={"X-Who": who})

    assert rest.headers["x-amzn-remapped-www-authenticate"] == http.headers["www-authenticate"] == "Basic"
    assert "www-authenticate" not in rest.headers


def test_a_failing_integration_is_a_502_or_a_500(running, who):
    rest = call("GET", f"{running.rest_url}/open?fail=1")
    http = call("GET", f"{running.http_url}/x/1?fail=1", headers={"X-Who": who})

    assert (rest.status, rest.text) == (502, '{"message": "Internal server error"}')
    assert (http.status, http.text) == (500, '{"message":"Internal Server Error"}')


def test_an_http_api_answers_in_its_own_words(running, who):
    url = f"{running.http_url}/x/1"

    def answer(mode):
        found = call("GET", url, headers={"X-Who": who, "Mode": mode})
        return found.status, found.text

    assert answer("deny") == (403, '{"message":"Forbidden"}')
    assert answer("unauthorized") == (500, '{"message":"Internal Server Error"}')
    assert call("GET", f"{running.http_url}/nowhere").text == '{"message":"Not Found"}'


def changed(tmp_path, before, after):
    text = CONTRACT.read_text()
    assert before in text
    path = tmp_path / "t.yaml"
    path.write_text(text.replace(before, after, 1))
    return path


def test_a_stage_with_a_name_stands_in_the_url_and_once_in_the_arn(tmp_path, who):
    path = changed(
        tmp_path,
        "    Type: AWS::Serverless::HttpApi\n    Properties:\n",
        "    Type: AWS::Serverless::HttpApi\n    Properties:\n      StageName: dev\n",
    )

    with LocalStack(template=path) as named:
        told = call("GET", f"{named.http_url}/x/7", headers={"X-Who": who}).body
        unnamed = call("GET", f"{named.http_url.removesuffix('/dev')}/x/7", headers={"X-Who": who})

    event = json.loads(told["event"])
    assert (event["rawPath"], event["requestContext"]["http"]["path"]) == ("/dev/x/7", "/dev/x/7")
    assert event["routeArn"].endswith(":http/dev/GET/x/7")
    assert unnamed.status == 404


def test_what_aws_leaves_open_can_be_chosen(tmp_path, who, monkeypatch):
    path = changed(
        tmp_path,
        "FunctionPayloadType: REQUEST\n",
        "FunctionPayloadType: TOKEN\n",
    )
    identity = path.read_text().partition("            Identity:\n")
    path.write_text(
        identity[0]
        + "            Identity: { Header: X-Who, ValidationExpression: a, ReauthorizeEvery: 0 }\n"
        + "      GatewayResponses:\n"
        + identity[2].partition("      GatewayResponses:\n")[2]
    )
    told = io.StringIO()
    monkeypatch.setattr(sys, "stderr", told)
    with LocalStack(template=path, undocumented=Undocumented(401, "prefix")) as lenient:
        http = call("GET", f"{lenient.http_url}/x/1", headers={"X-Who": who, "Mode": "unauthorized"})
        rest = call("GET", f"{lenient.rest_url}/x/1", headers={"X-Who": "ab"})

    assert (http.status, http.text) == (401, '{"message":"Unauthorized"}')
    assert rest.status == 500  # asked, where a full match would be a 401: a TOKEN event has no headers to read
    assert "end it with $" in told.getvalue()


def test_without_a_permission_the_authorizer_of_an_http_api_is_never_reached(tmp_path, who):
    path = changed(tmp_path, "            EnableFunctionDefaultPermissions: true\n", "")

    with LocalStack(template=path) as unpermitted:
        assert call("GET", f"{unpermitted.http_url}/x/1", headers={"X-Who": who}).status == 500


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("ReauthorizeEvery: 60", "ReauthorizeEvery: 3601", "Rest.ReauthorizeEvery"),
        ("Headers: [X-Who], Context: [identity.sourceIp, routeKey], ReauthorizeEvery: 0", "ReauthorizeEvery: 9", "Http.Re"),
        ("Authorizer: NONE", "Authorizer: NOBODY", "Echo.Authorizer: NOBODY"),
        ("DefaultAuthorizer: Guard", "DefaultAuthorizer: Nobody", "Rest.Authorizer: Nobody"),
        ("ApiKeyRequired: true }", "ResourcePolicy: {} }", "Echo.ResourcePolicy"),
        ("        DEFAULT_4XX:", "        DEFAULT_4X:", "Rest.DEFAULT_4X"),
        ("X-Fallback: \"'yes'\"", "X-Fallback: yes!", "Rest.X-Fallback"),
        ("            application/json: '{\"m\"", "            text/plain: '{\"m\"", "Rest.text/plain"),
        ('FunctionArn: !Sub "${Guard.Arn}:live"', "FunctionArn: Elsewhere", "Rest.FunctionArn"),
        ("{ Type: Api, Properties: { RestApiId: !Ref Rest, Method: GET, Path: /other }", "{ Type: SQS, Properties: {}", "Echo.Type: SQS"),
        ("  Key: {", "  Second: { Type: AWS::Serverless::HttpApi }\n  Key: {", "Second: another API answers at /http"),
    ],
)  # fmt: skip
def test_what_the_gateway_does_not_understand_is_refused_with_its_line(tmp_path, before, after, told):
    path = changed(tmp_path, before, after)
    changed_line = path.read_text().partition(after.splitlines()[0])[0].count("\n") + 1

    with pytest.raises(TemplateError) as raised, LocalStack(template=path):
        pass

    assert str(raised.value).startswith(f"line {changed_line}: {told}")
