"""What somebody with some right tries in order to get more. Each attack succeeded once."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import SECRET, Admin, call, sign

ROOT = [{"api": "admin"}]
MAKE_KEYS = {"api": "admin", "methods": ["POST"], "path": "/keys*"}
READ = {"api": "admin", "methods": ["GET"], "path": "/*"}
PLAIN = {"name": "plain", "jwt_data": {"secret": SECRET}, "grants": [{"api": "orders"}]}
NEW_SECRET = {"jwt_data": {"generate": True}}


def fresh(word):
    return f"{word}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def make_admin(admin, stack):
    """An admin key with these grants, as an operator."""

    def make(*grants, **members):
        answer = admin("POST", "/keys", {"name": "an admin", "grants": list(grants)} | members)
        assert answer.status == 201, answer.text
        return Admin(stack.admin_url, answer.body["key_id"])

    return make


@pytest.fixture
def put_policy(admin):
    """A policy with these members, made by an unrestricted operator."""

    def put(**members):
        name = fresh("p")
        answer = admin("PUT", f"/policies/{name}", {"name": "p"} | members)
        assert answer.status == 201, answer.text
        return name

    return put


@pytest.fixture
def minter(make_admin):
    """An admin key that may only make keys: POST /keys and /keys/import."""
    return make_admin(MAKE_KEYS)


def hash_of(admin, operator):
    return admin("POST", "/keys/lookup", {"key_id": operator.key}).body["key_hash"]


def in_an_hour(hours=1):
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def assert_forbidden(answer, *words):
    assert answer.status == 403, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert all(word in answer.body["detail"] for word in words), answer.text


# --- a right wider than one's own ----------------------------------------------------------


@pytest.mark.parametrize(
    "wider",
    [
        {"api": "admin"},
        {"api": "admin", "methods": ["POST"]},
        {"api": "admin", "path": "/keys*"},
        {"api": "admin", "methods": ["POST", "GET"], "path": "/keys"},
        {"api": "admin", "methods": ["POST"], "path": "/key*"},
        {"api": "admin", "methods": ["POST"], "path": "*"},
        {"api": "admin", "methods": ["POST"], "path": "/{any}"},
        {"api": "admin", "owner": "acme"},
    ],
)
def test_who_may_make_keys_makes_no_admin_key_that_may_do_more(minter, wider):
    answer = minter("POST", "/keys", {"name": "me, but larger", "grants": [wider]})

    assert_forbidden(answer, wider.get("path", "/*"))


def test_who_may_make_keys_makes_others_of_the_same_right(minter):
    made = minter("POST", "/keys", {"name": "my twin", "grants": [MAKE_KEYS]})

    assert made.status == 201, made.text
    assert minter("POST", "/keys", PLAIN).status == 201


def test_an_import_gives_no_wider_right_either(minter):
    items = [{"name": "root", "grants": ROOT}, PLAIN]

    results = minter("POST", "/keys/import", {"items": items}).body["items"]

    assert [result["status"] for result in results] == [403, 201]
    assert "/*" in results[0]["problem"]["detail"]


def test_nor_does_an_import_from_tyk(minter, put_policy):
    policy = put_policy(grants=ROOT)
    sessions = [
        {"access_rights": {"admin": {"allowed_urls": [{"url": "/.*", "methods": ["GET"]}]}}},
        {"access_rights": {"admin": {}}},
        {"apply_policies": [policy], "access_rights": {}},
    ]

    results = minter("POST", "/keys/import", {"format": "tyk", "items": sessions}).body["items"]

    assert [result["status"] for result in results] == [403] * 3


@pytest.mark.parametrize(
    "hidden",
    [
        {},
        {"active": False},
        {"partitions": ["quotas"]},
        {"grants": [{"api": "orders"}, {"api": "admin"}]},
    ],
    ids=["plain", "inactive", "narrowed", "beside others"],
)
def test_a_policy_brings_no_wider_right(minter, put_policy, hidden):
    """An inactive policy would be activated later, a narrowed one opened, and its keys would be admins then."""
    policy = put_policy(**({"grants": ROOT} | hidden))

    assert_forbidden(minter("POST", "/keys", {"name": "n", "policies": [policy]}), "/*")


def test_parts_of_two_grants_do_not_add_up(make_admin):
    """One grant has the method, the other the path."""
    holder = make_admin({"api": "admin", "methods": ["POST", "DELETE"], "path": "/keys"}, READ)

    sums = [
        {"api": "admin", "methods": ["GET", "POST"], "path": "/keys"},
        {"api": "admin", "methods": ["DELETE"], "path": "/*"},
    ]

    for grant in sums:
        assert_forbidden(holder("POST", "/keys", {"name": "sum", "grants": [grant]}), grant["path"])
    assert holder("POST", "/keys", {"name": "part", "grants": [READ]}).status == 201


def test_a_grant_with_an_owner_adds_nothing_to_one_without(make_admin):
    holder = make_admin({"api": "admin", "methods": ["POST"], "path": "/keys"}, {"api": "admin", "owner": "acme"})

    wanted = {"name": "n", "grants": [{"api": "admin", "methods": ["DELETE"], "owner": "acme"}]}

    assert_forbidden(holder("POST", "/keys", wanted), "DELETE")


# --- limits and ends that an admin key has -------------------------------------------------


def test_an_admin_key_that_ends_makes_none_that_lives_on(make_admin, put_policy):
    holder = make_admin(MAKE_KEYS, expires_at=in_an_hour())
    wanted = {"name": "n", "grants": [MAKE_KEYS]}
    for later in ({}, {"expires_at": in_an_hour(2)}):
        assert_forbidden(holder("POST", "/keys", wanted | later), "expires_at")

    assert holder("POST", "/keys", wanted | {"expires_at": in_an_hour(0.5)}).status == 201
    assert holder("POST", "/keys", PLAIN).status == 201, "a key without admin rights may live on"


def test_an_admin_key_of_some_addresses_makes_none_that_works_from_others(make_admin):
    minter = make_admin(MAKE_KEYS, sources=["127.0.0.0/8"])
    child = {"name": "a child", "grants": [MAKE_KEYS]}

    assert_forbidden(minter("POST", "/keys", child), "sources")
    assert_forbidden(minter("POST", "/keys", child | {"sources": ["127.0.0.1", "203.0.113.0/24"]}), "sources")
    assert minter("POST", "/keys", child | {"sources": ["127.0.0.1"]}).status == 201


@pytest.mark.parametrize(
    "limit", [{"rate_limits": [{"limit": 90, "period": "1s"}]}, {"quotas": [{"limit": 90, "period": "day"}]}]
)
def test_an_admin_key_with_limits_makes_none(make_admin, limit):
    holder = make_admin(MAKE_KEYS, **limit)

    assert_forbidden(holder("POST", "/keys", {"name": "n", "grants": [MAKE_KEYS]} | limit), "limit")
    assert holder("POST", "/keys", PLAIN).status == 201


# --- keys that may do more -----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["restricted", "owner", "owner and policies"])
@pytest.mark.parametrize(
    ("method", "part", "body"),
    [
        ("POST", "/rotate", NEW_SECRET),
        ("POST", "/reset", None),
        ("PATCH", "", {"name": "stripped"}),
        ("PATCH", "", {"enabled": False}),
        ("PATCH", "", {"grants": [{"api": "orders"}]}),
        ("PATCH", "", {"owner": None}),
        ("DELETE", "", None),
    ],
)
def test_a_key_that_administers_is_not_touched(admin, make_admin, kind, method, part, body):
    """Who sets its material can act as it; who strips it takes the stack from its operators."""
    owner = fresh("acme")
    root = admin("POST", "/keys", PLAIN | {"owner": owner, "grants": ROOT}).body
    of_owner = {"api": "admin", "owner": owner}
    grants = {
        "restricted": [{"api": "admin", "path": "/keys*"}],
        "owner": [of_owner],
        "owner and policies": [of_owner | {"policies": ["*"]}],
    }
    attacker = make_admin(*grants[kind])

    answer = attacker(method, f"/keys/{root['key_hash']}{part}", body)

    assert_forbidden(answer)
    assert call("GET", f"{admin.url}/audit?limit=1", token=sign(root["key_id"])).status == 200
    assert admin("GET", f"/keys/{root['key_hash']}").body["version"] == 1


def test_nobody_restricted_changes_his_own_key(admin, make_admin):
    holder = make_admin({"api": "admin", "path": "/keys*"}, expires_at=in_an_hour())
    own = f"/keys/{hash_of(admin, holder)}"

    for patch in ({"expires_at": None}, {"grants": ROOT}, {"name": "me"}):
        assert_forbidden(holder("PATCH", own, patch))
    assert_forbidden(holder("DELETE", own))


@pytest.mark.parametrize("through", ["grants", "policies"])
def test_no_patch_of_a_restricted_holder_gives_a_key_admin_rights(make_admin, put_policy, through):
    """Not even rights within his own: such a key would outlive his."""
    holder = make_admin({"api": "admin", "path": "/keys*"})
    key = holder("POST", "/keys", PLAIN).body
    mine = [{"api": "admin", "path": "/keys*"}]

    patch = {"grants": mine} if through == "grants" else {"policies": [put_policy(grants=mine)], "grants": []}

    assert_forbidden(holder("PATCH", f"/keys/{key['key_hash']}", patch))


# --- policies ------------------------------------------------------------------------------


@pytest.fixture
def editor(make_admin):
    """An admin key that may put and remove policies."""
    return make_admin({"api": "admin", "path": "/policies/*"})


def test_an_editor_of_policies_puts_no_wider_right_into_one(editor):
    for hidden in ({}, {"active": False}, {"partitions": ["quotas"]}):
        wanted = {"name": "p", "grants": ROOT} | hidden
        assert_forbidden(editor("PUT", f"/policies/{fresh('p')}", wanted), "/*")


def test_an_editor_of_policies_raises_no_key_by_the_policy_that_it_names(editor, put_policy, make_admin, admin):
    plain = put_policy(grants=[{"api": "orders"}])
    admin.create_key(policies=[plain])
    administering = put_policy(grants=[READ])
    make_admin(policies=[administering])

    assert_forbidden(editor("PUT", f"/policies/{plain}", {"name": "p", "grants": ROOT}), "/*")
    for grants in (ROOT, [READ], [{"api": "admin", "path": "/policies/*"}], []):
        assert_forbidden(editor("PUT", f"/policies/{administering}", {"name": "p", "grants": grants}))
    assert_forbidden(editor("DELETE", f"/policies/{administering}"))


def test_no_policy_gets_its_first_admin_right_or_loses_the_last(admin, put_policy):
    """Keys that took it as a plain one would be admins at once, whoever had made them."""
    plain, administering = put_policy(grants=[{"api": "orders"}]), put_policy(grants=[READ], active=False)

    first = admin("PUT", f"/policies/{plain}", {"name": "p", "grants": [{"api": "orders"}, READ]})
    last = admin("PUT", f"/policies/{administering}", {"name": "p", "grants": [{"api": "orders"}]})
    other = admin("PUT", f"/policies/{administering}", {"name": "p", "grants": ROOT})

    assert (first.status, last.status, other.status) == (409, 409, 200)


def test_an_admin_key_names_no_policy_that_others_may_change(admin, put_policy, editor):
    """Its limits could be lifted, or its grants replaced, by who may edit plain policies."""
    plain, administering = put_policy(grants=[{"api": "orders"}]), put_policy(grants=[READ])
    mixed = {"name": "n", "policies": [administering, plain]}
    key = admin.create_key(policies=[plain])

    refused = [
        admin("POST", "/keys", mixed),
        admin("POST", "/keys", {"name": "n", "policies": [plain], "grants": ROOT}),
        admin("PATCH", f"/keys/{key['key_hash']}", {"grants": ROOT}),
        admin("PATCH", f"/keys/{key['key_hash']}", {"policies": [plain, administering]}),
    ]

    assert [(one.status, one.body["errors"][0]["field"]) for one in refused] == [(400, "policies")] * 4
    assert admin("POST", "/keys", {"name": "n", "policies": [administering], "grants": ROOT}).status == 201


def test_a_right_that_a_policy_lost_a_moment_ago_gives_nothing(admin, make_admin, put_policy):
    """The authorizer may let it in for five seconds; what is given is judged on what is stored."""
    policy = put_policy(grants=[{"api": "admin", "methods": ["POST", "GET"], "path": "/keys*"}])
    holder = make_admin(policies=[policy])
    assert holder("POST", "/keys", PLAIN).status == 201

    assert admin("PUT", f"/policies/{policy}", {"name": "p", "grants": [READ]}).status == 200
    answer = holder("POST", "/keys", PLAIN)

    assert_forbidden(answer, "POST", "/keys")


# --- admins of an owner --------------------------------------------------------------------


@pytest.fixture
def owner():
    return fresh("acme")


@pytest.fixture
def tenant(make_admin, owner):
    """An admin of an owner without any policy to give."""
    return make_admin({"api": "admin", "owner": owner})


def test_an_admin_of_an_owner_makes_no_key_without_a_ceiling(tenant, owner):
    wide = {"name": "all there is", "grants": [{"api": "*"}]}

    assert_forbidden(tenant("POST", "/keys", wide))
    assert_forbidden(tenant("POST", "/keys/import", {"items": [wide]}))


@pytest.mark.parametrize(
    "patch",
    [
        {"rate_limits": []},
        {"quotas": None},
        {"grants": [{"api": "*", "cost": 0}]},
        {"expires_at": None},
        {"owner": None},
        {"owner": "umbrella"},
        {"policies": ["any"]},
    ],
)
@pytest.mark.parametrize("policies", [[], ["*"]])
def test_an_admin_of_an_owner_lifts_nothing_that_an_operator_set(admin, make_admin, owner, patch, policies):
    tenant = make_admin({"api": "admin", "owner": owner} | ({"policies": policies} if policies else {}))
    limits = {"rate_limits": [{"limit": 1, "period": "day"}], "quotas": [{"limit": 1, "period": "month"}]}
    key = admin.create_key(owner=owner, expires_at=in_an_hour(), **limits)

    assert_forbidden(tenant("PATCH", f"/keys/{key['key_hash']}", patch))
    assert_forbidden(tenant("POST", f"/keys/{key['key_hash']}/reset"))


@pytest.mark.parametrize("policies", [[], ["*"]])
def test_what_an_operator_disabled_stays_disabled(admin, make_admin, owner, policies):
    tenant = make_admin({"api": "admin", "owner": owner} | ({"policies": policies} if policies else {}))
    key = f"/keys/{admin.create_key(owner=owner)['key_hash']}"
    admin("PATCH", key, {"enabled": False})

    assert_forbidden(tenant("PATCH", key, {"enabled": True}), "enabled")
    assert tenant("PATCH", key, {"enabled": False}).status == 200
    assert_forbidden(tenant("PATCH", key, {"enabled": True}), "enabled")


# --- answers that are kept -----------------------------------------------------------------


def test_a_rotation_is_not_answered_again_to_who_has_no_right_any_more(admin, tenant, owner):
    """The answer holds the secret: the key has moved to another owner by now."""
    key = admin.create_key(owner=owner)
    path, headers = f"/keys/{key['key_hash']}/rotate", {"Idempotency-Key": fresh("once")}
    first = tenant("POST", path, NEW_SECRET, headers=headers)
    assert first.status == 200

    admin("PATCH", f"/keys/{key['key_hash']}", {"owner": "umbrella"})
    again = tenant("POST", path, NEW_SECRET, headers=headers)

    assert again.status == 404
    assert first.body["jwt_data"]["secret"] not in again.text


def test_a_creation_is_not_answered_again_once_the_key_administers(admin, make_admin):
    maker = make_admin({"api": "admin", "path": "/keys*"})
    headers = {"Idempotency-Key": fresh("once")}
    made = maker("POST", "/keys", PLAIN, headers=headers).body
    assert maker("POST", "/keys", PLAIN, headers=headers).body == made

    admin("PATCH", f"/keys/{made['key_hash']}", {"grants": ROOT})

    assert_forbidden(maker("POST", "/keys", PLAIN, headers=headers))


def test_a_creation_is_not_answered_again_once_the_key_belongs_to_somebody_else(admin, make_admin, owner, put_policy):
    policy = put_policy(grants=[{"api": "orders"}])
    seller = make_admin({"api": "admin", "owner": owner, "policies": [policy]})
    wanted, headers = {"name": "n", "policies": [policy], **NEW_SECRET}, {"Idempotency-Key": fresh("once")}
    made = seller("POST", "/keys", wanted, headers=headers).body
    assert seller("POST", "/keys", wanted, headers=headers).body == made

    admin("PATCH", f"/keys/{made['key_hash']}", {"owner": "umbrella"})
    again = seller("POST", "/keys", wanted, headers=headers)

    assert_forbidden(again)
    assert made["jwt_data"]["secret"] not in again.text


def test_an_answer_is_not_given_again_once_the_right_is_gone(admin, make_admin):
    maker = make_admin({"api": "admin", "path": "/keys*"})
    headers = {"Idempotency-Key": fresh("once")}
    item = {"items": [{"name": "twin", "grants": [{"api": "admin", "path": "/keys*"}]}]}
    (made,) = maker("POST", "/keys/import", item, headers=headers).body["items"]
    assert made["status"] == 201

    grants = [{"api": "admin", "methods": ["POST"], "path": "/keys*"}]
    admin("PATCH", f"/keys/{hash_of(admin, maker)}", {"grants": grants})
    (again,) = maker("POST", "/keys/import", item, headers=headers).body["items"]

    assert again["status"] == 403
    assert made["key"]["key_id"] not in str(again)


# --- what is read --------------------------------------------------------------------------


def test_an_admin_of_an_owner_reads_no_policy_api_or_issuer_of_others(admin, tenant, put_policy):
    policy = put_policy(grants=[{"api": "orders"}])

    assert tenant("GET", "/policies").body["items"] == []
    assert tenant("GET", f"/policies/{policy}").status == 404
    assert tenant("GET", f"/policies/{policy}/keys").status == 404
    assert tenant("GET", "/issuers").status == 403
    assert tenant("GET", "/audit").status == 403
