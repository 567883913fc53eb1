"""Policies by the admin API: what keys may take of them, and what stands in the way of removing one."""

import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from authorizer.memory import STALENESS_MS
from key_admin.models.keys import MAX_POLICIES
from key_admin.models.rights import MAX_TAGS
from tests.conftest import SECRET, call, sign

ALL = [{"api": "*"}]
KEY = {"name": "n", "jwt_data": {"secret": SECRET}}


def put(admin, **members):
    name = f"p-{uuid.uuid4().hex[:8]}"
    assert admin("PUT", f"/policies/{name}", {"name": "p", "grants": ALL} | members).status == 201
    return name


def test_every_policy_and_tag_of_a_key_is_exchanged_at_once(admin):
    """DynamoDB takes 100 actions in a transaction; a larger exchange would be a server error."""
    old, new = ([put(admin) for _ in range(MAX_POLICIES)] for _ in range(2))
    key = admin.create_key(owner="a", policies=old, tags=[f"old-{number}" for number in range(MAX_TAGS)])
    wanted = {"owner": "b", "policies": new, "tags": [f"new-{number}" for number in range(MAX_TAGS)]}

    changed = admin("PATCH", f"/keys/{key['key_hash']}", wanted)

    assert changed.status == 200
    assert {name: changed.body[name] for name in wanted} == wanted
    assert admin("GET", f"/policies/{new[-1]}/keys").body["items"][0]["key_hash"] == key["key_hash"]
    assert admin("GET", f"/policies/{old[0]}/keys").body["items"] == []
    assert admin("PATCH", f"/keys/{key['key_hash']}", {"policies": [*new, old[0]]}).status == 400


def test_sources_of_keys_and_policies_are_stored_shown_and_changed(admin):
    policy = put(admin, sources=["203.0.113.7", "2001:DB8::/32"])
    key = admin.create_key(sources=["198.51.100.0/24"], policies=[policy])
    path = f"/keys/{key['key_hash']}"

    assert admin("GET", f"/policies/{policy}").body["sources"] == ["203.0.113.7/32", "2001:db8::/32"]
    assert key["sources"] == admin("GET", path).body["sources"] == ["198.51.100.0/24"]
    assert admin("PATCH", path, {"name": "b"}).body["sources"] == ["198.51.100.0/24"]
    assert admin("PATCH", path, {"sources": ["::1"]}).body["sources"] == ["::1/128"]
    assert admin("PATCH", path, {"sources": None}).body["sources"] == []
    assert admin("PUT", f"/policies/{policy}", {"name": "p"}).body["sources"] == []


def test_policies_do_not_bring_a_key_more_limits_than_its_gate_counts(stack, admin):
    first, second = (
        put(admin, quotas=[{"limit": 9, "period": "day", "name": f"{part}-{number}"} for number in range(6)])
        for part in "ab"
    )
    key = admin.create_key(policies=[first])

    refused = [
        admin("POST", "/keys", KEY | {"policies": [first, second]}),
        admin("PATCH", f"/keys/{key['key_hash']}", {"policies": [first, second]}),
    ]

    assert [(answer.status, answer.body["errors"][0]["field"]) for answer in refused] == [(400, "policies")] * 2
    assert call("GET", f"{stack.rest_url}/x", token=sign(key["key_id"])).status == 200


def test_an_edit_of_a_policy_reaches_its_keys_within_five_seconds_without_touching_them(stack, admin):
    policy = put(admin)
    key = admin.create_key(policies=[policy], grants=[])
    token = sign(key["key_id"])
    assert call("GET", f"{stack.rest_url}/x", token=token).status == 200

    admin("PUT", f"/policies/{policy}", {"name": "p", "grants": ALL, "active": False})
    time.sleep(STALENESS_MS / 1000)

    assert call("GET", f"{stack.rest_url}/x", token=token).status == 403
    assert admin("GET", f"/keys/{key['key_hash']}").body["version"] == 1
    assert STALENESS_MS < 5000


def test_a_lifetime_is_given_once_at_creation(admin):
    policy = put(admin, key_expires_in_seconds=3600)
    key = admin.create_key(policies=[policy])
    assert key["expires_at"] is not None

    admin("PUT", f"/policies/{policy}", {"name": "p", "grants": ALL, "key_expires_in_seconds": 60})
    kept = admin("PATCH", f"/keys/{key['key_hash']}", {"name": "m"}).body
    lifted = admin("PATCH", f"/keys/{key['key_hash']}", {"expires_at": None}).body

    assert kept["expires_at"] == key["expires_at"]
    assert lifted["expires_at"] is None
    own = admin.create_key(policies=[policy], expires_at="2097-01-01T00:00:00Z")
    assert own["expires_at"] == "2097-01-01T00:00:00Z"


def test_a_policy_that_is_being_removed_while_keys_take_it_is_never_missing_from_a_key(admin):
    """Either the delete wins and no key names the policy, or a key does and the policy stays."""
    for _ in range(6):
        policy, start = put(admin), threading.Barrier(8)

        def work(number, policy=policy, start=start):
            start.wait()
            if number % 2:
                return admin("DELETE", f"/policies/{policy}").status
            return admin("POST", "/keys", KEY | {"policies": [policy]}).status

        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(work, range(8)))
        created, deleted = Counter(statuses[::2]), Counter(statuses[1::2])

        assert created.keys() <= {201, 400}
        assert deleted.keys() <= {204, 409, 412, 404}
        still_there = admin("GET", f"/policies/{policy}").status == 200
        assert still_there == (deleted[204] == 0)
        assert not (created[201] and deleted[204])
        if still_there:
            assert admin("POST", "/keys", KEY | {"policies": [policy]}).status == 201
