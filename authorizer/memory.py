"""What an environment remembers of a key. Nothing of it is trusted to be current."""

from typing import NamedTuple

from access.credentials import Credential
from access.gate import Exceeded, Limit, Tally
from access.keys import KeyRecord, Policy
from access.leases import Lease
from access.policies import Effective
from store.keys import Gate

STALENESS_MS = 4_000  # an edited policy, API definition or issuer holds everywhere within 5 s
OUTAGE_MS = 300_000  # how old a copy may be that a policy allows while DynamoDB does not answer
LOOK_AGAIN_MS = 1_000  # forged tokens and exhausted limits make us look at the table at most this often
MAX_REFUSALS = 4  # remembered of a key, by limits and cost
FLUSH_MS = 60_000  # what no counting write took along is written at most this often


class Identity(NamedTuple):
    """Whom a token of an outside provider speaks for, and the policies that it brings.

    `name` tells the identity apart from all others and from every key id.
    """

    name: str
    issuer_id: str
    claim: str  # as the token says it
    policies: tuple[str, ...]


class Refusal(NamedTuple):
    """A refusal by a limit, and when it was judged by what the gate showed."""

    verdict: Exceeded
    judged_ms: int

    def wait_ms(self, now_ms: int) -> int | None:
        """How long is still to wait; None where waiting does not help."""
        return None if self.verdict.wait_ms is None else self.judged_ms + self.verdict.wait_ms - now_ms

    def holds(self, now_ms: int) -> bool:
        wait = self.wait_ms(now_ms)
        return now_ms >= self.judged_ms and (wait is None or wait > 0)


class Untold:
    """Requests of a key that no write has taken to its totals yet. Outlives its record."""

    __slots__ = ("allowed", "looked_again_ms", "refused", "since_ms", "stored_day", "used")

    def __init__(self, now_ms: int) -> None:
        self.allowed = 0
        self.refused = 0
        self.since_ms = now_ms
        self.used: dict[str, int] = {}  # when credentials verified last, by the attributes of the gate
        self.stored_day: int | None = None  # the last day whose totals we stored
        self.looked_again_ms = now_ms - LOOK_AGAIN_MS

    def is_due(self, now_ms: int) -> bool:
        """Whether to write the totals although no counting write comes along."""
        return bool(self.allowed or self.refused) and now_ms - self.since_ms >= FLUSH_MS

    def tally(self, *, allowed: int = 0) -> Tally:
        """What the next write is to add to the totals, with `allowed` requests of its own."""
        return Tally(self.allowed + allowed, self.refused, self.stored_day)

    def are_told(self, now_ms: int) -> None:
        """A write took them along."""
        self.allowed = self.refused = 0
        self.since_ms = now_ms

    def may_look_again(self, now_ms: int) -> bool:
        """Whether to look at the table for what memory refuses; true at most once a second."""
        if now_ms - self.looked_again_ms < LOOK_AGAIN_MS:
            return False
        self.looked_again_ms = now_ms
        return True


class SeenGate:
    """A gate as it was seen last, and the units that we counted since without seeing it."""

    __slots__ = ("gate", "seen_ms", "units_since")

    def __init__(self, gate: Gate, now_ms: int) -> None:
        self.saw(gate, now_ms)

    def saw(self, gate: Gate, now_ms: int) -> None:
        self.gate = gate
        self.seen_ms = now_ms
        self.units_since = 0


class Overlaid(NamedTuple):
    """A record with its policies laid over it, and what it was made of."""

    of: tuple[KeyRecord, tuple[Policy | None, ...]]
    effective: Effective | None


class KnownKey(SeenGate):
    """A key as this environment knows it. `gate` is replaced by each answer."""

    __slots__ = (
        *("_refusals", "confirmed_ms", "credentials", "is_identity", "leases", "overlaid", "partition", "record"),
        *("refused_ms", "untold"),
    )

    def __init__(
        self,
        partition: str,
        record: KeyRecord,
        credentials: tuple[Credential, ...],
        gate: Gate,
        *,
        untold: Untold,
        now_ms: int,
        is_identity: bool = False,
    ) -> None:
        self._refusals: dict[tuple[tuple[Limit, ...], int], Refusal] = {}  # by limits and cost
        super().__init__(gate, now_ms)
        self.is_identity = is_identity
        self.partition = partition
        self.record = record
        self.credentials = credentials
        self.untold = untold
        self.confirmed_ms = now_ms  # when the table said last that the record is current
        self.refused_ms: int | None = None  # when the table said last that a limit refuses
        self.overlaid: Overlaid | None = None
        self.leases: dict[tuple[Limit, ...], Lease] = {}

    def was_refused_lately(self, now_ms: int) -> bool:
        """Whether what the gate showed may refuse without another look: at most for a second after a refusal."""
        return self.refused_ms is not None and 0 <= now_ms - self.refused_ms < LOOK_AGAIN_MS

    def refusal(self, limits: tuple[Limit, ...], cost: int, now_ms: int) -> Refusal | None:
        """What was judged of these limits and this cost, where it still holds."""
        known = self._refusals.get((limits, cost)) if self.was_refused_lately(now_ms) else None
        return known if known is not None and known.holds(now_ms) else None

    def remember(self, limits: tuple[Limit, ...], cost: int, refusal: Refusal) -> None:
        """Keep a refusal as long as the gate shows what it showed; others can be judged anew by that."""
        if len(self._refusals) >= MAX_REFUSALS:
            self._refusals.clear()
        self._refusals[limits, cost] = refusal

    def saw(self, gate: Gate, now_ms: int) -> None:
        super().saw(gate, now_ms)
        self._refusals.clear()

    def kept(self, effective: Effective) -> tuple[Limit, ...] | None:
        """All limits that the gate counts for; None for an identity, whose next token may bring other policies."""
        return None if self.is_identity else effective.limits
