"""Tokens of outside identity providers: whose they are, and by which key they verify.

Loaded only where an API takes such tokens. A provider is asked for its keys only when the copy
is missing, old, or lacks the key of a token; one environment asks, the others wait for its copy.
"""

import time
from contextlib import suppress
from typing import Any

from access.apis import ApiDefinition
from access.decisions import Reason
from access.issuers import Issuer, KeySet, credentials_for, identity_of, policies_of
from access.tokens import RejectedToken, UnverifiedToken, VerifiedToken, verify_token
from authorizer.memory import STALENESS_MS, Identity
from store.client import Client
from store.errors import ConditionFailed, TransientError, UnavailableError
from store.issuers import (
    FETCH_SECONDS,
    StoredIssuer,
    claim_fetch,
    fetch_key_set,
    load_issuers,
    note_failure,
    store_key_set,
)
from store.lean import Budget

REFRESH_SECONDS = 3_600  # a copy older than this is fetched anew
MAX_AGE_SECONDS = 86_400  # and one older than this is not used at all
COOL_DOWN_SECONDS = 5  # between two fetches, whatever key ids tokens name
RENEWAL_PAUSE_SECONDS = 60  # between two fetches that only replace a copy which still serves
WAIT_SECONDS = FETCH_SECONDS + 0.5  # for the copy that another environment fetches
POLL_SECONDS = 0.1
COUNTING_SECONDS = 0.7  # kept of a request's time for what follows a fetch


class Providers:
    """The issuers that this environment knows."""

    def __init__(self, client: Client, table: str, budget: Budget) -> None:
        self._client = client
        self._budget = budget
        self._table = table
        self._known: dict[str, StoredIssuer] = {}
        self._read_at_ms: dict[tuple[str, ...], int] = {}
        self._asked_at: dict[str, int] = {}

    def identify(
        self, token: UnverifiedToken, definition: ApiDefinition, now_ms: int
    ) -> Identity | RejectedToken | None:
        """Whom a token speaks for, why it is not believed, or None where no issuer of the API made it.

        Raises UnavailableError without a usable key set.
        """
        stored = self._find(definition.issuers, token.claims.get("iss"), now_ms)
        if stored is None:
            return None
        issuer, now = stored.issuer, now_ms // 1000
        verified = _verify(token, issuer, self._key_set(token, stored, now), now)
        if _may_have_another_key(verified, token):  # its one key may be another by now
            self._renew(stored, now, is_needed=True)
            verified = _verify(token, issuer, self._key_set(token, stored, now), now)
        if isinstance(verified, RejectedToken):
            return verified._replace(detail=f"a token of the issuer {issuer.issuer_id}: {verified.detail}")
        identity = identity_of(token.claims, issuer)
        if identity is None:
            detail = f"a token of the issuer {issuer.issuer_id}: {issuer.identity_claim} names no identity"
            return RejectedToken(Reason.INVALID_CLAIMS, detail)
        name, policies = f"issuer\n{issuer.issuer_id}\n{identity}", policies_of(token.claims, issuer)
        return Identity(name, issuer.issuer_id, identity, policies)

    def _find(self, issuer_ids: tuple[str, ...], claim: Any, now_ms: int) -> StoredIssuer | None:
        """The issuer of these that has this `iss`."""
        read_at_ms = self._read_at_ms.get(issuer_ids)
        if read_at_ms is None or now_ms - read_at_ms >= STALENESS_MS:
            found = load_issuers(self._client, self._table, issuer_ids)
            self._known |= found
            for gone in set(issuer_ids) - set(found):
                self._known.pop(gone, None)
            self._read_at_ms[issuer_ids] = now_ms
        known = (self._known.get(one) for one in issuer_ids)
        return next((one for one in known if one is not None and one.issuer.issuer == claim), None)

    def _key_set(self, token: UnverifiedToken, stored: StoredIssuer, now: int) -> KeySet:
        age = now - stored.key_set.fetched_at if stored.key_set else MAX_AGE_SECONDS
        serves = stored.key_set is not None and age < MAX_AGE_SECONDS and stored.key_set.has(token.key_id)
        if not serves or age >= REFRESH_SECONDS:
            self._renew(stored, now, is_needed=not serves)
        key_set = self._known[stored.issuer.issuer_id].key_set
        if key_set is None or now - key_set.fetched_at >= MAX_AGE_SECONDS:
            raise UnavailableError("there is no current key set of the issuer")
        return key_set

    def _renew(self, stored: StoredIssuer, now: int, *, is_needed: bool) -> None:
        """Fetch the key set, or wait for the environment that does; keep what we have if neither helps."""
        issuer_id = stored.issuer.issuer_id
        pause = COOL_DOWN_SECONDS if is_needed else RENEWAL_PAUSE_SECONDS
        if now - self._asked_at.get(issuer_id, -pause) < pause:
            return
        self._asked_at[issuer_id] = now
        if claim_fetch(self._client, self._table, issuer_id, now=now, cool_down=pause):
            self._fetch(stored, now)
        elif is_needed:
            self._wait(issuer_id, now)

    def _fetch(self, stored: StoredIssuer, now: int) -> None:
        issuer_id = stored.issuer.issuer_id
        try:
            key_set = fetch_key_set(stored.issuer, now=now, seconds=self._seconds())
        except UnavailableError:
            note_failure(self._client, self._table, issuer_id, tried_at=now)
            return
        self._known[issuer_id] = stored._replace(key_set=key_set)
        with suppress(TransientError, ConditionFailed):
            store_key_set(self._client, self._table, stored.issuer, key_set)

    def _wait(self, issuer_id: str, now: int) -> None:
        """Read the table's copy until nobody is fetching any more."""
        deadline = time.monotonic() + min(WAIT_SECONDS, self._seconds())
        while (newer := load_issuers(self._client, self._table, [issuer_id]).get(issuer_id)) is not None:
            self._known[issuer_id] = newer
            is_in_flight = newer.fetching_since and now - newer.fetching_since <= WAIT_SECONDS
            if not is_in_flight or time.monotonic() >= deadline:
                return
            time.sleep(POLL_SECONDS)

    def _seconds(self) -> float:
        """How long a fetch may take here: what the request has left, less what counting it takes."""
        return max(self._budget.left() - COUNTING_SECONDS, 0.0)


def _may_have_another_key(verified: VerifiedToken | RejectedToken, token: UnverifiedToken) -> bool:
    return isinstance(verified, RejectedToken) and verified.reason is Reason.INVALID_SIGNATURE and token.key_id is None


def _verify(token: UnverifiedToken, issuer: Issuer, key_set: KeySet, now: int) -> VerifiedToken | RejectedToken:
    return verify_token(token, credentials_for(token, issuer, key_set), issuer.token_rules, now=now)
