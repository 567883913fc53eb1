"""Whether the audit log is whole.

The entries of a resource are linked by hashes, so no clock orders them: each follows one that is
there, no two follow the same, and what nothing follows is a removal or what the record of the
resource names as its last change. An interval may cut the beginning of a chain. A chain that was
erased whole together with its record leaves no trace.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from store.admin.audit import AuditEntry, AuditFilter, AuditLog, partition_of, write_moment
from store.admin.transactions import Table
from store.attributes import decode_known
from store.errors import StoreError
from store.table import ALL_APIS, ALL_ISSUERS, ALL_KEYS, ALL_POLICIES, RECORD, key_of

MAX_ENTRIES = 50_000  # of one verification
MAX_RECORDS = 10_000  # of each kind that are looked up although no entry names them
MAX_VERIFY_SECONDS = 60
SLACK_SECONDS = 10  # between the time of an entry and the end of its transaction
LISTS = {"keys": ALL_KEYS, "policies": ALL_POLICIES, "apis": ALL_APIS, "issuers": ALL_ISSUERS}
Chains = dict[str, list[AuditEntry]]


class TooManyEntriesError(StoreError):
    """The interval holds more than MAX_ENTRIES."""


class Fault(NamedTuple):
    """Where a chain is broken. `id` is the entry's, empty where one is missing."""

    id: str
    resource: str
    message: str


class _Record(NamedTuple):
    """What the record of a resource says of its changes."""

    last_audit: str
    created_at: int
    updated_at: int


def verify(table: Table, log: AuditLog, wanted: AuditFilter, *, now: int) -> tuple[int, list[Fault]]:
    """How many entries of an interval were checked, and where a chain is broken. Raises TooManyEntriesError."""
    chains = _read_chains(log, wanted)
    faults = _judge(chains, _read_records(table, {*chains, *_listed(table)}), wanted, now)
    if faults:
        chains_again, records = _read_again(table, log, chains, {fault.resource for fault in faults}, now)
        faults = _judge(chains_again, records, wanted, now)
    return sum(map(len, chains.values())), faults


def _read_again(
    table: Table, log: AuditLog, chains: Chains, resources: set[str], now: int
) -> tuple[Chains, dict[str, _Record]]:
    """Doubtful chains with the entries that came while we read, up to the records as they are then.

        entries read . . . change n . . . change n + 1 . . . records read, then late entries

    First the records, so that every change that they name has its entry in sight.
    """
    records = _read_records(table, resources)
    late = _read_chains(log, AuditFilter(write_moment(now - SLACK_SECONDS), write_moment(now + MAX_VERIFY_SECONDS)))
    again = {one: _merge(chains.get(one, []), late.get(one, []), records.get(one)) for one in resources}
    return again, records


def _merge(known: list[AuditEntry], late: list[AuditEntry], record: _Record | None) -> list[AuditEntry]:
    last = next((entry for entry in late if record and entry.hash == record.last_audit), None)
    meanwhile = (entry for entry in late if last is None or entry.at <= last.at)
    return sorted({*known, *meanwhile}, key=lambda entry: entry.at)


def _judge(chains: Chains, records: Mapping[str, _Record], wanted: AuditFilter, now: int) -> list[Fault]:
    links = (
        fault for resource, entries in chains.items() for fault in _check_links(entries, records.get(resource), wanted)
    )
    ends = _without_end(chains, records, wanted, now)
    return [*links, *(Fault("", one, _tell_end(records, one)) for one in sorted(ends))]


def _read_chains(log: AuditLog, wanted: AuditFilter) -> Chains:
    chains: Chains = {}
    for number, entry in enumerate(log.entries(wanted)):
        if number == MAX_ENTRIES:
            raise TooManyEntriesError
        chains.setdefault(entry.resource, []).append(entry)
    return chains


def _listed(table: Table) -> Iterator[str]:
    """The resources that exist, from the lists of their kinds."""
    for kind, listed_in in LISTS.items():
        sorts, _ = table.sorts(listed_in, limit=MAX_RECORDS)
        yield from (f"/{kind}/{sort.rpartition('#')[2]}" for sort in sorts)


def _read_records(table: Table, resources: set[str]) -> dict[str, _Record]:
    by_partition = {partition: one for one in resources if (partition := partition_of(one))}
    items = table.items([key_of(partition, RECORD) for partition in by_partition])
    found = {by_partition[item["PK"]["S"]]: decode_known(item, _Record._fields) for item in items}
    return {
        resource: _Record(values.get("last_audit", ""), values["created_at"], values["updated_at"])
        for resource, values in found.items()
    }


def _check_links(entries: Sequence[AuditEntry], record: _Record | None, wanted: AuditFilter) -> Iterator[Fault]:
    hashes = {entry.hash for entry in entries}
    followers = Counter(entry.previous_hash for entry in entries)
    begins_here = record is not None and write_moment(record.created_at - SLACK_SECONDS) > wanted.first
    lacks_beginning = begins_here and not any(entry.action.endswith(".create") for entry in entries)
    for place, entry in enumerate(entries):
        before = entry.previous_hash
        if entry.hash != entry.expected_hash():
            yield Fault(entry.id, entry.resource, "was changed after it was written")
        elif not before and not entry.action.endswith(".create"):
            yield Fault(entry.id, entry.resource, "does not follow the entry before it")
        elif before and before not in hashes and (place > 0 or lacks_beginning):
            yield Fault(entry.id, entry.resource, "the entry before it is missing")
        elif before and followers[before] > 1:
            yield Fault(entry.id, entry.resource, "follows the same entry as another one")


def _without_end(chains: Chains, records: Mapping[str, _Record], wanted: AuditFilter, now: int) -> set[str]:
    """Resources whose last change, or whose removal, has no entry."""
    reaches_now = wanted.last >= write_moment(now)
    changed = {
        resource
        for resource, record in records.items()
        if record.last_audit not in {entry.hash for entry in chains.get(resource, ())}
        and wanted.first < write_moment(record.updated_at - SLACK_SECONDS)
        and (reaches_now or write_moment(record.updated_at + SLACK_SECONDS) <= wanted.last)
    }
    gone = {one for one, entries in chains.items() if one not in records and not _is_removed(entries)}
    return changed | gone if reaches_now else changed


def _is_removed(entries: Sequence[AuditEntry]) -> bool:
    """Whether every chain of a resource ends in its removal."""
    followed = {entry.previous_hash for entry in entries}
    return all(entry.action.endswith(".delete") for entry in entries if entry.hash not in followed)


def _tell_end(records: Mapping[str, _Record], resource: str) -> str:
    return "its last change has no entry" if resource in records else "its record is gone, and no entry tells of it"
