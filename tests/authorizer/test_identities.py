"""Identities of outside providers that an operator blocks: refused at their next request, everywhere."""

import threading

import pytest

from access.apis import ApiDefinition
from access.decisions import Allow, Deny, Reason
from access.grants import Grant
from access.issuers import Issuer
from access.key_ids import hash_key_id
from access.keys import IdentityRecord
from access.limits import Quota
from authorizer.environment import Environment
from store.admin.identities import IdentityStore
from store.admin.records import ApiStore, IssuerStore
from store.admin.transactions import Attached, Table, VersionConflictError
from store.errors import ThrottledError
from store.issuers import fetch_key_set, key_set_to_item
from store.keys import create_gate, read_gate
from store.master_secret import Keyring, MasterKeys
from store.table import identity_partition
from tests.authorizer.bench import KEYRING, Recorder
from tests.key_admin.provider import Provider


@pytest.fixture
def provider():
    with Provider() as running:
        yield running
        running.shutdown()


@pytest.fixture(params=[(), (Quota(100, "day"),)], ids=["without limits", "with a quota"])
def identities(request, bench, provider):
    """The identities of a provider whose tokens every API takes; they may call anything."""
    bench.policy("person", grants=(Grant("*"),), quotas=request.param)
    issuer = Issuer("idp", 1, 0, 0, provider.url, any_audience=True, default_policies=("person",))
    shared = Table(bench.boto, bench.table)
    copy = shared.put(key_set_to_item(issuer, fetch_key_set(issuer, now=bench.now_ms // 1000)))
    IssuerStore(shared).put(None, issuer, Attached(beside=copy))
    ApiStore(shared).put(None, ApiDefinition("orders", 1, "orders", 1, 1, gateways=("api/*",), issuers=("idp",)))
    return IdentityStore(shared)


def hash_of(claim, keyring=KEYRING):
    return hash_key_id(keyring.current.pepper, f"issuer\nidp\n{claim}")


def ask(bench, provider, claim="ada", environment=None):
    token = provider.token(claim, exp=bench.now_ms // 1000 + 600)
    decision = bench.request(token=token, environment=environment)
    return decision.reason if isinstance(decision, Deny) else Allow


def change(identities, claim, **members):
    before, _ = identities.find(hash_of(claim))
    after = before._replace(version=before.version + 1, **members)
    identities.update(before, after)
    return after


def test_a_blocked_identity_is_refused_at_its_next_request_in_every_environment(bench, provider, identities):
    environments = [bench.environment, bench.other()]
    for environment in environments * 2:
        assert ask(bench, provider, environment=environment) is Allow
    change(identities, "ada", enabled=False)

    assert [ask(bench, provider, environment=one) for one in environments * 2] == [Reason.KEY_DISABLED] * 4
    assert ask(bench, provider, environment=bench.other()) is Reason.KEY_DISABLED
    assert ask(bench, provider, "grace") is Allow


def test_an_identity_that_is_let_in_again_passes_at_once_with_what_it_had_used(bench, provider, identities):
    assert ask(bench, provider) is Allow
    other = bench.other()
    change(identities, "ada", enabled=False)
    assert {ask(bench, provider, environment=one) for one in (bench.environment, other)} == {Reason.KEY_DISABLED}
    used = read_gate(bench.boto, bench.table, identity_partition(hash_of("ada"))) or {}
    change(identities, "ada", enabled=True)

    assert [ask(bench, provider, environment=one) for one in (bench.environment, other)] == [Allow] * 2
    gate = read_gate(bench.boto, bench.table, identity_partition(hash_of("ada"))) or {}
    assert gate["v"] == 3
    assert gate.get("au", 0) == used.get("au", 0) + (2 if "au" in used else 0)


def test_a_warm_identity_takes_one_call_and_a_cold_one_a_read_more(bench, provider, identities):
    ask(bench, provider)
    bench.recorder.taken()

    assert ask(bench, provider) is Allow
    (warm,) = bench.recorder.taken()
    other = bench.other()
    assert ask(bench, provider, environment=other) is Allow

    assert warm in {"GetItem", "UpdateItem"}
    assert other._client.taken() == ["BatchGetItem"] * 4 + [warm]  # the API, its issuers, the identity, its policy


def test_a_block_between_the_reads_of_gate_and_record_is_not_missed(bench, provider, identities):
    """A batch is no snapshot: the gate may be read after the change and the record before it."""
    assert ask(bench, provider) is Allow
    record, _ = identities.find(hash_of("ada"))
    client = bench.as_authorizer

    class Torn:
        """Answers the gate as it is after a block, and once no record."""

        torn = False

        def call(self, operation, request):
            keys = request.get("RequestItems", {}).get(bench.table, {}).get("Keys", [])
            is_identity = any(key["PK"]["S"].startswith("IDENTITY#") for key in keys)
            if is_identity and not self.torn:
                self.torn = True
                identities.update(record, record._replace(version=2, enabled=False))
                answer = client.call(operation, request)
                answer["Responses"][bench.table] = [
                    item for item in answer["Responses"][bench.table] if not item["PK"]["S"].startswith("BLOCK#")
                ]
                return answer
            return client.call(operation, request)

    torn = Torn()
    environment = Environment(Recorder(torn), bench.table, KEYRING)

    assert ask(bench, provider, environment=environment) is Reason.KEY_DISABLED
    assert torn.torn


def test_a_gate_that_a_fault_turned_back_opens_nothing(bench, provider, identities):
    """The authorizer may write the gate, so the record decides."""
    assert ask(bench, provider) is Allow
    change(identities, "ada", enabled=False)
    key = {"PK": {"S": identity_partition(hash_of("ada"))}, "SK": {"S": "GATE"}}
    update = {"UpdateExpression": "SET v = :v", "ExpressionAttributeValues": {":v": {"N": "1"}}}
    bench.as_authorizer.call("UpdateItem", {"TableName": bench.table, "Key": key} | update)

    assert ask(bench, provider, environment=bench.other()) is Reason.KEY_DISABLED


def test_an_identity_that_never_called_is_not_known_and_a_token_without_policies_leaves_nothing(
    bench, provider, identities
):
    shared = Table(bench.boto, bench.table)
    before = IssuerStore(shared).find("idp")
    IssuerStore(shared).put(before, before._replace(version=2, default_policies=()))

    assert ask(bench, provider) is Reason.POLICY_UNAVAILABLE

    assert identities.find(hash_of("ada")) is None
    unsaid = IdentityRecord.default(hash_of("ada"))
    with pytest.raises(VersionConflictError):
        identities.update(unsaid, unsaid._replace(version=2, enabled=False))


def test_an_identity_of_the_master_secret_before_keeps_its_gate_and_its_block(bench, provider, identities):
    assert ask(bench, provider) is Allow
    rotated = Keyring(MasterKeys(b"n" * 32, b"s" * 32, b"e" * 32), KEYRING.current)
    environment = Environment(bench.as_authorizer, bench.table, rotated)
    assert ask(bench, provider, environment=environment) is Allow
    change(identities, "ada", enabled=False)

    assert ask(bench, provider, environment=environment) is Reason.KEY_DISABLED
    assert ask(bench, provider, "grace", environment=environment) is Allow
    assert identities.find(hash_of("grace", rotated)) is not None


def test_of_20_changes_of_one_version_one_succeeds(bench, provider, identities):
    create_gate(bench.boto, bench.table, identity_partition(hash_of("ada")), 1)
    before, _ = identities.find(hash_of("ada"))
    outcomes = []

    def block():
        try:
            identities.update(before, before._replace(version=2, enabled=False))
            outcomes.append("changed")
        except VersionConflictError:
            outcomes.append("conflict")

    threads = [threading.Thread(target=block) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["changed", *["conflict"] * 19]


class UnlistedClient:
    """A table whose list of identities takes nothing, for a while."""

    def __init__(self, client):
        self._client = client
        self.fails = True

    def call(self, operation, request):
        if self.fails and request.get("Key", {}).get("PK", {}).get("S", "").startswith("IDENTITY#ISSUER#"):
            message = "the list takes nothing"
            raise ThrottledError(message)
        return self._client.call(operation, request)


def listed(identities):
    return [one.name for one in identities.page("idp", limit=9, cursor=None).items]


def test_an_identity_is_listed_by_one_more_write_at_its_first_use_alone(bench, provider, identities):
    recorder = Recorder(bench.boto)
    environment = Environment(recorder, bench.table, KEYRING)
    assert ask(bench, provider, environment=environment) is Allow

    assert listed(identities) == ["ada"]
    first = len(recorder.calls)
    assert ask(bench, provider, environment=environment) is Allow
    assert len(recorder.calls) == first + 1
    again = Recorder(bench.boto)
    assert ask(bench, provider, environment=Environment(again, bench.table, KEYRING)) is Allow
    assert len(again.calls) == first - 2


def test_a_list_that_takes_nothing_breaks_no_request_and_is_made_up_for(bench, provider, identities):
    client = UnlistedClient(bench.boto)
    assert ask(bench, provider, environment=Environment(client, bench.table, KEYRING)) is Allow
    assert listed(identities) == []

    client.fails = False
    assert ask(bench, provider, environment=Environment(client, bench.table, KEYRING)) is Allow

    assert listed(identities) == ["ada"]
