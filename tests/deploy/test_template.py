"""template.yaml and the requirement files keep their promises."""

import re

import pytest

from dev.services import ROOT
from dev.template import Template

TEMPLATE = Template(ROOT / "template.yaml", {})
REQUIREMENTS = [ROOT / "requirements-dev.txt", *ROOT.glob("*/requirements*.txt")]


def actions(function: str) -> set[str]:
    statements = TEMPLATE.resources[function]["Properties"]["Policies"][0]["Statement"]
    listed = [one["Action"] if isinstance(one["Action"], list) else [one["Action"]] for one in statements]
    return {action for some in listed for action in some}


def test_each_function_may_do_what_it_does_and_no_more():
    assert actions("AuthorizerFunction") == {
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "events:PutEvents",
        "secretsmanager:GetSecretValue",
    }
    assert not any(
        "Scan" in one or "*" in one
        for function in ("AuthorizerFunction", "KeyAdminFunction")
        for one in actions(function)
    )


def test_the_actions_are_those_that_the_code_calls():
    calls = set(re.findall(r'call\(\s*"(\w+)"', "".join(path.read_text() for path in (ROOT / "store").rglob("*.py"))))
    transaction = {"TransactWriteItems"}  # allowed by the actions of its parts
    in_transactions = {"PutItem", "DeleteItem", "ConditionCheckItem", "UpdateItem"}

    allowed = {one.partition(":")[2] for one in actions("KeyAdminFunction")}

    assert allowed == (calls - transaction - {"PutEvents"}) | in_transactions


def test_the_authorizer_reads_no_audit_and_writes_no_policy():
    statements = TEMPLATE.resources["AuthorizerFunction"]["Properties"]["Policies"][0]["Statement"]
    allowed = {
        str(one["Action"]): one["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        for one in statements
        if "dynamodb:" in str(one["Action"])
    }
    update = allowed.pop("dynamodb:UpdateItem")
    (read,) = allowed.values()

    assert {key.partition("#")[0] for key in update} == {"KEY", "ISSUER", "OWNER", "IDENTITY"}
    assert {key.partition("#")[0] for key in read} - {key.partition("#")[0] for key in update} == {
        "POLICY",
        "API",
        "GATEWAY",
    }


@pytest.mark.parametrize("api", ["DemoRestApi", "DemoHttpApi", "AdminApi"])
def test_no_authorizer_result_is_cached(api):
    authorizers = TEMPLATE.resources[api]["Properties"]["Auth"]["Authorizers"]

    assert [one["Identity"]["ReauthorizeEvery"] for one in authorizers.values()] == [0]


def test_the_table_is_kept_and_recoverable():
    table = TEMPLATE.resources["Table"]

    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["Properties"]["SSESpecification"] == {"SSEEnabled": True}


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_requirement_is_pinned_with_hashes_and_names_no_host(path):
    text = path.read_text()
    entries = re.findall(r"^[A-Za-z].*?(?=^[A-Za-z]|\Z)", text, re.MULTILINE | re.DOTALL)

    assert entries
    assert "://" not in text
    assert all("==" in one and "--hash=sha256:" in one for one in entries)
