"""The recorded admin events are what the gateway sends, and the deployed handler takes each.

`python -m tests.key_admin.test_events` records them anew.
"""

import json
import re

import pytest

from dev.gateway.events import Route, Stage, http_proxy
from dev.gateway.messages import Request
from dev.services import ROOT

EVENTS = ROOT / "events"
ANY_HASH = "A" * 43
STAGE = Stage("admin", "$default", {"tollgateApi": "admin"})
KEY = f"/keys/{ANY_HASH}"

OPERATIONS = {  # file: method, path and query, body, status
    "list_keys": ("GET", "/keys?limit=10", None, 200),
    "lookup_key": ("POST", "/keys/lookup", {"key_id": "acme-mobile"}, 200),
    "read_key": ("GET", KEY, None, 200),
    "patch_key": ("PATCH", KEY, {"enabled": False}, 200),
    "reset_key": ("POST", f"{KEY}/reset", None, 200),
    "rotate_key": ("POST", f"{KEY}/rotate", {"jwt_data": {"algorithm": "HS256", "generate": True}, "grace_seconds": 60}, 200),
    "delete_key": ("DELETE", KEY, None, 204),
    "put_policy": ("PUT", "/policies/gold", {"name": "Gold", "grants": [{"api": "*"}]}, 201),
    "list_policies": ("GET", "/policies", None, 200),
    "read_policy": ("GET", "/policies/gold", None, 200),
    "delete_policy": ("DELETE", "/policies/gold", None, 204),
    "put_api": ("PUT", "/apis/orders", {"name": "Orders"}, 201),
    "list_apis": ("GET", "/apis", None, 200),
    "read_api": ("GET", "/apis/orders", None, 200),
    "delete_api": ("DELETE", "/apis/orders", None, 204),
    "health": ("GET", "/health", None, 200),
}  # fmt: skip


def record(name):
    method, target, body, _ = OPERATIONS[name]
    path, _, query = target.partition("?")
    sent = json.dumps(body).encode() if body is not None else b""
    headers = (("host", "example.com"), *((("content-type", "application/json"),) if sent else ()))
    request = Request(
        method, path, query, headers, sent, "198.51.100.7", "9f6c1f0e-7a1d-4c53-9b0f-2f6f2f1f0a11", 1795000000.0
    )
    return http_proxy(request, STAGE, Route("$default", {}), {"owner": "admin", "keyHash": ANY_HASH})


def read(name):
    return json.loads((EVENTS / f"admin_{name}.json").read_text())


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_recorded_event_is_what_the_gateway_sends(name):
    assert read(name) == record(name)


def test_the_handler_takes_every_recorded_event_in_turn(stack, admin):
    key = admin.create_key(key_id="acme-mobile")

    for name, (*_, status) in OPERATIONS.items():
        text = (EVENTS / f"admin_{name}.json").read_text()
        event = json.loads(text)
        event["rawPath"] = event["rawPath"].replace(ANY_HASH, key["key_hash"])
        event["requestContext"]["http"]["path"] = event["rawPath"]
        answer = stack.functions["KeyAdminFunction"].invoke(event)
        assert answer["statusCode"] == status, (name, answer)


def test_every_route_has_an_event():
    source = "".join(path.read_text() for path in (ROOT / "key_admin" / "routes").glob("*.py"))
    routes = {
        (method.upper(), re.sub(r"<[a-z_]+>", "X", path))
        for method, path in re.findall(r'@router\.(\w+)\("([^"]+)"', source)
    }
    recorded = {
        (
            event["requestContext"]["http"]["method"],
            re.sub(rf"{ANY_HASH}|(?<=/policies/)\w+|(?<=/apis/)\w+", "X", event["rawPath"]),
        )
        for event in map(json.loads, (path.read_text() for path in EVENTS.glob("admin_*.json")))
    }

    assert routes - {("GET", "/")} == recorded


def test_the_environment_names_what_each_function_reads():
    environ = json.loads((EVENTS / "env.json").read_text())

    assert environ.keys() == {"AuthorizerFunction", "KeyAdminFunction"}
    assert all(
        "AWS_ENDPOINT_URL_DYNAMODB" in one and "AWS_ENDPOINT_URL_SECRETS_MANAGER" in one for one in environ.values()
    )


if __name__ == "__main__":
    for known in OPERATIONS:
        (EVENTS / f"admin_{known}.json").write_text(json.dumps(record(known), indent=2) + "\n")
