"""Policies, and who uses them."""

from collections.abc import Callable, Iterable
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from access.keys import Policy
from key_admin.callers import find_caller
from key_admin.models.policies import PolicyInput
from key_admin.problems import require
from key_admin.render import render_policy
from key_admin.requests import Caller
from key_admin.responses import respond
from key_admin.rights.holders import OfOwner
from key_admin.routes.keys import list_of_keys
from key_admin.routes.named_records import Kind, NamedRecords, Put, check_unused, every
from key_admin.service import Service, service
from store.admin.keys import KeyFilter

router = Router()  # type: ignore[no-untyped-call] # Powertools' own


def policies_to_give(work: Service, holder: OfOwner) -> Iterable[Policy]:
    """The policies that the list of a holder with an owner names."""
    return every(work.policies) if holder.gives_any_policy else work.policies_of(holder.policies).values()


def _check(put: Put) -> None:
    require(put.caller.judge.of_policy(put.before, put.after))


def _check_delete(work: Service, caller: Caller, policy: Policy) -> None:
    require(caller.judge.of_policy_removal(policy))
    check_unused(
        work.issuers,
        lambda issuer: policy.policy_id in issuer.named_policies,
        lambda issuer: f"The issuer {issuer.issuer_id} still gives this policy to its tokens.",
    )


def _sees(_work: Service, caller: Caller) -> Callable[[Policy], bool]:
    return caller.judge.reads_policy


KIND: Kind[Policy] = Kind(
    "policy",
    "policies",
    PolicyInput,
    Policy,
    render_policy,
    lambda work: work.policies,
    "Keys still use this policy; take it from them first.",
    check=_check,
    check_delete=_check_delete,
    sees=_sees,
)
RECORDS = NamedRecords(router, KIND)


@router.get("/policies/<record_id>/keys")
def list_users(record_id: str) -> Response[str]:
    work, event = service(), router.current_event
    caller = find_caller(work, event)
    RECORDS.seen(work, caller, record_id)
    wanted = KeyFilter(owner=caller.owner, policy=record_id)
    return respond(HTTPStatus.OK, list_of_keys(work, wanted, event.query_string_parameters or {}))
