"""Tokens of an outside provider for the API that the bench calls."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from access.issuers import Issuer
from store.admin.records import IssuerStore
from store.admin.transactions import Attached, Table
from store.issuers import fetch_key_set, key_set_to_item
from tests.authorizer.bench import Bench
from tests.key_admin.provider import Provider


@contextmanager
def speak_for_ada(bench: Bench, *policies: str, **members: object) -> Iterator[Callable[..., str]]:
    """Makes tokens of a provider whose tokens bring these policies."""
    with Provider() as provider:
        issuer = Issuer("idp", 1, 0, 0, provider.url, any_audience=True, default_policies=policies, **members)
        table = Table(bench.boto, bench.table)
        key_set = fetch_key_set(issuer, now=bench.now_ms // 1000)
        IssuerStore(table).put(None, issuer, Attached(beside=table.put(key_set_to_item(issuer, key_set))))
        bench.define(issuers=("idp",))
        yield lambda **claims: provider.token(exp=bench.now_ms // 1000 + 3600, **claims)
        provider.shutdown()
