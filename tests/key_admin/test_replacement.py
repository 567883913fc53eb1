"""Replacement: an opaque key gets a new id and stays the key that it was."""

import json
import re
import threading
import time
from collections import Counter
from datetime import datetime

import pytest

from tests.conftest import SECRET, Admin, call, sign

REQUESTS = 20


@pytest.fixture
def key(admin):
    return make(admin)


def make(admin, **members):
    answer = admin("POST", "/keys", {"name": "n", "grants": [{"api": "*"}]} | members)
    assert answer.status == 201, answer.text
    return answer.body


def replace(admin, key, **options):
    body = {"grace_seconds": options.pop("grace")} if "grace" in options else None
    return admin("POST", f"/keys/{key['key_hash']}/replace", body, **options)


def rotate(admin, key, **body):
    return admin("POST", f"/keys/{key['key_hash']}/rotate", body)


def read(admin, key):
    return admin("GET", f"/keys/{key['key_hash']}")


def look_up(admin, key_id):
    return admin("POST", "/keys/lookup", {"key_id": key_id})


def status(stack, key_id):
    return call("GET", f"{stack.rest_url}/x", token=key_id).status


def seconds(credential):
    """How long the grace of an id was when it began; None where it has none."""
    if credential["expires_at"] is None:
        return None
    ends = datetime.fromisoformat(credential["expires_at"]).timestamp()
    return round((ends - time.time()) / 10) * 10


def at_once(count, work):
    threads = [threading.Thread(target=work, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_an_opaque_key_shows_its_id_as_a_credential_by_its_last_four_characters(admin, key):
    hint = key["key_id"][-4:]

    assert key["hint"] == hint
    assert [one.pop("created_at") is not None for one in key["credentials"]] == [True]
    assert key["credentials"] == [{"algorithm": None, "hint": hint, "expires_at": None, "last_used_at": None}]
    assert read(admin, key).body["hint"] == hint
    assert admin.create_key()["hint"] is None


def test_the_key_stays_what_it_was_and_its_new_id_is_shown_once(admin):
    before = make(admin, owner="acme", tags=["t"], metadata={"a": "b"}, quotas=[{"limit": 9, "period": "day"}])

    answer = replace(admin, before, grace=3600)

    after = answer.body
    assert answer.status == 200
    assert re.fullmatch(r"tg_[A-Za-z0-9_-]{48}", after["key_id"])
    assert after["key_id"] != before["key_id"]
    changed = {"version", "updated_at", "credentials", "hint", "key_id", "expires_at"}
    assert {name: after[name] for name in before if name not in changed} == {
        name: before[name] for name in before if name not in changed
    }
    assert (after["version"], after["hint"]) == (2, after["key_id"][-4:])
    assert [one["hint"] for one in after["credentials"]] == [after["key_id"][-4:], before["key_id"][-4:]]
    assert [seconds(one) for one in after["credentials"]] == [None, 3600]
    shown = read(admin, before).body
    assert "key_id" not in shown
    assert shown["credentials"] == after["credentials"]


def test_without_a_grace_the_old_id_ends_at_once(stack, admin, key):
    assert status(stack, key["key_id"]) == 200

    new = replace(admin, key).body["key_id"]

    assert (status(stack, key["key_id"]), status(stack, new)) == (401, 200)


def test_both_ids_count_together_until_the_grace_ends(stack, admin):
    key = make(admin, quotas=[{"limit": 4, "period": "day"}])
    assert status(stack, key["key_id"]) == 200
    new = replace(admin, key, grace=2).body["key_id"]

    assert [status(stack, one) for one in (key["key_id"], new)] == [200, 200]
    (quota,) = read(admin, key).body["effective"]["quotas"]
    assert quota["used"] == 3
    deadline = time.time() + 10
    while status(stack, key["key_id"]) != 401 and time.time() < deadline:
        time.sleep(0.2)
    assert (status(stack, key["key_id"]), status(stack, new)) == (401, 429)


def test_a_replacement_renews_no_quota(stack, admin):
    key = make(admin, quotas=[{"limit": 2, "period": "day"}])
    ids = [key["key_id"]]
    for _ in range(3):
        status(stack, ids[-1])
        ids.append(replace(admin, key).body["key_id"])

    assert status(stack, ids[-1]) == 429


def test_a_grace_is_ended_early_and_never_put_off(stack, admin, key):
    new = replace(admin, key, grace=60).body["key_id"]
    assert [seconds(one) for one in rotate(admin, key, grace_seconds=3600).body["credentials"]] == [None, 60]
    assert status(stack, key["key_id"]) == 200

    ended = rotate(admin, key, grace_seconds=0)

    assert [seconds(one) for one in ended.body["credentials"]] == [None]
    assert (status(stack, key["key_id"]), status(stack, new)) == (401, 200)
    rotate(admin, key, grace_seconds=3600)
    assert (status(stack, key["key_id"]), status(stack, new)) == (401, 200)


def test_replacing_again_during_a_grace_bounds_all_ends_and_the_number_of_ids(stack, admin, key):
    ids = [key["key_id"]]
    for grace, expected in ((60, [None, 60]), (3600, [None, 3600, 60]), (30, [None, 30, 30, 30])):
        answer = replace(admin, key, grace=grace)
        ids.append(answer.body["key_id"])
        assert [seconds(one) for one in answer.body["credentials"]] == expected

    assert replace(admin, key, grace=60).status == 409
    assert [status(stack, one) for one in ids] == [200] * 4
    last = replace(admin, key)
    assert last.status == 200
    assert [status(stack, one) for one in [*ids, last.body["key_id"]]] == [401] * 4 + [200]


def test_a_key_is_looked_up_by_each_of_its_living_ids_and_by_no_other(admin, key):
    first = key["key_id"]
    second = replace(admin, key, grace=3600).body["key_id"]

    assert [look_up(admin, one).body["key_hash"] for one in (first, second)] == [key["key_hash"]] * 2
    third = replace(admin, key).body["key_id"]
    assert [look_up(admin, one).status for one in (first, second, third)] == [404, 404, 200]
    admin("DELETE", f"/keys/{key['key_hash']}")
    assert look_up(admin, third).status == 404


def test_deleting_a_key_removes_all_of_its_ids(stack, admin, key):
    ids = [key["key_id"], *(replace(admin, key, grace=3600).body["key_id"] for _ in range(3))]
    assert [status(stack, one) for one in ids] == [200] * 4

    assert admin("DELETE", f"/keys/{key['key_hash']}").status == 204

    assert [status(stack, one) for one in ids] == [401] * 4
    found = json.dumps(stack.services.client("dynamodb").scan(TableName="tollgate")["Items"], default=str)
    assert f"KEY#{key['key_hash']}" not in found
    assert f'"leads_to": {{"S": "{key["key_hash"]}"' not in found


def test_a_change_of_the_key_holds_for_all_of_its_ids(stack, admin, key):
    ids = [key["key_id"], replace(admin, key, grace=3600).body["key_id"]]
    assert [status(stack, one) for one in ids] == [200, 200]

    admin("PATCH", f"/keys/{key['key_hash']}", {"enabled": False})
    assert [status(stack, one) for one in ids] == [403, 403]
    patched = admin("PATCH", f"/keys/{key['key_hash']}", {"enabled": True})
    assert len(patched.body["credentials"]) == 2
    assert [status(stack, one) for one in ids] == [200, 200]


def test_each_id_tells_when_it_was_used_last(stack, admin):
    key = make(admin, quotas=[{"limit": 1000, "period": "day"}])

    def used():
        return [one["last_used_at"] is not None for one in read(admin, key).body["credentials"]]

    assert used() == [False]
    status(stack, key["key_id"])
    assert used() == [True]
    new = replace(admin, key, grace=3600).body["key_id"]
    assert used() == [False, True]
    status(stack, new)
    assert used() == [True, True]


def test_a_request_that_is_sent_again_gets_the_same_new_id(stack, admin, key):
    headers = {"Idempotency-Key": "again"}
    first = replace(admin, key, grace=60, headers=headers)

    assert replace(admin, key, grace=60, headers=headers).body == first.body
    assert replace(admin, key, grace=90, headers=headers).status == 409
    assert read(admin, key).body["version"] == 2
    assert status(stack, first.body["key_id"]) == 200


def test_a_retry_that_races_the_first_request_gets_the_same_new_id(admin, key):
    answers = []
    at_once(8, lambda _: answers.append(replace(admin, key, headers={"Idempotency-Key": "raced"})))

    assert {answer.status for answer in answers} == {200}
    assert len({answer.body["key_id"] for answer in answers}) == 1
    assert read(admin, key).body["version"] == 2


def test_the_version_that_is_meant_is_honoured(admin, key):
    assert replace(admin, key, headers={"If-Match": '"2"'}).status == 412
    assert replace(admin, key, headers={"If-Match": '"1"'}).status == 200


def test_a_key_with_material_is_rotated_and_an_opaque_one_replaced(admin, key):
    """Each refusal names the way."""
    material = admin.create_key()
    refused = (replace(admin, material), rotate(admin, key, jwt_data={"generate": True}))

    assert [answer.status for answer in refused] == [400, 400]
    assert [answer.body["errors"][0]["field"] for answer in refused] == ["jwt_data"] * 2
    assert ["rotate" in refused[0].text, "replace" in refused[1].text] == [True, True]


@pytest.mark.parametrize(
    "body", [{"grace_seconds": -1}, {"grace_seconds": "1"}, {"grace": 1}, {"grace_seconds": 10**9}]
)
def test_a_body_that_says_something_else_is_refused(admin, key, body):
    assert admin("POST", f"/keys/{key['key_hash']}/replace", body).status == 400
    assert read(admin, key).body["version"] == 1


def test_a_key_that_is_not_there_or_of_another_owner_is_not_replaced(admin, key):
    grants = [{"api": "admin", "owner": "acme"}]
    scoped = Admin(admin.url, make(admin, name="scoped", grants=grants)["key_id"])

    assert replace(admin, {"key_hash": "A" * 43}).status == 404
    assert replace(scoped, key).status == 404
    assert replace(scoped, make(admin, owner="acme")).status == 200


def test_a_replacement_is_in_the_audit_log_and_no_id_in_the_table(stack, admin, key):
    new = replace(admin, key, grace=60).body["key_id"]

    (entry,) = [one for one in changes(admin, key) if one["action"] == "key.replace"]
    items = json.dumps(stack.services.client("dynamodb").scan(TableName="tollgate")["Items"], default=str)
    assert entry["fields"] == ["grace_seconds"]
    assert key["key_id"] not in items
    assert new not in items


def changes(admin, key):
    return admin("GET", f"/audit?key_hash={key['key_hash']}").body["items"]


def test_of_20_replacements_at_once_one_id_is_left_in_force(stack, admin, key):
    answers = []
    at_once(REQUESTS, lambda _: answers.append(replace(admin, key)))

    made = [answer.body["key_id"] for answer in answers if answer.status == 200]
    record = read(admin, key).body
    assert {answer.status for answer in answers} <= {200, 412}
    assert record["version"] == 1 + len(made)
    assert [one["hint"] for one in record["credentials"]] == [record["hint"]]
    living = [one for one in [key["key_id"], *made] if status(stack, one) == 200]
    assert [one[-4:] for one in living] == [record["hint"]]
    assert len(changes(admin, key)) == 1 + len(made)


def test_of_20_replacements_with_a_grace_at_once_as_many_succeed_as_a_key_has_ids(stack, admin, key):
    answers = []
    at_once(REQUESTS, lambda _: answers.append(replace(admin, key, grace=3600)))

    statuses = Counter(answer.status for answer in answers)
    made = [answer.body["key_id"] for answer in answers if answer.status == 200]
    assert statuses.keys() <= {200, 409, 412}
    assert statuses[200] == 3
    assert [status(stack, one) for one in [key["key_id"], *made]] == [200] * 4


def test_a_key_that_is_deleted_while_it_is_replaced_is_gone_by_each_id(stack, admin):
    for _ in range(4):
        key, ids = make(admin), []

        def work(place, key=key, ids=ids):
            if place == 3:
                assert admin("DELETE", f"/keys/{key['key_hash']}").status in {204, 412}
                return
            answer = replace(admin, key, grace=60)
            assert answer.status in {200, 404, 409, 412}
            ids.extend([answer.body["key_id"]] if answer.status == 200 else [])

        at_once(6, work)
        admin("DELETE", f"/keys/{key['key_hash']}")

        assert {status(stack, one) for one in [key["key_id"], *ids]} == {401}
        found = json.dumps(stack.services.client("dynamodb").scan(TableName="tollgate")["Items"], default=str)
        assert f'"leads_to": {{"S": "{key["key_hash"]}"' not in found


def test_a_token_does_not_name_an_opaque_key(stack, admin, key):
    new = replace(admin, key).body["key_id"]

    assert call("GET", f"{stack.rest_url}/x", token=sign(new, secret=SECRET)).status == 401
