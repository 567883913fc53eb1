"""The types that members of several models share."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from access.grants import ANY
from access.sources import V4_BITS, read_block
from key_admin.models.patterns import API, LABEL, LABEL_NAME, LIMIT_API, NO_CONTROL, RECORD_ID

Name = Annotated[str, Field(min_length=1, max_length=128, pattern=NO_CONTROL)]
Label = Annotated[str, Field(min_length=1, max_length=64, pattern=LABEL)]
Owner = Annotated[str, Field(max_length=128, pattern=LABEL)]
OnlyOwner = Annotated[str, Field(min_length=1, max_length=128, pattern=LABEL)]  # empty would be everybody
RecordId = Annotated[str, Field(min_length=1, max_length=64, pattern=RECORD_ID)]
ApiName = Annotated[str, Field(max_length=128, pattern=API)]
LimitApi = Annotated[  # empty, and `*`: every API
    str, Field(max_length=128, pattern=LIMIT_API), AfterValidator(lambda api: "" if api == ANY else api)
]
LimitScope = Literal["key", "owner"]
Seconds = Annotated[int, Field(ge=0, le=10 * 366 * 86_400)]  # 0: none
Leeway = Annotated[int, Field(ge=0, le=60)]  # seconds
Text = Annotated[str, Field(min_length=1, max_length=1024)]
Texts = Text | Annotated[list[Text], Field(max_length=50)]
LabelName = Annotated[str, Field(min_length=1, max_length=64, pattern=LABEL_NAME)]
LabelValue = Annotated[str, Field(max_length=256, pattern=NO_CONTROL)]
Labels = Annotated[dict[LabelName, LabelValue], Field(max_length=10)]
ValueT = TypeVar("ValueT")
LIFTED = "unlimited"  # in place of a limit's number, in a policy


def _as_block(text: str) -> str:
    """A source in the one way that we show it: CIDR, compressed (RFC 5952), IPv4-mapped addresses as IPv4."""
    first, prefix = read_block(text)
    kind = IPv4Network if first.bits == V4_BITS else IPv6Network
    return str(kind((first.value, prefix)))


Source = Annotated[str, Field(max_length=64), AfterValidator(_as_block)]


class Strict(BaseModel):
    """Refuses unknown members and takes no type for another."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


def distinct(values: Iterable[ValueT]) -> tuple[ValueT, ...]:
    """Each value once, where it came first."""
    return tuple(dict.fromkeys(values))


def texts(value: Texts) -> tuple[str, ...]:
    """One text, or several, as several."""
    return (value,) if isinstance(value, str) else tuple(value)
