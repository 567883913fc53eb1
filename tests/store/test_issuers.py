"""Key sets of providers: what is fetched, within which bounds, and which copy is believed."""

import threading

import pytest

from access.issuers import Issuer
from store.admin.records import IssuerStore
from store.admin.transactions import Attached, Table
from store.errors import ConditionFailed, UnavailableError
from store.fetch import fetch_json, is_fetchable, within
from store.issuers import (
    claim_fetch,
    fetch_key_set,
    key_set_to_item,
    load_issuers,
    note_failure,
    store_key_set,
)
from store.trust import context_of
from tests.key_admin.provider import Provider

NOW = 1_800_000_000
RUNTIME = 9001


@pytest.fixture
def provider():
    with Provider() as running:
        yield running
        running.shutdown()


def issuer_of(provider, **members):
    return Issuer("idp", 1, 0, 0, provider.url, default_policies=("p",), **({"any_audience": True} | members))


# --- what may be fetched -------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["https://idp.example", "https://idp.example:8443/a?b=c", "http://127.0.0.1:8080/x", "http://localhost/x"],
)
def test_https_is_fetched_and_http_on_this_machine(url):
    assert is_fetchable(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://idp.example/",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://user@127.0.0.1/",
        "https://user:password@idp.example/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "https://[::1]/",
        "http://169.254.169.254/latest/meta-data",
        "https://idp.example:99999/",
        "https://idp.example:",
        "https://idp.example/#fragment",
        "https://idp.example/ x",
        "https://idp.example/\r\nhost: evil",
        "https://idp.example?query",
        "https:///path",
        "ftp://idp.example/",
        "file:///etc/passwd",
        "HTTPS://idp.example/",
        "https://idp.example/" + "x" * 1024,
    ],
)
def test_nothing_else_is_fetched(url):
    assert not is_fetchable(url)
    with pytest.raises(UnavailableError):
        fetch_json(url)


@pytest.mark.parametrize(
    "url",
    [f"http://127.0.0.1:{RUNTIME}/x", f"http://localhost:{RUNTIME}/x", f"http://127.0.0.1:0{RUNTIME}/x"],
)
def test_the_lambda_runtime_is_never_asked(monkeypatch, url):
    """A GET of its next invocation would take a request away from the function."""
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", f"127.0.0.1:{RUNTIME}")

    assert not is_fetchable(url)


# --- fetching ------------------------------------------------------------------------------


def test_a_key_set_is_discovered_or_read_where_it_is_named(provider):
    discovered = fetch_key_set(issuer_of(provider), now=NOW)

    assert discovered == fetch_key_set(issuer_of(provider, jwks_uri=provider.jwks_uri), now=NOW)
    assert [key["kid"] for key in discovered.keys] == ["first"]


@pytest.mark.parametrize("fault", ["down", "redirect", "huge", "slow", "drip", "endless", "nonsense", "impostor"])
def test_a_provider_that_fails_gives_no_key_set(provider, fault):
    provider.fault = fault

    with pytest.raises(UnavailableError):
        fetch_key_set(issuer_of(provider), now=NOW)


def test_work_that_takes_too_long_is_left_to_itself():
    with pytest.raises(UnavailableError):
        within(0.05, threading.Event().wait)


def test_an_error_of_the_work_is_told():
    def work():
        raise UnavailableError("told")

    with pytest.raises(UnavailableError, match="told"):
        within(5, work)


@pytest.fixture
def secure_provider(authority):
    """A provider over TLS."""
    with Provider(authority.server_context()) as running:
        yield running
        running.shutdown()


def test_https_is_followed_where_the_certificate_is_good(secure_provider, authority, monkeypatch):
    issuer = issuer_of(secure_provider)
    with pytest.raises(UnavailableError):
        fetch_key_set(issuer, now=NOW)

    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    context_of.cache_clear()
    assert fetch_key_set(issuer, now=NOW).has("first")


def test_metadata_does_not_lead_away_from_https(secure_provider, provider, authority, monkeypatch):
    """Else whoever answers for an issuer could make us ask services of this machine."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    secure_provider.jwks_uri = provider.jwks_uri

    with pytest.raises(UnavailableError, match="https"):
        fetch_key_set(issuer_of(secure_provider), now=NOW)
    assert provider.fetches == 0


# --- the copy in the table -----------------------------------------------------------------


def put(client, table, before, after, key_set):
    shared = Table(client, table)
    beside = shared.put(key_set_to_item(after, key_set))
    IssuerStore(shared).put(before, after, Attached(beside=beside))


def test_an_issuer_and_its_keys_are_stored_together(client, table, provider):
    issuer = issuer_of(provider)
    key_set = fetch_key_set(issuer, now=NOW)

    put(client, table, None, issuer, key_set)

    assert load_issuers(client, table, ["idp", "none"])["idp"] == (issuer, key_set, 0)


def test_keys_of_the_place_before_are_not_believed_after_a_change(client, table, provider):
    """A fetch that was on its way while the issuer was moved may not bring the old keys back."""
    old = issuer_of(provider, jwks_uri=provider.jwks_uri)
    old_keys = fetch_key_set(old, now=NOW)
    put(client, table, None, old, old_keys)
    provider.add("second")
    new = old._replace(version=2, jwks_uri="")
    new_keys = fetch_key_set(new, now=NOW)
    put(client, table, old, new, new_keys)

    with pytest.raises(ConditionFailed):
        store_key_set(client, table, old, old_keys)

    assert load_issuers(client, table, ["idp"])["idp"].key_set == new_keys
    elsewhere = Table(client, table).put(key_set_to_item(old, old_keys))["Put"]
    client.call("PutItem", elsewhere)
    assert load_issuers(client, table, ["idp"])["idp"].key_set is None


def test_of_20_environments_one_fetches_and_the_others_hear_how_it_went(client, table, provider):
    issuer = issuer_of(provider)
    put(client, table, None, issuer, fetch_key_set(issuer, now=NOW - 100))
    claims = []

    threads = [
        threading.Thread(target=lambda: claims.append(claim_fetch(client, table, "idp", now=NOW, cool_down=5)))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(claims) == [False] * 19 + [True]
    assert load_issuers(client, table, ["idp"])["idp"].fetching_since == NOW
    note_failure(client, table, "idp", tried_at=NOW)
    assert load_issuers(client, table, ["idp"])["idp"].fetching_since == 0
    assert not claim_fetch(client, table, "idp", now=NOW + 4, cool_down=5)
    assert claim_fetch(client, table, "idp", now=NOW + 5, cool_down=5)
