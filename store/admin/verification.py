"""Whether the audit log is whole.

The hash of an entry shows that it was written by us, and what it says. The entries of a resource are
linked, so no clock orders them: each follows one that is there, no two follow the same, and what
nothing follows is a removal or what the record of the resource names as its last change. An interval
cuts chains; what stands before the cut is looked up. What leaves no trace: a chain that was erased
whole together with its record, and the newest changes of a resource, if its record was set back.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hmac import compare_digest
from itertools import islice
from typing import NamedTuple

from store.admin.audit import AuditEntry, AuditFilter, AuditLog, StoredEntry, is_place, partition_of, write_moment
from store.admin.audit_keys import AuditKeys
from store.admin.transactions import Item, Table
from store.attributes import decode_item
from store.errors import InvalidItemError, StoreError
from store.table import ALL_APIS, ALL_ISSUERS, ALL_KEYS, ALL_POLICIES, RECORD, key_of

MAX_ENTRIES = 50_000  # of one verification
MAX_RECORDS = 10_000  # of each kind that are looked up although no entry names them
MAX_VERIFY_SECONDS = 60
SLACK_SECONDS = 10  # between the time of an entry and the end of its transaction
LISTS = {"keys": ALL_KEYS, "policies": ALL_POLICIES, "apis": ALL_APIS, "issuers": ALL_ISSUERS}
CHANGED, MOVED, UNKNOWN_KEY = "changed", "moved", "unknown_key"
MISSING, FORKED, UNLISTED = "missing", "forked", "unlisted"
MESSAGES = {
    CHANGED: "was changed after it was written, or written by somebody without the audit key",
    MOVED: "does not stand where it was written to",
    UNKNOWN_KEY: "is under an audit key that the master secret no longer names",
    MISSING: "the entry before it is missing or was changed",
    FORKED: "follows the same entry as another one",
    UNLISTED: "is missing in the list of its resource",
}
NO_LAST_CHANGE = "its last change has no entry"
NO_REMOVAL = "its record is gone, and no entry tells of it"
Chains = dict[str, list[StoredEntry]]


class TooManyEntriesError(StoreError):
    """The interval holds more than MAX_ENTRIES."""


class Fault(NamedTuple):
    """Where a chain is broken, and how. `id` is the entry's, empty where one is missing."""

    id: str
    resource: str
    reason: str
    message: str


class _Record(NamedTuple):
    """What the record of a resource says of its changes."""

    last_audit: str
    updated_at: int | None  # None where it cannot be read


def verify(table: Table, log: AuditLog, wanted: AuditFilter, *, now: int) -> tuple[int, list[Fault]]:
    """How many entries of an interval were checked, and where a chain is broken. Raises TooManyEntriesError."""
    chains = _read_chains(log, wanted.first, wanted.last)
    faults = _judge(log, chains, _read_records(table, {*chains, *_listed(table)}), wanted, now)
    if faults:
        chains_again, records = _read_again(table, log, chains, {fault.resource for fault in faults}, now)
        faults = _judge(log, chains_again, records, wanted, now)
    return sum(map(len, chains.values())), faults


def _read_again(
    table: Table, log: AuditLog, chains: Chains, resources: set[str], now: int
) -> tuple[Chains, dict[str, _Record]]:
    """Doubtful chains with the entries that came while we read, up to the records as they are then.

        entries read . . . change n . . . change n + 1 . . . records read, then late entries

    First the records, so that every change that they name has its entry in sight.
    """
    records = _read_records(table, resources)
    late = _read_chains(log, write_moment(now - SLACK_SECONDS), write_moment(now + MAX_VERIFY_SECONDS))
    again = {one: _merge(chains.get(one, []), late.get(one, []), records.get(one)) for one in resources}
    return again, records


def _merge(known: list[StoredEntry], late: list[StoredEntry], record: _Record | None) -> list[StoredEntry]:
    last = next((stored.entry for stored in late if record and stored.entry.link == record.last_audit), None)
    meanwhile = (stored for stored in late if last is None or stored.entry.at <= last.at)
    return sorted({*known, *meanwhile}, key=lambda stored: stored.entry.at)


def _judge(log: AuditLog, chains: Chains, records: Mapping[str, _Record], wanted: AuditFilter, now: int) -> list[Fault]:
    verdicts = {stored: _verdict(stored, log.keys) for entries in chains.values() for stored in entries}
    before = _look_up(log, chains)
    links = (fault for entries in chains.values() for fault in _check_links(entries, before, verdicts, log.keys))
    without_end = sorted(_without_end(chains, records, wanted, now))
    ends = (Fault("", resource, MISSING, _tell_end(records, resource)) for resource in without_end)
    return [*links, *_check_lists(log, verdicts), *ends]


def _read_chains(log: AuditLog, first: str, last: str) -> Chains:
    chains: Chains = {}
    for number, stored in enumerate(log.entries(first, last)):
        if number == MAX_ENTRIES:
            raise TooManyEntriesError
        chains.setdefault(stored.entry.resource, []).append(stored)
    return chains


# --- records -------------------------------------------------------------------------------


def _listed(table: Table) -> Iterator[str]:
    """The resources that exist, from the lists of their kinds."""
    for kind, listed_in in LISTS.items():
        sorts = islice(_sorts_of(table, listed_in), MAX_RECORDS)
        yield from (f"/{kind}/{sort.rpartition('#')[2]}" for sort in sorts)


def _sorts_of(table: Table, partition: str) -> Iterator[str]:
    after, is_last = None, False
    while not is_last:
        sorts, is_last = table.sorts(partition, after=after, limit=1000)
        yield from sorts
        after = sorts[-1] if sorts else after


def _read_records(table: Table, resources: set[str]) -> dict[str, _Record]:
    by_partition = {partition: one for one in resources if (partition := partition_of(one))}
    keys = [key_of(partition, RECORD) for partition in by_partition]
    items = table.items(keys, attributes="PK, last_audit, updated_at")
    return {by_partition[item["PK"]["S"]]: _read_record(item) for item in items}


def _read_record(item: Item) -> _Record:
    try:
        values = decode_item(item)
    except InvalidItemError:
        values = {}
    updated_at = values.get("updated_at")
    return _Record(str(values.get("last_audit", "")), updated_at if type(updated_at) is int else None)


# --- entries -------------------------------------------------------------------------------


def _verdict(stored: StoredEntry, keys: AuditKeys) -> str:
    """What is wrong with an entry by itself; empty where nothing is."""
    entry = stored.entry
    key = keys.by_id.get(entry.audit_key)
    if key is None and entry.audit_key:
        return UNKNOWN_KEY
    if key is None or not compare_digest(entry.hash.encode(), entry.expected_hash(key).encode()):
        return CHANGED
    return "" if stored.is_in_place else MOVED


def _look_up(log: AuditLog, chains: Chains) -> dict[str, StoredEntry]:
    """What stands before the entries whose predecessors were not read."""
    entries = [stored.entry for chain in chains.values() for stored in chain]
    known = {entry.place for entry in entries}
    return log.find(entry.previous for entry in entries if is_place(entry.previous) and entry.previous not in known)


def _check_links(
    entries: Sequence[StoredEntry],
    before: Mapping[str, StoredEntry],
    verdicts: Mapping[StoredEntry, str],
    keys: AuditKeys,
) -> Iterator[Fault]:
    links = {stored.entry.link for stored in entries}
    followers = Counter(stored.entry.previous_hash for stored in entries if not verdicts[stored])
    for stored in entries:
        entry = stored.entry
        follows = f"{entry.previous}#{entry.previous_hash}"
        reason = verdicts[stored]
        if not reason and not entry.previous_hash:
            reason = "" if _begins_a_chain(entry) else MISSING
        elif not reason and follows not in links and not _stands(before.get(entry.previous), entry, keys):
            reason = MISSING
        elif not reason and followers[entry.previous_hash] > 1:
            reason = FORKED
        if reason:
            yield _fault(entry, reason)


def _begins_a_chain(entry: AuditEntry) -> bool:
    """Whether nothing need stand before an entry: nobody creates an identity, it is there when it first calls."""
    return entry.action.endswith(".create") or entry.action.startswith("identity.")


def _stands(found: StoredEntry | None, follower: AuditEntry, keys: AuditKeys) -> bool:
    """Whether what was looked up is what an entry follows, unchanged."""
    return (
        found is not None
        and found.entry.hash == follower.previous_hash
        and found.entry.resource == follower.resource
        and _verdict(found, keys) in {"", UNKNOWN_KEY}
    )


def _check_lists(log: AuditLog, verdicts: Mapping[StoredEntry, str]) -> Iterator[Fault]:
    sound = [stored.entry for stored, verdict in verdicts.items() if not verdict]
    listed = log.listed(sound)
    return (_fault(entry, UNLISTED) for entry in sound if entry not in listed)


def _fault(entry: AuditEntry, reason: str) -> Fault:
    return Fault(entry.id, entry.resource, reason, MESSAGES[reason])


# --- ends ----------------------------------------------------------------------------------


def _without_end(chains: Chains, records: Mapping[str, _Record], wanted: AuditFilter, now: int) -> set[str]:
    """Resources whose last change, or whose removal, has no entry."""
    reaches_now = wanted.last >= write_moment(now)
    changed = {
        resource
        for resource, record in records.items()
        if record.last_audit not in {stored.entry.link for stored in chains.get(resource, ())}
        and _was_updated_within(record, wanted, reaches_now=reaches_now)
    }
    gone = {one for one, entries in chains.items() if one not in records and not _is_removed(entries)}
    return changed | gone if reaches_now else changed


def _was_updated_within(record: _Record, wanted: AuditFilter, *, reaches_now: bool) -> bool:
    at = record.updated_at
    return at is None or (
        wanted.first < write_moment(at - SLACK_SECONDS)
        and (reaches_now or write_moment(at + SLACK_SECONDS) <= wanted.last)
    )


def _is_removed(entries: Sequence[StoredEntry]) -> bool:
    """Whether every chain of a resource ends in its removal."""
    followed = {stored.entry.previous_hash for stored in entries}
    return all(stored.entry.action.endswith(".delete") for stored in entries if stored.entry.hash not in followed)


def _tell_end(records: Mapping[str, _Record], resource: str) -> str:
    return NO_LAST_CHANGE if resource in records else NO_REMOVAL
