"""Admins of one owner, in detail: what they give to keys, change, enable, reset and read."""

import uuid

import pytest

from tests.conftest import SECRET, Admin, call, sign

DAY = {"limit": 5, "period": "day"}


def fresh(word):
    return f"{word}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def owner():
    return fresh("acme")


@pytest.fixture
def put_policy(admin):
    def put(**members):
        name = fresh("p")
        answer = admin("PUT", f"/policies/{name}", {"name": "p", "grants": [{"api": "*"}]} | members)
        assert answer.status == 201, answer.text
        return name

    return put


@pytest.fixture
def gold(put_policy):
    return put_policy()


@pytest.fixture
def silver(put_policy):
    return put_policy()


@pytest.fixture
def admin_of(admin, stack, owner):
    """An admin of the owner who may give these policies."""

    def make(*policies, of=owner):
        grant = {"api": "admin", "owner": of} | ({"policies": list(policies)} if policies else {})
        made = admin("POST", "/keys", {"name": "of an owner", "owner": of, "grants": [grant]})
        assert made.status == 201, made.text
        return Admin(stack.admin_url, made.body["key_id"])

    return make


def key(**members):
    return {"name": "n", "jwt_data": {"secret": SECRET}} | members


def path_of(made):
    return f"/keys/{made['key_hash']}"


# --- what is created -----------------------------------------------------------------------


def test_a_new_key_has_exactly_one_policy_of_the_list(admin_of, owner, gold, silver, put_policy):
    """Two policies of a list merge to the best of both, which neither admits."""
    seller = admin_of(gold, silver)

    made = seller("POST", "/keys", key(policies=[gold]))

    assert (made.status, made.body["owner"]) == (201, owner)
    for policies in ([], [gold, silver], [put_policy()], ["nowhere"]):
        refused = seller("POST", "/keys", key(policies=policies, **({} if policies else {"grants": [{"api": "*"}]})))
        assert refused.status == 403, refused.text


def test_any_number_of_policies_without_admin_rights_where_the_list_is_a_star(admin_of, gold, silver, put_policy):
    reseller = admin_of("*")
    administering = put_policy(grants=[{"api": "admin", "methods": ["GET"], "path": "/policies"}], active=False)

    assert reseller("POST", "/keys", key(policies=[gold, silver])).status == 201
    assert reseller("POST", "/keys", key(policies=[administering])).status == 403
    assert reseller("POST", "/keys", key(policies=["nowhere"])).status == 400


def test_what_is_set_at_creation_is_never_changed(admin_of, gold):
    seller = admin_of(gold)
    limits = {"rate_limits": [DAY], "quotas": [DAY], "expires_at": "2097-01-01T00:00:00Z"}

    made = seller("POST", "/keys", key(policies=[gold], **limits))

    assert made.status == 201
    for member in limits:
        assert seller("PATCH", path_of(made.body), {member: None}).status == 403
    assert seller("PATCH", path_of(made.body), limits | {"name": "the same limits"}).status == 200


@pytest.mark.parametrize(
    "members",
    [
        {"grants": [{"api": "orders"}]},
        {"owner": "umbrella"},
        {"rate_limits": [DAY | {"scope": "owner"}]},
        {"quotas": [DAY | {"scope": "owner"}]},
    ],
)
def test_a_new_key_has_no_grants_no_other_owner_and_no_limits_of_the_owner(admin_of, gold, members):
    seller = admin_of(gold)

    single = seller("POST", "/keys", key(policies=[gold], **members))
    imported = seller("POST", "/keys/import", {"items": [key(policies=[gold], **members), key(policies=[gold])]})

    assert single.status == 403
    assert [one["status"] for one in imported.body["items"]] == [403, 201]


def test_without_policies_to_give_keys_are_read_disabled_rotated_and_deleted(admin, admin_of, owner):
    tenant = admin_of()
    mine = admin.create_key(owner=owner)

    assert tenant("GET", path_of(mine)).status == 200
    assert tenant("PATCH", path_of(mine), {"enabled": False}).status == 200
    assert tenant("PATCH", path_of(mine), {"enabled": False, "name": "m"}).status == 403
    assert tenant("PATCH", path_of(mine), {"enabled": True}).status == 200
    assert tenant("POST", f"{path_of(mine)}/rotate", {"jwt_data": {"generate": True}}).status == 200
    assert tenant("POST", f"{path_of(mine)}/reset").status == 403
    assert tenant("DELETE", path_of(mine)).status == 204


# --- what is changed -----------------------------------------------------------------------


def test_below_the_ceiling_names_tags_metadata_and_the_policy_are_changed(admin_of, gold, silver, put_policy):
    seller = admin_of(gold, silver)
    made = seller("POST", "/keys", key(policies=[gold])).body

    patch = {"name": "m", "tags": ["t"], "metadata": {"a": "b"}, "policies": [silver]}
    changed = seller("PATCH", path_of(made), patch)

    assert changed.status == 200
    assert {name: changed.body[name] for name in patch} == patch
    for policies in ([gold, silver], [put_policy()], None):
        answer = seller(
            "PATCH", path_of(made), {"policies": policies, "grants": [{"api": "*"}] if not policies else []}
        )
        assert answer.status == 403, answer.text


@pytest.mark.parametrize("kind", ["own grants", "a policy outside the list", "both"])
def test_what_an_operator_put_above_the_ceiling_is_not_changed(admin, admin_of, owner, gold, put_policy, kind):
    seller, grants = admin_of(gold), [{"api": "*"}]
    made = admin.create_key(
        owner=owner,
        grants=[] if kind == "a policy outside the list" else grants,
        policies=[] if kind == "own grants" else [gold, put_policy()],
    )

    refused = [
        seller("PATCH", path_of(made), {"name": "m"}),
        seller("PATCH", path_of(made), {"policies": [gold], "grants": []}),
        seller("POST", f"{path_of(made)}/reset"),
    ]

    assert [answer.status for answer in refused] == [403] * 3
    assert seller("POST", f"{path_of(made)}/rotate", {"jwt_data": {"generate": True}}).status == 200
    assert seller("PATCH", path_of(made), {"enabled": False}).status == 200


def test_several_policies_that_an_operator_gave_stay_when_the_name_is_changed(admin, admin_of, owner, gold, silver):
    seller = admin_of(gold, silver)
    made = admin.create_key(owner=owner, grants=[], policies=[gold, silver])

    assert seller("PATCH", path_of(made), {"name": "m"}).status == 200
    assert seller("PATCH", path_of(made), {"policies": [silver, gold]}).status == 403
    assert seller("PATCH", path_of(made), {"policies": [silver]}).status == 200


# --- enabled -------------------------------------------------------------------------------


def test_who_disabled_a_key_enables_it(admin, admin_of, owner, stack):
    """One admin of the owner disabled it, another one enables it; an operator always may."""
    first, second = admin_of(), admin_of()
    made = admin.create_key(owner=owner)

    assert first("PATCH", path_of(made), {"enabled": False}).status == 200
    assert call("GET", f"{stack.rest_url}/x", token=sign(made["key_id"])).status == 403
    assert second("PATCH", path_of(made), {"enabled": True}).status == 200
    assert call("GET", f"{stack.rest_url}/x", token=sign(made["key_id"])).status == 200
    first("PATCH", path_of(made), {"enabled": False})
    assert admin("PATCH", path_of(made), {"enabled": True}).body["enabled"] is True


def test_an_operator_who_disables_a_key_keeps_it_disabled_whoever_did_before(admin, admin_of, owner):
    tenant, made = admin_of(), admin.create_key(owner=owner)
    tenant("PATCH", path_of(made), {"enabled": False})
    admin("PATCH", path_of(made), {"name": "renamed meanwhile"})
    assert tenant("PATCH", path_of(made), {"enabled": True}).status == 200
    tenant("PATCH", path_of(made), {"enabled": False})

    admin("PATCH", path_of(made), {"enabled": False})

    assert tenant("PATCH", path_of(made), {"enabled": True}).status == 403
    assert tenant("PATCH", path_of(made), {"enabled": False}).status == 200
    assert tenant("PATCH", path_of(made), {"enabled": True}).status == 403


def test_the_next_owner_does_not_enable_what_the_one_before_disabled(admin, admin_of, owner):
    other = fresh("umbrella")
    tenant, successor, made = admin_of(), admin_of(of=other), admin.create_key(owner=owner)
    tenant("PATCH", path_of(made), {"enabled": False})

    admin("PATCH", path_of(made), {"owner": other})

    assert successor("PATCH", path_of(made), {"enabled": True}).status == 403
    assert tenant("PATCH", path_of(made), {"enabled": True}).status == 404


def test_a_key_that_is_made_disabled_is_enabled_by_its_makers(admin_of, gold):
    seller = admin_of(gold)
    made = seller("POST", "/keys", key(policies=[gold], enabled=False)).body

    assert seller("PATCH", path_of(made), {"enabled": True}).body["enabled"] is True


def test_who_disabled_a_key_is_told_nobody(admin, admin_of, owner):
    tenant, made = admin_of(), admin.create_key(owner=owner)

    assert "disabled_by" not in tenant("PATCH", path_of(made), {"enabled": False}).body
    entries = admin("GET", f"/audit?key_hash={made['key_hash']}&limit=200").body["items"]
    assert entries[-1]["fields"] == ["enabled"]


# --- reset ---------------------------------------------------------------------------------


def test_a_reset_leaves_the_limits_of_the_owner_alone(admin, admin_of, owner, put_policy, stack):
    policy = put_policy(quotas=[DAY, DAY | {"name": "all", "scope": "owner"}])
    seller = admin_of(policy)
    made = seller("POST", "/keys", key(policies=[policy])).body
    assert call("GET", f"{stack.rest_url}/x", token=sign(made["key_id"])).status == 200

    reset = seller("POST", f"{path_of(made)}/reset")
    shared = seller("POST", f"{path_of(made)}/reset", {"scope": "owner"})

    assert {one["name"]: one["used"] for one in reset.body["effective"]["quotas"]} == {"default": 0, "all": 1}
    assert shared.status == 403
    assert admin("POST", f"{path_of(made)}/reset", {"scope": "owner"}).status == 200


# --- what is read --------------------------------------------------------------------------


def test_the_policies_of_the_list_are_read_and_no_others(admin_of, gold, silver, put_policy):
    administering = put_policy(grants=[{"api": "admin"}])
    seller, reseller = admin_of(gold, "nowhere", administering), admin_of("*")

    assert [one["policy_id"] for one in seller("GET", "/policies").body["items"]] == [gold]
    assert seller("GET", f"/policies/{silver}").status == 404
    assert seller("GET", f"/policies/{administering}").status == 404
    assert {reseller("GET", f"/policies/{one}").status for one in (gold, silver)} == {200}
    assert reseller("GET", f"/policies/{administering}").status == 404


def test_a_list_that_is_read_in_part_has_pages_all_the_same(admin_of, put_policy):
    given = sorted(put_policy() for _ in range(5))
    seller = admin_of(*given)
    found, cursor = [], ""

    while cursor is not None:
        page = seller("GET", f"/policies?limit=2&cursor={cursor}").body
        assert len(page["items"]) <= 2
        found += [one["policy_id"] for one in page["items"]]
        cursor = page["next"]

    assert found == given


def test_the_apis_that_the_policies_grant_are_read_and_no_others(admin, admin_of, put_policy):
    by_id, by_gateway, other = fresh("api"), fresh("api"), fresh("api")
    stage = uuid.uuid4().hex[:10]
    admin("PUT", f"/apis/{by_id}", {"name": "a"})
    admin("PUT", f"/apis/{by_gateway}", {"name": "a", "gateways": [f"{stage}/prod"]})
    admin("PUT", f"/apis/{other}", {"name": "a", "gateways": [f"{stage}x/prod"]})
    seller = admin_of(put_policy(grants=[{"api": by_id}]), put_policy(grants=[{"api": f"{stage}/*"}]))
    buyer = admin_of(put_policy(grants=[{"api": "*"}]))

    assert {one["api_id"] for one in seller("GET", "/apis").body["items"]} == {by_id, by_gateway}
    assert [seller("GET", f"/apis/{one}").status for one in (by_id, by_gateway, other)] == [200, 200, 404]
    assert {buyer("GET", f"/apis/{one}").status for one in (by_id, by_gateway, other)} == {200}
    for api in (by_id, by_gateway, other):
        admin("DELETE", f"/apis/{api}")


def test_lists_and_look_ups_show_the_owners_keys_alone(admin, admin_of, owner, gold):
    seller = admin_of(gold)
    foreign = admin.create_key(owner="umbrella", policies=[gold])
    own = seller("POST", "/keys", key(policies=[gold])).body

    assert {one["owner"] for one in seller("GET", "/keys").body["items"]} == {owner}
    assert seller("GET", "/keys?owner=umbrella").body["items"] == []
    assert [one["key_hash"] for one in seller("GET", f"/policies/{gold}/keys").body["items"]] == [own["key_hash"]]
    assert seller("POST", "/keys/lookup", {"key_id": foreign["key_id"]}).status == 404


def test_an_answer_that_is_kept_for_one_caller_is_not_given_another(admin, admin_of, gold):
    headers, wanted = {"Idempotency-Key": uuid.uuid4().hex}, key(policies=[gold])
    mine = admin("POST", "/keys", wanted, headers=headers).body

    theirs = admin_of(gold)("POST", "/keys", wanted, headers=headers)

    assert theirs.status == 201
    assert theirs.body["key_hash"] != mine["key_hash"]


# --- the grant itself ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grant", "field"),
    [
        ({"api": "admin", "policies": ["gold"]}, "grants.0"),
        ({"api": "admin", "owner": "", "policies": ["gold"]}, "grants.0.owner"),
        ({"api": "admin", "owner": ""}, "grants.0.owner"),
        ({"api": "orders", "owner": "acme", "policies": ["gold"]}, "grants.0"),
        ({"api": "admin", "owner": "acme", "policies": ["*", "gold"]}, "grants.0.policies"),
        ({"api": "admin", "owner": "acme", "policies": ["a b"]}, "grants.0.policies.0"),
        ({"api": "admin", "owner": "acme", "policies": [f"p{number}" for number in range(21)]}, "grants.0.policies"),
    ],
)
def test_policies_to_give_belong_to_an_owner(admin, grant, field):
    answer = admin("POST", "/keys", {"name": "n", "grants": [grant]})

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, field)


def test_policies_to_give_are_shown_and_kept_by_a_patch(admin):
    grant = {"api": "admin", "methods": ["*"], "path": "/*", "cost": 1, "owner": "acme", "policies": ["gold", "silver"]}
    made = admin("POST", "/keys", {"name": "n", "grants": [grant]}).body

    changed = admin("PATCH", path_of(made), {"name": "m"})

    assert made["grants"] == changed.body["grants"] == [grant]
