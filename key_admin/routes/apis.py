"""API definitions."""

from aws_lambda_powertools.event_handler.api_gateway import Router

from access.apis import ApiDefinition
from access.grants import ADMIN_API
from key_admin.models.apis import ApiInput
from key_admin.problems import invalid_field
from key_admin.render import render_api
from key_admin.routes.named_records import Kind, NamedRecords
from key_admin.service import Service
from store.issuers import load_issuers

router = Router()  # type: ignore[no-untyped-call] # Powertools' own


def _check_issuers(work: Service, definition: ApiDefinition) -> None:
    known = load_issuers(work.client, work.table, definition.issuers)
    if len(known) != len(definition.issuers):
        raise invalid_field("issuers", "names an issuer that does not exist")


KIND: Kind[ApiDefinition] = Kind(
    "api",
    "apis",
    ApiInput,
    ApiDefinition,
    render_api,
    lambda work: work.apis,
    "Another API definition names one of these gateways.",
    reserved=frozenset({ADMIN_API}),
    check=_check_issuers,
)
NamedRecords(router, KIND)
