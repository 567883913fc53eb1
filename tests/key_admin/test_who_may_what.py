"""Who may what: every operation there is, by every kind of holder, through the running stack."""

import json
import uuid
from typing import NamedTuple

import pytest

from dev.services import ROOT
from key_admin.openapi.operations import OPERATIONS
from tests.conftest import SECRET, Admin

HOLDERS = ("unrestricted", "reader", "clerk", "steward", "owner", "seller", "reseller", "nobody")
OF_OWNER = ("owner", "seller", "reseller")
GATE = "gate"  # the authorizer refuses, before the admin function hears of it
OPEN = (200,) * len(HOLDERS)


class Acme(NamedTuple):
    """An owner, a policy that its admin may give, the API that it grants, and the holders."""

    owner: str
    policy: str
    api: str
    holders: dict[str, Admin]


# The status for each of HOLDERS where `{key_hash}` is a key of the owner, with the policy and without grants.
OWN = {
    "POST /keys": (201, GATE, 201, 201, 403, 201, 201, GATE),
    "GET /keys": (200, 200, GATE, 200, 200, 200, 200, GATE),
    "POST /keys/import": (200, GATE, 200, 200, 403, 200, 200, GATE),
    "POST /keys/lookup": (200, GATE, 200, 200, 200, 200, 200, GATE),
    "GET /keys/{key_hash}": (200, 200, GATE, 200, 200, 200, 200, GATE),
    "PATCH /keys/{key_hash}": (200, GATE, GATE, 200, 403, 200, 200, GATE),
    "POST /keys/{key_hash}/rotate": (200, GATE, 200, 200, 200, 200, 200, GATE),
    "POST /keys/{key_hash}/replace": (200, GATE, 200, 200, 200, 200, 200, GATE),
    "POST /keys/{key_hash}/reset": (200, GATE, 200, 200, 403, 200, 200, GATE),
    "GET /keys/{key_hash}/usage": (200, 200, GATE, 200, 200, 200, 200, GATE),
    "DELETE /keys/{key_hash}": (204, GATE, GATE, 204, 204, 204, 204, GATE),
    "GET /policies": (200, 200, GATE, GATE, 200, 200, 200, GATE),
    "GET /policies/{policy_id}": (200, 200, GATE, GATE, 404, 200, 200, GATE),
    "GET /policies/{policy_id}/keys": (200, 200, GATE, GATE, 404, 200, 200, GATE),
    "PUT /policies/{policy_id}": (200, GATE, GATE, GATE, 403, 403, 403, GATE),
    "DELETE /policies/{policy_id}": (409, GATE, GATE, GATE, 403, 403, 403, GATE),
    "GET /apis": (200, 200, GATE, GATE, 200, 200, 200, GATE),
    "GET /apis/{api_id}": (200, 200, GATE, GATE, 404, 200, 200, GATE),
    "PUT /apis/{api_id}": (200, GATE, GATE, GATE, 403, 403, 403, GATE),
    "DELETE /apis/{api_id}": (204, GATE, GATE, GATE, 403, 403, 403, GATE),
    "GET /issuers": (200, 200, GATE, GATE, 403, 403, 403, GATE),
    "GET /issuers/{issuer_id}": (404, 404, GATE, GATE, 403, 403, 403, GATE),
    "PUT /issuers/{issuer_id}": (400, GATE, GATE, GATE, 403, 403, 403, GATE),
    "DELETE /issuers/{issuer_id}": (404, GATE, GATE, GATE, 403, 403, 403, GATE),
    "GET /identities": (200, 200, GATE, GATE, 403, 403, 403, GATE),
    "GET /identities/{key_hash}": (404, 404, GATE, GATE, 403, 403, 403, GATE),
    "PATCH /identities/{key_hash}": (404, GATE, GATE, GATE, 403, 403, 403, GATE),
    "POST /identities/{key_hash}/reset": (404, GATE, GATE, GATE, 403, 403, 403, GATE),
    "GET /identities/{key_hash}/usage": (404, 404, GATE, GATE, 403, 403, 403, GATE),
    "GET /audit": (200, 200, GATE, GATE, 403, 403, 403, GATE),
    "GET /audit/verify": (200, 200, GATE, GATE, 403, 403, 403, GATE),
    "POST /session": (204, 204, 204, 204, 204, 204, 204, 403),
    "GET /session": (401,) * len(HOLDERS),  # a session is needed; `test_sessions` has some
    "DELETE /session": (401,) * len(HOLDERS),
    "POST /explain": (200, GATE, GATE, GATE, 200, 200, 200, GATE),
    "GET /self": OPEN,
    "GET /health": OPEN,
    "GET /problems/{name}": OPEN,
}
# Where it is a key of somebody else, and a new key is to be somebody else's.
FOREIGN = {
    "POST /keys": (201, GATE, 201, 201, 403, 403, 403, GATE),
    "GET /keys": OWN["GET /keys"],
    "POST /keys/import": OWN["POST /keys/import"],
    "POST /keys/lookup": (200, GATE, 200, 200, 404, 404, 404, GATE),
    "GET /keys/{key_hash}": (200, 200, GATE, 200, 404, 404, 404, GATE),
    "PATCH /keys/{key_hash}": (200, GATE, GATE, 200, 404, 404, 404, GATE),
    "POST /keys/{key_hash}/rotate": (200, GATE, 200, 200, 404, 404, 404, GATE),
    "POST /keys/{key_hash}/replace": (200, GATE, 200, 200, 404, 404, 404, GATE),
    "POST /keys/{key_hash}/reset": (200, GATE, 200, 200, 404, 404, 404, GATE),
    "GET /keys/{key_hash}/usage": (200, 200, GATE, 200, 404, 404, 404, GATE),
    "DELETE /keys/{key_hash}": (204, GATE, GATE, 204, 404, 404, 404, GATE),
    "GET /policies/{policy_id}/keys": OWN["GET /policies/{policy_id}/keys"],
    "GET /audit": OWN["GET /audit"],
    "POST /explain": (200, GATE, GATE, GATE, 404, 404, 404, GATE),
}
# Where it is a key of the owner with admin rights, and a new key is to have all of them.
ADMINISTERING = {
    "POST /keys": (201, GATE, 403, 403, 403, 403, 403, GATE),
    "POST /keys/lookup": OWN["POST /keys/lookup"],
    "GET /keys/{key_hash}": OWN["GET /keys/{key_hash}"],
    "PATCH /keys/{key_hash}": (200, GATE, GATE, 403, 403, 403, 403, GATE),
    "POST /keys/{key_hash}/rotate": (200, GATE, 403, 403, 403, 403, 403, GATE),
    "POST /keys/{key_hash}/replace": (200, GATE, 403, 403, 403, 403, 403, GATE),
    "POST /keys/{key_hash}/reset": (200, GATE, 403, 403, 403, 403, 403, GATE),
    "GET /keys/{key_hash}/usage": OWN["GET /keys/{key_hash}/usage"],
    "DELETE /keys/{key_hash}": (204, GATE, GATE, 403, 403, 403, 403, GATE),
    "POST /explain": OWN["POST /explain"],
}
CASES = [
    *(("own", route) for route in OWN),
    *(("foreign", route) for route in FOREIGN),
    *(("administering", route) for route in ADMINISTERING),
]
EXPECTED = {"own": OWN, "foreign": FOREIGN, "administering": ADMINISTERING}


@pytest.fixture(scope="module")
def acme(admin, stack):
    name = f"acme-{uuid.uuid4().hex[:8]}"
    admin("PUT", f"/apis/{name}", {"name": "a"})
    admin("PUT", f"/policies/{name}", {"name": "p", "grants": [{"api": name}]})
    of_owner = {"api": "admin", "owner": name}
    grants = {
        "reader": {"api": "admin", "methods": ["GET"]},
        "clerk": {"api": "admin", "methods": ["POST"], "path": "/keys*"},
        "steward": {"api": "admin", "path": "/keys*"},
        "owner": of_owner,
        "seller": of_owner | {"policies": [name]},
        "reseller": of_owner | {"policies": ["*"]},
        "nobody": {"api": "*"},
    }
    made = {kind: admin("POST", "/keys", {"name": kind, "grants": [grant]}).body for kind, grant in grants.items()}
    holders = {kind: Admin(stack.admin_url, key["key_id"]) for kind, key in made.items()}
    return Acme(name, name, name, {"unrestricted": admin} | holders)


def test_every_operation_has_a_case():
    assert {operation.route for operation in OPERATIONS} == OWN.keys()


def status_of(answer):
    is_ours = answer.headers.get("content-type") == "application/problem+json"
    return GATE if answer.status == 403 and not is_ours else answer.status


def rights_of(target, acme):
    """What a key of a target may do: the one that is worked with, and the one that is to be made."""
    return {"grants": [{"api": "admin"}]} if target == "administering" else {"grants": [], "policies": [acme.policy]}


def send(holder, route, acme, key, new):
    """One operation with the least that it takes."""
    method, _, path = route.partition(" ")
    bodies = {
        "POST /keys": new,
        "POST /keys/import": {"items": [new]},
        "POST /keys/lookup": {"key_id": key["key_id"]},
        "PATCH /keys/{key_hash}": {"name": "m"},
        "PATCH /identities/{key_hash}": {"enabled": False},
        "POST /keys/{key_hash}/rotate": {"jwt_data": {"generate": True}},
        "POST /explain": {"key_hash": key["key_hash"], "api": acme.api, "method": "GET", "path": "/x"},
        "PUT /policies/{policy_id}": {"name": "p", "grants": [{"api": acme.api}]},
        "PUT /apis/{api_id}": {"name": "a"},
        "PUT /issuers/{issuer_id}": {"issuer": "https://i.example"},
    }
    ids = {"key_hash": key["key_hash"], "policy_id": acme.policy, "api_id": acme.api, "issuer_id": "none"}
    ids["name"] = "invalid"
    query = "?issuer=none" if route == "GET /identities" else ""
    return holder(method, path.format(**ids) + query, bodies.get(route))


@pytest.mark.parametrize(("target", "route"), CASES)
def test_a_holder_reaches_what_their_rights_say(admin, acme, target, route):
    rights, is_foreign = rights_of(target, acme), target == "foreign"
    new = {"name": "n", "jwt_data": {"secret": SECRET}} | rights | ({"owner": "umbrella"} if is_foreign else {})
    statuses = {}

    for kind, holder in acme.holders.items():
        admin("PUT", f"/apis/{acme.api}", {"name": "a"})
        wanted = {"name": "n", "owner": "umbrella" if is_foreign else acme.owner} | rights
        material = {} if route.endswith("/replace") else {"jwt_data": {"secret": SECRET}}
        key = admin("POST", "/keys", wanted | material).body
        answer = send(holder, route, acme, key, new)
        statuses[kind] = status_of(answer)
        if is_foreign and kind in OF_OWNER:
            assert key["key_hash"] not in answer.text

    assert statuses == dict(zip(HOLDERS, EXPECTED[target][route], strict=True))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.id)
def test_no_route_answers_where_no_authorizer_stood_before_it(stack, operation):
    """A mistake in a template leaves the door shut: it is not the gateway alone that holds it."""
    event = json.loads((ROOT / "events" / f"admin_{operation.id}.json").read_text())
    event["requestContext"].pop("authorizer", None)

    answer = stack.functions["KeyAdminFunction"].invoke(event)

    assert answer["statusCode"] == (200 if operation.is_open else 401)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.id)
@pytest.mark.parametrize("grants", [[], [{"api": "*"}], [{"api": "admin", "methods": ["OPTIONS"]}]])
def test_no_route_answers_to_a_key_that_an_authorizer_should_have_refused(admin, stack, operation, grants):
    """What the authorizer lets pass is judged anew: its copies may be old, its gateway another."""
    key_hash = admin.create_key(grants=grants)["key_hash"] if grants else "C" * 43
    event = json.loads((ROOT / "events" / f"admin_{operation.id}.json").read_text())
    event["requestContext"]["authorizer"] = {"lambda": {"keyHash": key_hash}}

    answer = stack.functions["KeyAdminFunction"].invoke(event)

    judged_itself = operation.is_of_sessions or operation.takes_any_key
    assert answer["statusCode"] == (200 if operation.is_open else 401 if judged_itself else 403)
