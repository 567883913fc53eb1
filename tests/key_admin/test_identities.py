"""Identities of outside providers by the admin API: found by their issuer, read, reset, blocked."""

import time
import uuid

import pytest

from tests.conftest import call
from tests.key_admin.provider import Provider


@pytest.fixture(scope="module")
def provider():
    with Provider() as running:
        yield running
        running.shutdown()


@pytest.fixture(scope="module")
def issuer(admin, provider):
    """An issuer that the demo REST API takes tokens of; each identity has two requests a day."""
    name = f"idp-{uuid.uuid4().hex[:8]}"
    policy = {"name": "p", "grants": [{"api": "*"}], "quotas": [{"limit": 2, "period": "day"}]}
    wanted = {"issuer": provider.url, "discovery": True, "audience": "orders", "default_policies": [name]}
    assert admin("PUT", f"/policies/{name}", policy).status == 201
    assert admin("PUT", f"/issuers/{name}", wanted).status == 201
    definition = {"name": "outside", "gateways": ["demorest/*"], "issuers": [name]}
    assert admin("PUT", f"/apis/{name}", definition).status == 201
    yield name
    admin("DELETE", f"/apis/{name}")
    admin("DELETE", f"/issuers/{name}")


@pytest.fixture
def ask(stack, provider):
    def send(claim):
        token = provider.token(claim, exp=int(time.time()) + 600, aud="orders")
        headers = {"Authorization": f"Bearer {token}"}
        for _ in range(60):  # another test may have taught the gateway's definition to a running environment
            answer = call("GET", f"{stack.rest_url}/a", headers=headers)
            if answer.status != 401:
                return answer.status
            time.sleep(0.1)
        return answer.status

    return send


def listed(admin, issuer):
    return {one["name"]: one for one in admin("GET", f"/identities?issuer={issuer}").body["items"]}


def test_identities_that_have_called_are_listed_by_their_issuer(admin, issuer, ask):
    assert [ask("ada@example.com"), ask("grace")] == [200, 200]

    found = listed(admin, issuer)

    assert {"ada@example.com", "grace"} <= found.keys()
    ada = found["ada@example.com"]
    assert (ada["issuer_id"], ada["enabled"], ada["version"]) == (issuer, True, 1)
    assert ada["first_used_at"]
    assert admin("GET", f"/identities/{ada['key_hash']}").body == ada
    assert admin("GET", "/identities?issuer=another").body == {"items": [], "next": None}


def test_a_list_of_identities_has_pages(admin, issuer, ask):
    for number in range(3):
        ask(f"page-{number}")
    whole = [one["key_hash"] for one in admin("GET", f"/identities?issuer={issuer}").body["items"]]

    read, cursor = [], ""
    while cursor is not None:
        page = admin("GET", f"/identities?issuer={issuer}&limit=2{f'&next={cursor}' if cursor else ''}").body
        read, cursor = [*read, *(one["key_hash"] for one in page["items"])], page["next"]

    assert len(whole) >= 3
    assert read == whole


def test_a_blocked_identity_is_refused_at_once_and_passes_again_when_it_is_let_in(admin, issuer, ask):
    assert ask("blocked") == 200
    path = f"/identities/{listed(admin, issuer)['blocked']['key_hash']}"

    blocked = admin("PATCH", path, {"enabled": False})
    assert (blocked.status, blocked.body["enabled"], blocked.body["effective_within_seconds"]) == (200, False, 0)
    assert ask("blocked") == 403
    assert admin("PATCH", path, {"enabled": True}, headers={"If-Match": '"1"'}).status == 412
    assert admin("PATCH", path, {"enabled": True}, headers={"If-Match": '"2"'}).status == 200
    assert ask("blocked") == 200


def test_a_reset_gives_an_identity_its_quota_again_and_its_usage_stays(admin, issuer, ask):
    assert [ask("spent") for _ in range(3)] == [200, 200, 429]
    path = f"/identities/{listed(admin, issuer)['spent']['key_hash']}"

    reset = admin("POST", f"{path}/reset")

    assert (reset.status, reset.body["version"], reset.body["effective_within_seconds"]) == (200, 2, 1)
    time.sleep(1.1)
    assert ask("spent") == 200
    days = admin("GET", f"{path}/usage").body["items"]
    assert days[-1]["allowed"] == 3


def test_changes_of_an_identity_stand_in_the_audit_log(admin, issuer, ask):
    ask("told")
    path = f"/identities/{listed(admin, issuer)['told']['key_hash']}"
    admin("PATCH", path, {"enabled": False})
    admin("POST", f"{path}/reset")

    entries = admin("GET", f"/audit?resource={path}").body["items"]

    assert [(entry["action"], entry["fields"]) for entry in entries] == [
        ("identity.update", ["enabled"]),
        ("identity.reset", []),
    ]
    assert admin("GET", "/audit/verify").body["faults"] == []


@pytest.mark.parametrize(
    ("body", "field"), [({}, "enabled"), ({"enabled": None}, "enabled"), ({"enabled": True, "name": "n"}, "name")]
)
def test_what_is_said_of_an_identity_is_whether_it_is_enabled_and_nothing_else(admin, body, field):
    answer = admin("PATCH", f"/identities/{'A' * 43}", body)

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, field)


def test_an_identity_that_never_called_is_404(admin):
    for path in (f"/identities/{'A' * 43}", f"/identities/{'A' * 43}/usage", "/identities/x"):
        assert admin("GET", path).status == 404


@pytest.mark.parametrize("query", ["", "?issuer=", f"?issuer={'x' * 65}"])
def test_a_list_of_identities_names_its_issuer(admin, query):
    answer = admin("GET", f"/identities{query}")

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "issuer")
