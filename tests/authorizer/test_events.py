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
    ("value", "credential"),
    [
        ("Bearer a.b.c", "a.b.c"),
        ("bEaReR   a.b.c \t", "a.b.c"),
        ("a.b.c", "a.b.c"),
        ("a.bearer b.c", "a.bearer b.c"),
        ("a.b.cBearer ", "a.b.cBearer"),
        ("Bearer Bearer a.b.c", "Bearer a.b.c"),
        ("Bearer\ta.b.c", "Bearer\ta.b.c"),
        ("Basic bearer a.b.c", "Basic bearer a.b.c"),
        ("\u00a0a.b.c", "\u00a0a.b.c"),
        ("a.b.c\n", "a.b.c\n"),
        ("Bearer", "Bearer"),
    ],
)
def test_a_scheme_is_taken_off_the_start_alone_and_nothing_else_is(value, credential):
    """One credential has one text: what stands inside it, or is no blank, stays and is refused as malformed."""
    sent = event("rest_request") | {"headers": {"Authorization": value}, "multiValueHeaders": {}}

    assert read_credentials(read_event(sent), TokenPlace()) == (credential,)


def test_cookies_of_a_name_are_read_from_every_header_and_list():
    place = TokenPlace(header="", cookie="t")
    header = event("rest_request") | {"headers": {}, "multiValueHeaders": {"Cookie": ["a=1; t=one", "t=two; xt=3"]}}
    listed = event("http_2") | {"cookies": ["t=one", "tt=x", "T=y", "t=one"], "headers": {}}

    assert read_credentials(read_event(header), place) == ("one", "two")
    assert read_credentials(read_event(listed), place) == ("one",)


def test_a_parameter_that_is_sent_twice_with_two_values_is_two_credentials():
    rest = event("rest_request") | {
        "queryStringParameters": {"token": "b"},
        "multiValueQueryStringParameters": {"token": ["a", "b"], "Token": ["c"]},
    }

    assert read_credentials(read_event(rest), TokenPlace(header="", query="token")) == ("a", "b")


@pytest.mark.parametrize("value", ["", " ", " \t "])
def test_an_empty_value_is_no_credential(value):
    sent = event("rest_request") | {"headers": {"Authorization": value}, "multiValueHeaders": {}}

    assert read_credentials(read_event(sent), TokenPlace()) == ()


def test_a_place_without_a_name_is_not_looked_at():
    """A parameter or cookie may have an empty name too."""
    unnamed = {"queryStringParameters": {"": "q"}, "cookies": ["=c"], "headers": {"": "h", "Cookie": "=d"}}
    sent = event("http_2") | unnamed

    assert read_credentials(read_event(sent), TokenPlace(header="")) == ()


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"methodArn": None}, "methodArn"),
        ({"methodArn": "arn:aws:s3:::x"}, "methodArn"),
        ({"methodArn": "arn:aws:s3:us-east-1:1:api/prod/GET"}, "methodArn"),
        ({"methodArn": "arn:aws:execute-api:api/prod/GET"}, "methodArn"),
        ({"methodArn": "arn:aws:execute-api:us-east-1:1:api/prod"}, "methodArn"),
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
