"""Faults on the wire between the authorizer and DynamoDB, each at each call: never one too many."""

import pytest

from access.decisions import Allow
from access.grants import Grant
from access.limits import KEY, OWNER, Quota
from authorizer.authorize import UndecidedError
from authorizer.environment import Environment
from authorizer.thresholds import ANNOUNCE_SECONDS
from dev.services import ROOT
from dev.template import Template
from store.errors import StoreError
from store.lean import REQUEST_SECONDS, Budget, LeanClient
from tests.authorizer.bench import KEYRING
from tests.authorizer.wire import wire_to

LIMIT = 3


@pytest.mark.parametrize("times", [1, 9])
@pytest.mark.parametrize("fault", ["throttled", "broken", "cut before", "cut after", "truncated", "late"])
@pytest.mark.parametrize(
    ("operation", "spared", "scope"),
    [
        ("BatchGetItem", 0, KEY),  # the API definition
        ("BatchGetItem", 1, KEY),  # record and gate
        ("UpdateItem", 0, KEY),
        ("BatchGetItem", 2, OWNER),  # the gates
        ("TransactWriteItems", 0, OWNER),
    ],
)
def test_a_fault_at_any_call_never_admits_one_too_many(bench, services, operation, spared, scope, fault, times):
    limit = Quota(LIMIT, "day", scope=scope)
    record = bench.key(quotas=(limit,), owner="acme", grants=(Grant("*"),))
    with wire_to(services) as wire:
        environ = services.environ() | {"AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{wire.server_port}"}
        client = LeanClient("dynamodb", environ=environ)
        environment = Environment(client, bench.table, KEYRING)
        wire.break_down(fault, operation, times, spared=spared)
        admitted = failed = 0
        for _ in range(LIMIT + 2):
            if failed == 1:
                wire.left = 0
            try:
                admitted += isinstance(bench.request(environment=environment), Allow)
            except (StoreError, UndecidedError):
                failed += 1
        client.close()
    used = bench.owner_used("acme", limit) if limit.scope == OWNER else bench.statuses(record)[0].used

    assert wire.hits > 0
    assert admitted <= used <= LIMIT
    assert failed <= 1
    if times == 1 and fault in {"throttled", "broken", "cut before"}:
        assert (admitted, failed) == (LIMIT, 0)


def test_the_calls_of_a_request_together_end_before_the_function_does():
    """What DynamoDB and EventBridge may take, and a rest for the work itself."""
    timeout = Template(ROOT / "template.yaml", {}).resources["AuthorizerFunction"]["Properties"]["Timeout"]

    assert timeout - 0.5 >= REQUEST_SECONDS + ANNOUNCE_SECONDS


def test_each_request_has_the_whole_time(bench, services):
    """What an earlier request used up is not taken from the next one."""
    bench.key(quotas=(Quota(LIMIT, "day"),))
    environ = services.environ() | {"AWS_ENDPOINT_URL_DYNAMODB": services.dynamodb_endpoint}
    budget = Budget()
    client = LeanClient("dynamodb", environ=environ, budget=budget)
    environment = Environment(client, bench.table, KEYRING, budget)
    budget.start(0)

    assert isinstance(bench.request(environment=environment), Allow)

    budget.start(0)
    assert isinstance(bench.request(environment=environment), Allow)
    client.close()
