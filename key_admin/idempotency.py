"""Idempotency-Key: a request that is sent again is answered again, and performed once."""

import json
from collections.abc import Callable
from typing import Any

from key_admin.problems import conflict
from key_admin.requests import Caller, read_idempotency_key, read_text
from key_admin.service import Service
from store.admin.idempotency import KeptAnswer, fingerprint_of, request_key_of
from store.admin.transactions import AlreadyDoneError, Item
from store.sealing import NONCE_BYTES

Keep = Callable[[int, dict[str, Any]], Item | None]
"""Makes the action that keeps an answer (status, body); None where nobody asked for it."""


def once(
    work: Service,
    event: Any,
    caller: Caller,
    perform: Callable[[Keep], tuple[int, dict[str, Any]]],
    *,
    judge: Callable[[dict[str, Any]], object],
    part: str = "",
) -> tuple[int, dict[str, Any]]:
    """Perform a request unless its answer is kept already. Raises a Problem.

    `judge` looks at the right of the caller anew before the body that is kept is given again:
    it may show a secret. `part` tells the items of one request apart.
    """
    key = read_idempotency_key(event)
    if not key:
        return perform(lambda _status, _body: None)
    request_key = request_key_of(caller.principal, event.path, f"{key}\n{part}")
    fingerprint = fingerprint_of(read_text(event))

    def keep(status: int, body: dict[str, Any]) -> Item:
        answer = KeptAnswer(fingerprint, int(status), json.dumps(body))
        return work.idempotency.keep(request_key, answer, now=work.now(), nonce=work.random_bytes(NONCE_BYTES))

    kept = work.idempotency.find(request_key, work.now())
    if kept is None:
        try:
            return perform(keep)
        except AlreadyDoneError:
            kept = work.idempotency.find(request_key, work.now())
    if kept is None or kept.fingerprint != fingerprint:
        raise conflict("This Idempotency-Key was used with another body.")
    body = json.loads(kept.body)
    judge(body)
    return kept.status, body
