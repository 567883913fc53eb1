"""The audit log tells when it was tampered with, and raises no false alarm.

The attacker of these tests may write the table as it likes, and has no master secret.
"""

import hashlib
import json
import threading
import time
import uuid

import pytest

from access.grants import Grant
from access.key_ids import KeyHash
from access.keys import KeyRecord
from store.admin.audit import AuditEntry, AuditFilter, AuditLog, write_moment
from store.admin.audit_keys import parse_audit_keys
from store.admin.keys import KeyStore
from store.admin.transactions import Attached, Table
from store.admin.verification import CHANGED, FORKED, MISSING, MOVED, UNKNOWN_KEY, UNLISTED, verify
from store.attributes import encode
from store.boto import BotoClient
from store.errors import InvalidItemError
from store.table import RECORD, audit_index, audit_partition, key_of, key_partition
from tests.authorizer.bench import Recorder

NOW = 1_800_000_000
ALWAYS = AuditFilter(write_moment(NOW - 86_400), write_moment(NOW + 1))
RESOURCE = "/keys/one"
KEYS = parse_audit_keys(json.dumps({"current": "c" * 64}))
OF_AN_ATTACKER = b"a key of the attacker's own choice"


@pytest.fixture
def recorder(services, monkeypatch):
    for name, value in services.environ().items():
        monkeypatch.setenv(name, value)
    return Recorder(BotoClient("dynamodb"))


@pytest.fixture
def shared(recorder, table):
    return Table(recorder, table)


class Writer:
    """Changes keys, each change with its entry."""

    def __init__(self, shared, keys=KEYS):
        self.log, self.keys = AuditLog(shared, keys), KeyStore(shared)
        self.entries = []

    def entry(self, key, action, at, after):
        made = AuditEntry.make(
            self.log.keys,
            entry_id=uuid.uuid4().hex,
            now=at,
            principal="p",
            action=action,
            resource=f"/keys/{key}",
            fields=("name",),
            request_id="r",
            after=after,
        )
        self.entries.append(made)
        return made

    def create(self, key="one", at=NOW - 100):
        entry = self.entry(key, "key.create", at, "")
        record = KeyRecord(KeyHash(key), 1, key, at, at, grants=(Grant("*"),), last_audit=entry.link)
        self.keys.create(record, Attached(self.log.put(entry)))
        return record

    def update(self, before, at):
        entry = self.entry(before.key_hash, "key.update", at, before.last_audit)
        after = before._replace(version=before.version + 1, updated_at=int(at), last_audit=entry.link)
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


def put(shared, item):
    shared.client.call("PutItem", {"TableName": shared.name, "Item": item})


def erase(shared, entry):
    shared.client.call("DeleteItem", {"TableName": shared.name, "Key": place_of(entry)})


def set_in_record(shared, key="one", **values):
    request = {
        "TableName": shared.name,
        "Key": key_of(key_partition(key), RECORD),
        "UpdateExpression": "SET " + ", ".join(f"{name} = :{name}" for name in values),
        "ExpressionAttributeValues": {f":{name}": encode(value) for name, value in values.items()},
    }
    shared.client.call("UpdateItem", request)


def faults_of(shared, log, wanted=ALWAYS):
    return [(fault.resource, fault.id, fault.reason) for fault in verify(shared, log, wanted, now=NOW)[1]]


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


# --- changed and forged --------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("attribute", ["principal", "action", "at", "request_id", "hash", "previous_hash", "resource"])
def test_a_changed_entry_is_told(shared, writer, place, attribute):
    entry = a_history(writer)[place]
    put(shared, entry.to_item() | {attribute: encode("something else")})

    assert CHANGED in [reason for _, found, reason in faults_of(shared, writer.log) if found == entry.id]


@pytest.mark.parametrize("attribute", AuditEntry._fields)
def test_an_entry_that_lost_a_member_is_told(shared, writer, attribute):
    item = a_history(writer)[1].to_item()
    item.pop(attribute)
    put(shared, item)

    assert faults_of(shared, writer.log)


UNHEARD_OF = [{"NS": ["1"]}, {"N": "1E+2"}, {"S": ""}, {"S": "x" * 5000}, {"S": "\u00e9#\u00e9"}, {"M": {}}]


@pytest.mark.parametrize("attribute", [name for name in AuditEntry._fields if name not in {"id", "at"}])
def test_an_entry_that_nobody_could_have_written_is_told_like_any_other(shared, writer, attribute):
    """And does not keep anybody from verifying the rest."""
    entry = a_history(writer)[1]

    for value in UNHEARD_OF:
        put(shared, entry.to_item() | {attribute: value})
        reasons = {reason for _, found, reason in faults_of(shared, writer.log) if found == entry.id}
        assert reasons == {UNKNOWN_KEY if attribute == "audit_key" and value.get("S") else CHANGED}


def plain_hash(entry):
    """As everybody can compute it."""
    return hashlib.sha256(json.dumps(entry._asdict() | {"hash": ""}, sort_keys=True).encode()).hexdigest()


FORGERS = {
    "with a plain hash": plain_hash,
    "with a key of its own": lambda entry: entry.expected_hash(OF_AN_ATTACKER),
    "with the id of the key for a key": lambda entry: entry.expected_hash(entry.audit_key.encode()),
    "with an empty key": lambda entry: entry.expected_hash(b""),
    "with the hash of another entry": lambda entry: entry.previous_hash,
}


@pytest.mark.parametrize("forge", FORGERS.values(), ids=FORGERS.keys())
def test_a_history_that_is_written_anew_as_a_whole_is_told(shared, writer, forge):
    """Every entry of the key, its list and its record agree with each other."""
    after = ""
    for entry in [one for one in a_history(writer) if one.resource == RESOURCE]:
        previous, _, previous_hash = after.rpartition("#")
        forged = entry._replace(principal="innocent", previous=previous, previous_hash=previous_hash)
        forged = forged._replace(hash=forge(forged))
        put(shared, forged.to_item())
        after = forged.link
    set_in_record(shared, last_audit=after)

    assert [(resource, reason) for resource, _, reason in faults_of(shared, writer.log)] == [(RESOURCE, CHANGED)] * 3


@pytest.mark.parametrize("audit_key", [KEYS.in_force, "", "0" * 12, "\u00e9"])
def test_a_change_that_never_happened_is_told(shared, writer, audit_key):
    last = [entry for entry in a_history(writer) if entry.resource == RESOURCE][-1]
    forged = last._replace(id="f" * 16, at=last.at.replace("Z", "1Z"), previous=last.place, previous_hash=last.hash)
    forged = forged._replace(audit_key=audit_key, hash=forged.expected_hash(OF_AN_ATTACKER))
    for action in writer.log.put(forged):
        put(shared, action["Put"]["Item"])
    set_in_record(shared, last_audit=forged.link)

    reason = CHANGED if audit_key in {KEYS.in_force, ""} else UNKNOWN_KEY
    assert faults_of(shared, writer.log) == [(RESOURCE, forged.id, reason)]


def test_a_removal_that_never_happened_is_told(shared, writer):
    """Of a key whose record the attacker took away."""
    last = [entry for entry in a_history(writer) if entry.resource == RESOURCE][-1]
    forged = last._replace(id="f" * 16, action="key.delete", previous=last.place, previous_hash=last.hash)
    put(shared, forged._replace(hash=forged.expected_hash(OF_AN_ATTACKER)).to_item())
    shared.client.call("DeleteItem", {"TableName": shared.name, "Key": key_of(key_partition("one"), RECORD)})

    assert faults_of(shared, writer.log) == [(RESOURCE, forged.id, CHANGED)]


# --- left out ------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_missing_entry_is_told_wherever_it_stood(shared, writer, place):
    erase(shared, a_history(writer)[place])

    assert [(resource, reason) for resource, _, reason in faults_of(shared, writer.log)] == [(RESOURCE, MISSING)]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("created_at", [NOW - 100, NOW - 400 * 86_400, 0])
def test_a_beginning_that_was_cut_off_is_told_whatever_the_record_says_of_its_age(shared, writer, count, created_at):
    """No interval is so short, and no record so old, that an entry could follow nothing."""
    for entry in a_history(writer)[:count]:
        erase(shared, entry)
    set_in_record(shared, created_at=created_at)

    for first in (NOW - 86_400, NOW - {1: 91, 2: 81}[count]):
        wanted = ALWAYS._replace(first=write_moment(first))
        assert [(resource, reason) for resource, _, reason in faults_of(shared, writer.log, wanted)] == [
            (RESOURCE, MISSING)
        ]


@pytest.mark.parametrize("member", ["principal", "resource", "hash"])
def test_what_stands_before_the_interval_is_judged_before_it_is_followed(shared, writer, member):
    entries = a_history(writer)
    put(shared, entries[0].to_item() | {member: encode("/keys/other")})

    wanted = ALWAYS._replace(first=write_moment(NOW - 95))
    assert faults_of(shared, writer.log, wanted) == [(RESOURCE, entries[1].id, MISSING)]


def test_a_missing_removal_is_told(shared, writer):
    erase(shared, a_history(writer)[-1])

    assert faults_of(shared, writer.log) == [("/keys/two", "", MISSING)]


def test_a_chain_that_was_erased_whole_is_told_as_long_as_its_record_is_there(shared, writer):
    for entry in a_history(writer)[:3]:
        erase(shared, entry)

    assert faults_of(shared, writer.log) == [(RESOURCE, "", MISSING)]


@pytest.mark.parametrize("member", ["last_audit", "updated_at"])
def test_a_record_that_says_nothing_of_its_last_change_is_told(shared, writer, member):
    a_history(writer)
    request = {"TableName": shared.name, "Key": key_of(key_partition("one"), RECORD)}
    values = {":value": {"NS": ["1"]}}
    shared.client.call(
        "UpdateItem", request | {"UpdateExpression": f"SET {member} = :value", "ExpressionAttributeValues": values}
    )

    assert faults_of(shared, writer.log) == [(RESOURCE, "", MISSING)]


def test_a_record_that_was_removed_behind_the_log_is_told(shared, writer):
    a_history(writer)
    shared.client.call("DeleteItem", {"TableName": shared.name, "Key": key_of(key_partition("one"), RECORD)})

    assert faults_of(shared, writer.log) == [(RESOURCE, "", MISSING)]


@pytest.mark.parametrize("last_audit", ["", "x", "#", "x" * 5000, "x" * 3000 + "#" + "y" * 64, "\u00e9#\u00e9"])
def test_a_change_that_follows_what_an_attacker_wrote_into_the_record_is_told(shared, writer, last_audit):
    """The entry is ours, and what it follows is not there."""
    record = writer.create()
    set_in_record(shared, last_audit=last_audit)
    writer.update(record._replace(last_audit=last_audit), NOW - 50)

    assert faults_of(shared, writer.log) == [(RESOURCE, writer.entries[-1].id, MISSING)]


def test_a_record_that_was_set_back_before_the_next_change_is_told(shared, writer):
    first = writer.create()
    second = writer.update(first, NOW - 90)
    set_in_record(shared, last_audit=first.last_audit)
    writer.update(second._replace(last_audit=first.last_audit), NOW - 80)

    followers = [entry.id for entry in writer.entries[1:]]
    assert sorted(faults_of(shared, writer.log)) == sorted((RESOURCE, one, FORKED) for one in followers)


# --- moved and copied ----------------------------------------------------------------------


def test_entries_that_changed_places_are_told(shared, writer):
    one, two = a_history(writer)[1:3]
    put(shared, one.to_item() | place_of(two))
    put(shared, two.to_item() | place_of(one))

    assert sorted(faults_of(shared, writer.log)) == sorted((RESOURCE, entry.id, MOVED) for entry in (one, two))


@pytest.mark.parametrize("is_copy", [True, False])
@pytest.mark.parametrize("at", [NOW - 85, NOW - 10])
def test_an_entry_that_stands_elsewhere_is_told(shared, writer, at, is_copy):
    entry = a_history(writer)[1]
    elsewhere = f"{write_moment(at)}.000000Z#{entry.id}"
    put(shared, entry.to_item() | key_of(audit_partition(elsewhere[:7]), elsewhere))
    if not is_copy:
        erase(shared, entry)

    assert (RESOURCE, entry.id, MOVED) in faults_of(shared, writer.log)


def test_an_entry_that_was_moved_out_of_the_interval_is_missing_in_it(shared, writer):
    entries = a_history(writer)
    long_ago = f"2001-01-01T00:00:00.000000Z#{entries[1].id}"
    put(shared, entries[1].to_item() | key_of(audit_partition("2001-01"), long_ago))
    erase(shared, entries[1])

    assert faults_of(shared, writer.log) == [(RESOURCE, entries[2].id, MISSING)]


@pytest.mark.parametrize("resource", ["", "x", "/keys/", "/keys/" + "x" * 3000, "/" * 200, "/keys/\u00e9"])
def test_entries_of_resources_that_nobody_has_keep_nobody_from_verifying(shared, writer, resource):
    entry = a_history(writer)[1]
    stray = entry._replace(id="f" * 16, resource=resource)
    put(shared, stray.to_item())

    assert (resource, stray.id, CHANGED) in faults_of(shared, writer.log)


# --- lists by resource ---------------------------------------------------------------------


def page_of(writer, resource, limit=50, cursor=None, **members):
    return writer.log.page(ALWAYS._replace(resource=resource, **members), limit=limit, cursor=cursor)


def test_the_entries_of_a_resource_are_listed_by_time(writer):
    entries = a_history(writer)

    assert page_of(writer, RESOURCE).items == tuple(entries[:3])
    assert page_of(writer, "/keys/two").items == tuple(entries[3:])
    assert page_of(writer, "/keys/three").items == ()
    assert page_of(writer, "/keys/" + "x" * 3000).items == ()


def test_a_page_of_a_resource_reads_nothing_of_others(writer, recorder):
    """Five entries among thousands cost what five entries cost."""
    record = writer.create()
    for number in range(4):
        record = writer.update(record, NOW - 90 + number)
    busy = writer.create("busy")
    for number in range(60):
        busy = writer.update(busy, NOW - 95 + number / 10)
    recorder.taken()

    first = page_of(writer, RESOURCE, limit=3)
    second = page_of(writer, RESOURCE, limit=3, cursor=first.cursor)

    assert recorder.taken() == ["Query", "BatchGetItem"] * 2
    assert [len(page.items) for page in (first, second)] == [3, 2]
    assert second.cursor is None


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_no_page_of_a_resource_is_empty_and_leads_on(writer, limit):
    entries = a_history(writer)[:3]
    found, cursor, pages = [], None, 0
    while cursor is not None or not pages:
        page = page_of(writer, RESOURCE, limit, cursor)
        assert page.items
        found, cursor, pages = [*found, *page.items], page.cursor, pages + 1

    assert found == entries
    assert pages == -(-3 // limit)


def test_a_principal_is_looked_for_among_the_entries_of_a_resource(writer):
    a_history(writer)

    assert len(page_of(writer, RESOURCE, principal="p").items) == 3
    assert page_of(writer, RESOURCE, principal="q") == ((), None)


def test_a_list_that_lacks_an_entry_is_told(shared, writer):
    entry = a_history(writer)[1]
    key = key_of(audit_index(RESOURCE), entry.place)
    shared.client.call("DeleteItem", {"TableName": shared.name, "Key": key})

    assert len(page_of(writer, RESOURCE).items) == 2
    assert faults_of(shared, writer.log) == [(RESOURCE, entry.id, UNLISTED)]


def test_whatever_is_written_into_a_list_shows_nothing_that_is_not_in_the_log(shared, writer):
    """A list holds places and nothing else."""
    entries = a_history(writer)
    forged = entries[0]._replace(id="0" * 16, principal="innocent")
    for sort in (forged.place, entries[3].place, "2027-01-15T07:00:00.000000Z#", "2027-01-15T07"):
        put(shared, forged.to_item() | key_of(audit_index(RESOURCE), sort))
    put(shared, forged.to_item() | key_of(audit_index(RESOURCE), entries[1].place))

    assert page_of(writer, RESOURCE).items == tuple(entries[:3])
    assert faults_of(shared, writer.log) == []


# --- keys ----------------------------------------------------------------------------------

OLD, NEW, OTHER = "o" * 64, "n" * 64, "x" * 64


def keys_of(**members):
    return parse_audit_keys(json.dumps(members))


def faults_under(shared, **members):
    return sorted({fault.reason for fault in verify(shared, AuditLog(shared, keys_of(**members)), ALWAYS, now=NOW)[1]})


def test_a_rotation_of_the_pepper_leaves_the_audit_key_alone(shared):
    """As docs/operate.md says: the `current` of before becomes `audit`."""
    record = Writer(shared, keys_of(current=OLD)).create()
    rotated = {"current": NEW, "previous": OLD, "audit": OLD}
    Writer(shared, keys_of(**rotated)).update(record, NOW - 50)

    assert keys_of(**rotated) == keys_of(current=OLD)
    assert faults_under(shared, **rotated) == []
    assert faults_under(shared, current=OTHER, previous=NEW, audit=OLD) == []


def test_a_rotation_without_an_audit_key_is_verified_as_long_as_the_secret_before_is_there(shared):
    record = Writer(shared, keys_of(current=OLD)).create()
    Writer(shared, keys_of(current=NEW, previous=OLD)).update(record, NOW - 50)

    assert faults_under(shared, current=NEW, previous=OLD) == []
    assert faults_under(shared, current=NEW) == [UNKNOWN_KEY]


def test_a_former_audit_key_verifies_what_it_chained_and_chains_nothing_more(shared):
    record = Writer(shared, keys_of(current=OTHER, audit=OLD)).create()
    writer = Writer(shared, keys_of(current=OTHER, audit=[NEW, OLD]))
    writer.update(record, NOW - 50)

    assert writer.entries[0].audit_key == keys_of(current=OTHER, audit=NEW).in_force
    assert faults_under(shared, current=OTHER, audit=[NEW, OLD]) == []
    assert faults_under(shared, current=OTHER, audit=[OLD, NEW]) == []
    assert faults_under(shared, current=OTHER, audit=NEW) == [UNKNOWN_KEY]


def test_with_an_audit_key_no_other_member_verifies_anything(shared):
    """A pepper that leaked and was rotated must not forge entries for as long as `previous` stays."""
    Writer(shared, keys_of(current=OLD)).create()

    assert faults_under(shared, current=NEW, previous=OLD, audit=OTHER) == [UNKNOWN_KEY]


def test_a_changed_entry_under_a_former_key_is_told_as_changed(shared):
    writer = Writer(shared, keys_of(current=OTHER, audit=OLD))
    a_history(writer)
    put(shared, writer.entries[1].to_item() | {"principal": encode("innocent")})

    assert faults_under(shared, current=OTHER, audit=[NEW, OLD]) == [CHANGED]


def test_the_id_of_a_key_is_neither_the_key_nor_a_part_of_it():
    keys = keys_of(current=OLD, audit=[NEW, OLD])

    assert list(keys.by_id) == [keys.in_force, keys_of(current=OLD).in_force]
    for key_id, key in keys.by_id.items():
        assert len(key_id) == 12
        assert key_id not in key.hex()
    assert repr(keys) == "AuditKeys(<secret>)"


@pytest.mark.parametrize("audit", ["", "short", 1, True, {}, [], [1], ["s" * 31], [OLD, None], [OLD] * 21])
def test_an_audit_key_that_is_none_is_named(audit):
    with pytest.raises(InvalidItemError, match="audit"):
        keys_of(current=OLD, audit=audit)


@pytest.mark.parametrize("members", [{}, {"current": "short"}, {"current": OLD, "previous": 5}])
def test_without_an_audit_key_the_others_must_be_sound(members):
    with pytest.raises(InvalidItemError, match=r"current|previous"):
        keys_of(**members)


# --- no false alarm ------------------------------------------------------------------------


def test_an_interval_cuts_chains_without_a_false_alarm(shared, writer):
    a_history(writer)

    for seconds in (95, 85, 75, 65, 55):
        assert faults_of(shared, writer.log, ALWAYS._replace(first=write_moment(NOW - seconds))) == []
        assert faults_of(shared, writer.log, ALWAYS._replace(last=write_moment(NOW - seconds))) == []


def test_clocks_that_disagree_raise_no_alarm(shared, writer):
    """Two environments changed a key in turn, and the clock of the second lags behind."""
    record = writer.update(writer.create(), NOW - 50.000)
    writer.update(record, NOW - 50.004)

    assert faults_of(shared, writer.log) == []


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
    log = AuditLog(shared, KEYS)
    found = []
    for _ in range(8):
        at = int(time.time())
        found += verify(shared, log, AuditFilter(write_moment(at - 3600), write_moment(at + 1)), now=at)[1]
    stop.set()
    for thread in threads:
        thread.join()

    assert found == []
