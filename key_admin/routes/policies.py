"""Policies, and who uses them."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from access.keys import Policy
from key_admin.models import PolicyInput
from key_admin.render import render_policy
from key_admin.requests import caller_of
from key_admin.responses import respond
from key_admin.routes.keys import list_of_keys
from key_admin.routes.named_records import Kind, NamedRecords
from key_admin.service import service
from store.admin.keys import KeyFilter

router = Router()  # type: ignore[no-untyped-call] # Powertools' own
KIND: Kind[Policy] = Kind(
    "policy",
    "policies",
    PolicyInput,
    Policy,
    render_policy,
    lambda work: work.policies,
    "Keys still use this policy; take it from them first.",
)
RECORDS = NamedRecords(router, KIND)


@router.get("/policies/<record_id>/keys")
def list_users(record_id: str) -> Response[str]:
    work, event = service(), router.current_event
    RECORDS.existing(work, record_id)
    wanted = KeyFilter(owner=caller_of(event).owner, policy=record_id)
    return respond(HTTPStatus.OK, list_of_keys(work, wanted, event.query_string_parameters or {}))
