"""Python values to low-level DynamoDB JSON and back: texts, whole numbers, truth, lists, maps."""

from collections.abc import Collection, Mapping
from typing import Any

from store.errors import InvalidItemError


def encode(value: object) -> dict[str, Any]:
    """One value as DynamoDB JSON; TypeError for a type that we do not store."""
    kind = type(value)
    if kind is int:  # first: a gate is nearly nothing else
        return {"N": str(value)}
    if isinstance(value, str):
        return {"S": str(value)}
    if kind is bool:
        return {"BOOL": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, list | tuple):
        return {"L": [encode(one) for one in value]}
    if isinstance(value, Mapping):
        return {"M": encode_item(value)}
    message = f"no attribute type for {type(value).__name__}"
    raise TypeError(message)


def decode(attribute: Mapping[str, Any]) -> Any:
    """The value of an attribute; InvalidItemError for a type that we do not store."""
    ((kind, value),) = attribute.items()
    if kind == "N":
        return int(value)
    if kind == "S" or kind == "BOOL":  # noqa: PLR1714 - said as it is
        return value
    if kind == "L":
        return [decode(one) for one in value]
    if kind == "M":
        return decode_item(value)
    if kind == "NULL":
        return None
    message = f"attribute of type {kind}"
    raise InvalidItemError(message)


def encode_item(item: Mapping[str, object]) -> dict[str, Any]:
    """A whole item."""
    return {name: encode(value) for name, value in item.items()}


def decode_known(item: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The attributes of these names that an item has; InvalidItemError where one cannot be read."""
    return decode_item({name: item[name] for name in names if name in item})


def decode_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """A whole item; InvalidItemError where it cannot be read."""
    try:
        return {name: decode(attribute) for name, attribute in item.items()}
    except (ValueError, TypeError, AttributeError) as error:
        message = "an attribute cannot be read"
        raise InvalidItemError(message) from error
