"""Claim the thresholds that a request finds reached. Loaded where a policy has some."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from access.gate import OWNER_VERSION, VERSION, Limit
from access.gate.thresholds import open_claims, plan_claim
from authorizer.counting import MAX_ATTEMPTS, Call, Crossing, split
from authorizer.environment import Environment
from authorizer.memory import KnownKey, SeenGate
from store.errors import StoreError
from store.table import owner_partition


def claim_thresholds(call: Call, key: KnownKey, environment: Environment) -> Iterator[Crossing]:
    """The thresholds that are reached and ours to tell; after an error a later request claims them."""
    own, shared = split(call, key)
    with suppress(StoreError):
        yield from _claim_at(key, key.partition, key.record.gate_version, own, call, environment)
        if shared:
            gate = environment.owner_gate(key, call.now_ms)
            yield from _claim_at(gate, owner_partition(key.record.owner), OWNER_VERSION, shared, call, environment)


def _claim_at(
    gate: SeenGate, partition: str, version: int, limits: Sequence[Limit], call: Call, environment: Environment
) -> Iterator[Crossing]:
    """Until nothing is left to tell; a claim that fails shows what others told since."""
    percents = call.effective.thresholds
    for _ in range(len(limits) + MAX_ATTEMPTS):
        claims = open_claims(gate.gate, limits, percents, now_ms=call.now_ms, units_since=gate.units_since)
        if not claims or gate.gate.get(VERSION) != version:
            return
        write = plan_claim(claims[0], version=version, seen=gate.gate)
        if environment.claim(gate, partition, write, call.now_ms):
            yield from (Crossing(percent, claims[0].status) for percent in claims[0].percents)
