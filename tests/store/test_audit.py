"""The audit log tells when it was tampered with, and raises no false alarm."""

import threading
import time
import uuid

import pytest

from access.grants import Grant
from access.key_ids import KeyHash
from access.keys import KeyRecord
from store.admin.audit import AuditEntry, AuditFilter, AuditLog, write_moment
from store.admin.keys import KeyStore
from store.admin.transactions import Attached, Table
from store.admin.verification import verify
from store.attributes import encode
from store.boto import BotoClient
from store.table import RECORD, audit_partition, key_of, key_partition

NOW = 1_800_000_000
ALWAYS = AuditFilter(write_moment(NOW - 86_400), write_moment(NOW + 1))
RESOURCE = "/keys/one"


@pytest.fixture
def shared(services, table, monkeypatch):
    for name, value in services.environ().items():
        monkeypatch.setenv(name, value)
    return Table(BotoClient("dynamodb"), table)


class Writer:
    """Changes keys, each change with its entry."""

    def __init__(self, shared):
        self.log, self.keys = AuditLog(shared), KeyStore(shared)
        self.entries = []

    def entry(self, key, action, at, after):
        made = AuditEntry.make(
            entry_id=uuid.uuid4().hex,
            now=at,
            principal="p",
            action=action,
            resource=f"/keys/{key}",
            fields=("name",),
            request_id="r",
            previous_hash=after,
        )
        self.entries.append(made)
        return made

    def create(self, key="one", at=NOW - 100):
        entry = self.entry(key, "key.create", at, "")
        record = KeyRecord(KeyHash(key), 1, key, at, at, grants=(Grant("*"),), last_audit=entry.hash)
        self.keys.create(record, Attached(self.log.put(entry)))
        return record

    def update(self, before, at):
        entry = self.entry(before.key_hash, "key.update", at, before.last_audit)
        after = before._replace(version=before.version + 1, updated_at=int(at), last_audit=entry.hash)
        self.keys.update(before, after, Attached(self.log.put(entry)))
        return after

    def delete(self, record, at):
        entry = self.entry(record.key_hash, "key.delete", at, record.last_audit)
        self.keys.delete(record, Attached(self.log.put(entry)))


@pytest.fixture
def writer(shared):
    return Writer(shared)


def place_of(entry):
    return key_of(audit_partition(entry.at[:7]), f"{entry.at}#{entry.id}")


def erase(shared, entry):
    shared.client.call("DeleteItem", {"TableName": shared.name, "Key": place_of(entry)})


def faults_of(shared, writer, wanted=ALWAYS):
    return [(fault.resource, fault.id, fault.message) for fault in verify(shared, writer.log, wanted, now=NOW)[1]]


def a_history(writer):
    """Three changes of one key, and the whole life of another."""
    record = writer.create()
    for at in (NOW - 90, NOW - 80):
        record = writer.update(record, at)
    writer.delete(writer.create("two", at=NOW - 70), NOW - 60)
    return writer.entries


def test_a_log_that_nobody_touched_is_whole(shared, writer):
    entries = a_history(writer)

    assert verify(shared, writer.log, ALWAYS, now=NOW) == (len(entries), [])


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("attribute", ["principal", "action", "at", "request_id", "hash", "previous_hash", "resource"])
def test_a_changed_entry_is_told(shared, writer, place, attribute):
    entry = a_history(writer)[place]
    item = writer.log.put(entry)["Put"]["Item"] | {attribute: encode("something else")}
    shared.client.call("PutItem", {"TableName": shared.name, "Item": item})

    assert (entry.id, "was changed after it was written") in [fault[1:] for fault in faults_of(shared, writer)]


@pytest.mark.parametrize("attribute", AuditEntry._fields)
def test_an_entry_that_lost_a_member_is_told(shared, writer, attribute):
    item = writer.log.put(a_history(writer)[1])["Put"]["Item"]
    item.pop(attribute)
    shared.client.call("PutItem", {"TableName": shared.name, "Item": item})

    assert faults_of(shared, writer)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_missing_entry_is_told_wherever_it_stood(shared, writer, place):
    erase(shared, a_history(writer)[place])

    assert [fault[0] for fault in faults_of(shared, writer)] == [RESOURCE]


def test_a_missing_removal_is_told(shared, writer):
    erase(shared, a_history(writer)[-1])

    assert faults_of(shared, writer) == [("/keys/two", "", "its record is gone, and no entry tells of it")]


def test_a_chain_that_was_erased_whole_is_told_as_long_as_its_record_is_there(shared, writer):
    for entry in a_history(writer)[:3]:
        erase(shared, entry)

    assert faults_of(shared, writer) == [(RESOURCE, "", "its last change has no entry")]


def test_a_record_that_was_removed_behind_the_log_is_told(shared, writer):
    a_history(writer)
    shared.client.call("DeleteItem", {"TableName": shared.name, "Key": key_of(key_partition("one"), RECORD)})

    assert faults_of(shared, writer) == [(RESOURCE, "", "its record is gone, and no entry tells of it")]


def test_an_entry_that_was_rewritten_with_its_hash_no_longer_fits_its_chain(shared, writer):
    forged = a_history(writer)[1]._replace(principal="somebody else")
    forged = forged._replace(hash=forged.expected_hash())
    shared.client.call("PutItem", {"TableName": shared.name, "Item": forged.to_item()})

    assert faults_of(shared, writer)


def test_an_interval_cuts_chains_without_a_false_alarm(shared, writer):
    a_history(writer)

    for seconds in (95, 85, 75, 65, 55):
        assert faults_of(shared, writer, ALWAYS._replace(first=write_moment(NOW - seconds))) == []
        assert faults_of(shared, writer, ALWAYS._replace(last=write_moment(NOW - seconds))) == []


def test_clocks_that_disagree_raise_no_alarm(shared, writer):
    """Two environments changed a key in turn, and the clock of the second lags behind."""
    record = writer.update(writer.create(), NOW - 50.000)
    writer.update(record, NOW - 50.004)

    assert faults_of(shared, writer) == []


def test_changes_while_the_log_is_verified_raise_no_alarm(shared):
    now = int(time.time())
    stop = threading.Event()

    def change_on(name):
        writer = Writer(shared)
        record = writer.create(name, at=now)
        while not stop.is_set():
            record = writer.update(record, time.time())

    threads = [threading.Thread(target=change_on, args=(f"k{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    log = AuditLog(shared)
    found = []
    for _ in range(8):
        at = int(time.time())
        found += verify(shared, log, AuditFilter(write_moment(at - 3600), write_moment(at + 1)), now=at)[1]
    stop.set()
    for thread in threads:
        thread.join()

    assert found == []
