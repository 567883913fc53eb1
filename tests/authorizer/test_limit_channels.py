"""Only an API that opted in gets an Allow for a limited request, and only by the channel of its kind."""

import json

import pytest

from access.decisions import Deny, Reason
from authorizer.answers import render
from authorizer.authorize import Outcome
from authorizer.events import read_event
from dev.services import ROOT


def rendered(name, variables, reason=Reason.RATE_LIMITED):
    event = json.loads((ROOT / "events" / f"authorizer_{name}.json").read_text())
    request = read_event(event | {"stageVariables": variables})
    answer = render(request, Outcome(Deny(reason)), usage_key="k" * 20)
    if "isAuthorized" in answer:
        return answer["isAuthorized"]
    return answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"


@pytest.mark.parametrize(
    ("name", "variables", "is_allowed"),
    [
        ("rest_request", {"tollgateLimits": "429"}, True),
        ("rest_request", {"tollgateLimits": "integration"}, False),
        ("rest_request", {}, False),
        ("http_1", {"tollgateLimits": "429"}, False),
        ("http_1", {"tollgateLimits": "integration"}, True),
        ("http_1", {}, False),
        ("http_2", {"tollgateLimits": "429"}, False),
        ("http_2", {"tollgateLimits": "integration"}, True),
        ("http_2", {"tollgateLimits": "integration", "tollgateResponse": "iam"}, True),
        ("http_2", {"tollgateLimits": "429", "tollgateResponse": "iam"}, False),
        ("http_2", {}, False),
    ],
)
def test_a_limited_request_is_allowed_only_where_something_else_refuses_it(name, variables, is_allowed):
    assert rendered(name, variables) is is_allowed


@pytest.mark.parametrize("name", ["rest_request", "http_1", "http_2"])
@pytest.mark.parametrize("channel", ["429", "integration"])
def test_what_is_no_limit_is_never_allowed(name, channel):
    assert rendered(name, {"tollgateLimits": channel}, Reason.KEY_DISABLED) is False
