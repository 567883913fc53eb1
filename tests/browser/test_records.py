"""Policies, APIs, audit, and why a request is refused."""

import uuid

import pytest

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def policy(admin):
    policy_id = f"plan-{uuid.uuid4().hex[:8]}"
    body = {"name": "Plan", "grants": [{"api": "*"}], "rate_limits": [{"limit": 10, "period": "1s"}]}
    assert admin("PUT", f"/policies/{policy_id}", body).status == 201
    return policy_id


def test_a_policy_is_added(operator, admin):
    policy_id = f"plan-{uuid.uuid4().hex[:8]}"
    operator.open("#/policies/new")
    page = operator.page
    page.get_by_label("Id", exact=True).fill(policy_id)
    page.get_by_role("button", name="Add a grant").click()
    page.get_by_role("button", name="Add a quota").click()
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name=policy_id, level=1)).to_be_visible()
    saved = admin("GET", f"/policies/{policy_id}").body
    assert [(quota["limit"], quota["period"]) for quota in saved["quotas"]] == [(10000, "month")]


def test_the_effect_of_an_edit_is_seen_before_it_is_saved(operator, policy, admin):
    admin.create_key(name="first of the plan", policies=[policy], grants=[])
    admin.create_key(name="second of the plan", policies=[policy], grants=[])
    operator.open(f"#/policies/{policy}")
    page = operator.page
    expect(page.get_by_role("link", name="2 keys")).to_be_visible()

    page.get_by_label("Requests").fill("20")

    expect(page.get_by_text("Saving this changes 2 keys:")).to_be_visible()
    expect(page.get_by_text("10 in any second → 20 in any second")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saving this changes")).to_be_hidden()
    assert admin("GET", f"/policies/{policy}").body["rate_limits"][0]["limit"] == 20


def test_two_operators_who_edit_one_policy_lose_nothing(operator, policy, admin):
    operator.open(f"#/policies/{policy}")
    page = operator.page
    page.get_by_label("Requests").fill("20")
    theirs = {"name": "Their plan", "grants": [{"api": "*"}], "rate_limits": [{"limit": 30, "period": "1s"}]}
    assert admin("PUT", f"/policies/{policy}", theirs).status == 200

    page.get_by_role("button", name="Save").click()

    dialog = page.get_by_role("dialog", name="Somebody changed this meanwhile")
    expect(dialog).to_contain_text("Their other changes (name) stay.")
    dialog.get_by_role("button", name="Save this").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("Name", exact=True).first).to_have_value("Their plan")
    saved = admin("GET", f"/policies/{policy}").body
    assert (saved["name"], saved["rate_limits"][0]["limit"]) == ("Their plan", 20)


def test_a_policy_in_use_is_not_deleted(operator, policy, admin):
    admin.create_key(name="holds the plan", policies=[policy], grants=[])
    operator.open(f"#/policies/{policy}")
    page = operator.page
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete this policy?")
    dialog.get_by_role("textbox").fill(policy)
    dialog.get_by_role("button", name="Delete").click()

    expect(page.locator(".toast.problem")).to_be_visible()
    assert admin("GET", f"/policies/{policy}").status == 200


def test_an_api_is_added_and_says_who_may_call_it(operator, admin):
    api_id = f"api-{uuid.uuid4().hex[:8]}"
    operator.open("#/apis/new")
    page = operator.page
    page.get_by_label("Id", exact=True).fill(api_id)
    page.get_by_label("Gateways").fill(f"{uuid.uuid4().hex[:10]}/prod")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name=api_id, level=1)).to_be_visible()
    expect(page.get_by_role("heading", name="Who may call it")).to_be_visible()
    assert admin("GET", f"/apis/{api_id}").status == 200


def test_the_audit_log_names_a_change_and_is_verified(operator, policy):
    operator.open(f"#/audit?resource=/policies/{policy}")
    page = operator.page

    expect(page.get_by_role("cell", name="policy.create")).to_be_visible()
    page.get_by_role("button", name="Verify this time").click()
    expect(page.get_by_text("none was changed, none is missing")).to_be_visible(timeout=20_000)


def test_a_call_is_tried_and_the_refusal_explained(operator, admin):
    key = admin.create_key(name="may read orders", grants=[{"api": "orders", "methods": ["GET"]}])
    operator.open(f"#/keys/{key['key_hash']}")
    page = operator.page
    page.get_by_text("Try a call").click()
    page.get_by_label("Method", exact=True).select_option("POST")
    page.get_by_label("API", exact=True).fill("orders")
    page.get_by_role("button", name="Explain").click()

    expect(page.get_by_text("It would be refused")).to_be_visible()
    expect(page.get_by_text("not_granted")).to_be_visible()
