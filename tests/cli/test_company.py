"""A company's keys as code, against a running stack: from nothing, through edits and drift, to removal.

The tests of this module run in their order, on one stack, as an operator would go on.
"""

import json
import shutil
from collections import Counter

import pytest

from tests.cli.conftest import edit
from tests.conftest import call


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("keys") / "company"


@pytest.fixture
def company(folder, company):
    """One copy of the example for the whole module."""
    if not folder.exists():
        shutil.copytree(company, folder)
    return folder


def keys_of(operator):
    keys, cursor = [], ""
    while cursor is not None:
        page = operator(
            "GET", f"/keys?limit=200&label=tollgate.project:company{f'&cursor={cursor}' if cursor else ''}"
        ).body
        keys, cursor = [*keys, *page["items"]], page["next"]
    return {key["labels"]["tollgate.key"]: key for key in keys}


def test_a_plan_of_an_empty_stack_makes_everything_and_sends_nothing(tollgate, operator, company):
    ended = tollgate("plan", company)

    assert ended.code == 2, ended.err
    assert "Plan: 208 to make, 0 to change, 0 to remove" in ended.out
    assert keys_of(operator) == {}
    assert operator("GET", "/policies").body["items"] == []


def test_apply_makes_two_teams_three_plans_four_apis_one_issuer_and_200_keys(tollgate, operator, company):
    ended = tollgate("apply", "--yes", company)

    assert ended.code == 0, ended.err
    assert "All 208 changes are made." in ended.err
    keys = keys_of(operator)
    assert Counter(key["owner"] for key in keys.values()) == {"storefront": 100, "payments": 100}
    assert len(operator("GET", "/policies").body["items"]) == 3
    assert len(operator("GET", "/apis").body["items"]) == 4
    assert [issuer["issuer_id"] for issuer in operator("GET", "/issuers").body["items"]] == ["staff"]
    assert all("tollgate.pending" not in key["labels"] for key in keys.values())


def test_a_second_apply_changes_nothing(tollgate, operator, company):
    before = keys_of(operator)

    ended = tollgate("apply", "--yes", company)

    assert (ended.code, keys_of(operator)) == (0, before)
    assert "No changes: 208 records" in ended.out
    assert tollgate("plan", company).code == 0


def test_what_was_made_is_in_its_place_and_works(tollgate, empty, company):
    opaque = json.loads((company / "secrets/shop-001.json").read_text())
    token = tollgate("sign", "--from", f"file:{company}/secrets/partner-012.json", "--audience", "payments").out.strip()

    assert call("GET", f"{empty.rest_url}/x", token=opaque["key_id"]).body["error"] == "not_granted", (
        "its API is another"
    )
    assert call("GET", f"{empty.rest_url}/x", token=token).body["error"] == "not_granted"
    assert (company / "secrets/shop-001.json").stat().st_mode & 0o077 == 0


def test_a_private_key_never_leaves_the_machine(operator, company):
    made = json.loads((company / "secrets/partner-012.json").read_text())

    assert "PRIVATE KEY" in made["jwt_data"]["private_key"]
    assert "PRIVATE KEY" not in str(keys_of(operator))


def test_an_edit_on_the_dashboard_shows_as_drift_and_is_mended(tollgate, operator, company):
    key = keys_of(operator)["shop-004"]
    operator("PATCH", f"/keys/{key['key_hash']}", {"tags": ["till", "edited"], "enabled": False})
    gold = operator("GET", "/policies/gold").body
    operator("PUT", "/policies/gold", {"name": "Gold", "grants": gold["grants"], "labels": gold["labels"]})

    ended = tollgate("plan", company)

    assert ended.code == 2
    assert "~ key shop-004  keys/storefront.yaml:7  (accepted again)" in ended.out
    assert "~ tags: [till, edited] -> [till]" in ended.out
    assert "~ policy gold  policies.yaml:22  (35 keys: get other limits)" in ended.out
    assert "+ {limit: 100, period: second}" in ended.out
    assert "Plan: 0 to make, 2 to change, 0 to remove" in ended.out
    assert tollgate("apply", "--yes", company).code == 0
    assert keys_of(operator)["shop-004"]["enabled"]
    assert tollgate("plan", company).code == 0


def test_new_material_is_a_rotation_with_a_grace(tollgate, operator, company):
    before = keys_of(operator)["partner-001"]
    other = (company / "keys/payments.yaml").read_text().split("    jwt_data:\n")[2].split("  partner-003")[0]
    text = (company / "keys/payments.yaml").read_text()
    first = text.split("    jwt_data:\n")[1].split("  partner-002")[0]
    (company / "keys/payments.yaml").write_text(text.replace(first, other, 1))

    ended = tollgate("plan", company)

    assert "~ key partner-001 is rotated" in ended.out
    assert "older material verifies for 3600 s more" in ended.out
    assert tollgate("apply", "--yes", company).code == 0
    after = keys_of(operator)["partner-001"]
    assert [credential["thumbprint"] for credential in after["credentials"]][1] == before["credentials"][0][
        "thumbprint"
    ]
    assert tollgate("plan", company).code == 0


def test_rules_for_tokens_change_without_new_material(tollgate, operator, company):
    before = keys_of(operator)["partner-012"]
    edit(
        company / "keys/payments.yaml",
        "  partner-012:\n    owner: payments\n    policies: [gold]\n    jwt_data: {algorithm: ES256, audience: payments,",
        "  partner-012:\n    owner: payments\n    policies: [gold]\n    jwt_data: {algorithm: ES256, audience: charges,",
    )

    assert "~ jwt_data.audience: [payments] -> [charges]" in tollgate("plan", company).out
    assert tollgate("apply", "--yes", company).code == 0

    after = keys_of(operator)["partner-012"]
    assert after["token_rules"]["audience"] == ["charges"]
    assert [credential["thumbprint"] for credential in after["credentials"]] == [before["credentials"][0]["thumbprint"]]
    assert tollgate("plan", company).code == 0


def test_a_plan_in_a_file_is_applied_as_it_was_shown(tollgate, operator, company, tmp_path):
    edit(company / "policies.yaml", "name: Silver\n", "name: Silver plan\n")
    kept = tmp_path / "company.plan"
    assert tollgate("plan", company, "--out", kept).code == 2
    edit(company / "policies.yaml", "name: Silver plan\n", "name: Something else\n")

    ended = tollgate("apply", "--yes", kept)

    assert ended.code == 0, ended.err
    assert operator("GET", "/policies/silver").body["name"] == "Silver plan"
    edit(company / "policies.yaml", "name: Something else\n", "name: Silver plan\n")


def test_a_plan_that_was_overtaken_is_refused_item_by_item(tollgate, operator, company, tmp_path):
    edit(company / "policies.yaml", "name: Silver plan\n", "name: Silver\n")
    edit(company / "policies.yaml", "name: Bronze\n", "name: Bronze plan\n")
    kept = tmp_path / "company.plan"
    tollgate("plan", company, "--out", kept)
    silver = operator("GET", "/policies/silver").body
    members = ("grants", "rate_limits", "quotas", "labels", "thresholds")
    operator("PUT", "/policies/silver", {"name": "Edited"} | {name: silver[name] for name in members})

    ended = tollgate("apply", "--yes", kept)

    assert ended.code == 8
    assert "policies.yaml:12: update policy silver: " in ended.err
    assert "1 of 2 changes are made." in ended.err
    assert "Run the same command again to go on" in ended.err
    assert operator("GET", "/policies/silver").body["name"] == "Edited"
    assert operator("GET", "/policies/bronze").body["name"] == "Bronze plan"
    assert tollgate("apply", "--yes", company).code == 0


def test_export_and_apply_change_nothing(tollgate, operator, company, tmp_path):
    before = keys_of(operator)

    ended = tollgate("export", tmp_path / "exported", "--project", "company")

    assert ended.code == 0, ended.err
    plan = tollgate("plan", tmp_path / "exported")
    assert plan.code == 0, plan.out
    assert tollgate("apply", "--yes", tmp_path / "exported").code == 0
    assert keys_of(operator) == before


def test_what_the_files_no_longer_have_goes_with_prune_alone(tollgate, operator, company):
    """And nothing else goes: neither what others made, nor what the files still have."""
    operator("PUT", "/policies/elsewhere", {"name": "e", "grants": [{"api": "*"}]})
    others = operator("POST", "/keys", {"name": "other", "policies": ["elsewhere"]}).body["key_hash"]
    before = keys_of(operator)
    edit(company / "keys/storefront.yaml", "  shop-007: {owner: storefront, policies: [silver], tags: [till]}\n", "")
    edit(company / "apis.yaml", "  products: {name: Products, gateways: [b2c3d4e5f6/prod]}\n", "")

    kept = tollgate("plan", company)
    pruning = tollgate("plan", "--prune", company)

    assert kept.code == 0
    assert "2 records of this project" in kept.out
    assert "- key shop-007  (refused from its next request on)" in pruning.out
    assert "- api products  (201 keys may call it, by the defaults from then on)" in pruning.out
    assert tollgate("apply", "--yes", "--prune", company).code == 0
    assert before.keys() - keys_of(operator).keys() == {"shop-007"}
    assert operator("GET", "/apis/products").status == 404
    assert operator("GET", f"/keys/{others}").status == 200
    assert operator("GET", "/policies/elsewhere").status == 200
    assert tollgate("plan", "--prune", company).code == 0


def test_a_policy_goes_after_the_keys_that_used_it(tollgate, operator, company):
    text = (company / "keys/storefront.yaml").read_text().replace("policies: [bronze]", "policies: [silver]")
    (company / "keys/storefront.yaml").write_text(text)
    bronze = (company / "policies.yaml").read_text()
    (company / "policies.yaml").write_text(bronze[: bronze.index("  bronze:")] + bronze[bronze.index("  silver:") :])
    edit(company / "issuers.yaml", "default_policies: [bronze]", "default_policies: [silver]")

    ended = tollgate("apply", "--yes", "--prune", company)

    assert ended.code == 0, ended.err
    assert operator("GET", "/policies/bronze").status == 404


def test_a_policy_that_is_named_must_be_somewhere(tollgate, company):
    edit(
        company / "keys/storefront.yaml",
        "  shop-010: {owner: storefront, policies: [gold]",
        "  shop-010: {owner: storefront, policies: [platinum]",
    )

    ended = tollgate("apply", "--yes", company)

    assert ended.code == 3
    assert (
        "keys/storefront.yaml:12: keys.shop-010: names the policy platinum, which is neither here nor on the server"
        in ended.err
    )
    assert "nothing was sent" in ended.err


def test_two_projects_do_not_take_each_others_records(tollgate, company, tmp_path):
    rival = tmp_path / "rival"
    rival.mkdir()
    (rival / "tollgate.yaml").write_text("project: rival\npolicies:\n  gold: {name: Mine, grants: [{api: '*'}]}\n")

    ended = tollgate("apply", "--yes", rival)

    assert ended.code == 3
    assert "tollgate.yaml:3: policies.gold: belongs to the project company" in ended.err


def test_what_was_there_before_is_kept_up_to_date_and_adopted_on_request(tollgate, operator, tmp_path):
    operator("PUT", "/policies/old", {"name": "Old", "grants": [{"api": "*"}]})
    (tmp_path / "x").mkdir()
    (tmp_path / "x/tollgate.yaml").write_text("project: x\npolicies:\n  old: {name: New, grants: [{api: '*'}]}\n")

    assert tollgate("apply", "--yes", tmp_path / "x").code == 0
    kept = operator("GET", "/policies/old").body
    plan = tollgate("plan", "--adopt", tmp_path / "x")
    assert tollgate("apply", "--yes", "--adopt", tmp_path / "x").code == 0

    assert (kept["name"], kept["labels"]) == ("New", {})
    assert "labels.tollgate.project: none -> x" in plan.out
    assert operator("GET", "/policies/old").body["labels"] == {"tollgate.project": "x"}
