"""API definitions, as operators send them."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from access.apis import TokenPlace
from key_admin.models.fields import Label, Labels, Name, RecordId, Strict, distinct
from key_admin.models.patterns import GATEWAY, HEADER

HeaderName = Annotated[str, Field(min_length=1, max_length=64, pattern=HEADER)]
Gateway = Annotated[str, Field(max_length=128, pattern=GATEWAY)]


class TokenInput(Strict):
    header: HeaderName | None = None
    query: Label | None = None
    cookie: Label | None = None

    @model_validator(mode="after")
    def _names_a_place(self) -> "TokenInput":
        if not (self.header or self.query or self.cookie):
            raise ValueError("name at least one of header, query and cookie")
        return self

    def value(self) -> TokenPlace:
        return TokenPlace(self.header or "", self.query or "", self.cookie or "")


class ApiInput(Strict):
    """The body of PUT /apis/{id}."""

    name: Name
    gateways: Annotated[list[Gateway], Field(max_length=40)] = []
    enable_jwt: bool = True
    enable_opaque: bool = True
    allow_sub: bool = True
    token: TokenInput = TokenInput(header="Authorization")
    issuers: Annotated[list[RecordId], Field(max_length=20)] = []
    labels: Labels = {}

    def values(self) -> dict[str, Any]:
        """The members as the core's values."""
        return {
            "name": self.name,
            "gateways": distinct(self.gateways),
            "enable_jwt": self.enable_jwt,
            "enable_opaque": self.enable_opaque,
            "allow_sub": self.allow_sub,
            "token": self.token.value(),
            "issuers": distinct(self.issuers),
            "labels": self.labels,
        }
