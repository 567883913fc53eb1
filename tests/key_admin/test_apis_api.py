"""API definitions: what they are called in grants, where they read tokens, what they switch off."""

import time

import pytest

from tests.conftest import call, sign

STALENESS_SECONDS = 5


@pytest.fixture
def define(admin):
    """Define the demo REST API for one test."""
    yield lambda **members: admin("PUT", "/apis/orders", {"name": "Orders", "gateways": ["demorest/prod"]} | members)
    admin("DELETE", "/apis/orders")
    time.sleep(STALENESS_SECONDS)


def test_a_definition_names_an_api_and_says_where_its_token_is(stack, admin, define):
    key = admin.create_key(grants=[{"api": "orders"}])
    token = sign(key["key_id"])
    assert call("GET", f"{stack.rest_url}/x", token=token).status == 403

    assert define(token={"header": None, "query": "t", "cookie": "c"}).status == 201
    time.sleep(STALENESS_SECONDS)

    assert call("GET", f"{stack.rest_url}/x?t={token}").status == 200
    assert call("GET", f"{stack.rest_url}/x", headers={"Cookie": f"a=b; c={token}"}).status == 200
    assert call("GET", f"{stack.rest_url}/x", token=token).status == 401
    assert call("GET", f"{stack.rest_url}/x?t={token}", headers={"Cookie": f"c={token}x"}).status == 401


def test_what_a_definition_switches_off_is_refused(stack, admin, define):
    import jwt

    from tests.conftest import SECRET

    opaque = admin("POST", "/keys", {"name": "n", "grants": [{"api": "*"}]}).body["key_id"]
    key = admin.create_key()
    by_sub = jwt.encode({"sub": key["key_id"], "exp": int(time.time()) + 60}, SECRET, algorithm="HS256")
    define(enable_opaque=False, allow_sub=False)
    time.sleep(STALENESS_SECONDS)

    assert call("GET", f"{stack.rest_url}/x", token=opaque).status == 401
    assert call("GET", f"{stack.rest_url}/x", token=by_sub).status == 401
    assert call("GET", f"{stack.rest_url}/x", token=sign(key["key_id"])).status == 200
    assert call("GET", f"{stack.http_url}/x", token=opaque).status == 200


def test_definitions_are_put_read_listed_and_deleted(admin):
    wanted = {"name": "A", "gateways": ["aaaa/prod", "aaaa/*"]}

    assert [admin("PUT", "/apis/a", wanted).status for _ in range(2)] == [201, 200]
    assert admin("PUT", "/apis/b", {"name": "B", "gateways": ["aaaa/*"]}).status == 409
    assert admin("GET", "/apis/a").body["gateways"] == ["aaaa/prod", "aaaa/*"]
    assert "a" in [api["api_id"] for api in admin("GET", "/apis?limit=200").body["items"]]
    assert admin("DELETE", "/apis/a", headers={"If-Match": '"1"'}).status == 412
    assert admin("DELETE", "/apis/a").status == 204
    assert admin("GET", "/apis/a").status == 404
    assert admin("PUT", "/apis/b", {"name": "B", "gateways": ["aaaa/*"]}).status == 201
    assert admin("DELETE", "/apis/b").status == 204


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("admin", {"name": "x"}, "api_id"),
        ("x", {"name": "x", "gateways": ["no-stage"]}, "gateways.0"),
        ("x", {"name": "x", "token": {}}, "token"),
        ("x", {"name": "x", "token": {"header": "a b"}}, "token.header"),
        ("x", {"name": "x", "surprise": 1}, "surprise"),
    ],
)
def test_bad_definitions_are_refused_with_their_field(admin, path, body, field):
    answer = admin("PUT", f"/apis/{path}", body)

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, field)
