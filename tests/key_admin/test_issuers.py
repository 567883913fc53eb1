"""Tokens of an outside provider, followed through rotations and outages without one wrong answer."""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest

from authorizer.memory import STALENESS_MS
from authorizer.providers import COOL_DOWN_SECONDS
from tests.conftest import call, sign
from tests.key_admin.provider import Provider

SECOND_READING = (STALENESS_MS + 1000) / 1000
FAULTS = ("down", "redirect", "huge", "slow", "drip", "endless", "nonsense", "impostor")


@pytest.fixture(scope="module")
def provider():
    with Provider() as running:
        yield running
        running.shutdown()


@pytest.fixture(scope="module")
def issuer(admin, stack, provider):
    """An issuer that the demo REST API takes tokens of, with a policy of three requests a day."""
    name = f"idp-{uuid.uuid4().hex[:8]}"
    policy = {"name": "p", "grants": [{"api": "*"}], "quotas": [{"limit": 3, "period": "day"}]}
    assert admin("PUT", f"/policies/{name}", policy).status == 201
    answer = admin("PUT", f"/issuers/{name}", wanted(provider, default_policies=[name]))
    assert answer.status == 201, answer.text
    take_tokens(admin, name)
    yield name
    admin("DELETE", "/apis/outside")
    admin("DELETE", f"/issuers/{name}")


def wanted(provider, **members):
    return {"issuer": provider.url, "discovery": True, "audience": "orders", "algorithms": ["RS256", "ES256"]} | members


def take_tokens(admin, issuer):
    api = {"name": "outside", "gateways": ["demorest/*"], "issuers": [issuer]}
    assert admin("PUT", "/apis/outside", api).status in {200, 201}
    time.sleep(SECOND_READING)


def at_once(count, work):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def status(stack, token):
    return call("GET", f"{stack.rest_url}/x", token=token).status


def test_each_identity_has_a_quota_of_its_own_across_tokens(stack, provider, issuer):
    context = call("GET", f"{stack.rest_url}/x", token=provider.token("ada")).body["authorizer"]
    assert (context["policies"], context["keyName"]) == (issuer, "ada")

    assert [status(stack, provider.token("ada", jti=str(number))) for number in range(3)] == [200, 200, 429]
    assert status(stack, provider.token("grace")) == 200


def test_what_the_provider_did_not_say_is_refused(stack, provider, issuer, admin):
    good = provider.token("eve", key_id="first")
    wrong = [
        provider.token("eve", key_id="first", aud="others"),
        provider.token("eve", key_id="first", exp=int(time.time()) - 5),
        provider.token("", key_id="first"),
        good[:-8] + "AAAAAAAA",
        jwt.encode({"iss": provider.url, "sub": "eve", "exp": int(time.time()) + 60}, "s" * 64, algorithm="HS256"),
        provider.token("eve", key_id="first", iss="https://somebody.else"),
    ]
    assert [status(stack, token) for token in wrong] == [401] * len(wrong)
    assert status(stack, good) == 200
    key = admin.create_key()
    assert status(stack, sign(key["key_id"])) == 200, "keys work beside issuers"


def test_a_rotation_is_followed_at_once_and_forged_key_ids_ask_the_provider_once(stack, provider, issuer):
    assert status(stack, provider.token("mary", key_id="first")) == 200
    time.sleep(COOL_DOWN_SECONDS)
    provider.add("second", "ES256")
    provider.remove("first")
    before = provider.fetches

    assert status(stack, provider.token("mary", key_id="second")) == 200
    assert provider.fetches == before + 1
    provider.add("forger")
    forged = [provider.token("ada", key_id="forger") for _ in range(20)]
    provider.remove("forger")
    assert {status(stack, token) for token in forged} == {401}
    assert provider.fetches <= before + 2


def test_environments_that_miss_a_key_at_once_ask_the_provider_once_and_all_get_it(stack, provider, issuer):
    """Single flight over processes: one claims the fetch, the others wait for its copy."""
    known = next(iter(provider.keys))
    at_once(8, lambda _: status(stack, provider.token("warm", key_id=known)))
    time.sleep(COOL_DOWN_SECONDS)
    provider.add("together")
    before = provider.fetches

    tokens = [provider.token(f"t{number}", key_id="together") for number in range(24)]
    statuses = at_once(24, lambda number: status(stack, tokens[number]))

    assert statuses == [200] * 24
    assert provider.fetches == before + 1
    assert len(stack.functions["AuthorizerFunction"]._idle) > 1, "several processes took part"


def test_a_rotation_under_load_is_followed_without_one_wrong_answer(stack, provider, issuer):
    time.sleep(COOL_DOWN_SECONDS)
    stop, wrong, right = threading.Event(), [], []

    def call_on(number):
        while not stop.is_set():
            token = provider.token(f"load-{number}-{len(right)}")
            (right if (answer := status(stack, token)) == 200 else wrong).append(answer)

    with ThreadPoolExecutor(6) as pool:
        for number in range(6):
            pool.submit(call_on, number)
        for turn in range(2):
            time.sleep(1)
            provider.add(f"turn-{turn}", ("RS256", "ES256")[turn % 2])
            time.sleep(COOL_DOWN_SECONDS + 1)
        stop.set()

    assert wrong == []
    assert len(right) > 100


def test_an_outage_keeps_the_last_good_copy(stack, provider, issuer):
    known = next(iter(provider.keys))
    provider.add("unknown")
    for fault in FAULTS:
        provider.fault = fault
        time.sleep(COOL_DOWN_SECONDS)
        assert status(stack, provider.token(f"nan-{fault}", key_id="unknown")) == 401
        assert status(stack, provider.token(f"nan-{fault}", key_id=known)) == 200
    provider.fault = ""
    time.sleep(COOL_DOWN_SECONDS)
    assert status(stack, provider.token("nan", key_id="unknown")) == 200


@pytest.mark.parametrize("fault", FAULTS)
def test_a_provider_that_does_not_answer_right_is_not_registered(admin, provider, fault):
    admin("PUT", "/policies/plain", {"name": "plain", "grants": [{"api": "*"}]})
    provider.fault = fault
    answer = admin("PUT", "/issuers/broken", wanted(provider, default_policies=["plain"]))
    provider.fault = ""

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "issuer")


def test_policies_come_from_claims_and_scopes(stack, admin, provider, issuer):
    admin("PUT", "/policies/readers", {"name": "r", "grants": [{"api": "*", "methods": ["GET"]}]})
    admin("PUT", "/policies/writers", {"name": "w", "grants": [{"api": "*", "methods": ["POST"]}]})
    mapped = wanted(
        provider,
        identity_claim="user.id",
        policy_claim="https://acme.example/policy",
        allowed_policies=["readers"],
        scope_claim="scope",
        scope_policies={"orders:write": "writers"},
    )
    assert admin("PUT", f"/issuers/{issuer}", mapped).status == 200
    time.sleep(SECOND_READING)

    def allowed(**claims):
        token = provider.token(user={"id": "u1"}, **claims)
        return [call(method, f"{stack.rest_url}/x", token=token).status for method in ("GET", "POST")]

    assert allowed(**{"https://acme.example/policy": "readers"}) == [200, 403]
    assert allowed(scope="openid orders:write") == [403, 200]
    assert allowed(**{"https://acme.example/policy": ["readers"]}, scope="orders:write") == [200, 200]
    assert allowed() == [403, 403]
    assert allowed(**{"https://acme.example/policy": "no-such-policy"}) == [403, 403]
    assert allowed(**{"https://acme.example/policy": "writers"}) == [403, 403], "it is there, and may not be named"
    groups = [f"group-{number}" for number in range(200)]
    assert allowed(**{"https://acme.example/policy": groups}) == [403, 403]
    assert allowed(**{"https://acme.example/policy": "x" * 3000}) == [403, 403]
    assert status(stack, provider.token(user="u1")) == 401


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"issuer": "http://idp.example"}, "issuer"),
        ({"issuer": "ftp://idp.example"}, "issuer"),
        ({"jwks_uri": "http://169.254.169.254/latest"}, "jwks_uri"),
        ({"algorithms": ["HS256"]}, "algorithms.0"),
        ({"algorithms": ["none"]}, "algorithms.0"),
        ({"default_policies": ["nowhere"]}, "default_policies"),
        ({"discovery": False}, "body"),
        ({"audience": []}, "body"),
        ({"any_audience": True}, "body"),
        ({"policy_claim": "policy"}, "body"),
        ({"allowed_policies": ["plain"]}, "body"),
        ({"policy_claim": "policy", "allowed_policies": ["nowhere"]}, "allowed_policies"),
        ({"default_policies": ["administering"]}, "default_policies"),
        ({"policy_claim": "policy", "allowed_policies": ["administering"]}, "allowed_policies"),
        ({"scope_claim": "scope", "scope_policies": {"a": "administering"}}, "scope_policies"),
        ({"scope_policies": {"a": "b"}, "scope_claim": ""}, "body"),
        ({"leeway_seconds": 61}, "leeway_seconds"),
        ({"secret": "x"}, "secret"),
    ],
)
def test_issuers_that_make_no_sense_name_the_field(admin, provider, members, field):
    admin("PUT", "/policies/plain", {"name": "plain", "grants": [{"api": "*"}]})
    admin("PUT", "/policies/administering", {"name": "a", "grants": [{"api": "admin"}], "active": False})

    answer = admin("PUT", "/issuers/bad", wanted(provider, default_policies=["plain"]) | members)

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, field)


def test_an_issuer_whose_keys_are_named_need_not_be_a_url(admin, provider):
    """Google says `accounts.google.com`; the claim is compared, and only what is discovered is fetched."""
    admin("PUT", "/policies/plain", {"name": "plain", "grants": [{"api": "*"}]})
    named = wanted(provider, issuer="accounts.example", default_policies=["plain"], jwks_uri=f"{provider.url}/jwks")

    answer = admin("PUT", "/issuers/named", named | {"discovery": False})

    assert (answer.status, answer.body["issuer"]) == (201, "accounts.example")
    assert admin("DELETE", "/issuers/named").status == 204


def test_an_issuer_takes_tokens_for_anybody_only_where_that_is_said(admin, provider):
    admin("PUT", "/policies/plain", {"name": "plain", "grants": [{"api": "*"}]})
    anybody = wanted(provider, default_policies=["plain"], any_audience=True)
    del anybody["audience"]

    answer = admin("PUT", "/issuers/anybody", anybody)

    assert (answer.status, answer.body["audience"], answer.body["any_audience"]) == (201, [], True)
    assert admin("DELETE", "/issuers/anybody").status == 204


def test_an_issuer_in_use_stays(admin, issuer):
    assert admin("DELETE", f"/issuers/{issuer}").status == 409
    assert admin("GET", "/issuers").body["items"]
    assert admin("PUT", "/apis/nowhere", {"name": "n", "issuers": ["missing"]}).status == 400


def test_a_policy_that_an_issuer_gives_stays(admin, provider, issuer):
    for place in (
        {"default_policies": ["given"]},
        {"scope_claim": "scope", "scope_policies": {"a": "given"}},
        {"policy_claim": "policy", "allowed_policies": ["given"]},
    ):
        admin("PUT", "/policies/given", {"name": "g", "grants": [{"api": "*"}]})
        assert admin("PUT", "/issuers/giver", wanted(provider, **place)).status in {200, 201}
        assert admin("DELETE", "/policies/given").status == 409
    assert admin("DELETE", "/issuers/giver").status == 204
    assert admin("DELETE", "/policies/given").status == 204
