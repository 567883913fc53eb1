"""The gate: plans the one conditional write that counts a request, and reads its refusal.

Pure. A gate is the small item of a key that counts, seen here as a mapping from attribute
name to number or text. `plan` makes the write: the condition holds the key's version and
the ceiling of every limit, the update adds the cost to every counter, all or nothing. When
the condition fails, `diagnose` says why from the item that DynamoDB found.

Layout. `v` is the gate version of the key, `at` its last use, `_…` that of a credential; `d…`
and `p…` are totals of days (`usage`). `l` lists the limits by the hash of their kind, name,
API and scope; the place in the list gives a limit its letter, and the letter begins the names
of its attributes:

    rate limit   A  Aw   number of the newest sub-window
                    Axx  units counted in a sub-window, xx being its number modulo 4096
    quota        B  Be   Unix milliseconds at which the window ends
                    Bu   units used in it
                    Bm   the threshold that was told last (`thresholds`)
"""

from access.gate.decide import (
    Exceeded,
    Rolled,
    Stale,
    counters_to_clear,
    diagnose,
    plan,
    statuses,
    tightest,
    verdict_of,
    waits,
    windows,
)
from access.gate.expressions import OWNER_VERSION, VERSION, GateWrite
from access.gate.layout import LAYOUT, FullGateError, Gate, Limit, is_counter
from access.gate.usage import DAY_MS, DayTotals, Tally, current_day, past_day, turns_day

LAST_USED = "at"

__all__ = [
    "DAY_MS",
    "LAST_USED",
    "LAYOUT",
    "OWNER_VERSION",
    "VERSION",
    "DayTotals",
    "Exceeded",
    "FullGateError",
    "Gate",
    "GateWrite",
    "Limit",
    "Rolled",
    "Stale",
    "Tally",
    "counters_to_clear",
    "current_day",
    "diagnose",
    "is_counter",
    "past_day",
    "plan",
    "statuses",
    "tightest",
    "turns_day",
    "verdict_of",
    "waits",
    "windows",
]
