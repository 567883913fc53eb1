"""template.yaml and the requirement files keep their promises."""

import json
import re

import pytest

from dev.services import ROOT
from dev.template import Intrinsic, Template

TEMPLATE = Template(ROOT / "template.yaml", {})
REQUIREMENTS = [ROOT / "requirements-dev.txt", *ROOT.glob("*/requirements*.txt")]


def statements(function: str) -> list[dict]:
    """Those that are there whatever the parameters say."""
    found = TEMPLATE.resources[function]["Properties"]["Policies"][0]["Statement"]
    return [one for one in found if not isinstance(one, Intrinsic)]


def actions(function: str) -> set[str]:
    listed = [one["Action"] if isinstance(one["Action"], list) else [one["Action"]] for one in statements(function)]
    return {action for some in listed for action in some}


def dynamodb_statements() -> list[dict]:
    return [one for one in statements("AuthorizerFunction") if "dynamodb:" in str(one["Action"])]


def calls_in(*paths) -> set[str]:
    """The operations of AWS that these sources name."""
    return set(re.findall(r'call\(\s*"(\w+)"', "".join(path.read_text() for path in paths)))


TRANSACTION = {"TransactWriteItems"}  # allowed by the actions of its parts
STORE = [path for path in (ROOT / "store").glob("*.py") if path.name != "boto.py"]  # what the authorizer's zip holds


def test_the_authorizer_may_do_what_it_calls_and_no_more():
    calls = calls_in(*STORE, *(ROOT / "authorizer").glob("*.py"))

    assert {one.partition(":")[2] for one in actions("AuthorizerFunction")} == calls - TRANSACTION


def test_the_admin_function_may_do_what_it_calls_and_no_more():
    calls = calls_in(*(ROOT / "store").rglob("*.py"), *(ROOT / "key_admin").rglob("*.py"))
    in_transactions = {"PutItem", "DeleteItem", "ConditionCheckItem", "UpdateItem"}

    allowed = {one.partition(":")[2] for one in actions("KeyAdminFunction")}

    assert allowed == (calls - TRANSACTION - {"PutEvents"}) | in_transactions


def test_no_statement_allows_a_scan_or_a_wildcard():
    for function in ("AuthorizerFunction", "KeyAdminFunction"):
        assert not any("Scan" in one or "*" in one for one in actions(function))
        assert not any(one["Resource"] == "*" for one in statements(function))


def test_the_authorizer_writes_what_it_counts_and_fetches_and_reads_no_log_no_answer_and_no_list():
    """Each pattern ends one kind of partition; none begins another (`tests/authorizer/test_role.py` plays them)."""
    allowed = {
        one["Action"]: one["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        for one in dynamodb_statements()
    }
    own = ["GATE#*", "IDENTITY#*", "JWKS#*", "OWNER#*"]
    operators = ["API#*", "BLOCK#*", "GATEWAY#*", "ISSUER#*", "KEY#*", "POLICY#*"]

    assert {action: sorted(keys) for action, keys in allowed.items()} == {
        "dynamodb:GetItem": ["GATE#*", "IDENTITY#*"],
        "dynamodb:BatchGetItem": sorted([*own, *operators]),
        "dynamodb:UpdateItem": own,
    }
    assert all(list(one["Condition"]) == ["ForAllValues:StringLike"] for one in dynamodb_statements())


@pytest.mark.parametrize("api", ["DemoRestApi", "DemoHttpApi", "AdminApi"])
def test_no_authorizer_result_is_cached(api):
    authorizers = TEMPLATE.resources[api]["Properties"]["Auth"]["Authorizers"]

    assert [one["Identity"]["ReauthorizeEvery"] for one in authorizers.values()] == [0]


def test_the_table_is_kept_and_recoverable():
    table = TEMPLATE.resources["Table"]

    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    properties = TEMPLATE.properties("Table")
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}


KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"


def test_a_key_of_ones_own_encrypts_table_and_secret_and_is_used_through_them_only():
    """DynamoDB uses the key with the caller's permissions; a function never gets to use it itself.

    What it needs: AWS KMS developer guide, "How Amazon DynamoDB uses AWS KMS"; creating grants is the deployer's.
    """
    needed = {"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"}
    own = Template(
        ROOT / "template.yaml", {"AWS::Region": "eu-west-1", "Table.Arn": "t", "MasterSecret": "s"}, {"KmsKeyArn": KEY}
    )

    assert own.properties("Table")["SSESpecification"]["KMSMasterKeyId"] == KEY
    assert own.properties("MasterSecret")["KmsKeyId"] == KEY
    for function in ("AuthorizerFunction", "KeyAdminFunction"):
        policy = own.resources[function]["Properties"]["Policies"][0]
        *_, last = own.resolve(policy)["Statement"]
        assert (set(last["Action"]), last["Resource"]) == (needed, KEY)
        assert last["Condition"]["StringEquals"]["kms:ViaService"] == [
            "dynamodb.eu-west-1.amazonaws.com",
            "secretsmanager.eu-west-1.amazonaws.com",
        ]


@pytest.mark.parametrize(
    ("parameters", "kinds"),
    [
        (
            {"AlarmEmail": "ops@example.com"},
            {"AWS::SNS::Topic", "AWS::CloudWatch::Alarm", "AWS::Logs::MetricFilter"},
        ),
        ({"Dashboard": "on"}, {"AWS::CloudWatch::Dashboard"}),
        (
            {"AdminDomainName": "keys.example.com", "AdminCertificateArn": "arn:aws:acm:r:1:certificate/1"},
            {"AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::ApiMapping"},
        ),
    ],
)
def test_what_is_optional_is_there_only_when_asked_for(parameters, kinds):
    def types(template):
        return {one["Type"] for one in template.resources.values()}

    assert types(Template(ROOT / "template.yaml", {}, parameters)) - types(TEMPLATE) == kinds


def test_without_demo_apis_nothing_of_them_is_left():
    lean = Template(ROOT / "template.yaml", {}, {"DemoApis": "off"})

    assert not [name for name in lean.resources if name.startswith(("Demo", "Echo"))]
    assert {"AdminApi", "AuthorizerFunction", "KeyAdminFunction", "Table"} <= lean.resources.keys()


def test_every_function_keeps_its_logs_for_a_time():
    groups = [TEMPLATE.resources[name]["Properties"] for name in TEMPLATE.of_type("AWS::Logs::LogGroup")]

    logged = {re.search(r"\$\{(\w+)\}", one["LogGroupName"].argument)[1] for one in groups}

    assert logged == set(TEMPLATE.of_type("AWS::Serverless::Function"))
    assert {one["RetentionInDays"].argument for one in groups} == {"LogRetentionDays"}


def test_alarms_and_dashboard_name_metrics_that_somebody_tells():
    """A metric that nobody emits never alarms."""
    values = {"AWS::Region": "r", "AuthorizerFunction": "f", "KeyAdminFunction": "a", "Table": "t", "AlarmTopic": "o"}
    watched = Template(ROOT / "template.yaml", values, {"AlarmEmail": "a@b", "Dashboard": "on"})
    alarms = [watched.properties(name) for name in watched.of_type("AWS::CloudWatch::Alarm")]
    (dashboard,) = [watched.properties(name) for name in watched.of_type("AWS::CloudWatch::Dashboard")]
    shown = [
        metric
        for one in json.loads(dashboard["DashboardBody"])["widgets"]
        for metric in one["properties"].get("metrics", [])
    ]
    ours = {one["MetricName"] for one in alarms if one["Namespace"] == "Tollgate"}
    ours |= {name for namespace, name, *_ in shown if namespace == "Tollgate"}
    told = set(re.findall(r'"Name": "(\w+)"', (ROOT / "authorizer/log.py").read_text()))

    assert ours == told | {"broken-local"}
    assert all(one["AlarmActions"] == one["OKActions"] == ["o"] for one in alarms)


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_requirement_is_pinned_with_hashes_and_names_no_host(path):
    text = path.read_text()
    entries = re.findall(r"^[A-Za-z].*?(?=^[A-Za-z]|\Z)", text, re.MULTILINE | re.DOTALL)

    assert entries
    assert "://" not in text
    assert all("==" in one and "--hash=sha256:" in one for one in entries)


def test_the_master_secret_of_an_earlier_stack_takes_the_place_of_the_stacks_own():
    """With a restored table alone, the keys of a stack that was deleted stay dead."""
    values = {"AWS::Region": "r", "AWS::AccountId": "1", "Table": "t", "Table.Arn": "t", "MasterSecret": "own"}
    values |= {"AWS::StackId": "a/b/c"}
    earlier = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:earlier"
    own, given = (
        Template(ROOT / "template.yaml", values, parameters) for parameters in ({}, {"MasterSecretArn": earlier})
    )

    for template, secret in ((own, "own"), (given, earlier)):
        for function in ("AuthorizerFunction", "KeyAdminFunction"):
            assert template.properties(function)["Environment"]["Variables"]["MASTER_SECRET_ARN"] == secret
            policy = template.resolve(template.resources[function]["Properties"]["Policies"][0])
            read = [one["Resource"] for one in policy["Statement"] if "secretsmanager:" in str(one["Action"])]
            assert read == [secret]
    assert given.resources["MasterSecret"]["DeletionPolicy"] == "Retain"


def test_how_the_master_secret_is_generated_never_changes():
    """Secrets Manager makes another secret for any change of it, and every stored key is dead."""
    assert TEMPLATE.properties("MasterSecret")["GenerateSecretString"] == {
        "SecretStringTemplate": "{}",
        "GenerateStringKey": "current",
        "PasswordLength": 64,
        "ExcludePunctuation": True,
    }


def test_a_domain_of_ones_own_names_what_a_dns_record_points_at():
    text = (ROOT / "template.yaml").read_text()
    outputs = dict(re.findall(r"^  (\w+):\n    Condition: HasDomain\n.*\n    Value: (.*)$", text, re.MULTILINE))

    assert outputs == {
        "AdminDomainTarget": "!GetAtt AdminDomain.RegionalDomainName",
        "AdminDomainZoneId": "!GetAtt AdminDomain.RegionalHostedZoneId",
    }


def test_a_restored_table_takes_the_place_of_the_stacks_own():
    """Everywhere: a function that may not read it would refuse everybody, an alarm on the other would sleep."""
    values = {"AWS::Region": "r", "AWS::AccountId": "1", "Table": "own", "Table.Arn": "own", "MasterSecret": "s"}
    values |= {"AlarmTopic": "t", "AuthorizerFunction": "f", "KeyAdminFunction": "k", "AWS::StackId": "a/b/c"}
    chosen = {"RestoredTableName": "restored", "AlarmEmail": "a@b", "Dashboard": "on"}
    restored = Template(ROOT / "template.yaml", values, chosen)

    for function in ("AuthorizerFunction", "KeyAdminFunction"):
        assert restored.properties(function)["Environment"]["Variables"]["TABLE_NAME"] == "restored"
        policy = restored.resolve(restored.resources[function]["Properties"]["Policies"][0])
        tables = {one["Resource"] for one in policy["Statement"] if "dynamodb:" in str(one["Action"])}
        assert tables == {"arn:aws:dynamodb:r:1:table/restored"}
    watched = [name for name in restored.resources if name not in {"Table", "AuthorizerFunction", "KeyAdminFunction"}]
    texts = [str(restored.properties(name)) for name in watched if name.startswith(("Table", "Operator"))]
    assert len(texts) == 3
    assert all("restored" in text and "own" not in text for text in texts)
