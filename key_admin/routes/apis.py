"""API definitions."""

from collections.abc import Callable

from aws_lambda_powertools.event_handler.api_gateway import Router

from access.apis import ApiDefinition
from key_admin.models.apis import ApiInput
from key_admin.problems import invalid_field, require
from key_admin.render import render_api
from key_admin.requests import Caller
from key_admin.rights.holders import OfOwner
from key_admin.routes.named_records import Kind, NamedRecords, Put
from key_admin.routes.policies import policies_to_give
from key_admin.service import Service
from store.issuers import load_issuers

router = Router()  # type: ignore[no-untyped-call] # Powertools' own


def _check(put: Put) -> None:
    work, definition = put.work, put.after
    require(put.caller.judge.of_definition(definition.api_id, definition.gateways))
    known = load_issuers(work.client, work.table, definition.issuers)
    if len(known) != len(definition.issuers):
        raise invalid_field("issuers", "names an issuer that does not exist")


def _sees(work: Service, caller: Caller) -> Callable[[ApiDefinition], bool]:
    judge = caller.judge
    policies = list(policies_to_give(work, judge.holder)) if isinstance(judge.holder, OfOwner) else []
    return lambda definition: judge.reads_api(definition, policies)


KIND: Kind[ApiDefinition] = Kind(
    "api",
    "apis",
    ApiInput,
    ApiDefinition,
    render_api,
    lambda work: work.apis,
    "Another API definition names one of these gateways.",
    check=_check,
    sees=_sees,
)
NamedRecords(router, KIND)
