"""The local gateway and the local Lambda behave as AWS documents, with real runtime processes."""

import json
import threading

import pytest

from dev.gateway.apis import HttpApi, Integration, RestApi
from dev.gateway.authorizers import HTTP_PATIENCE_SECONDS, Answered, Authorizer, ResultCache
from dev.gateway.events import Stage
from dev.gateway.iam import PolicyError, evaluate, matches
from dev.gateway.messages import Request
from dev.gateway.usage_plans import Plan, Plans
from dev.lambda_runtime import Function, FunctionConfig, FunctionError

CODE = """
import json, os, sys, time
if os.environ.get("FAIL_INIT"):
    raise RuntimeError("init failed")
def handler(event, context):
    mode = event.get("mode") or (event.get("headers") or {}).get("mode")
    if mode == "unauthorized": raise Exception("Unauthorized")
    if mode == "crash": raise ValueError("boom")
    if mode == "exit": os._exit(3)
    if mode == "sleep": time.sleep(30)
    if mode == "slow": time.sleep(0.3); return os.getpid()
    if mode == "late": time.sleep(0.3); return answer("Deny", {})
    if mode == "shape": return {"statusCode": 401}
    if mode == "nested": return answer("Allow", {"a": ["b"]})
    if mode == "null": return answer("Allow", {"a": None})
    if mode == "reserved": return answer("Allow", {"principalId": "another"})
    if mode == "large": return answer("Allow", {"a": "x" * 8192})
    if mode == "condition": return answer("Allow", {}, condition={"StringEquals": {}})
    if mode == "deny": return answer("Deny", {"reason": "because"})
    if mode == "other": return answer("Allow", {}, "arn:aws:execute-api:us-east-1:123456789012:api/prod/GET/other")
    if mode == "badkey": return answer("Allow", {"retry": 7}) | {"usageIdentifierKey": "nope"}
    if mode == "time" and "methodArn" in event: return answer("Allow", {"at": str(time.time_ns())}) | {"usageIdentifierKey": "key"}
    if "methodArn" in event: return answer("Allow", {"n": 1, "t": True}) | {"usageIdentifierKey": "key"}
    return {"statusCode": 200, "body": json.dumps(event["requestContext"]["authorizer"])}
def answer(effect, context, resource="*", condition=None):
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource} | ({"Condition": condition} if condition else {})
    return {"principalId": "p", "context": context, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
"""


@pytest.fixture(scope="module")
def function(tmp_path_factory):
    made = Function(config(tmp_path_factory.mktemp("code")), max_environments=4)
    yield made
    made.close()


def config(folder, **environ):
    (folder / "toy.py").write_text(CODE)
    return FunctionConfig("Toy", "toy.handler", folder, 1.0, 128, environ)


def rest_api(function, *, identity=(), cache_seconds=0, kind="REQUEST", validation=""):
    responses = {
        "ACCESS_DENIED": {"ResponseTemplates": {"application/json": '{"error":"$context.authorizer.reason"}'}},
        "INVALID_API_KEY": {
            "StatusCode": 429,
            "ResponseParameters": {"Headers": {"Retry-After": "context.authorizer.retry"}},
        },
    }
    authorizer = Authorizer("a", function, kind, identity, cache_seconds, validation)
    return RestApi(
        Stage("api", "prod", {}),
        [Integration("GET", "/x", function, authorizer, requires_key=True)],
        gateway_responses=responses,
        key_source="AUTHORIZER",
        plans=Plans({"key": Plan()}),
    )


@pytest.fixture(scope="module")
def api(function):
    return rest_api(function)


@pytest.mark.parametrize(
    ("mode", "status", "body"),
    [
        ("", 200, '"n": "1", "t": "true"'),
        ("unauthorized", 401, '{"message":"Unauthorized"}'),
        ("crash", 500, '{"message":null}'),
        ("exit", 500, '{"message":null}'),
        ("sleep", 500, '{"message":null}'),
        ("shape", 500, '{"message":null}'),
        ("nested", 500, '{"message":null}'),
        ("null", 500, '{"message":null}'),
        ("reserved", 500, '{"message":null}'),
        ("large", 500, '{"message":null}'),
        ("condition", 500, '{"message":null}'),
        ("deny", 403, '{"error":"because"}'),
        ("other", 403, '{"error":""}'),
        ("badkey", 429, '{"message":"Forbidden"}'),
    ],
)
def test_a_rest_api_answers_every_outcome_of_an_authorizer_as_aws_does(api, mode, status, body):
    answer = api.handle(Request.make("GET", "/x", (("mode", mode),) if mode else (), b"", "127.0.0.1"))

    assert answer.status == status
    assert body in answer.body.decode()
    assert mode != "badkey" or ("Retry-After", "7") in answer.headers


def context_of(api, **headers):
    sent = tuple(headers.items())
    return json.loads(api.handle(Request.make("GET", "/x", sent, b"", "127.0.0.1")).body)


@pytest.mark.parametrize("seconds", [60, 0])
def test_a_result_is_kept_for_its_identity_and_no_other(function, seconds):
    api = rest_api(function, identity=(("header", "who"),), cache_seconds=seconds)

    first, again, other = (context_of(api, mode="time", who=who)["at"] for who in ("ada", "ada", "bob"))

    assert (first == again) == (seconds > 0)
    assert other not in {first, again}


@pytest.mark.parametrize(("sent", "status"), [("abc", 200), ("abc1", 401), ("", 401), (None, 401)])
def test_a_token_that_misses_the_expression_is_a_401_without_a_call(function, sent, status):
    """The toy would allow every one of them."""
    api = rest_api(function, identity=(("header", "authorization"),), kind="TOKEN", validation="[a-z]+")
    headers = () if sent is None else (("Authorization", sent),)

    assert api.handle(Request.make("GET", "/x", headers, b"", "127.0.0.1")).status == status


@pytest.mark.parametrize(("seconds", "status"), [(0.1, 500), (HTTP_PATIENCE_SECONDS, 403)])
def test_an_http_api_waits_for_its_authorizer_no_longer_than_its_quota(function, seconds, status):
    """The function itself may take a second, and this one takes 0.3."""
    authorizer = Authorizer("a", function, "HTTP_2_POLICY", (), 0, patience_seconds=seconds)
    api = HttpApi(Stage("api", "$default", {}), [Integration("GET", "/x", function, authorizer)])

    answer = api.handle(Request.make("GET", "/x", (("mode", "late"),), b"", "127.0.0.1"))

    assert answer.status == status
    assert HTTP_PATIENCE_SECONDS == 10


def test_an_unknown_route_is_refused_before_the_authorizer(api):
    answer = api.handle(Request.make("GET", "/nope", (), b"", "127.0.0.1"))

    assert (answer.status, answer.body) == (403, b'{"message":"Missing Authentication Token"}')


@pytest.mark.parametrize(
    ("mode", "kind"), [("crash", "ValueError"), ("exit", "Runtime.ExitError"), ("sleep", "Sandbox.Timedout")]
)
def test_failures_come_out_apart_and_the_next_request_works(function, mode, kind):
    with pytest.raises(FunctionError) as raised:
        function.invoke({"mode": mode})

    assert raised.value.kind == kind
    assert function.invoke({"methodArn": "x"})["principalId"] == "p"


def test_a_function_that_fails_in_its_init_says_so(tmp_path):
    broken = Function(config(tmp_path, FAIL_INIT="1"))
    with pytest.raises(FunctionError):
        broken.invoke({})
    broken.close()


def test_requests_at_once_get_environments_of_their_own(function):
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(function.invoke({"mode": "slow"}))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(seen)) == 4


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "anything/at:all", True),
        ("a/*/c", "a/b/x/c", True),
        ("a/*", "a/", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a.c", "abc", False),
        ("A", "a", False),
        ("a", "ab", False),
        ("$default/*", "$default/GET/x", True),
    ],
)
def test_resources_match_as_iam_does(pattern, text, expected):
    assert matches(pattern, text) is expected


def test_an_explicit_deny_wins_and_nothing_is_an_implicit_one():
    allow = {"Effect": "Allow", "Action": "execute-api:*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "execute-api:Invoke", "Resource": ["x"]}

    assert evaluate({"Statement": [allow, deny]}, "x") == "explicit deny"
    assert evaluate({"Statement": [allow, deny]}, "y") == "allow"
    assert evaluate({"Statement": deny}, "y") == "implicit deny"


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "Action": "*", "NotResource": "x"},
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {}},
        {"Effect": "Perhaps", "Action": "*", "Resource": "*"},
        {"Effect": "Allow", "Resource": "*"},
    ],
)
def test_what_is_not_understood_is_refused(statement):
    with pytest.raises(PolicyError):
        evaluate({"Statement": [statement]}, "x")


def test_the_result_cache_forgets_in_time():
    now = [0.0]
    cache = ResultCache(lambda: now[0])
    cache.put(("a",), Answered({"x": 1}, ""), 10)

    assert cache.get(("a",)) == ({"x": 1}, "")
    now[0] = 10.0
    assert cache.get(("a",)) is None
