"""Sessions through the running stack: opened with a key, judged at each request, ended for good."""

import time
from typing import NamedTuple

import pytest

from authorizer.events import LOCAL_SESSION_COOKIE, SESSION_COOKIE
from tests.conftest import SECRET, call, sign

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
AUTHORIZER_REFUSES = (403, '{"message":"Forbidden"}')


class Browser(NamedTuple):
    """A browser that holds the cookie of a session."""

    url: str
    cookie: str

    def __call__(self, method, path, body=None, **headers):
        """One request; an underscore in the name of a header stands for a hyphen."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()} or SAME_ORIGIN
        cookie = {"Cookie": f"{LOCAL_SESSION_COOKIE}={self.cookie}"}
        return call(method, self.url + path, body, headers=cookie | sent)

    @property
    def is_signed_in(self):
        answers = self("GET", "/session"), self("GET", "/keys")
        statuses = [answer.status for answer in answers]
        assert statuses in ([200, 200], [401, 403])
        return statuses == [200, 200]


def sign_in(admin, credential=""):
    answer = call("POST", f"{admin.url}/session", token=credential or admin.key)
    assert answer.status == 204, answer.text
    return Browser(admin.url, answer.headers["set-cookie"].partition(";")[0].partition("=")[2])


@pytest.fixture
def holder(admin):
    """An admin key of its own."""
    return admin("POST", "/keys", {"name": "holder", "owner": "o", "grants": [{"api": "admin"}]}).body


# --- opening ---------------------------------------------------------------------------------


def test_a_session_does_what_its_key_does(admin, holder):
    browser = sign_in(admin, holder["key_id"])

    shown = browser("GET", "/session").body
    made = browser("POST", "/keys", {"name": "by cookie", "grants": [{"api": "*"}]})

    assert {name: shown[name] for name in ("key_hash", "name", "owner")} == {
        "key_hash": holder["key_hash"],
        "name": "holder",
        "owner": "o",
    }
    assert shown["rights"] == [{"api": "admin", "methods": ["*"], "path": "/*", "cost": 1}]
    assert made.status == 201
    entries = admin("GET", f"/audit?resource=/keys/{made.body['key_hash']}").body["items"]
    assert [entry["principal"] for entry in entries] == [holder["key_hash"]]


def test_the_cookie_is_kept_from_scripts_and_other_sites_and_lasts_eight_hours(admin):
    answer = call("POST", f"{admin.url}/session", token=admin.key)

    value, *attributes = answer.headers["set-cookie"].split("; ")
    assert value.startswith(f"{LOCAL_SESSION_COOKIE}=")
    assert admin.key not in value
    assert set(attributes) == {"Path=/", "Max-Age=28800", "HttpOnly", "SameSite=Strict"}


def test_a_session_ends_with_the_token_that_opened_it(admin):
    key = admin.create_key(grants=[{"api": "admin"}])

    browser = sign_in(admin, sign(key["key_id"], exp=int(time.time()) + 100))

    ends_at = time.strptime(browser("GET", "/session").body["expires_at"], "%Y-%m-%dT%H:%M:%SZ")
    assert ends_at <= time.gmtime(time.time() + 100)


def test_a_session_ends_with_its_key(admin):
    expires_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    wanted = {"name": "n", "grants": [{"api": "admin"}], "expires_at": expires_at}
    key = admin("POST", "/keys", wanted).body

    assert sign_in(admin, key["key_id"])("GET", "/session").body["expires_at"] == expires_at


@pytest.mark.parametrize("credential", ["tg_wrong", "", sign("unknown-key"), "a.b.c"])
def test_a_wrong_credential_opens_no_session(admin, credential):
    answer = call("POST", f"{admin.url}/session", token=credential)

    assert answer.status == 401
    assert "set-cookie" not in answer.headers
    assert credential == "" or credential not in answer.text


def test_a_forged_or_expired_token_opens_no_session(admin):
    key = admin.create_key(grants=[{"api": "admin"}])
    tokens = sign(key["key_id"], secret=f"{SECRET}!"), sign(key["key_id"], exp=int(time.time()) - 1)

    assert [call("POST", f"{admin.url}/session", token=token).status for token in tokens] == [401, 401]


def test_a_key_without_admin_rights_opens_no_session(admin):
    key = admin("POST", "/keys", {"name": "n", "grants": [{"api": "*"}]}).body

    answer = call("POST", f"{admin.url}/session", token=key["key_id"])

    assert (answer.status, answer.headers["content-type"]) == (403, "application/problem+json")
    assert "no admin right" in answer.body["detail"]


def test_a_key_with_any_admin_right_opens_a_session_that_does_no_more(admin):
    key = admin("POST", "/keys", {"name": "n", "grants": [{"api": "admin", "methods": ["GET"], "path": "/keys"}]}).body

    browser = sign_in(admin, key["key_id"])

    assert browser("GET", "/keys").status == 200
    assert browser("GET", "/policies").status == browser("POST", "/keys", {}).status == 403


def test_a_key_is_told_that_it_may_not_be_used_from_here(admin):
    wanted = {"name": "n", "grants": [{"api": "admin"}], "sources": ["203.0.113.0/24"]}
    key = admin("POST", "/keys", wanted).body

    answer = call("POST", f"{admin.url}/session", token=key["key_id"])

    assert (answer.status, answer.body["detail"]) == (403, "This key may not be used from this address.")


@pytest.mark.parametrize("cookie", ["", "dead", "living"])
def test_no_cookie_keeps_an_operator_from_signing_in_anew(admin, holder, cookie):
    """Nor does the living session of another key; opening one looks at no cookie."""
    value = sign_in(admin, holder["key_id"]).cookie if cookie == "living" else cookie

    headers = {"Cookie": f"{LOCAL_SESSION_COOKIE}={value}", "Sec-Fetch-Site": "cross-site"}
    answer = call("POST", f"{admin.url}/session", token=admin.key, headers=headers)

    assert answer.status == 204


def test_opening_a_session_counts_nothing_and_its_requests_count_as_the_keys(admin):
    limits = {"rate_limits": [{"limit": 100, "period": "hour"}]}
    key = admin("POST", "/keys", {"name": "n", "grants": [{"api": "admin"}]} | limits).body
    browser = sign_in(admin, key["key_id"])
    browser("GET", "/session")

    def used():
        return admin("GET", f"/keys/{key['key_hash']}").body["effective"]["rate_limits"][0]["used"]

    assert used() == 0
    assert browser("GET", "/policies").status == 200
    assert used() == 1


# --- ending ----------------------------------------------------------------------------------


def test_a_copy_of_the_cookie_is_dead_after_signing_out_and_other_sessions_live(admin, holder):
    first, second = sign_in(admin, holder["key_id"]), sign_in(admin, holder["key_id"])
    copy = Browser(*first)

    answer = first("DELETE", "/session")

    assert answer.status == 204
    assert answer.headers["set-cookie"].startswith(f"{LOCAL_SESSION_COOKIE}=; Path=/; Max-Age=0")
    assert (copy.is_signed_in, second.is_signed_in) == (False, True)


def test_signing_out_everywhere_ends_every_session_of_the_key_alone(admin, holder):
    browsers = [sign_in(admin, holder["key_id"]) for _ in range(3)]
    other = sign_in(admin)

    assert browsers[0]("DELETE", "/session?everywhere=true").status == 204

    assert [browser.is_signed_in for browser in browsers] == [False] * 3
    assert other.is_signed_in
    assert sign_in(admin, holder["key_id"]).is_signed_in


def test_more_sign_outs_than_a_record_lists_end_every_session(admin, holder):
    """Never fewer than were ended: where the list is full, the epoch rises."""
    stays = sign_in(admin, holder["key_id"])
    ended = [sign_in(admin, holder["key_id"]) for _ in range(17)]

    statuses = [browser("DELETE", "/session").status for browser in ended[:16]]
    assert stays.is_signed_in
    statuses.append(ended[16]("DELETE", "/session").status)

    assert statuses == [204] * 17
    assert not stays.is_signed_in
    assert not any(browser.is_signed_in for browser in ended)


@pytest.mark.parametrize("cookie", ["dead", ""])
def test_a_cookie_that_is_no_session_is_cleared_all_the_same(admin, cookie):
    answer = Browser(admin.url, cookie)("DELETE", "/session")

    assert answer.status == 401
    assert "Max-Age=0" in answer.headers["set-cookie"]


def test_signing_out_twice_says_that_there_is_no_session(admin, holder):
    browser = sign_in(admin, holder["key_id"])

    assert [browser("DELETE", "/session").status for _ in range(2)] == [204, 401]


def test_a_sign_out_is_in_the_audit_log_and_leaves_the_chain_whole(admin, holder):
    sign_in(admin, holder["key_id"])("DELETE", "/session")
    sign_in(admin, holder["key_id"])("DELETE", "/session?everywhere=true")

    entries = admin("GET", f"/audit?resource=/keys/{holder['key_hash']}").body["items"]
    assert {"session.end", "session.end_all"} <= {entry["action"] for entry in entries}
    assert admin("GET", "/audit/verify").body["intact"]


def disable(admin, key):
    return admin("PATCH", f"/keys/{key['key_hash']}", {"enabled": False})


def rotate(admin, key):
    wanted = {"jwt_data": {"algorithm": "HS256", "secret": SECRET + "2"}, "grace_seconds": 3600}
    return admin("POST", f"/keys/{key['key_hash']}/rotate", wanted)


def replace(admin, key):
    return admin("POST", f"/keys/{key['key_hash']}/replace", {"grace_seconds": 3600})


def delete(admin, key):
    return admin("DELETE", f"/keys/{key['key_hash']}")


@pytest.mark.parametrize("end", [disable, rotate, replace, delete])
def test_what_is_done_to_a_key_ends_its_sessions_on_the_next_request(admin, end):
    """Twenty times of twenty, each in an environment that served the session a moment ago."""
    for _ in range(20):
        wanted = {"name": "n", "grants": [{"api": "admin"}]}
        key = admin.create_key(**wanted) if end is rotate else admin("POST", "/keys", wanted).body
        browser = sign_in(admin, sign(key["key_id"], exp=int(time.time()) + 600) if end is rotate else key["key_id"])
        assert browser("GET", "/policies").status == 200

        assert end(admin, key).status in {200, 204}

        refused = browser("GET", "/policies")
        assert (refused.status, refused.text) == AUTHORIZER_REFUSES


def test_a_session_that_ended_stays_ended_when_the_key_is_enabled_again(admin, holder):
    browser = sign_in(admin, holder["key_id"])
    disable(admin, holder)

    admin("PATCH", f"/keys/{holder['key_hash']}", {"enabled": True})

    assert not browser.is_signed_in
    assert sign_in(admin, holder["key_id"]).is_signed_in


def test_a_session_that_ended_with_its_key_stays_ended_when_the_key_lasts_longer_again(admin, holder):
    browser = sign_in(admin, holder["key_id"])
    ends_at = int(time.time()) + 2
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends_at))
    admin("PATCH", f"/keys/{holder['key_hash']}", {"expires_at": soon})
    while time.time() < ends_at:
        time.sleep(0.1)

    admin("PATCH", f"/keys/{holder['key_hash']}", {"expires_at": None})

    assert not browser.is_signed_in


def test_a_key_that_is_made_again_under_its_id_has_none_of_the_sessions_before(admin):
    wanted = {"key_id": f"again-{time.time_ns()}", "grants": [{"api": "admin"}]}
    key = admin.create_key(**wanted)
    browser = sign_in(admin, sign(key["key_id"], exp=int(time.time()) + 600))
    delete(admin, key)

    admin.create_key(**wanted)

    assert not browser.is_signed_in


# --- cookies that are no sessions ------------------------------------------------------------


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value[:-1],
        lambda value: value[: len(value) // 2],
        lambda value: value[:30] + ("A" if value[30] != "A" else "B") + value[31:],
        lambda value: value * 8,
        lambda _: "A" * 200,
        lambda _: "!",
        lambda _: "%00",
    ],
    ids=["cut by one", "cut in half", "changed", "too long", "made up", "no base64", "an escape"],
)
def test_a_cookie_that_was_not_sealed_here_opens_nothing(admin, holder, spoil):
    browser = Browser(admin.url, spoil(sign_in(admin, holder["key_id"]).cookie))

    assert not browser.is_signed_in


def test_a_cookie_opens_the_admin_api_alone(admin, stack):
    key = admin("POST", "/keys", {"name": "n", "grants": [{"api": "admin"}, {"api": "*"}]}).body
    browser = sign_in(admin, key["key_id"])

    for name in (LOCAL_SESSION_COOKIE, SESSION_COOKIE):
        headers = {"Cookie": f"{name}={browser.cookie}"}
        assert call("GET", f"{stack.http_url}/x", headers=headers).status in {401, 403}
        assert call("GET", f"{stack.rest_url}/x", headers=headers).status in {401, 403}
    assert call("GET", f"{stack.http_url}/x", token=browser.cookie).status == 403


def test_only_the_name_of_the_place_is_read(admin, holder):
    """On loopback the bare one; everywhere else, where another host could set that, the `__Host-` one."""
    value = sign_in(admin, holder["key_id"]).cookie
    https = {"Host": "admin.example.com"}

    def status(name, **headers):
        return call("GET", f"{admin.url}/keys", headers={"Cookie": f"{name}={value}"} | headers).status

    assert (status(LOCAL_SESSION_COOKIE), status(SESSION_COOKIE)) == (200, 403)
    assert (status(LOCAL_SESSION_COOKIE, **https), status(SESSION_COOKIE, **https)) == (403, 200)


def test_over_https_the_cookie_is_secure_and_bound_to_the_host(admin):
    answer = call("POST", f"{admin.url}/session", token=admin.key, headers={"Host": "admin.example.com"})

    value, *attributes = answer.headers["set-cookie"].split("; ")
    assert value.startswith(f"{SESSION_COOKIE}=")
    assert {"Secure", "Path=/", "HttpOnly", "SameSite=Strict"} < set(attributes)


# --- beside another credential ---------------------------------------------------------------


def test_a_cookie_beside_the_header_of_its_key_changes_nothing(admin, holder):
    browser = sign_in(admin, holder["key_id"])

    assert browser("GET", "/keys", Authorization=f"Bearer {holder['key_id']}").status == 200


def test_a_later_id_of_a_key_is_the_same_key(admin, holder):
    replaced = replace(admin, holder).body
    browser = sign_in(admin, replaced["key_id"])

    assert browser("GET", "/keys", Authorization=replaced["key_id"]).status == 200


def test_a_living_session_beside_the_header_of_another_key_is_refused(admin, holder):
    browser = sign_in(admin, holder["key_id"])

    assert browser("GET", "/keys", Authorization=f"Bearer {admin.key}").status == 403


def test_beside_a_header_a_cookie_that_is_no_living_session_counts_as_absent(admin, holder):
    ended, disabled = sign_in(admin, holder["key_id"]), sign_in(admin, holder["key_id"])
    ended("DELETE", "/session")
    header = {"Authorization": f"Bearer {admin.key}"}
    assert ended("GET", "/keys", **header).status == 200
    assert disabled("GET", "/keys", **header).status == 403

    disable(admin, holder)

    assert disabled("GET", "/keys", **header).status == 200
    assert Browser(admin.url, "dead")("GET", "/keys", **header).status == 200


# --- origins ---------------------------------------------------------------------------------

OWN_ORIGIN = "own"
ORIGINS = [
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, True),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": OWN_ORIGIN}, False),
    ({"Sec-Fetch-Site": "none"}, False),
    ({"Sec-Fetch-Site": ""}, False),
    ({"Origin": OWN_ORIGIN}, True),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "null"}, False),
    ({"X-Other": "neither"}, False),
]


@pytest.mark.parametrize(("headers", "is_own"), ORIGINS)
def test_a_change_by_cookie_comes_from_the_page_itself(admin, holder, headers, is_own):
    browser = sign_in(admin, holder["key_id"])
    own = admin.url.rpartition("/")[0]
    sent = {name: own if value == OWN_ORIGIN else value for name, value in headers.items()}

    made = browser("POST", "/keys", {"name": "n", "grants": [{"api": "*"}]}, **sent)
    read = browser("GET", "/keys", **sent)
    ended = browser("DELETE", "/session", **sent)

    assert read.status == 200
    assert (made.status, ended.status) == ((201, 204) if is_own else (403, 403))
    if not is_own:
        assert made.body["type"].endswith("/cross-site")
        assert browser.is_signed_in


def test_what_comes_by_header_may_come_from_anywhere(admin):
    answer = admin("POST", "/keys", {"name": "n", "grants": [{"api": "*"}]}, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status == 201


def test_an_empty_header_makes_no_change_of_another_site_a_change_by_header(admin, holder):
    browser = sign_in(admin, holder["key_id"])

    headers = {"Authorization": "Bearer ", "Sec-Fetch-Site": "cross-site"}
    assert browser("POST", "/keys", {"name": "n", "grants": [{"api": "*"}]}, **headers).status == 403
