"""What the authorizer would decide now, for an operator; and what a key is, for who holds it.

What decides is loaded by the first request that asks: no other route pays for it.
"""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from access.grants import ADMIN_API
from key_admin.callers import find_caller
from key_admin.models.explain import ExplainInput
from key_admin.requests import Caller, read_body
from key_admin.responses import respond
from key_admin.routes.keys import show_effective
from key_admin.service import Service, service
from key_admin.times import write_time
from key_admin.validation import validate
from store.keys import load_api

router = Router()  # type: ignore[no-untyped-call] # Powertools' own


@router.post("/explain")
def explain() -> Response[str]:
    from authorizer.direct import describe_request  # noqa: PLC0415 - as the module says
    from key_admin.explanation import explain_credential, explain_key, render_explanation  # noqa: PLC0415

    work, event = service(), router.current_event
    caller = find_caller(work, event)
    wanted = validate(ExplainInput, read_body(event))
    api_name, gateway = _called(work, caller, wanted)
    request = describe_request(
        wanted.credential,
        method=wanted.method,
        path=wanted.path,
        source=wanted.source,
        api_name=api_name,
        gateway=gateway,
    )
    explained = (
        explain_key(work, caller, request, wanted.key_hash)
        if wanted.key_hash
        else explain_credential(work, caller, request)
    )
    return respond(HTTPStatus.OK, render_explanation(explained))


def _called(work: Service, caller: Caller, wanted: ExplainInput) -> tuple[str, str]:
    """The name of the called API, and its gateway: of an API that is known by several, the first."""
    if wanted.gateway:
        is_admin_api = caller.judge.admin_api.is_meant_by(wanted.gateway)
        return (ADMIN_API if is_admin_api else ""), wanted.gateway
    definition = load_api(work.client, work.table, wanted.api)
    gateways = definition.gateways if definition else ()
    return wanted.api, gateways[0] if gateways else ""


@router.get("/self")
def read_self() -> Response[str]:
    from key_admin.presented import find_presented_key  # noqa: PLC0415 - as the module says

    work = service()
    key, effective = find_presented_key(work, router.current_event)
    shown = show_effective(work, key.record, key.gate, effective, None)
    limits = {name: shown[name] for name in ("grants", "rate_limits", "quotas")}
    return respond(HTTPStatus.OK, {"name": key.record.name, "expires_at": write_time(key.record.expires_at), **limits})
