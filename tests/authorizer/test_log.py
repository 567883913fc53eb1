"""The level and the share of LOG_LEVEL and LOG_ONE_IN are honoured."""

import json

import pytest

from access.decisions import Allow, Deny, Reason
from access.key_ids import KeyHash
from access.keys import KeyRecord
from authorizer.authorize import Outcome
from authorizer.events import read_event
from authorizer.log import Log

REQUEST = read_event(
    {"type": "TOKEN", "methodArn": "arn:aws:execute-api:r:1:api/prod/GET/x", "authorizationToken": "t"}
)
ALLOWED = Outcome(Allow(KeyRecord(KeyHash("h"), 1, "n", 0, 0)))
REFUSED = Outcome(Deny(Reason.UNKNOWN_KEY))


def line(environ, outcome, draw=0):
    told = Log.start(environ).line(REQUEST, outcome, milliseconds=1.23456, now_ms=5, draw=draw)
    return None if told is None else json.loads(told)


@pytest.mark.parametrize(
    ("level", "allowed", "refused"),
    [("DEBUG", True, True), ("INFO", True, True), ("WARNING", False, True), ("ERROR", False, False)],
)
def test_a_level_says_which_decisions_are_told(level, allowed, refused):
    assert (line({"LOG_LEVEL": level}, ALLOWED) is not None) is allowed
    assert (line({"LOG_LEVEL": level}, REFUSED) is not None) is refused


def test_one_allowed_request_in_ten_is_told_and_counts_for_ten():
    told = [line({"LOG_ONE_IN": "10"}, ALLOWED, draw) for draw in range(100)]

    assert sum(one is not None for one in told) == 10
    assert sum(one["requests"] for one in told if one) == 100


def test_every_refusal_is_told_whatever_the_share():
    told = [line({"LOG_ONE_IN": "10"}, REFUSED, draw) for draw in range(10)]

    assert [(one["decision"], one["reason"], one["requests"]) for one in told] == [("deny", "unknown_key", 1)] * 10


def test_a_request_that_passed_since_its_limits_fail_open_is_told_as_such_whatever_the_share():
    opened = ALLOWED._replace(detail="DynamoDB did not answer: open")
    told = [line({"LOG_LEVEL": "WARNING", "LOG_ONE_IN": "10"}, opened, draw) for draw in range(10)]

    assert [(one["decision"], one["detail"], one["requests"]) for one in told] == [("allow", opened.detail, 1)] * 10


def test_a_request_that_could_not_be_decided_is_told_at_every_level_without_its_text():
    log = Log.start({"LOG_LEVEL": "ERROR", "AWS_LAMBDA_FUNCTION_NAME": "f"})

    told = json.loads(log.undecided(ValueError("secret"), now_ms=5))

    assert (told["FunctionName"], told["error"], told["undecided"]) == ("f", "ValueError", 1)
    assert "secret" not in json.dumps(told)


@pytest.mark.parametrize("environ", [{"LOG_LEVEL": "LOUD"}, {"LOG_ONE_IN": "0"}, {"LOG_ONE_IN": "some"}])
def test_a_setting_that_means_nothing_is_refused(environ):
    with pytest.raises((KeyError, ValueError)):
        Log.start(environ)
