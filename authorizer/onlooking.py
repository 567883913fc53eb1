"""Decide as the gate would, and count nothing. Loaded by who asks what would be decided, never by a request."""

from access.credentials import Credential
from access.decisions import Allow
from access.gate import VERSION, Exceeded, Rolled, Stale, diagnose, statuses
from access.key_ids import KeyHash
from access.keys import KeyRecord
from authorizer.counting import Call, Counted, refuse, split
from authorizer.environment import Environment
from authorizer.memory import Identity, KnownKey
from authorizer.shared_gates import Part, diagnose_both, standing
from store.keys import Gate


class Onlooker(Environment):
    """An environment for one question: it reads everything anew, and writes no gate."""

    is_onlooker = True
    key: KnownKey | None = None  # the key that was read, whether its credential verified or not

    def _open_gate(self, partition: str, version: int) -> Gate:  # noqa: ARG002 - nothing is made
        return {VERSION: version}

    def _list(self, identity: Identity, identity_hash: KeyHash, now_ms: int) -> None:
        """An identity that was only asked about has not called."""

    def _keep(
        self,
        partition: str,
        record: KeyRecord,
        credentials: tuple[Credential, ...],
        gate: Gate,
        *,
        now_ms: int,
        is_identity: bool = False,
    ) -> KnownKey:
        self.key = super()._keep(partition, record, credentials, gate, now_ms=now_ms, is_identity=is_identity)
        return self.key


def look(call: Call, key: KnownKey, environment: Environment) -> Counted | None:
    """What the gate says of a request, by the same judgement; None when the record is stale.

    Where it is allowed, the limits are as they stand before it.
    """
    own_limits, shared_limits = split(call, key)
    if shared_limits:
        own, shared = Part(key, own_limits), Part(environment.owner_gate(key, call.now_ms), shared_limits)
        verdict = diagnose_both(call, key, own, shared)
        found = (*standing(own, call.now_ms), *standing(shared, call.now_ms))
    else:
        version = key.record.gate_version
        verdict = diagnose(key.gate, version=version, limits=call.limits, now_ms=call.now_ms, cost=call.cost)
        found = statuses(key.gate, call.limits, now_ms=call.now_ms)
    match verdict:
        case Stale():
            return None
        case Exceeded():
            return refuse(call, key, verdict)
        case Rolled():
            return Counted(Allow(key.record, found))
