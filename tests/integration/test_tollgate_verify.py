"""The client and the ASGI middleware, in front of the real authorizer: decided and counted as behind API Gateway."""

import asyncio
import io
import json

import httpx
import pytest

from dev.lambda_runtime import FunctionError
from integration.tollgate_verify import Tollgate, TollgateMiddleware, UndecidedError
from tests.conftest import SECRET, sign


class Lambda:
    """Lambda's `Invoke` as boto3 shows it, over the functions of the running stack."""

    def __init__(self, functions):
        self._functions = functions

    def invoke(self, *, FunctionName, Payload):  # noqa: N803 - boto3's names
        try:
            answer = self._functions[FunctionName].invoke(json.loads(Payload))
        except FunctionError as error:
            told = {"errorType": error.kind, "errorMessage": error.message}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(told).encode())}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def tollgate(stack):
    return Tollgate("AuthorizerFunction", Lambda(stack.functions))


async def application(scope, _receive, send):
    """Answers with what the middleware put into the scope."""
    content = json.dumps({"path": scope["path"], "key": scope["tollgate"]["keyName"]}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": content})


def get(tollgate, path, *headers):
    """One GET through the middleware."""

    async def ask():
        transport = httpx.ASGITransport(TollgateMiddleware(application, tollgate=tollgate, api="orders"))
        async with httpx.AsyncClient(transport=transport, base_url="http://service.example") as client:
            return await client.get(path, headers=list(headers))

    return asyncio.run(ask())


def test_a_call_is_decided_and_counted_until_its_limit(tollgate, admin):
    key = admin.create_key(name="worker", quotas=[{"limit": 1, "period": "hour"}])

    first, second = (tollgate.verify(sign(key["key_id"]), api="orders", method="GET", path="/x") for _ in range(2))

    assert (first.status, first.key_hash, first.context["keyName"]) == (200, key["key_hash"], "worker")
    assert (second.status, second.allowed, second.reason) == (429, False, "quota_exhausted")
    assert 0 < second.retry_after <= 3600


def test_what_cannot_be_decided_is_an_error_that_says_why(tollgate, stack):
    with pytest.raises(UndecidedError, match="path: must begin with /"):
        tollgate.verify("x", api="orders", method="GET", path="x")
    with pytest.raises(UndecidedError, match="Nowhere did not answer: KeyError"):
        Tollgate("Nowhere", Lambda(stack.functions)).verify("x", api="orders", method="GET", path="/x")


def test_the_middleware_answers_as_a_rest_api_does(tollgate, admin):
    limited = admin.create_key(name="worker", rate_limits=[{"limit": 1, "period": "60s"}])
    elsewhere = admin.create_key(grants=[{"api": "another"}])
    token = ("Authorization", f"Bearer {sign(limited['key_id'])}")
    other = ("Authorization", f"Bearer {sign(limited['key_id'], secret=SECRET[::-1])}")

    good, spent = get(tollgate, "/v1/a%20b?c=d", token), get(tollgate, "/v1/x", token)
    missing, forged, two = get(tollgate, "/x"), get(tollgate, "/x", other), get(tollgate, "/x", token, other)
    refused = get(tollgate, "/x", ("Authorization", sign(elsewhere["key_id"])))

    assert (good.status_code, good.json()) == (200, {"path": "/v1/a b", "key": "worker"})
    wait = int(spent.headers["retry-after"])
    assert (spent.status_code, spent.json()) == (429, {"error": "rate_limited", "retry_after": wait})
    assert (spent.headers["x-ratelimit-limit"], spent.headers["x-ratelimit-remaining"]) == ("1", "0")
    assert {(one.status_code, one.text) for one in (missing, forged, two)} == {(401, '{"error":"unauthorized"}')}
    assert (refused.status_code, refused.json()) == (403, {"error": "not_granted"})


def test_the_middleware_lets_nothing_pass_that_was_not_decided(stack):
    answer = get(Tollgate("Nowhere", Lambda(stack.functions)), "/x", ("Authorization", "x"))

    assert (answer.status_code, answer.json()) == (503, {"error": "undecided"})
