"""What an operator asks to have explained."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from access.sources import read_address
from key_admin.models.apis import Gateway
from key_admin.models.fields import RecordId, Strict
from key_admin.models.patterns import CALLED_METHOD, CALLED_PATH


def _check_address(text: str) -> str:
    if text:
        read_address(text)
    return text


class ExplainInput(Strict):
    """The body of POST /explain: a call, and who makes it."""

    credential: Annotated[str, Field(repr=False, max_length=16_384)] = ""
    key_hash: Annotated[str, Field(max_length=64)] = ""
    api: RecordId = ""
    gateway: Gateway = ""
    method: Annotated[str, Field(pattern=CALLED_METHOD)]
    path: Annotated[str, Field(max_length=8_192, pattern=CALLED_PATH)]
    source: Annotated[str, Field(max_length=64), AfterValidator(_check_address)] = ""

    @model_validator(mode="after")
    def _is_one_call_of_one_caller(self) -> "ExplainInput":
        for one, other in (("credential", "key_hash"), ("api", "gateway")):
            if len({one, other} & self.model_fields_set) != 1:
                raise ValueError(f"give either {one} or {other}")
        return self
