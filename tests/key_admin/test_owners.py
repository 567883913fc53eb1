"""Admin keys of one owner, on every operation there is: they see and change that owner's keys, and no more."""

import json
import uuid
from typing import NamedTuple

import pytest

from dev.services import ROOT
from key_admin.openapi.operations import OPERATIONS
from tests.conftest import SECRET, Admin, call, sign

KEY = {"name": "n", "jwt_data": {"algorithm": "HS256", "secret": SECRET}, "grants": [{"api": "*"}]}
NEW = {"jwt_data": {"generate": True}}


class Case(NamedTuple):
    """What an operation answers where `{key}` is a key of somebody else, and of the owner himself."""

    foreign: int
    own: int
    body: object = None


CASES = {
    "POST /keys": Case(400, 201, KEY),
    "GET /keys": Case(200, 200),
    "POST /keys/import": Case(200, 200, {"items": [KEY]}),
    "POST /keys/lookup": Case(404, 200),
    "GET /keys/{key_hash}": Case(404, 200),
    "PATCH /keys/{key_hash}": Case(404, 200, {"name": "m"}),
    "POST /keys/{key_hash}/rotate": Case(404, 200, NEW),
    "POST /keys/{key_hash}/reset": Case(404, 200),
    "GET /keys/{key_hash}/usage": Case(404, 200),
    "DELETE /keys/{key_hash}": Case(404, 204),
    "GET /policies": Case(200, 200),
    "GET /policies/{policy_id}": Case(200, 200),
    "GET /policies/{policy_id}/keys": Case(200, 200),
    "PUT /policies/{policy_id}": Case(403, 403, {"name": "p"}),
    "DELETE /policies/{policy_id}": Case(403, 403),
    "GET /apis": Case(200, 200),
    "GET /apis/{api_id}": Case(404, 404),
    "PUT /apis/{api_id}": Case(403, 403, {"name": "a"}),
    "DELETE /apis/{api_id}": Case(403, 403),
    "GET /issuers": Case(200, 200),
    "GET /issuers/{issuer_id}": Case(404, 404),
    "PUT /issuers/{issuer_id}": Case(403, 403, {"issuer": "https://i.example"}),
    "DELETE /issuers/{issuer_id}": Case(403, 403),
    "GET /audit": Case(403, 403),
    "GET /audit/verify": Case(403, 403),
    "GET /health": Case(200, 200),
}


@pytest.fixture(scope="module")
def owner():
    return f"tenant-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def tenant(admin, stack, owner):
    """An admin key that may work with the keys of one owner only."""
    wanted = {"name": "of a tenant", "owner": owner, "grants": [{"api": "admin", "owner": owner}]}
    return Admin(stack.admin_url, admin("POST", "/keys", wanted).body["key_id"])


@pytest.fixture(scope="module")
def policy(admin, owner):
    admin("PUT", f"/policies/{owner}", {"name": "p", "grants": [{"api": "*"}]})
    return owner


def test_every_operation_has_a_case():
    assert {operation.route for operation in OPERATIONS} == CASES.keys()


@pytest.mark.parametrize("route", CASES)
@pytest.mark.parametrize("whose", ["foreign", "own"])
def test_an_admin_of_one_owner_reaches_that_owners_keys_only(admin, tenant, owner, policy, route, whose):
    case, is_own = CASES[route], whose == "own"
    key = admin.create_key(owner=owner if is_own else "umbrella", policies=[policy])
    method, _, path = route.partition(" ")
    body = case.body
    if route == "POST /keys/lookup":
        body = {"key_id": key["key_id"]}
    if route == "POST /keys" and not is_own:
        body = KEY | {"owner": "umbrella"}

    path = path.format(key_hash=key["key_hash"], policy_id=policy, api_id="none", issuer_id="none")
    answer = tenant(method, path, body)

    assert answer.status == getattr(case, whose), answer.text
    if answer.status < 300 and not is_own:
        assert key["key_hash"] not in answer.text
        assert "umbrella" not in answer.text


def test_an_import_makes_keys_of_the_owner_only(tenant, owner):
    items = [KEY, KEY | {"owner": "umbrella"}, KEY | {"grants": [{"api": "admin"}]}]

    results = tenant("POST", "/keys/import", {"items": items}).body["items"]

    assert [result["status"] for result in results] == [201, 400, 400]
    assert results[0]["key"]["owner"] == owner


@pytest.mark.parametrize("given_away", [None, "", "umbrella"])
def test_a_key_is_not_given_away(tenant, owner, given_away):
    """A key without owner would count at no gate of the owner, and be out of his admin's sight."""
    key = tenant.create_key()

    answer = tenant("PATCH", f"/keys/{key['key_hash']}", {"owner": given_away})

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "owner")
    assert tenant("GET", f"/keys/{key['key_hash']}").body["owner"] == owner


def test_material_of_a_key_that_administers_is_not_set(admin, tenant, owner):
    """Who rotates a key can act as it: an admin of one owner would become an admin of all."""
    wanted = {"name": "root", "owner": owner, "jwt_data": {"secret": SECRET}, "grants": [{"api": "admin"}]}
    root = admin("POST", "/keys", wanted).body

    answer = tenant("POST", f"/keys/{root['key_hash']}/rotate", NEW)

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "grants")
    assert tenant("PATCH", f"/keys/{root['key_hash']}", {"name": "mine"}).status == 400
    assert call("GET", f"{admin.url}/audit?limit=1", token=sign(root["key_id"])).status == 200


def test_an_answer_that_is_kept_for_one_caller_is_not_told_another(admin, tenant):
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    mine = admin("POST", "/keys", KEY | {"owner": "umbrella"}, headers=headers).body

    theirs = tenant("POST", "/keys", KEY, headers=headers)

    assert theirs.status == 201
    assert theirs.body["key_hash"] != mine["key_hash"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.id)
def test_no_route_answers_where_no_authorizer_stood_before_it(stack, operation):
    """A mistake in a template leaves the door shut: it is not the gateway alone that holds it."""
    event = json.loads((ROOT / "events" / f"admin_{operation.id}.json").read_text())
    event["requestContext"].pop("authorizer", None)

    answer = stack.functions["KeyAdminFunction"].invoke(event)

    assert answer["statusCode"] == (200 if operation.is_open else 401)
