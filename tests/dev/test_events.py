"""The recorded authorizer events are what the local gateway sends, kind by kind.

`python -m tests.dev.test_events` records them anew.
"""

import json

import pytest

from dev.gateway.events import Route, Stage, http_request, rest_request, rest_token, websocket_connect
from dev.gateway.messages import Request
from dev.services import ROOT

EVENTS = ROOT / "events"
TOKEN = "Bearer eyJhbGciOiJIUzI1NiIsImtpZCI6ImRlbW8ifQ.eyJleHAiOjE4MDAwMDAwMDB9.c2lnbmF0dXJl"
REQUEST = Request(
    "GET",
    "/orders/42",
    "page=1&page=2",
    (("Host", "example.com"), ("Authorization", TOKEN), ("User-Agent", "curl/8.5.0"), ("Cookie", "a=1; b=2")),
    b"",
    "198.51.100.7",
    "9f6c1f0e-7a1d-4c53-9b0f-2f6f2f1f0a11",
    1795000000.0,
)
REST, HTTP = Stage("a1b2c3d4e5", "prod", {"tollgateLimits": "429"}), Stage("f6g7h8i9j0", "$default", {})
RESOURCE, ROUTE = Route("/orders/{id}", {"id": "42"}), Route("GET /orders/{id}", {"id": "42"})
KINDS = {
    "rest_token": rest_token(REQUEST, REST, TOKEN),
    "rest_request": rest_request(REQUEST, REST, RESOURCE),
    "http_1": http_request(REQUEST, HTTP, ROUTE, [TOKEN], "1.0"),
    "http_2": http_request(REQUEST, HTTP, ROUTE, [TOKEN], "2.0"),
    "websocket_connect": websocket_connect(REQUEST, Stage("w1x2y3z4a5", "prod", {}), "Lq9fXeJ8oAMCKwA="),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_recorded_event_is_what_the_gateway_sends(kind):
    assert json.loads((EVENTS / f"authorizer_{kind}.json").read_text()) == KINDS[kind]


def test_payload_1_names_the_route_by_its_path_and_has_no_stage_before_default():
    event = KINDS["http_1"]

    assert (event["resource"], event["stageVariables"]) == ("/orders/{id}", {})
    assert event["requestContext"]["path"] == "/orders/42"
    assert event["requestContext"]["resourceId"] == "GET /orders/{id}"


def test_payload_2_joins_values_and_sets_cookies_apart():
    event = KINDS["http_2"]

    assert event["queryStringParameters"] == {"page": "1,2"}
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]
    assert "stageVariables" not in event


def test_a_rest_event_has_the_last_value_and_all_values_and_no_body():
    event = KINDS["rest_request"]

    assert event["queryStringParameters"] == {"page": "2"}
    assert event["multiValueQueryStringParameters"] == {"page": ["1", "2"]}
    assert not event.keys() & {"body", "isBase64Encoded"}


def test_the_gateway_adds_where_a_request_came_from():
    made = Request.make(
        "GET", "/x", (("x-forwarded-for", "203.0.113.9"), ("X-Forwarded-Proto", "gopher")), b"", "10.0.0.1"
    )

    assert made.header("x-forwarded-for") == "203.0.113.9, 10.0.0.1"
    assert made.header("x-forwarded-proto") == "https"


if __name__ == "__main__":
    for name, event in KINDS.items():
        (EVENTS / f"authorizer_{name}.json").write_text(json.dumps(event, indent=2) + "\n")
