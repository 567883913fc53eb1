"""The recorded admin events are what the gateway sends for each operation, and the deployed handler takes each.

`python -m tests.key_admin.test_events` records them anew, from the examples of the OpenAPI document.
"""

import json

import pytest

from authorizer.events import SESSION_COOKIE
from dev.gateway.events import Route, Stage, http_proxy
from dev.gateway.messages import Request
from dev.services import ROOT
from key_admin.openapi.document import document
from store.table import identity_partition, new_gate
from tests.key_admin.provider import Provider

EVENTS = ROOT / "events"
HASH, OPERATOR = "A" * 43, "B" * 43
CREDENTIAL, COOKIE = "tg_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-g9-1h", "the-sealed-session"
PROOFS = {  # of operations that no authorizer stands before
    "read_self": (("authorization", f"Bearer {CREDENTIAL}"),),
    "open_session": (("authorization", f"Bearer {CREDENTIAL}"),),
    "read_session": (("cookie", f"{SESSION_COOKIE}={COOKIE}"),),
    "end_session": (("cookie", f"{SESSION_COOKIE}={COOKIE}"), ("sec-fetch-site", "same-origin")),
}
STAGE = Stage("admin", "$default", {"tollgateApi": "admin"})
NAMES = {"key_hash": HASH, "policy_id": "gold", "api_id": "orders", "issuer_id": "example", "name": "invalid"}
OPERATIONS = {
    operation["operationId"]: (method.upper(), path.format(**NAMES), operation)
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
}
IN_TURN = (
    *("health", "create_key", "import_keys", "list_keys", "look_up_key", "read_key", "change_key", "reset_key"),
    *("rotate_key", "replace_key", "read_usage", "put_policy", "list_policies", "read_policy", "list_keys_of_policy"),
    *("put_api", "list_apis", "read_api", "delete_api", "put_issuer", "list_issuers", "read_issuer", "delete_issuer"),
    *("list_identities", "read_identity", "change_identity", "reset_identity", "read_usage_of_identity"),
    *("explain", "read_self", "delete_policy", "delete_key", "list_audit", "verify_audit", "read_problem"),
    *("open_session", "read_session", "end_session"),
)


def query_of(operation):
    """The parameters that an operation requires."""
    required = [one for one in operation["parameters"] if one["in"] == "query" and one["required"]]
    return "&".join(f"{one['name']}={one['example']}" for one in required)


def record(name):
    method, path, operation = OPERATIONS[name]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    sent = json.dumps(content["example"]).encode() if content else b""
    headers = (("host", "example.com"), *((("content-type", "application/json"),) if sent else ()))
    headers += PROOFS.get(name, ())
    request = Request(
        method,
        path,
        query_of(operation),
        headers,
        sent,
        "198.51.100.7",
        "9f6c1f0e-7a1d-4c53-9b0f-2f6f2f1f0a11",
        1795000000.0,
    )
    context = None if operation.get("security") == [{"anyKey": []}] else {"owner": "admin", "keyHash": OPERATOR}
    return http_proxy(request, STAGE, Route("$default", {}), context)


def read(name):
    return json.loads((EVENTS / f"admin_{name}.json").read_text())


def test_every_operation_has_an_event():
    recorded = {path.stem.removeprefix("admin_") for path in EVENTS.glob("admin_*.json")}

    assert recorded == OPERATIONS.keys() == set(IN_TURN)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_recorded_event_is_what_the_gateway_sends(name):
    assert read(name) == record(name)


@pytest.fixture
def provider():
    with Provider() as running:
        yield running
        running.shutdown()


def opaque_key(stack, operator):
    """The hash of a key without material."""
    event = json.loads(json.dumps(read("create_key")).replace(OPERATOR, operator))
    body = json.loads(event["body"])
    del body["jwt_data"]
    answer = stack.functions["KeyAdminFunction"].invoke(event | {"body": json.dumps(body)})
    return json.loads(answer["body"])["key_hash"]


def test_the_handler_takes_every_recorded_event_in_turn(stack, admin, provider):
    operator = admin("POST", "/keys/lookup", {"key_id": admin.key}).body
    actual = {"https://idp.example.com": provider.url, OPERATOR: operator["key_hash"], CREDENTIAL: admin.key}

    identity = "I" * 43
    gate = new_gate(identity_partition(identity), 1)
    stack.services.client("dynamodb").put_item(TableName="tollgate", Item=gate)

    for name in IN_TURN:
        text = json.dumps(read(name))
        for example, value in actual.items():
            text = text.replace(example, value)
        event = json.loads(text)
        if name == "replace_key":  # the id of an opaque key; the one that is made here has material
            event = json.loads(text.replace(actual[HASH], opaque_key(stack, actual[OPERATOR])))
        if "/identities/" in event["rawPath"]:  # the hash of an identity that has called
            event = json.loads(text.replace(actual[HASH], identity))
        answer = stack.functions["KeyAdminFunction"].invoke(event)
        assert answer["statusCode"] in {200, 201, 204}, (name, answer)
        if name == "open_session":
            actual |= {COOKIE: answer["headers"]["Set-Cookie"].partition(";")[0].partition("=")[2]}
        if name == "create_key":
            key = json.loads(answer["body"])
            actual |= {HASH: key["key_hash"], r"key_id\": \"acme-mobile": rf"key_id\": \"{key['key_id']}"}


def test_the_environment_for_sam_local_sets_only_what_the_template_names(stack):
    """`sam local` drops every other variable without a word."""
    environ = json.loads((EVENTS / "env.json").read_text())

    assert environ.keys() == {"AuthorizerFunction", "KeyAdminFunction"}
    for name, variables in environ.items():
        assert variables.keys() <= stack.functions[name].config.environ.keys()


if __name__ == "__main__":
    for known in OPERATIONS:
        (EVENTS / f"admin_{known}.json").write_text(json.dumps(record(known), indent=2) + "\n")
