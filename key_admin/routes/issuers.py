"""Issuers: outside identity providers whose tokens APIs may take."""

from aws_lambda_powertools.event_handler.api_gateway import Router

from access.issuers import Issuer
from key_admin.models.issuers import IssuerInput
from key_admin.problems import invalid_field, require
from key_admin.render import render_issuer
from key_admin.requests import Caller
from key_admin.routes.named_records import Kind, NamedRecords, Put, check_unused
from key_admin.service import Service
from store.admin.transactions import Item, Table
from store.errors import UnavailableError
from store.issuers import fetch_key_set, key_set_to_item

router = Router()  # type: ignore[no-untyped-call] # Powertools' own


def _check(put: Put) -> Item:
    """Policies exist and fit, and the provider gives its keys: a mistake shows now, not at the first token.

    Gives the action that stores those keys together with the issuer.
    """
    work, issuer = put.work, put.after
    for field, named in (
        ("default_policies", issuer.default_policies),
        ("scope_policies", tuple(issuer.scope_policies.values())),
        ("allowed_policies", issuer.allowed_policies),
    ):
        policies = work.policies_of(named)
        if len(policies) != len(set(named)):
            raise invalid_field(field, "names a policy that does not exist")
        require(put.caller.judge.of_tokens(policies.values(), field))
    try:
        key_set = fetch_key_set(issuer, now=work.now())
    except UnavailableError as error:
        field = "jwks_uri" if issuer.jwks_uri else "issuer"
        raise invalid_field(field, f"the provider's keys cannot be read: {error}") from None
    return Table(work.client, work.table).put(key_set_to_item(issuer, key_set))


def _check_unused(work: Service, _caller: Caller, issuer: Issuer) -> None:
    check_unused(
        work.apis,
        lambda api: issuer.issuer_id in api.issuers,
        lambda api: f"The API definition {api.api_id} still takes tokens of this issuer.",
    )


KIND: Kind[Issuer] = Kind(
    "issuer",
    "issuers",
    IssuerInput,
    Issuer,
    render_issuer,
    lambda work: work.issuers,
    "The issuer is in use.",
    check=_check,
    check_delete=_check_unused,
)
NamedRecords(router, KIND)
