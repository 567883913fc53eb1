"""A throttle is an answer, and callers can cause it: it opens no door, and refusals cost next to no writes."""

import random
from contextlib import ExitStack, closing

import pytest

from access.decisions import Allow, Deny, Reason
from access.grants import Grant
from access.keys import Counting
from access.limits import OWNER, Quota, RateLimit
from authorizer import shared_gates
from authorizer.authorize import UndecidedError
from authorizer.environment import Environment
from authorizer.memory import LOOK_AGAIN_MS, STALENESS_MS
from store import lean
from store.errors import StoreError, ThrottledError
from tests.authorizer.bench import KEYRING
from tests.authorizer.wire import wire_to

COSTS = (Grant("*", path="/one"), Grant("*", path="/two", cost=2), Grant("*", path="/free", cost=0))
OPEN = Counting(fail_open=True)
LIMIT = 10


@pytest.fixture
def wire(services, monkeypatch):
    """Between DynamoDB and environments that try again at once."""
    monkeypatch.setattr(lean, "BACKOFF_SECONDS", 0.0001)
    monkeypatch.setattr(shared_gates, "CONFLICT_SECONDS", 0.0001)
    with wire_to(services) as running:
        yield running


@pytest.fixture
def crowd(bench, services, wire):
    """Ten environments."""
    environ = services.environ() | {"AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{wire.server_port}"}
    with ExitStack() as opened:
        budgets = [lean.Budget() for _ in range(10)]
        clients = [lean.LeanClient("dynamodb", environ=environ, budget=budget) for budget in budgets]
        for client in clients:
            opened.enter_context(closing(client))
        yield [Environment(one, bench.table, KEYRING, budget) for one, budget in zip(clients, budgets, strict=True)]


def ask(bench, environment, path="one"):
    """Whether a request was allowed; None where nobody could decide."""
    try:
        return isinstance(bench.request(environment=environment, path=path), Allow)
    except (StoreError, UndecidedError):
        return None


# --- fail open -----------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["key", OWNER])
@pytest.mark.parametrize("allowance", [LIMIT + 2, 40])
def test_a_crowd_that_causes_throttles_passes_no_limit_by_them(bench, wire, crowd, allowance, scope):
    """Ten environments, a policy that fails open, and more requests than the item takes writes."""
    bench.policy("open", grants=COSTS, rate_limits=(RateLimit(LIMIT, "hour", scope=scope),), counting=OPEN)
    bench.key(policies=("open",), grants=(), owner="acme")
    source, outcomes, units = random.Random(3), [], 0
    for environment in crowd:
        assert ask(bench, environment, "free")
    wire.allowance = allowance
    for _ in range(2):
        wire.tick()
        for _ in range(50):
            path, cost = source.choice([("one", 1), ("two", 2)])
            outcomes.append(ask(bench, source.choice(crowd), path))
            units += cost if outcomes[-1] else 0
        bench.now_ms += 1000

    assert 0 < units <= LIMIT
    assert outcomes.count(None) > 0 or allowance > LIMIT + 2, "the item was throttled"


@pytest.mark.parametrize("path", ["UpdateItem", "TransactWriteItems"])
def test_a_throttle_that_lasts_is_an_error_and_the_door_stays_shut(bench, wire, crowd, path):
    scope = OWNER if path == "TransactWriteItems" else "key"
    bench.policy("open", grants=COSTS, rate_limits=(RateLimit(LIMIT, "1s", scope=scope),), counting=OPEN)
    bench.key(policies=("open",), grants=(), owner="acme")
    assert ask(bench, crowd[0])
    wire.allowance = 0

    with pytest.raises((ThrottledError, UndecidedError)):
        bench.request(environment=crowd[0], path="one")

    wire.allowance = None
    assert ask(bench, crowd[0])


@pytest.mark.parametrize("silence", ["broken", "cut before", "cut after"])
@pytest.mark.parametrize(("operation", "answer"), [("UpdateItem", "throttled"), ("TransactWriteItems", "conflict")])
def test_silence_opens_unless_an_answer_came_before_it(bench, wire, crowd, silence, operation, answer):
    """Who causes throttles or conflicts until the time of a request is up has not silenced DynamoDB."""
    scope = OWNER if operation == "TransactWriteItems" else "key"
    bench.policy("open", grants=COSTS, rate_limits=(RateLimit(LIMIT, "1s", scope=scope),), counting=OPEN)
    bench.key(policies=("open",), grants=(), owner="acme")
    assert ask(bench, crowd[0])

    wire.break_down(silence, operation, 9)
    assert bench.outcome(environment=crowd[0], path="one").detail == "DynamoDB did not answer: open"
    wire.break_down(silence, operation, 9, first=answer)
    assert ask(bench, crowd[0]) is None


@pytest.mark.parametrize("read", ["the definition of the API", "the policies"])
def test_copies_older_than_promised_do_not_serve_where_a_read_was_throttled(bench, wire, crowd, read):
    bench.policy("open", grants=COSTS, rate_limits=(RateLimit(LIMIT, "1s"),), counting=OPEN)
    bench.key(policies=("open",), grants=())
    assert ask(bench, crowd[0])
    spared = 0 if read == "the definition of the API" else 1
    for answer, is_served in (("broken", True), ("throttled", None)):
        bench.now_ms += STALENESS_MS
        wire.break_down(answer, "BatchGetItem", lean.MAX_TRIES, spared=spared)

        assert ask(bench, crowd[0]) is is_served


# --- refusals ------------------------------------------------------------------------------


def writes_of(bench, requests, environment=None):
    """The writes that so many refusals cost, of requests whose costs take turns."""
    bench.recorder.taken()
    for number in range(requests):
        decision = bench.request(path=("one", "two", "three")[number % 3])
        assert isinstance(decision, Deny)
    return [call for call in bench.recorder.taken() if call in {"UpdateItem", "TransactWriteItems"}]


@pytest.mark.parametrize("scope", ["key", OWNER])
def test_refusals_of_several_costs_and_apis_in_turn_take_one_write_a_second(bench, scope):
    """Not one each: that is how a caller takes the writes of an item from others, at the price of refusals."""
    grants = tuple(Grant("*", path=f"/{path}", cost=cost) for path, cost in (("one", 1), ("two", 2), ("three", 3)))
    bench.key(grants=grants, quotas=(Quota(4, "day", scope=scope),), owner="acme")
    for _ in range(4):
        assert isinstance(bench.request(path="one"), Allow)

    for _ in range(3):
        assert len(writes_of(bench, 60)) == 1
        bench.now_ms += LOOK_AGAIN_MS


def test_refusals_of_as_many_costs_as_a_key_may_have_take_one_write_a_second(bench):
    grants = tuple(Grant("*", path=f"/{cost}", cost=cost) for cost in range(1, 101))
    bench.key(grants=grants, quotas=(Quota(0, "day"),))
    bench.request(path="1")
    bench.recorder.taken()

    assert {bench.request(path=str(cost)).reason for cost in range(1, 101)} == {Reason.QUOTA_EXHAUSTED}
    assert bench.recorder.taken() == []


def test_a_refusal_from_memory_says_of_each_cost_how_long_it_waits(bench):
    """As the gate would: a larger cost waits for more units to come back, and one above the limit for ever."""
    grants = tuple(Grant("*", path=f"/{cost}", cost=cost) for cost in (1, 2, 3, 5))
    bench.key(grants=grants, rate_limits=(RateLimit(4, "10s"),))
    bench.now_ms = bench.now_ms // 1000 * 1000
    for _ in range(4):
        assert isinstance(bench.request(path="1"), Allow)
        bench.now_ms += 1000
    fresh = {cost: bench.request(path=str(cost), environment=bench.other()) for cost in (1, 2, 3, 5)}
    bench.request(path="1")
    bench.recorder.taken()

    remembered = {cost: bench.request(path=str(cost)) for cost in (5, 3, 2, 1)}

    assert bench.recorder.taken() == []
    assert remembered == fresh
    assert [fresh[cost].retry_after_seconds for cost in (1, 2, 3, 5)] == [7, 8, 9, None]


def test_what_fits_is_counted_though_a_larger_request_was_refused_a_moment_ago(bench):
    bench.key(grants=(Grant("*", path="/one"), Grant("*", path="/two", cost=2)), quotas=(Quota(3, "day"),))

    outcomes = [isinstance(bench.request(path=path), Allow) for path in ("two", "two", "one", "two", "one")]

    assert outcomes == [True, False, True, False, False]
    assert bench.recorder.taken().count("UpdateItem") == 3


def test_limits_of_another_api_are_not_refused_by_what_this_one_used(bench):
    bench.define()
    bench.key(quotas=(Quota(0, "day", api="api/prod"), Quota(5, "day", name="all")))
    assert isinstance(bench.request(), Deny)

    elsewhere = bench.outcome(stage="dev").decision

    assert isinstance(elsewhere, Allow)
    assert [status.name for status in elsewhere.limits] == ["all"]
