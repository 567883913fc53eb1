"""What the role of template.yaml lets the authorizer touch: what it calls, and no record of an operator.

A fault in the authorizer can spoil what it counts; it can make no key, no policy and no admin.
"""

import pytest

from access.apis import ApiDefinition
from access.decisions import Allow, Deny, Reason
from access.gate import DAY_MS
from access.grants import Grant
from access.issuers import Issuer
from access.keys import Counting, IdentityRecord, Policy
from access.limits import OWNER, Quota, RateLimit
from authorizer.authorize import authorize
from authorizer.events import read_event
from authorizer.memory import FLUSH_MS
from authorizer.providers import REFRESH_SECONDS
from store.admin.identities import IdentityStore
from store.admin.keys import KeyFilter, KeyStore
from store.admin.records import ApiStore, IssuerStore, PolicyStore
from store.admin.transactions import Attached, Table
from store.issuers import fetch_key_set, issuer_to_item, key_set_to_item
from store.table import key_of, key_to_item
from tests.authorizer.bench import ROLE, Bench
from tests.conftest import sign
from tests.key_admin.provider import Provider
from tests.roles import AccessDeniedError, RoleClient, accesses_of

EVERYTHING = (Grant("*"),)
OPERATORS = ("KEY", "BLOCK", "POLICY", "API", "GATEWAY", "ISSUER", "AUDIT", "IDEMPOTENCY", "INDEX")  # wrote these
OWN = ("GATE", "OWNER", "IDENTITY", "JWKS")


@pytest.fixture
def provider():
    with Provider() as running:
        yield running
        running.shutdown()


def outside(bench: Bench, provider: Provider) -> None:
    """An API, known by a gateway and by its name, that takes the tokens of a provider."""
    scopes = {"scope_claim": "scope", "scope_policies": {"free": "free"}}
    issuer = Issuer("idp", 1, 0, 0, provider.url, any_audience=True, default_policies=("person",), **scopes)
    shared = Table(bench.boto, bench.table)
    copy = shared.put(key_set_to_item(issuer, fetch_key_set(issuer, now=bench.now_ms // 1000)))
    IssuerStore(shared).put(None, issuer, Attached(beside=copy))
    ApiStore(shared).put(None, ApiDefinition("orders", 1, "orders", 1, 1, gateways=("api/*",), issuers=("idp",)))
    bench.policy("person", grants=EVERYTHING, quotas=(Quota(3, "day"),))
    bench.policy("free", grants=EVERYTHING)


def play_everything(bench: Bench, provider: Provider) -> set[object]:
    """Every kind of call that the authorizer makes; the outcomes."""
    outside(bench, provider)
    bench.policy("told", grants=EVERYTHING, quotas=(Quota(2, "day"),), thresholds=(50, 100))
    bench.policy("hot", grants=EVERYTHING, quotas=(Quota(90, "day"),), counting=Counting(max_staleness_ms=1000))
    shared = {"owner": "acme", "rate_limits": (RateLimit(2, "1s", scope=OWNER),)}
    outcomes: set[object] = set()

    def ask(token: str = "", times: int = 1) -> None:
        for _ in range(times):
            decision = bench.request(token=token)
            outcomes.add(decision.reason if isinstance(decision, Deny) else Allow)

    for members in ({}, {"quotas": (Quota(2, "day"),)}, {"policies": ("told",)}, {"policies": ("hot",)}, shared):
        bench.key(**members)
        ask(times=4)
        bench.now_ms += FLUSH_MS
        ask()
        bench.now_ms += DAY_MS
        ask(times=2)
    ask(provider.token(exp=bench.now_ms // 1000 + 60), times=4)
    ask(provider.token("eve", exp=bench.now_ms // 1000 + 60, scope="free"), times=4)
    bench.now_ms += REFRESH_SECONDS * 1000
    ask(provider.token(exp=bench.now_ms // 1000 + 60))
    provider.fault = "down"
    bench.now_ms += REFRESH_SECONDS * 1000
    ask(provider.token("grace", exp=bench.now_ms // 1000 + 60))
    ask(sign("nobody-has-this-id", exp=bench.now_ms // 1000 + 60))
    bench.key(grants=(Grant("orders"),))
    outcomes.add(type(authorize(named_event(bench), bench.environment, now_ms=bench.now_ms).decision))
    return outcomes


def named_event(bench: Bench):
    event = {
        "version": "2.0",
        "routeArn": "arn:aws:execute-api:us-east-1:1:other/$default/GET/x",
        "headers": {"authorization": bench.request_token()},
        "stageVariables": {"tollgateApi": "orders"},
    }
    return read_event(event)


def test_everything_that_the_authorizer_does_its_role_allows_and_allows_no_more(bench, provider):
    """Each action, on each kind of partition: a pattern that nothing needs would be an open door."""
    outcomes = play_everything(bench, provider)

    made = {(one.action, key.partition("#")[0]) for one in bench.as_authorizer.made for key in one.leading_keys}
    actions = ("GetItem", "BatchGetItem", "UpdateItem", "PutItem", "DeleteItem", "Query", "ConditionCheckItem", "Scan")
    allowed = {(action, pattern.partition("#")[0]) for action in actions for pattern in ROLE.patterns(action)}
    assert made == allowed
    assert outcomes >= {Allow, Reason.QUOTA_EXHAUSTED, Reason.RATE_LIMITED, Reason.UNKNOWN_KEY}


def test_the_authorizer_writes_only_what_is_its_own():
    assert ROLE.patterns("UpdateItem") == {f"{kind}#*" for kind in OWN}
    for action in ("PutItem", "DeleteItem", "ConditionCheckItem", "Query", "Scan"):
        assert ROLE.patterns(action) == set()


@pytest.mark.parametrize("kind", OPERATORS)
@pytest.mark.parametrize("operation", ["UpdateItem", "PutItem", "DeleteItem", "TransactWriteItems"])
def test_a_write_to_what_an_operator_stored_is_refused(bench, kind, operation):
    """Alone, and in one transaction with a write that is allowed."""
    key = key_of(f"{kind}#x", "RECORD")
    write = {"TableName": bench.table, "Key": key, "UpdateExpression": "SET a = :a"}
    request = write | {"ExpressionAttributeValues": {":a": {"S": "x"}}}
    if operation == "PutItem":
        request = {"TableName": bench.table, "Item": key}
    elif operation == "TransactWriteItems":
        own = request | {"Key": key_of("GATE#x", "GATE")}
        request = {"TransactItems": [{"Update": own}, {"Update": request}]}

    with pytest.raises(AccessDeniedError):
        bench.as_authorizer.call(operation, request)


def test_an_authorizer_that_wrote_as_an_operator_does_would_change_nothing(bench):
    """By the stores' own code, on records that exist."""
    record = bench.key()
    own_role = Table(RoleClient(bench.boto, ROLE), bench.table)
    grown = record._replace(version=2, grants=(Grant("admin"),))
    issuer = Issuer("idp", 1, 0, 0, "https://idp.example", default_policies=("p",))
    unsaid = IdentityRecord.default("i")
    attempts = (
        lambda: KeyStore(own_role).update(record, grown),
        lambda: KeyStore(own_role).delete(record),
        lambda: own_role.write("PutItem", {"TableName": bench.table, "Item": key_to_item(grown)}),
        lambda: PolicyStore(own_role).put(None, Policy("p", 1, "p", 1, 1, grants=(Grant("admin"),))),
        lambda: ApiStore(own_role).put(None, ApiDefinition("a", 1, "a", 1, 1)),
        lambda: IssuerStore(own_role).put(None, issuer),
        lambda: own_role.write("PutItem", {"TableName": bench.table, "Item": issuer_to_item(issuer)}),
        lambda: IdentityStore(own_role).update(unsaid, unsaid._replace(version=2, enabled=False)),
        lambda: own_role.sorts("INDEX#KEYS", limit=1),
    )

    for attempt in attempts:
        with pytest.raises(AccessDeniedError):
            attempt()

    assert bench.keys.page(KeyFilter(), limit=9, cursor=None).items == (record,)


@pytest.mark.parametrize("partition", ["AUDIT#2026-01", "IDEMPOTENCY#x", "INDEX#KEYS", "KEY", "key#x", "XGATE#x"])
def test_a_read_of_what_the_authorizer_does_not_need_is_refused(bench, partition):
    """One such key among others in a batch is enough."""
    keys = [key_of("GATE#x", "GATE"), key_of(partition, "RECORD")]

    with pytest.raises(AccessDeniedError):
        bench.as_authorizer.call("BatchGetItem", {"RequestItems": {bench.table: {"Keys": keys}}})
    with pytest.raises(AccessDeniedError):
        bench.as_authorizer.call("GetItem", {"TableName": bench.table, "Key": keys[1]})


def test_the_checker_understands_every_operation_that_the_stores_use(bench):
    """It names the partitions of each part; what it does not know it does not let pass."""
    key = key_of("KEY#x", "RECORD")
    update, put = {"TableName": "t", "Key": key}, {"TableName": "t", "Item": key | {"a": {"S": "b"}}}
    parts = [{"Update": update}, {"Put": put}, {"Delete": update}, {"ConditionCheck": update}]

    found = list(accesses_of("TransactWriteItems", {"TransactItems": parts}))

    assert [one.action for one in found] == ["UpdateItem", "PutItem", "DeleteItem", "ConditionCheckItem"]
    assert {one.leading_keys for one in found} == {frozenset({"KEY#x"})}
    with pytest.raises(KeyError):
        list(accesses_of("Scan", {"TableName": "t"}))
