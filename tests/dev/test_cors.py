"""Preflights are answered without the authorizer, where the template says so."""

import pytest

from dev.gateway.cors import HttpCors, RestCors
from dev.gateway.messages import Request, Response

ASKED = (("Origin", "https://a.example"), ("Access-Control-Request-Method", "GET"))
CORS = HttpCors.read({"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "MaxAge": 5})


def request(method, headers):
    return Request.make(method, "/x", headers, b"", "127.0.0.1")


def test_an_http_api_answers_a_preflight_itself():
    answer = CORS.preflight(request("OPTIONS", ASKED))

    assert answer.status == 204
    assert dict(answer.headers)["access-control-allow-origin"] == "https://a.example"
    assert CORS.preflight(request("GET", ASKED)) is None
    assert CORS.preflight(request("OPTIONS", ())) is None


def test_a_strange_origin_gets_no_headers():
    strange = (("Origin", "https://b.example"), ("Access-Control-Request-Method", "GET"))

    assert CORS.preflight(request("OPTIONS", strange)).headers == ()


def test_the_integrations_own_cors_headers_give_way():
    answer = CORS.decorate(request("GET", ASKED), Response(403, (("Access-Control-Allow-Origin", "*"),), b""))

    assert answer.headers == (("access-control-allow-origin", "https://a.example"),)


def test_sam_guards_the_preflight_of_a_rest_api_unless_told_not_to():
    guarded = RestCors.read("'*'", {"DefaultAuthorizer": "A", "ApiKeyRequired": True})
    off = {"AddDefaultAuthorizerToCorsPreflight": False, "AddApiKeyRequiredToCorsPreflight": False}
    free = RestCors.read("'*'", {"DefaultAuthorizer": "A", "ApiKeyRequired": True} | off)

    assert (guarded.asks_authorizer, guarded.asks_key) == (True, True)
    assert (free.asks_authorizer, free.asks_key) == (False, False)
    assert free.answer().headers == (("Access-Control-Allow-Origin", "*"),)


def test_a_value_without_inner_quotes_is_refused():
    with pytest.raises(ValueError, match="single quotes"):
        RestCors.read({"AllowOrigin": "*"}, {})
