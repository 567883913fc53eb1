"""Find the key that a request presents, where no authorizer stands before the route.

The recipe's own steps 1 to 6, but for the grant; counted nowhere. What step 7 would say of limits
is left aside: a key that has spent them is still the key.
"""

from http import HTTPStatus
from typing import Any

from access.decisions import AUTHENTICATION_REASONS, LIMIT_REASONS, Deny, Reason
from access.grants import ADMIN_API
from access.policies import Effective
from authorizer.authorize import authorize
from authorizer.events import Answer, Arn, Request
from authorizer.memory import KnownKey
from authorizer.onlooking import Onlooker
from key_admin.problems import Problem
from key_admin.service import Service

_STILL_THE_KEY = LIMIT_REASONS | {Reason.NOT_GRANTED}


def find_presented_key(work: Service, event: Any) -> tuple[KnownKey, Effective]:
    """The key, as it was read just now, and what it may do.

    Raises a Problem: 401 where no credential proves a key, 403 with the reason where the key is not in force.
    """
    onlooker = Onlooker(work.client, work.table, work.keyring)
    outcome = authorize(_read_request(event), onlooker, now_ms=work.now_ms())
    decision, effective = outcome.decision, outcome.effective
    if isinstance(decision, Deny) and decision.reason in AUTHENTICATION_REASONS:
        raise _unauthorized()
    if isinstance(decision, Deny) and decision.reason not in _STILL_THE_KEY:
        raise _not_in_force(decision.reason)
    if onlooker.key is None or effective is None:  # an identity of an outside provider, of which nothing is stored
        raise _unauthorized()
    return onlooker.key, effective


def _read_request(event: Any) -> Request:
    """The request of the admin API as its authorizer would see it, had it one here."""
    return Request(
        answer=Answer.HTTP_SIMPLE,
        arn=Arn("", "", "", event.http_method, event.path, ""),
        api_name=ADMIN_API,
        method=event.http_method,
        path=event.path,
        source=event.raw_event["requestContext"]["http"]["sourceIp"],
        has_429_channel=False,
        integration_refuses=False,
        event=event.raw_event,
    )


def _unauthorized() -> Problem:
    """One answer for whatever failed in steps 1 to 5."""
    headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    detail = "The credential is missing, or proves no key."
    return Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", detail, headers=headers)


def _not_in_force(reason: Reason) -> Problem:
    detail = f"The key is refused: {reason.value}."
    return Problem(HTTPStatus.FORBIDDEN, "forbidden", detail, reason=reason.value)
