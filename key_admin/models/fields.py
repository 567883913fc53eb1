"""The types that members of several models share."""

from collections.abc import Iterable
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from key_admin.models.patterns import API, LABEL, LABEL_NAME, NO_CONTROL, RECORD_ID

Name = Annotated[str, Field(min_length=1, max_length=128, pattern=NO_CONTROL)]
Label = Annotated[str, Field(min_length=1, max_length=64, pattern=LABEL)]
Owner = Annotated[str, Field(max_length=128, pattern=LABEL)]
OnlyOwner = Annotated[str, Field(min_length=1, max_length=128, pattern=LABEL)]  # empty would be everybody
RecordId = Annotated[str, Field(min_length=1, max_length=64, pattern=RECORD_ID)]
AnyApi = Annotated[str, Field(max_length=128, pattern=API)]  # empty: all of them
LimitScope = Literal["key", "owner"]
Seconds = Annotated[int, Field(ge=0, le=10 * 366 * 86_400)]  # 0: none
Leeway = Annotated[int, Field(ge=0, le=60)]  # seconds
Text = Annotated[str, Field(min_length=1, max_length=1024)]
Texts = Text | Annotated[list[Text], Field(max_length=50)]
LabelName = Annotated[str, Field(min_length=1, max_length=64, pattern=LABEL_NAME)]
LabelValue = Annotated[str, Field(max_length=256, pattern=NO_CONTROL)]
Labels = Annotated[dict[LabelName, LabelValue], Field(max_length=10)]
ValueT = TypeVar("ValueT")


class Strict(BaseModel):
    """Refuses unknown members and takes no type for another."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


def distinct(values: Iterable[ValueT]) -> tuple[ValueT, ...]:
    """Each value once, where it came first."""
    return tuple(dict.fromkeys(values))


def texts(value: Texts) -> tuple[str, ...]:
    """One text, or several, as several."""
    return (value,) if isinstance(value, str) else tuple(value)
