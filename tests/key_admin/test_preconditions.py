"""If-Match: which version is meant. Without it the latest is, and changes that meet are all made."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from authorizer.memory import LOOK_AGAIN_MS, STALENESS_MS
from tests.conftest import call, sign
from tests.key_admin.provider import Provider


def at_once(count, work):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ('"1"', 200),
        (' "1" ', 200),
        ('"7", "1"', 200),
        ("*", 200),
        ('"2"', 412),
        ('"2", "3"', 412),
        ('W/"1"', 412),
        ("1", 412),
        ('"01"', 412),
        ('"abc"', 412),
    ],
)
def test_if_match_names_versions_by_strong_comparison(admin, header, status):
    """RFC 9110, section 13.1.1: a weak ETag never matches, and one of a list is enough."""
    key = admin.create_key()

    assert admin("PATCH", f"/keys/{key['key_hash']}", {"name": "m"}, headers={"If-Match": header}).status == status


def test_every_change_of_a_key_honours_if_match(admin):
    key = admin.create_key()
    path, stale = f"/keys/{key['key_hash']}", {"If-Match": '"9"'}

    assert admin("PATCH", path, {"name": "m"}, headers=stale).status == 412
    assert admin("POST", f"{path}/reset", headers=stale).status == 412
    assert admin("POST", f"{path}/rotate", {"jwt_data": {"generate": True}}, headers=stale).status == 412
    assert admin("DELETE", path, headers=stale).status == 412
    assert admin("GET", path).body["version"] == 1


def test_a_record_that_is_not_there_matches_nothing(admin):
    name = f"absent-{uuid.uuid4().hex[:8]}"

    for header in ("*", '"1"'):
        assert admin("PUT", f"/policies/{name}", {"name": "p"}, headers={"If-Match": header}).status == 412
    assert admin("GET", f"/policies/{name}").status == 404


@pytest.mark.parametrize("headers", [{}, {"If-Match": "*"}])
def test_20_merges_without_a_version_wipe_nothing_of_each_other(admin, headers):
    key = admin.create_key()
    path = f"/keys/{key['key_hash']}"

    statuses = Counter(
        at_once(
            20, lambda number: admin("PATCH", path, {"metadata": {f"m{number}": str(number)}}, headers=headers).status
        )
    )

    assert statuses == {200: 20}
    after = admin("GET", path).body
    assert after["metadata"] == {f"m{number}": str(number) for number in range(20)}
    assert after["version"] == 21


def test_20_puts_of_one_new_policy_make_it_once(admin):
    name = f"put-{uuid.uuid4().hex[:8]}"

    statuses = Counter(at_once(20, lambda number: admin("PUT", f"/policies/{name}", {"name": f"p{number}"}).status))

    assert statuses == {201: 1, 200: 19}
    assert admin("GET", f"/policies/{name}").body["version"] == 20


def test_of_20_definitions_of_one_gateway_one_is_made(admin):
    name = f"g{uuid.uuid4().hex[:8]}"
    wanted = {"name": "a", "gateways": [f"{name}/prod"]}

    statuses = Counter(at_once(20, lambda number: admin("PUT", f"/apis/{name}-{number}", wanted).status))

    assert statuses == {201: 1, 409: 19}
    named = [one for one in admin("GET", "/apis?limit=200").body["items"] if one["gateways"] == wanted["gateways"]]
    assert len(named) == 1
    admin("DELETE", f"/apis/{named[0]['api_id']}")


def test_a_reset_that_is_sent_again_resets_once(stack, admin):
    key = admin.create_key(quotas=[{"limit": 5, "period": "day"}])
    path, headers = f"/keys/{key['key_hash']}", {"Idempotency-Key": uuid.uuid4().hex}
    call("GET", f"{stack.rest_url}/x", token=sign(key["key_id"]))

    first = admin("POST", f"{path}/reset", headers=headers)
    call("GET", f"{stack.rest_url}/x", token=sign(key["key_id"]))
    again = admin("POST", f"{path}/reset", headers=headers)

    assert first.body["effective"]["quotas"][0]["used"] == 0
    assert (first.status, first.text) == (again.status, again.text)
    after = admin("GET", path).body
    assert (after["version"], after["effective"]["quotas"][0]["used"]) == (2, 1)


def test_a_new_key_says_where_it_is_and_that_nobody_keeps_its_answer(admin):
    answer = admin("POST", "/keys", {"name": "n", "grants": [{"api": "*"}]})

    assert answer.headers["location"] == f"keys/{answer.body['key_hash']}", "beside the list, whatever the base path"
    assert answer.headers["cache-control"] == "no-store"
    assert admin("GET", "/keys/none").headers["x-content-type-options"] == "nosniff"


@pytest.fixture
def provider():
    with Provider() as running:
        yield running
        running.shutdown()


def test_an_edit_says_when_every_environment_acts_on_it(admin, provider):
    name = f"edit-{uuid.uuid4().hex[:8]}"
    grants = [{"api": "*"}]
    path = f"/keys/{admin.create_key(rate_limits=[{'limit': 1, 'period': '1s'}])['key_hash']}"
    issuer = {"issuer": provider.url, "discovery": True, "audience": "a", "default_policies": [name]}

    answers = {
        "policy": admin("PUT", f"/policies/{name}", {"name": "p", "grants": grants}),
        "api": admin("PUT", f"/apis/{name}", {"name": "a"}),
        "issuer": admin("PUT", f"/issuers/{name}", issuer),
        "name": admin("PATCH", path, {"name": "b"}),
        "limit": admin("PATCH", path, {"rate_limits": [{"limit": 9, "period": "1s"}]}),
        "reset": admin("POST", f"{path}/reset"),
    }

    assert {answer.status for answer in answers.values()} <= {200, 201}, answers
    said = {kind: answer.body["effective_within_seconds"] for kind, answer in answers.items()}
    assert said == {"policy": 5, "api": 5, "issuer": 5, "name": 0, "limit": 1, "reset": 1}
    assert said["policy"] * 1000 > STALENESS_MS
    assert said["reset"] * 1000 >= LOOK_AGAIN_MS
    assert "effective_within_seconds" not in admin("GET", f"/policies/{name}").body


def test_a_put_that_is_to_make_a_record_changes_none_that_exists(admin):
    path, only_new = f"/apis/new-{uuid.uuid4().hex[:8]}", {"If-None-Match": "*"}

    statuses = [admin("PUT", path, {"name": name}, headers=only_new).status for name in ("first", "second")]

    assert statuses == [201, 412]
    assert admin("GET", path).body["name"] == "first"
    assert admin("PUT", path, {"name": "third"}).status == 200
