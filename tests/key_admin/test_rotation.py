"""Rotation: old and new material side by side for a grace, and no longer."""

import json
import time
from datetime import datetime

from joserfc import jwk

from tests.conftest import SECRET, call, sign

NEW = "another-hmac-secret-that-is-long-enough-for-any-of-the-three"


def status(stack, key, secret):
    return call("GET", f"{stack.rest_url}/x", token=sign(key["key_id"], secret=secret)).status


def rotate(admin, key, **body):
    return admin("POST", f"/keys/{key['key_hash']}/rotate", body)


def seconds(credential):
    """How long the grace of a credential was when it began; None where it has none."""
    if credential["expires_at"] is None:
        return None
    ends = datetime.fromisoformat(credential["expires_at"]).timestamp()
    return round((ends - time.time()) / 10) * 10


def used(admin, key):
    return [one["last_used_at"] is not None for one in admin("GET", f"/keys/{key['key_hash']}").body["credentials"]]


def test_without_a_grace_the_change_is_immediate(stack, admin):
    key = admin.create_key()
    assert status(stack, key, SECRET) == 200

    assert rotate(admin, key, jwt_data={"secret": NEW}).status == 200

    assert (status(stack, key, SECRET), status(stack, key, NEW)) == (401, 200)


def test_both_verify_until_the_grace_ends(stack, admin):
    key = admin.create_key(quotas=[{"limit": 1000, "period": "day"}])
    answer = rotate(admin, key, jwt_data={"secret": NEW}, grace_seconds=2)
    assert len(answer.body["credentials"]) == 2

    assert (status(stack, key, NEW), status(stack, key, SECRET)) == (200, 200)
    shown = admin("GET", f"/keys/{key['key_hash']}").body["credentials"]
    assert all(one["last_used_at"] for one in shown)
    deadline = time.time() + 10
    while status(stack, key, SECRET) == 200 and time.time() < deadline:
        time.sleep(0.2)

    assert (status(stack, key, SECRET), status(stack, key, NEW)) == (401, 200)


def test_a_grace_is_ended_early_by_rotating_nothing(stack, admin):
    key = admin.create_key()
    rotate(admin, key, jwt_data={"secret": NEW}, grace_seconds=3600)
    assert status(stack, key, SECRET) == 200

    assert rotate(admin, key, grace_seconds=0).status == 200

    assert (status(stack, key, SECRET), status(stack, key, NEW)) == (401, 200)


def test_rotating_again_during_a_grace_bounds_all_ends_and_puts_none_off(stack, admin):
    key = admin.create_key()
    rotate(admin, key, jwt_data={"secret": NEW}, grace_seconds=60)
    later = rotate(admin, key, jwt_data={"algorithm": "ES256", "generate": True}, grace_seconds=3600)
    sooner = rotate(admin, key, jwt_data={"generate": True}, grace_seconds=30)

    assert "private_key" in later.body["jwt_data"]
    assert "secret" in sooner.body["jwt_data"]
    assert [seconds(one) for one in later.body["credentials"]] == [None, 3600, 60]
    assert [seconds(one) for one in sooner.body["credentials"]] == [None, 30, 30, 30]
    assert (status(stack, key, SECRET), status(stack, key, NEW)) == (200, 200)
    assert rotate(admin, key, jwt_data={"generate": True}, grace_seconds=60).status == 409
    assert [seconds(one) for one in rotate(admin, key, grace_seconds=3600).body["credentials"]][1:] == [30, 30, 30]


def test_the_record_tells_when_each_credential_was_used_last(stack, admin):
    key = admin.create_key(quotas=[{"limit": 1000, "period": "day"}])
    rotate(admin, key, jwt_data={"secret": NEW}, grace_seconds=3600)
    assert used(admin, key) == [False, False]

    assert (status(stack, key, NEW), used(admin, key)) == (200, [True, False])
    assert (status(stack, key, SECRET), used(admin, key)) == (200, [True, True])
    rotate(admin, key, jwt_data={"secret": NEW + "er"})
    assert used(admin, key) == [False]
    assert (status(stack, key, NEW + "er"), used(admin, key)) == (200, [True])


def test_a_use_before_the_rotation_stays_the_old_credentials(stack, admin):
    key = admin.create_key(quotas=[{"limit": 1000, "period": "day"}])
    status(stack, key, SECRET)
    before = admin("GET", f"/keys/{key['key_hash']}").body["credentials"][0]["last_used_at"]
    time.sleep(1.1)

    credentials = rotate(admin, key, jwt_data={"secret": NEW}, grace_seconds=3600).body["credentials"]

    assert before is not None
    assert [one["last_used_at"] for one in credentials] == [None, before]
    status(stack, key, NEW)
    assert admin("GET", f"/keys/{key['key_hash']}").body["credentials"][1]["last_used_at"] == before


def test_a_rotation_may_change_the_algorithm_and_both_verify(stack, admin):
    key = admin.create_key()
    made = rotate(admin, key, jwt_data={"algorithm": "EdDSA", "generate": True}, grace_seconds=3600).body
    new = sign(key["key_id"], secret=made["jwt_data"]["private_key"], algorithm="EdDSA")

    assert call("GET", f"{stack.rest_url}/x", token=new).status == 200
    assert status(stack, key, SECRET) == 200
    assert [one["algorithm"] for one in made["credentials"]] == ["EdDSA", "HS256"]


def test_no_secret_leaves_a_thumbprint_in_the_table(stack, admin):
    """Whoever reads the table could test guesses by it; the record shows it all the same (RFC 7638, 7)."""
    key = admin.create_key()
    rotate(admin, key, jwt_data={"secret": NEW}, grace_seconds=3600)
    shown = [one["thumbprint"] for one in admin("GET", f"/keys/{key['key_hash']}").body["credentials"]]

    items = json.dumps(stack.services.client("dynamodb").scan(TableName="tollgate")["Items"], default=str)

    assert shown == [jwk.import_key(secret, "oct").thumbprint() for secret in (NEW, SECRET)]
    assert key["key_hash"] in items
    assert not any(thumbprint in items for thumbprint in shown)


def test_what_a_rotation_does_not_name_stays(admin):
    key = admin.create_key(jwt_data={"secret": SECRET, "audience": "a", "leeway_seconds": 5})

    rules = rotate(admin, key, jwt_data={"secret": NEW, "leeway_seconds": 0}).body["token_rules"]

    assert (rules["audience"], rules["leeway_seconds"]) == (["a"], 0)


def test_an_opaque_key_is_not_rotated_and_bad_material_is_named(admin):
    opaque = admin("POST", "/keys", {"name": "n", "grants": [{"api": "*"}]}).body
    key = admin.create_key()

    assert rotate(admin, opaque, jwt_data={"generate": True}).status == 400
    assert rotate(admin, key, jwt_data={"secret": "short"}).body["errors"][0]["field"] == "jwt_data.secret"
    assert rotate(admin, key, grace_seconds=-1).status == 400
    assert rotate(admin, key).body["errors"][0]["field"] == "body"
    assert rotate(admin, {"key_hash": "A" * 43}, grace_seconds=0).status == 404
