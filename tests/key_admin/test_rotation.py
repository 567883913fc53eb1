"""Rotation: old and new material side by side for a grace, and no longer."""

import time

from tests.conftest import SECRET, call, sign

NEW = "another-hmac-secret-that-is-long-enough-for-any-of-the-three"


def status(stack, key, secret):
    return call("GET", f"{stack.rest_url}/x", token=sign(key["key_id"], secret=secret)).status


def rotate(admin, key, **body):
    return admin("POST", f"/keys/{key['key_hash']}/rotate", body)


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


def test_rotating_again_during_a_grace_keeps_the_ends_that_were_promised(stack, admin):
    key = admin.create_key()
    rotate(admin, key, jwt_data={"secret": NEW}, grace_seconds=3600)
    made = rotate(admin, key, jwt_data={"algorithm": "ES256", "generate": True}, grace_seconds=60)

    ends = [one["expires_at"] for one in made.body["credentials"]]

    assert "private_key" in made.body["jwt_data"]
    assert ends[0] is None
    assert ends[1] == ends[2]
    assert (status(stack, key, SECRET), status(stack, key, NEW)) == (200, 200)
    assert rotate(admin, key, jwt_data={"generate": True}, grace_seconds=60).status == 200
    assert rotate(admin, key, jwt_data={"generate": True}, grace_seconds=60).status == 409


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
    assert rotate(admin, {"key_hash": "A" * 43}, grace_seconds=0).status == 404
