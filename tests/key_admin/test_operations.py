"""What a script may trust: one change a version, one key an Idempotency-Key, a log of every change."""

import json
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from store.table import RECORD, key_of, key_partition
from tests.conftest import SECRET, call, sign

KEY = {"name": "n", "jwt_data": {"algorithm": "HS256", "secret": SECRET}, "grants": [{"api": "*"}]}


def at_once(count, work):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def all_pages(admin, path):
    cursor, found = "", []
    while cursor is not None:
        answer = admin("GET", f"{path}&cursor={cursor}").body
        found += answer["items"]
        cursor = answer["next"]
    return found


# --- concurrency ---------------------------------------------------------------------------


def test_120_keys_by_20_clients_are_listed_with_none_lost_or_doubled_while_they_are_made(admin):
    owner = f"list-{uuid.uuid4().hex[:8]}"
    seen_meanwhile = []

    def make(_):
        made = [admin.create_key(owner=owner, tags=["bulk"])["key_hash"] for _ in range(6)]
        seen_meanwhile.append([one["key_hash"] for one in all_pages(admin, f"/keys?owner={owner}&limit=7")])
        return made

    made = [key_hash for some in at_once(20, make) for key_hash in some]
    listed = [one["key_hash"] for one in all_pages(admin, f"/keys?owner={owner}&limit=7")]

    assert sorted(listed) == sorted(made)
    assert len(set(made)) == 120
    assert all(len(seen) == len(set(seen)) for seen in seen_meanwhile)


def test_20_creates_of_one_id_make_one_key(admin):
    wanted = KEY | {"key_id": f"once-{uuid.uuid4().hex[:8]}"}

    statuses = Counter(at_once(20, lambda _: admin("POST", "/keys", wanted).status))

    assert statuses == {201: 1, 409: 19}


def test_20_updates_of_one_version_change_it_once(admin):
    key = admin.create_key()
    path, match = f"/keys/{key['key_hash']}", {"If-Match": '"1"'}

    statuses = Counter(at_once(20, lambda number: admin("PATCH", path, {"name": f"n{number}"}, headers=match).status))

    assert statuses == {200: 1, 412: 19}


# --- Idempotency-Key -----------------------------------------------------------------------


def test_a_create_that_is_sent_again_makes_one_key_and_shows_it_again(admin):
    owner = f"idem-{uuid.uuid4().hex[:8]}"
    wanted = {"name": "n", "owner": owner, "jwt_data": {"generate": True}, "grants": [{"api": "*"}]}
    headers = {"Idempotency-Key": uuid.uuid4().hex}

    answers = at_once(8, lambda _: admin("POST", "/keys", wanted, headers=headers))

    assert {answer.status for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert len(all_pages(admin, f"/keys?owner={owner}")) == 1
    other = admin("POST", "/keys", wanted | {"name": "m"}, headers=headers)
    assert other.status == 409
    assert admin("POST", "/keys", wanted, headers={"Idempotency-Key": "x" * 256}).status == 400


def test_a_rotation_that_is_sent_again_rotates_once(admin):
    key = admin.create_key()
    path, headers = f"/keys/{key['key_hash']}/rotate", {"Idempotency-Key": uuid.uuid4().hex}
    body = {"jwt_data": {"generate": True}, "grace_seconds": 60}

    first, again = (admin("POST", path, body, headers=headers) for _ in range(2))

    assert first.text == again.text
    assert admin("GET", f"/keys/{key['key_hash']}").body["version"] == 2


def test_what_is_kept_for_a_retry_does_not_show_the_secret_at_rest(admin, stack):
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    made = admin(
        "POST", "/keys", {"name": "n", "jwt_data": {"generate": True}, "grants": [{"api": "*"}]}, headers=headers
    )

    everything = json.dumps(stack.services.client("dynamodb").scan(TableName="tollgate")["Items"], default=str)

    assert made.body["jwt_data"]["secret"] not in everything
    assert made.body["key_id"] not in everything


# --- audit ---------------------------------------------------------------------------------


def test_every_change_is_told_by_whom_and_in_which_fields_and_never_with_a_value(admin, stack):
    key = admin.create_key(owner="audited")
    path = f"/keys/{key['key_hash']}"
    admin("PATCH", path, {"name": "renamed", "metadata": {"a": "b"}})
    admin("POST", f"{path}/rotate", {"jwt_data": {"generate": True}})
    admin("POST", f"{path}/reset")
    admin("DELETE", path)
    admin("PUT", "/policies/audited", {"name": "p"})
    admin("DELETE", "/policies/audited")

    entries = all_pages(admin, f"/audit?key_hash={key['key_hash']}")

    assert [entry["action"] for entry in entries] == [
        "key.create",
        "key.update",
        "key.rotate",
        "key.reset",
        "key.delete",
    ]
    assert entries[1]["fields"] == ["metadata", "name"]
    assert len({entry["principal"] for entry in entries}) == 1
    assert all(entry["request_id"] for entry in entries)
    assert [entry["previous_hash"] for entry in entries[1:]] == [entry["hash"] for entry in entries[:-1]]
    assert SECRET not in json.dumps(entries)
    policy = all_pages(admin, "/audit?resource=/policies/audited&limit=1")
    assert [entry["action"] for entry in policy][-2:] == ["policy.create", "policy.delete"]
    assert all_pages(admin, "/audit?principal=nobody") == []


def test_a_log_that_was_tampered_with_is_told(admin, stack):
    table = stack.services.client("dynamodb")
    keys = [admin.create_key(), admin.create_key()]
    for key in keys:
        admin("PATCH", f"/keys/{key['key_hash']}", {"name": "renamed"})
    before = admin("GET", "/audit/verify").body
    assert before["intact"]
    assert before["checked"] > 3
    entries = all_pages(admin, f"/audit?key_hash={keys[0]['key_hash']}")
    month = entries[0]["at"][:7]
    place = key_of(f"AUDIT#{month}", f"{entries[1]['at']}#{entries[1]['id']}")
    kept = table.get_item(TableName="tollgate", Key=place)["Item"]

    table.put_item(TableName="tollgate", Item=kept | {"principal": {"S": "somebody else"}})
    changed = admin("GET", "/audit/verify").body
    table.delete_item(TableName="tollgate", Key=place)
    removed = admin("GET", "/audit/verify").body
    table.put_item(TableName="tollgate", Item=kept)

    resource = f"/keys/{keys[0]['key_hash']}"
    assert [fault["resource"] for fault in changed["faults"]] == [resource]
    assert [fault["resource"] for fault in removed["faults"]] == [resource]
    assert admin("GET", "/audit/verify").body["intact"]


@pytest.mark.parametrize("query", ["from=never", "to=2026-02-30", "from=2026-02-01&to=2026-01-01", "limit=0"])
def test_an_audit_of_no_interval_names_the_field(admin, query):
    answer = admin("GET", f"/audit?{query}")

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, query.partition("=")[0])


# --- import --------------------------------------------------------------------------------


def test_an_import_tells_of_each_item(admin, stack):
    taken = admin.create_key(key_id=f"taken-{uuid.uuid4().hex[:8]}")
    items = [KEY, KEY | {"key_id": taken["key_id"]}, {"name": "no rights"}, KEY | {"policies": ["nowhere"]}, KEY]

    answer = admin("POST", "/keys/import", {"items": items})

    results = answer.body["items"]
    assert [result["status"] for result in results] == [201, 409, 400, 400, 201]
    assert results[3]["problem"]["errors"][0]["field"] == "policies"
    assert call("GET", f"{stack.rest_url}/x", token=sign(results[0]["key"]["key_id"])).status == 200


def test_session_objects_of_tyk_are_imported(admin, stack):
    session = {
        "key_id": f"tyk-{uuid.uuid4().hex[:8]}",
        "alias": "acme",
        "rate": 10,
        "per": 60,
        "quota_max": 2,
        "quota_renewal_rate": 3600,
        "quota_remaining": 1,
        "expires": 0,
        "is_inactive": False,
        "access_rights": {
            "demorest/prod": {"api_name": "demo", "versions": ["Default"]},
            "other": {"allowed_urls": [{"url": "/a/*", "methods": ["GET"]}]},
        },
        "jwt_data": {"secret": SECRET},
        "apply_policies": [],
        "tags": ["t"],
        "meta_data": {"plan": "gold", "seats": 3},
    }

    result = admin("POST", "/keys/import", {"format": "tyk", "items": [session]}).body["items"][0]

    key, noted = result["key"], {note["field"] for note in result["notes"]}
    assert noted == {"quota_remaining", "jwt_data.secret", "access_rights.other.allowed_urls.0.url"}
    assert (result["status"], key["name"], key["metadata"]) == (201, "acme", {"plan": "gold", "seats": "3"})
    assert [(limit["limit"], limit["period"]) for limit in key["rate_limits"] + key["quotas"]] == [
        (10, "60s"),
        (2, "3600s"),
    ]
    token = sign(session["key_id"])
    assert [call("GET", f"{stack.rest_url}/x", token=token).status for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    ("member", "field"),
    [
        ({"rate": "ten"}, "rate"),
        ({"per": 0.5, "rate": 1}, "per"),
        ({"expires": 5}, "expires"),
        ({"apply_policies": ["nowhere"]}, "apply_policies"),
        ({"jwt_data": {"secret": "short"}}, "jwt_data.secret"),
        ({"access_rights": []}, "access_rights"),
        ({"access_rights": ["x"]}, "access_rights"),
        ({"jwt_data": "x"}, "jwt_data"),
    ],
)
def test_a_session_object_that_makes_no_sense_names_the_field(admin, member, field):
    session = {"access_rights": {"a": {}}, "jwt_data": {"secret": SECRET}} | member

    result = admin("POST", "/keys/import", {"format": "tyk", "items": [session]}).body["items"][0]

    assert (result["status"], result["problem"]["errors"][0]["field"]) == (400, field)


def test_the_keys_of_a_policy_are_listed(admin):
    admin("PUT", "/policies/listed", {"name": "l", "grants": [{"api": "*"}]})
    made = {admin.create_key(policies=["listed"])["key_hash"] for _ in range(3)}

    assert {key["key_hash"] for key in all_pages(admin, "/policies/listed/keys?limit=2")} == made
    assert admin("GET", "/policies/nowhere/keys").status == 404


def test_the_version_of_a_record_and_its_audit_move_together(admin, stack):
    key = admin.create_key()
    item = key_of(key_partition(key["key_hash"]), RECORD)
    stored = stack.services.client("dynamodb").get_item(TableName="tollgate", Key=item)["Item"]

    entries = all_pages(admin, f"/audit?key_hash={key['key_hash']}")

    assert stored["last_audit"]["S"] == "#".join(entries[-1][member] for member in ("at", "id", "hash"))
