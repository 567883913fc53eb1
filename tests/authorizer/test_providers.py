"""How long keys of a provider are believed, with the clock in hand and a real provider and table."""

import time

import jwt
import pytest

from access.apis import UNDEFINED, ApiDefinition
from access.decisions import Allow, Deny, Reason
from access.grants import ADMIN_API, Grant
from access.issuers import Issuer
from access.tokens import RejectedToken, parse_token
from authorizer.authorize import authorize
from authorizer.events import read_event
from authorizer.memory import STALENESS_MS, Identity
from authorizer.providers import (
    COOL_DOWN_SECONDS,
    COUNTING_SECONDS,
    MAX_AGE_SECONDS,
    REFRESH_SECONDS,
    RENEWAL_PAUSE_SECONDS,
    Providers,
)
from store.admin.records import ApiStore, IssuerStore
from store.admin.transactions import Attached, Table
from store.errors import UnavailableError
from store.issuers import FETCH_SECONDS, fetch_key_set, key_set_to_item
from store.lean import Budget
from tests.key_admin.provider import Provider

NOW = 1_800_000_000
DEFINITION = UNDEFINED._replace(issuers=("idp",))


@pytest.fixture
def provider():
    with Provider() as running:
        yield running
        running.shutdown()


@pytest.fixture
def known(client, table, provider):
    """An issuer whose keys were fetched at NOW."""
    members = {"algorithms": ("RS256", "ES256"), "any_audience": True, "default_policies": ("p",)}
    issuer = Issuer("idp", 1, 0, 0, provider.url, **members)
    shared = Table(client, table)
    beside = shared.put(key_set_to_item(issuer, fetch_key_set(issuer, now=NOW)))
    IssuerStore(shared).put(None, issuer, Attached(beside=beside))
    provider.fetches = provider.requests = 0
    return issuer


@pytest.fixture
def environment(client, table, known):
    return Providers(client, table, Budget())


def token_of(provider, key_id="first", **claims):
    return parse_token(provider.token(key_id=key_id, exp=NOW + 10 * MAX_AGE_SECONDS, **claims))


def identify(environment, token, after):
    """What a token is, so many seconds after NOW."""
    return environment.identify(token, DEFINITION, (NOW + after) * 1000)


def ask(environment, provider, after, **options):
    return identify(environment, token_of(provider, **options), after)


def test_a_young_copy_asks_the_provider_nothing(environment, provider):
    assert isinstance(ask(environment, provider, REFRESH_SECONDS - 1), Identity)
    assert provider.requests == 0


def test_a_key_that_the_provider_withdrew_goes_when_the_copy_is_old(environment, provider):
    withdrawn = token_of(provider)
    provider.add("second")
    provider.remove("first")

    assert isinstance(identify(environment, withdrawn, REFRESH_SECONDS - 1), Identity)
    assert isinstance(identify(environment, withdrawn, REFRESH_SECONDS), RejectedToken)


def test_a_copy_serves_through_an_outage_up_to_its_hard_maximum_age_and_not_a_second_longer(environment, provider):
    provider.fault = "down"

    assert isinstance(ask(environment, provider, MAX_AGE_SECONDS - 1), Identity)
    with pytest.raises(UnavailableError):
        ask(environment, provider, MAX_AGE_SECONDS)
    provider.fault = ""
    with pytest.raises(UnavailableError):
        ask(environment, provider, MAX_AGE_SECONDS - 2 + COOL_DOWN_SECONDS)
    assert isinstance(ask(environment, provider, MAX_AGE_SECONDS - 1 + COOL_DOWN_SECONDS), Identity)


def test_an_outage_is_felt_by_one_request_in_a_while_as_long_as_the_copy_serves(environment, provider):
    provider.fault = "down"
    provider_asked = []

    for after in range(REFRESH_SECONDS, REFRESH_SECONDS + RENEWAL_PAUSE_SECONDS + 1, 10):
        before = provider.requests
        assert isinstance(ask(environment, provider, after), Identity)
        provider_asked.append(provider.requests - before)

    assert provider_asked == [1, 0, 0, 0, 0, 0, 1]


def test_unknown_keys_ask_once_in_a_cool_down(environment, provider):
    provider.add("forger")
    forged = token_of(provider, key_id="forger")
    provider.remove("forger")

    for after in (100, 101, 100 + COOL_DOWN_SECONDS - 1):
        assert isinstance(identify(environment, forged, after), RejectedToken)
    assert provider.fetches == 1
    assert isinstance(identify(environment, forged, 100 + COOL_DOWN_SECONDS), RejectedToken)
    assert provider.fetches == 2


def test_a_rotation_is_followed_where_no_token_names_its_key(environment, provider):
    """RFC 7515, section 4.1.4: `kid` is optional, and with one key a provider may do without."""

    def unnamed():
        ((algorithm, key),) = provider.keys.values()
        claims = {"iss": provider.url, "sub": "ada", "exp": NOW + 1000}
        return parse_token(jwt.encode(claims, key, algorithm=algorithm))

    assert isinstance(identify(environment, unnamed(), 0), Identity)
    old = unnamed()
    provider.add("second", "RS256")
    provider.remove("first")

    assert isinstance(identify(environment, unnamed(), 100), Identity)
    assert isinstance(identify(environment, old, 101), RejectedToken)
    assert provider.fetches == 1


def test_a_second_environment_takes_the_copy_that_the_first_fetched(environment, provider, client, table):
    other = Providers(client, table, Budget())
    assert isinstance(ask(other, provider, 50), Identity)
    provider.add("second")
    assert isinstance(ask(environment, provider, 51, key_id="second"), Identity)

    assert isinstance(ask(other, provider, 52, key_id="second"), Identity)
    assert provider.fetches == 1


def test_a_fetch_takes_no_more_time_than_its_request_has(client, table, provider, known):
    """Else a slow provider and a slow table together would outlast the authorizer's time-out."""
    budget = Budget()
    environment = Providers(client, table, budget)
    assert isinstance(ask(environment, provider, 0), Identity)
    provider.fault = "slow"

    budget.start(COUNTING_SECONDS + 0.2)
    started = time.monotonic()
    found = ask(environment, provider, REFRESH_SECONDS)

    assert isinstance(found, Identity)
    assert provider.requests == 1
    assert time.monotonic() - started < FETCH_SECONDS


def test_an_issuer_that_is_removed_is_gone_within_its_staleness(environment, provider, client, table, known):
    assert isinstance(ask(environment, provider, 0), Identity)
    IssuerStore(Table(client, table)).delete(known)

    assert ask(environment, provider, STALENESS_MS // 1000) is None


@pytest.mark.parametrize("issuer", ["https://somebody.else", "", 7, None, ["x"], {"x": 1}])
def test_a_token_of_an_issuer_that_the_api_does_not_take_is_none_of_its(environment, provider, issuer):
    token = token_of(provider)

    foreign = token._replace(claims={**token.claims, "iss": issuer})

    assert identify(environment, foreign, 0) is None
    assert provider.requests == 0


def test_an_identity_has_no_admin_rights_whatever_its_policies_say(bench, provider):
    """Such a definition and such an issuer are refused where they are put; here they lie in the table."""
    shared = Table(bench.boto, bench.table)
    issuer = Issuer("idp", 1, 0, 0, provider.url, any_audience=True, default_policies=("root",))
    beside = shared.put(key_set_to_item(issuer, fetch_key_set(issuer, now=bench.now_ms // 1000)))
    IssuerStore(shared).put(None, issuer, Attached(beside=beside))
    bench.policy("root", grants=(Grant(ADMIN_API), Grant("orders")))
    decisions = []

    for api in ("orders", ADMIN_API):
        ApiStore(shared).put(None, ApiDefinition(api, 1, api, 0, 0, issuers=("idp",)))
        event = {
            "type": "TOKEN",
            "authorizationToken": provider.token(),
            "methodArn": "arn:aws:execute-api:us-east-1:1:api/prod/GET/keys",
            "stageVariables": {"tollgateApi": api},
        }
        decisions.append(authorize(read_event(event), bench.environment, now_ms=bench.now_ms).decision)

    assert isinstance(decisions[0], Allow)
    assert isinstance(decisions[1], Deny)
    assert decisions[1].reason is Reason.NOT_GRANTED
