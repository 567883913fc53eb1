"""Pages of lists: a cursor leads on in the list that gave it, and nothing else makes a server error."""

import uuid
from base64 import urlsafe_b64encode

import pytest

from key_admin.openapi.operations import OPERATIONS

LISTS = ["/keys", "/policies", "/apis", "/issuers", "/audit"]
FOREVER = "x" * 3000


@pytest.fixture(scope="module")
def two_of_each(admin):
    """Two policies, two definitions and two keys of one owner, so that lists have pages."""
    owner = f"pages-{uuid.uuid4().hex[:8]}"
    for number in range(2):
        admin("PUT", f"/policies/{owner}-{number}", {"name": "p", "grants": [{"api": "*"}]})
        admin("PUT", f"/apis/{owner}-{number}", {"name": "a"})
        admin.create_key(owner=owner, policies=[f"{owner}-0"])
    yield owner
    for number in range(2):
        admin("DELETE", f"/apis/{owner}-{number}")


def made_up(text):
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "cursor",
    [
        "!!!",
        "%C3%A9",
        made_up('[""]'),
        made_up('["9999"]'),
        made_up("[" * 4000),
        made_up("INDEX#KEYS\n"),
        made_up("AUDIT\n" + "9" * 4000),
        made_up("INDEX#POLICIES\n\u00e9"),
    ],
)
def test_a_cursor_that_no_list_gave_is_400(admin, path, cursor):
    answer = admin("GET", f"{path}?cursor={cursor}")

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "cursor")


def test_a_cursor_leads_on_in_no_other_list(admin, two_of_each):
    gave = {path: admin("GET", f"{path}?limit=1").body["next"] for path in ("/keys", "/policies", "/apis", "/audit")}
    gave[f"/keys?owner={two_of_each}"] = admin("GET", f"/keys?owner={two_of_each}&limit=1").body["next"]
    assert all(gave.values())

    for path, cursor in gave.items():
        for other in gave:
            answer = admin("GET", f"{other}{'&' if '?' in other else '?'}cursor={cursor}")
            assert answer.status == (200 if other == path else 400), (path, other)


@pytest.mark.parametrize("position", ["9999", "~~~~", "0", "junk"])
def test_a_position_that_is_no_entry_of_the_log_is_harmless(admin, position):
    assert admin("GET", f"/audit?cursor={made_up(f'AUDIT{chr(10)}{position}')}").status == 200


@pytest.mark.parametrize("name", ["owner", "policy", "tag"])
def test_no_key_has_a_value_that_no_key_may_have(admin, name):
    assert admin("GET", f"/keys?{name}={FOREVER}").body == {"items": [], "next": None}


@pytest.mark.parametrize("path", ["/policies", "/apis", "/issuers"])
def test_no_record_has_an_id_that_no_record_may_have(admin, path):
    assert admin("GET", f"{path}/{FOREVER}").status == 404
    assert admin("DELETE", f"{path}/{FOREVER}").status == 404
    assert admin("GET", f"/policies/{FOREVER}/keys").status == 404


def test_deleting_what_a_cursor_points_at_loses_nothing(admin):
    owner = f"gone-{uuid.uuid4().hex[:8]}"
    made = {admin.create_key(owner=owner)["key_hash"] for _ in range(5)}
    first = admin("GET", f"/keys?owner={owner}&limit=2").body
    seen = [key["key_hash"] for key in first["items"]]

    for key_hash in seen:
        admin("DELETE", f"/keys/{key_hash}")
    rest = admin("GET", f"/keys?owner={owner}&cursor={first['next']}").body

    assert {key["key_hash"] for key in rest["items"]} == made - set(seen)
    assert rest["next"] is None


def test_a_day_of_the_log_is_meant_whole(admin):
    key = admin.create_key()
    entry = admin("GET", f"/audit?key_hash={key['key_hash']}").body["items"][0]
    day = entry["at"][:10]

    found = admin("GET", f"/audit?from={day}&to={day}&key_hash={key['key_hash']}")

    assert found.body["items"] == [entry]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "limit",
    [
        "0",
        "201",
        "0002009",
        "000200",
        "050",
        "000200" + "0" * 5000,
        "9" * 5000,
        "-1",
        "+5",
        "5.0",
        "1e2",
        "%205",
        "%D9%A3",
    ],
    ids=lambda limit: limit[:12],
)
def test_a_limit_is_a_number_from_1_to_200_as_one_writes_it(admin, path, limit):
    answer = admin("GET", f"{path}?limit={limit}")

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "limit")


@pytest.mark.parametrize(("limit", "status"), [("1", 200), ("200", 200), ("201", 400)])
def test_a_page_holds_at_most_200(admin, limit, status):
    assert admin("GET", f"/audit?limit={limit}").status == status


DAYS = ["1969-12-31", "9999-12-31", "10000-01-01", "0001-01-01", "2026-02-30", "2026-1-1", "20260131", "2026-W05-1"]
MOMENTS = [
    "2026-01-31T24:00:00Z",
    "2026-01-31T00:00:00+24:00",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
]
WRITTEN_OTHERWISE = ["now", "0", "9" * 5000, "%D9%A2026-01-01", "2026-01-01%0A", "%00"]


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize("path", ["/audit", "/audit/verify", "/keys/{}/usage"])
def test_what_is_no_time_within_the_calendar_is_400_and_names_the_field(admin, path, name):
    where = path.format(admin.create_key()["key_hash"])
    wrong = [*DAYS, *MOMENTS, *WRITTEN_OTHERWISE]

    answers = {text: admin("GET", f"{where}?{name}={text}") for text in wrong}

    assert {text: answer.status for text, answer in answers.items()} == dict.fromkeys(wrong, 400)
    assert {answer.body["errors"][0]["field"] for answer in answers.values()} == {name}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("from=1970-01-01&to=1970-01-01", 200),
        ("to=1970-01-01", 200),
        ("to=9998-12-31", 200),
        ("from=9998-12-31&to=9998-12-31", 200),
        ("from=2025-01-01&to=2026-02-04", 200),
        ("from=2025-01-01&to=2026-02-06", 400),
        ("from=1970-01-01&to=9998-12-31", 400),
        ("from=2026-01-02&to=2026-01-01", 400),
    ],
)
@pytest.mark.parametrize("path", ["/audit", "/keys/{}/usage"])
def test_an_interval_lies_within_the_calendar_and_is_at_most_400_days_long(admin, path, query, status):
    answer = admin("GET", f"{path.format(admin.create_key()['key_hash'])}?{query}")

    assert answer.status == status
    assert status == 200 or answer.body["errors"][0]["field"] == "from"


@pytest.mark.parametrize("match", ['"' + "9" * 5000 + '"', "9" * 5000, '"-1"', 'W/"1"', '"1.0"', ",", "\u00b2"])
def test_a_version_that_is_none_does_not_match(admin, match):
    path = f"/keys/{admin.create_key()['key_hash']}"

    assert admin("PATCH", path, {"name": "b"}, headers={"If-Match": match}).status == 412


@pytest.mark.parametrize("query", ["to=9999-12-31T23:59:59Z", "from=1960-01-01", "to=10000-01-01", "from=2020-01-01"])
def test_an_interval_beyond_reason_is_400(admin, query):
    assert admin("GET", f"/audit?{query}").status == 400


@pytest.mark.parametrize(
    "time", [*MOMENTS, "9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z", "2027-01-01", "9" * 5000, "2027-01-01T00:00:60Z"]
)
def test_an_expiry_at_the_end_of_the_calendar_is_400(admin, time):
    answer = admin("POST", "/keys", {"name": "n", "grants": [{"api": "*"}], "expires_at": time})

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "expires_at")


IDS = {"key_hash": "A" * 43, "policy_id": "gold", "api_id": "orders", "issuer_id": "example"}
GUARDED = [operation for operation in OPERATIONS if not operation.is_open]


@pytest.mark.parametrize("operation", GUARDED, ids=lambda one: one.id)
def test_a_query_parameter_that_an_operation_does_not_know_is_400_and_named(admin, operation):
    """A misspelt filter would be none: `?ownr=acme` listed every key there is."""
    answer = admin(operation.method, f"{operation.path.format(**IDS)}?ownr=acme", operation.example or None)

    assert (answer.status, [error["field"] for error in answer.body["errors"]]) == (400, ["ownr"])
    assert all(f"`{name}`" in answer.body["errors"][0]["message"] for name in operation.query)


def test_a_page_is_asked_for_by_the_name_that_the_page_before_gave_it(admin, two_of_each):
    cursor = admin("GET", f"/keys?owner={two_of_each}&limit=1").body["next"]

    pages = {
        query: admin("GET", f"/keys?owner={two_of_each}&{query}")
        for query in (f"next={cursor}", f"cursor={cursor}", f"cursor={cursor}&next={cursor}", f"cursor=&next={cursor}")
    }

    assert len({page.text for page in pages.values()}) == 1
    assert len(pages[f"next={cursor}"].body["items"]) == 1


@pytest.mark.parametrize(("query", "field"), [("cursor=a&next=b", "next"), ("next=b", "next"), ("cursor=a", "cursor")])
def test_cursors_that_differ_and_cursors_that_no_list_gave_are_named(admin, query, field):
    answer = admin("GET", f"/keys?{query}")

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, field)


@pytest.mark.parametrize("asked", ["mobile", "MOBILE-", "Mobile-App"])
def test_keys_are_listed_by_what_their_name_begins_with_in_any_case(admin, asked):
    owner = f"names-{uuid.uuid4().hex[:8]}"
    for name in ("mobile-app", "MOBILE-APP 2", "the mobile-app", "mobil"):
        admin.create_key(owner=owner, name=name)

    listed = admin("GET", f"/keys?owner={owner}&name={asked}").body["items"]

    assert {key["name"] for key in listed} == {"mobile-app", "MOBILE-APP 2"}


def test_keys_are_listed_by_an_api_that_they_or_their_policies_grant_under_any_of_its_names(admin):
    name = f"api{uuid.uuid4().hex[:8]}"
    admin("PUT", f"/apis/{name}", {"name": "a", "gateways": [f"{name}gw/prod"]})
    admin("PUT", f"/policies/{name}", {"name": "p", "grants": [{"api": name}]})
    rights = {
        "by id": {"grants": [{"api": name}]},
        "by stage": {"grants": [{"api": f"{name}gw/prod"}]},
        "by every stage": {"grants": [{"api": f"{name}gw/*"}]},
        "by any": {"grants": [{"api": "*"}]},
        "by policy": {"grants": [], "policies": [name]},
        "another": {"grants": [{"api": "another"}]},
        "admin": {"grants": [{"api": "admin"}]},
    }
    for kind, given in rights.items():
        admin.create_key(owner=name, name=kind, **given)

    def listed(api):
        return {key["name"] for key in admin("GET", f"/keys?owner={name}&api={api}").body["items"]}

    assert listed(name) == listed(f"{name}gw/prod") == listed(f"{name}gw/*") == rights.keys() - {"another", "admin"}
    assert listed("admin") == {"admin"}
    assert listed("another") == {"another", "by any"}
    assert listed("nobody") == {"by any"}
