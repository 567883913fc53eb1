"""The decorator answers 429 by the context, on payload 1.0 and 2.0, and behind a real authorizer."""

import asyncio
import json
import textwrap

import pytest

from dev.services import ROOT
from dev.stack import LocalStack
from integration.tollgate_limits import tollgate_limits
from tests.conftest import Admin, call, sign

LIMITS = {"limit": 3, "remaining": 0, "reset": 1795000010}
LIMITED = {"reason": "rate_limited", "retryAfter": 7, **LIMITS}
FREE = {"reason": "", "retryAfter": "", **LIMITS, "remaining": 2}
SHOWN = {"X-RateLimit-Limit": "3", "X-RateLimit-Remaining": "2", "X-RateLimit-Reset": "1795000010"}


def event(version, context):
    if version == "1.0":
        return {"version": version, "requestContext": {"authorizer": {key: str(one) for key, one in context.items()}}}
    return {"version": version, "requestContext": {"authorizer": {"lambda": context}}}


def plain(answer, seen):
    @tollgate_limits
    def handler(event, context):
        seen.append(event)
        return answer

    return handler


def coroutine(answer, seen):
    @tollgate_limits
    async def handler(event, context):
        seen.append(event)
        return answer

    return lambda event, context: asyncio.run(handler(event, context))


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("make", [plain, coroutine])
def test_a_limited_request_is_a_429_and_never_reaches_the_handler(make, version):
    seen = []

    answer = make({"statusCode": 200}, seen)(event(version, LIMITED), None)

    assert answer["statusCode"] == 429
    assert answer["headers"] == {
        "Content-Type": "application/json",
        "Retry-After": "7",
        "X-RateLimit-Limit": "3",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "1795000010",
    }
    assert answer["body"] == '{"error":"rate_limited","retry_after":7}'
    assert not seen


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("make", [plain, coroutine])
def test_another_answer_keeps_its_headers_and_gains_the_limits(make, version):
    given = {"statusCode": 201, "headers": {"x-ratelimit-limit": "own", "A": "b"}, "body": "x"}

    answer = make(given, [])(event(version, FREE), None)

    expected = {name: value for name, value in SHOWN.items() if name != "X-RateLimit-Limit"}
    assert answer == {**given, "headers": {**given["headers"], **expected}}


def test_a_bare_object_is_an_answer_on_payload_2_only():
    bare = plain({"a": 1}, [])

    assert bare(event("2.0", FREE), None) == {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json", **SHOWN},
        "body": json.dumps({"a": 1}),
    }
    assert bare(event("1.0", FREE), None) == {"a": 1}


@pytest.mark.parametrize("sent", [{}, {"requestContext": {}}, {"requestContext": {"authorizer": None}}])
def test_a_route_without_authorizer_is_left_alone(sent):
    assert plain({"statusCode": 204}, [])(sent, None) == {"statusCode": 204}


def test_a_limit_that_never_opens_has_no_retry_after():
    answer = plain({}, [])(event("2.0", LIMITED | {"reason": "quota_exhausted", "retryAfter": ""}), None)

    assert "Retry-After" not in answer["headers"]
    assert json.loads(answer["body"]) == {"error": "quota_exhausted", "retry_after": None}


ECHO = """
@tollgate_limits
def handler(event, context):
    return {"hello": "world"}
"""


@pytest.fixture(scope="module")
def limiting_stack(tmp_path_factory):
    """The real stack, its HTTP API set up for the decorator, and the decorator in its integration."""
    text = (ROOT / "template.yaml").read_text().replace("EchoFunction", "LimitedFunction")
    start = text.index("      InlineCode: |\n") + len("      InlineCode: |\n")
    end = text.index("      Events:\n", start)
    code = (ROOT / "integration" / "tollgate_limits.py").read_text() + ECHO
    text = text[:start] + textwrap.indent(code, " " * 8) + text[end:]
    api = "    Type: AWS::Serverless::HttpApi\n    Properties:\n"
    before, found, after = text.rpartition(api)
    assert before.rpartition("\n  Demo")[2].startswith("HttpApi:\n")
    text = f"{before}{found}      StageVariables: {{ tollgateLimits: integration }}\n{after}"
    path = tmp_path_factory.mktemp("limits") / "template.yaml"
    path.write_text(text)
    with LocalStack(template=path) as running:
        yield running


def test_behind_an_http_api_the_client_hears_429_with_its_headers(limiting_stack):
    admin = Admin(limiting_stack.admin_url, limiting_stack.admin_key)
    key = admin.create_key(rate_limits=[{"limit": 2, "period": "hour"}])
    token = sign(key["key_id"])

    answers = [call("GET", f"{limiting_stack.http_url}/x", token=token) for _ in range(3)]

    assert [one.status for one in answers] == [200, 200, 429]
    assert answers[0].body == {"hello": "world"}
    assert [one.headers["x-ratelimit-remaining"] for one in answers] == ["1", "0", "0"]
    assert answers[2].body == {"error": "rate_limited", "retry_after": int(answers[2].headers["retry-after"])}
    assert call("GET", f"{limiting_stack.http_url}/x", token="garbage").status == 403
