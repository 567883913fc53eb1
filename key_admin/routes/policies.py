"""Policies, and who uses them."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from access.keys import Policy
from key_admin.models.policies import PolicyInput
from key_admin.render import render_policy
from key_admin.requests import caller_of
from key_admin.responses import respond
from key_admin.routes.keys import list_of_keys
from key_admin.routes.named_records import Kind, NamedRecords, check_unused
from key_admin.service import Service, service
from store.admin.keys import KeyFilter

router = Router()  # type: ignore[no-untyped-call] # Powertools' own


def _check_unused(work: Service, policy: Policy) -> None:
    policy_id = policy.policy_id
    check_unused(
        work.issuers,
        lambda issuer: policy_id in issuer.default_policies or policy_id in issuer.scope_policies.values(),
        lambda issuer: f"The issuer {issuer.issuer_id} still gives this policy to its tokens.",
    )


KIND: Kind[Policy] = Kind(
    "policy",
    "policies",
    PolicyInput,
    Policy,
    render_policy,
    lambda work: work.policies,
    "Keys still use this policy; take it from them first.",
    check_delete=_check_unused,
)
RECORDS = NamedRecords(router, KIND)


@router.get("/policies/<record_id>/keys")
def list_users(record_id: str) -> Response[str]:
    work, event = service(), router.current_event
    wanted = KeyFilter(owner=caller_of(event).owner, policy=record_id)
    RECORDS.existing(work, record_id)
    return respond(HTTPStatus.OK, list_of_keys(work, wanted, event.query_string_parameters or {}))
