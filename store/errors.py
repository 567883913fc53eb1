"""What can go wrong at the edge, one class for each thing a caller would do differently."""

from collections.abc import Mapping, Sequence
from typing import Any

Item = Mapping[str, Any]  # attribute name to low-level DynamoDB JSON


class StoreError(Exception):
    """Base of all; its messages hold no stored data."""


class TransientError(StoreError):
    """The same request may succeed later."""


class UnavailableError(TransientError):
    """The service did not answer in time, or answered that it cannot."""


class ThrottledError(TransientError):
    """The service asked us to slow down, or others held the item, more often than we retry.

    That is an answer, and callers can cause it: no silence that a policy may fail open by.
    """


class RejectedError(StoreError):
    """The service refused the request itself: a fault of ours or of the set-up."""


class InvalidItemError(StoreError):
    """A stored item or secret is not what we wrote; the message names the attribute."""


class ConditionFailed(StoreError):  # noqa: N818 - an expected answer
    """A condition did not hold. `item` is what was found, None where there was nothing."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("the condition did not hold")
        self.item = item


class TransactionCancelled(StoreError):  # noqa: N818 - an expected answer
    """A transaction did not happen.

    `codes` holds a reason for each of its actions, `items` what failed conditions found.
    """

    def __init__(self, codes: Sequence[str], items: Sequence[Item | None] = ()) -> None:
        super().__init__(f"transaction cancelled: {', '.join(codes)}")
        self.codes = tuple(codes)
        self.items = tuple(items)


def translate(code: str, body: Mapping[str, Any]) -> StoreError:
    """The error that an AWS error code stands for."""
    if code == "ConditionalCheckFailedException":
        return ConditionFailed(body.get("Item"))
    if code == "TransactionCanceledException":
        reasons = body.get("CancellationReasons") or []
        return TransactionCancelled(
            [str(reason.get("Code", "None")) for reason in reasons],
            [reason.get("Item") for reason in reasons],
        )
    if code in THROTTLES:
        return ThrottledError(code)
    if code in FAULTS:
        return UnavailableError(code)
    return RejectedError(code)


THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "Throttling",
        "TransactionConflictException",  # a write met a transaction on the same item
        "TransactionInProgressException",
    }
)
FAULTS = frozenset({"InternalServerError", "InternalFailure", "ServiceUnavailable", "InternalServiceError"})
