"""Outside identity providers, as operators send them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from access.issuers import MAX_POLICIES, OUTSIDE_ALGORITHMS
from key_admin.models.fields import Labels, Leeway, RecordId, Strict, Texts, distinct, texts
from key_admin.models.patterns import NO_CONTROL, SCOPE
from store.fetch import MAX_URL, is_fetchable

MAX_ALLOWED_POLICIES = 90  # they are read in one call, with the others


def _is_url(text: str) -> str:
    if text and not is_fetchable(text):
        raise ValueError("is an https URL (http only on this machine)")
    return text


Url = Annotated[str, Field(max_length=MAX_URL), AfterValidator(_is_url)]
ClaimName = Annotated[str, Field(max_length=256, pattern=NO_CONTROL)]
Scope = Annotated[str, Field(min_length=1, max_length=128, pattern=SCOPE)]


class IssuerInput(Strict):
    """The body of PUT /issuers/{id}. Give `audience`, or say `any_audience`; no policy here has admin rights.

    `allowed_policies` are the only ones that a token may name in its `policy_claim`.
    """

    issuer: Annotated[str, Field(min_length=1, max_length=1024, pattern=NO_CONTROL)]  # a URL only to be discovered
    jwks_uri: Url = ""
    discovery: bool = False
    algorithms: Annotated[list[Literal[OUTSIDE_ALGORITHMS]], Field(min_length=1)] = ["RS256"]  # type: ignore[valid-type] # names
    audience: Texts = []
    any_audience: bool = False
    identity_claim: Annotated[ClaimName, Field(min_length=1)] = "sub"
    policy_claim: ClaimName = ""
    allowed_policies: Annotated[list[RecordId], Field(max_length=MAX_ALLOWED_POLICIES)] = []
    default_policies: Annotated[list[RecordId], Field(max_length=MAX_POLICIES)] = []
    scope_claim: ClaimName = ""
    scope_policies: Annotated[dict[Scope, RecordId], Field(max_length=100)] = {}
    leeway_seconds: Leeway = 0
    labels: Labels = {}

    @model_validator(mode="after")
    def _says_where_the_keys_are(self) -> "IssuerInput":
        if bool(self.jwks_uri) == self.discovery:
            raise ValueError("give either jwks_uri, or discovery: true")
        return self

    @model_validator(mode="after")
    def _says_whom_its_tokens_are_for(self) -> "IssuerInput":
        if bool(texts(self.audience)) == self.any_audience:
            raise ValueError("say whom its tokens are for: give either audience, or any_audience: true")
        return self

    @model_validator(mode="after")
    def _says_which_policies_tokens_name(self) -> "IssuerInput":
        if bool(self.policy_claim) != bool(self.allowed_policies):
            raise ValueError("policy_claim goes with allowed_policies, the only ones that a token may name there")
        return self

    @model_validator(mode="after")
    def _says_which_policies_tokens_bring(self) -> "IssuerInput":
        if self.scope_policies and not self.scope_claim:
            raise ValueError("scope_policies needs the scope_claim that names the scopes")
        if not (self.policy_claim or self.default_policies or self.scope_policies):
            raise ValueError("say which policies its tokens bring: default_policies, policy_claim or scope_policies")
        return self

    def values(self) -> dict[str, Any]:
        """The members as the core's values."""
        lists = {"audience", "algorithms", "default_policies", "allowed_policies"}
        values = self.model_dump(exclude={"discovery", *lists})
        return values | {
            "algorithms": distinct(self.algorithms),
            "audiences": texts(self.audience),
            "default_policies": distinct(self.default_policies),
            "allowed_policies": distinct(self.allowed_policies),
        }
