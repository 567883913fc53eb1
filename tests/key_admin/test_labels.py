"""Labels: strings of operators' programs on keys, policies, APIs and issuers, and lists by them."""

import uuid

import pytest

from tests.conftest import SECRET, call, sign
from tests.key_admin.provider import Provider

BODIES = {
    "policies": {"name": "p", "grants": [{"api": "*"}]},
    "apis": {"name": "a"},
    "issuers": {"default_policies": ["labelled"]},
}


@pytest.fixture(scope="module")
def bodies(admin):
    """A body that each kind of named record accepts."""
    admin("PUT", "/policies/labelled", BODIES["policies"])
    provider = Provider()
    named = {"issuer": provider.url, "jwks_uri": provider.jwks_uri, "audience": "orders"}
    yield BODIES | {"issuers": BODIES["issuers"] | named}
    provider.shutdown()
    provider.server_close()


@pytest.mark.parametrize("kind", BODIES)
def test_named_records_keep_labels_and_lists_filter_by_them(admin, bodies, kind):
    run = uuid.uuid4().hex[:8]
    for number in range(3):
        labels = {"run": run, "number": str(number)}
        answer = admin("PUT", f"/{kind}/{run}-{number}", bodies[kind] | {"labels": labels})
        assert answer.body["labels"] == labels

    by_value = admin("GET", f"/{kind}?label=number:1&limit=200").body["items"]
    pages = [admin("GET", f"/{kind}?label=run:{run}&limit=2").body]
    pages.append(admin("GET", f"/{kind}?label=run:{run}&limit=2&cursor={pages[0]['next']}").body)

    ids = [item[next(name for name in item if name.endswith("_id"))] for page in pages for item in page["items"]]
    assert ids == [f"{run}-{number}" for number in range(3)]
    assert pages[-1]["next"] is None
    assert [item["labels"] for item in by_value if item["labels"]["run"] == run] == [{"run": run, "number": "1"}]
    for record_id in ids:
        admin("DELETE", f"/{kind}/{record_id}")


def test_keys_are_listed_by_label(admin):
    run = uuid.uuid4().hex[:8]
    hashes = [admin.create_key(labels={"run": run, "place": str(number)})["key_hash"] for number in range(2)]

    assert {key["key_hash"] for key in admin("GET", f"/keys?label=run:{run}").body["items"]} == set(hashes)
    assert [key["key_hash"] for key in admin("GET", "/keys?label=place:1&limit=200").body["items"]][-1] == hashes[1]
    assert admin("GET", "/keys?label=run:").body["items"] == []


def test_a_patch_merges_labels_by_name(admin):
    key = admin.create_key(labels={"a": "1", "b": "2"})

    answer = admin("PATCH", f"/keys/{key['key_hash']}", {"labels": {"a": None, "c": "x:y"}})

    assert answer.body["labels"] == {"b": "2", "c": "x:y"}
    assert admin("GET", "/keys?label=c:x:y&limit=200").body["items"][-1]["key_hash"] == key["key_hash"]


def test_labels_are_not_in_the_context(admin, stack):
    key = admin.create_key(labels={"team": "mobile"}, metadata={"shown": "yes"})

    context = call("GET", f"{stack.rest_url}/x", token=sign(key["key_id"], secret=SECRET)).body["authorizer"]

    assert context["meta_shown"] == "yes"
    assert "mobile" not in str(context)


@pytest.mark.parametrize(
    ("labels", "field"),
    [
        ({str(number): "" for number in range(11)}, "labels"),
        ({"a:b": "x"}, "labels.a:b"),
        ({"a": "x" * 257}, "labels.a"),
        ({"a": 1}, "labels.a"),
        ({"a": "x\n"}, "labels.a"),
    ],
)
def test_wrong_labels_are_400(admin, labels, field):
    answer = admin("POST", "/keys", {"name": "n", "grants": [{"api": "*"}], "labels": labels})

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, field)
