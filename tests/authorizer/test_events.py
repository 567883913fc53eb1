"""Events of every kind become one request; what is no event is refused with its member."""

import json

import pytest

from access.apis import TokenPlace
from authorizer.events import Answer, MalformedEventError, read_credentials, read_event
from dev.services import ROOT


def event(name):
    return json.loads((ROOT / "events" / f"authorizer_{name}.json").read_text())


@pytest.mark.parametrize(
    ("name", "answer", "method", "path"),
    [
        ("rest_token", Answer.REST, "GET", "/orders/42"),
        ("rest_request", Answer.REST, "GET", "/orders/42"),
        ("http_1", Answer.HTTP_POLICY, "GET", "/orders/42"),
        ("http_2", Answer.HTTP_SIMPLE, "GET", "/orders/42"),
        ("websocket_connect", Answer.REST, "GET", "/$connect"),
    ],
)
def test_every_kind_of_event_is_read(name, answer, method, path):
    request = read_event(event(name))

    assert (request.answer, request.method, request.path) == (answer, method, path)
    (credential,) = read_credentials(request, TokenPlace())
    assert credential.startswith("eyJ")
    assert credential not in repr(request)


def test_a_stage_variable_names_the_api_and_the_429_channel():
    found = read_event(event("rest_request") | {"stageVariables": {"tollgateApi": "orders", "tollgateLimits": "429"}})

    assert (found.api_name, found.has_429_channel) == ("orders", True)
    assert read_event(event("http_2") | {"stageVariables": {"tollgateResponse": "iam"}}).answer is Answer.HTTP_POLICY


def test_a_token_is_read_from_the_place_that_the_api_names():
    sent = event("http_2") | {"queryStringParameters": {"token": "q"}, "cookies": ["a=b", "t=c"], "headers": {}}

    assert read_credentials(read_event(sent), TokenPlace(header="", query="token")) == ("q",)
    assert read_credentials(read_event(sent), TokenPlace(header="", cookie="t")) == ("c",)
    assert read_credentials(read_event(sent), TokenPlace()) == ()


def test_differing_credentials_are_all_seen_and_equal_ones_once():
    sent = event("rest_request") | {
        "multiValueHeaders": {"authorization": ["Bearer a", "bearer b"]},
        "headers": {"AUTHORIZATION": "b"},
    }

    assert read_credentials(read_event(sent), TokenPlace()) == ("a", "b")


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"methodArn": None}, "methodArn"),
        ({"methodArn": "arn:aws:s3:::x"}, "methodArn"),
        ({"stageVariables": ["x"]}, "stageVariables"),
        ({"headers": "x"}, "headers"),
    ],
)
def test_a_malformed_event_is_refused_with_its_member(change, member):
    with pytest.raises(MalformedEventError, match=member):
        read_credentials(read_event(event("rest_request") | change), TokenPlace())


def test_an_arn_keeps_partition_colons_and_encoding_apart():
    found = read_event(
        {
            "type": "TOKEN",
            "authorizationToken": "x",
            "methodArn": "arn:aws-cn:execute-api:cn-north-1:1:api/prod/GET/a:b/c%2Fd%20e",
        }
    )

    assert (found.path, found.arn.base) == ("/a:b/c/d e", "arn:aws-cn:execute-api:cn-north-1:1:api/prod")
