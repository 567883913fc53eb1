"""The entry point: HTTP events go to the routes, direct invocations to operations."""

import re
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from key_admin.key_operations import create_admin_key
from key_admin.models.fields import Name, Strict
from key_admin.problems import Problem, invalid_field, render
from key_admin.queries import check_query
from key_admin.requests import api_url
from key_admin.routes import apis, audit, explain, identities, issuers, keys, open_pages, policies, sessions
from key_admin.service import service
from key_admin.validation import validate
from store.errors import TransientError

logger = Logger(service="key_admin", log_uncaught_exceptions=False)
app = APIGatewayHttpResolver()
app.use([check_query])
RESOURCES = (keys, policies, apis, issuers, identities, audit, explain, sessions, open_pages)
for resource in RESOURCES:
    app.include_router(resource.router)


@app.exception_handler(Problem)  # type: ignore[untyped-decorator] # Powertools' own
def _tell_problem(problem: Problem) -> Response[str]:
    logger.info("refused", extra={"problem": problem.code, "status": int(problem.status)})
    return render(problem, api_url(app.current_event))


@app.exception_handler(TransientError)  # type: ignore[untyped-decorator] # Powertools' own
def _tell_unavailable(error: TransientError) -> Response[str]:
    logger.warning("the table did not answer", exc_info=error)
    detail = "The table did not answer; whether the change was made shows when you read."
    headers = {"Retry-After": "1"}
    problem = Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail, headers=headers)
    return render(problem, api_url(app.current_event))


@app.exception_handler(Exception)  # type: ignore[untyped-decorator] # Powertools' own
def _tell_fault(error: Exception) -> Response[str]:
    logger.error("a fault of ours", exc_info=error)
    problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "fault", "A fault of ours; the log tells of it.")
    return render(problem, api_url(app.current_event))


@app.not_found
def _tell_no_route(_error: NotFoundError) -> Response[str]:
    path, method = app.current_event.path, app.current_event.http_method
    known = _methods_by_path().items()
    allowed = sorted({one for pattern, methods in known if pattern.fullmatch(path) for one in methods})
    problem = Problem(HTTPStatus.NOT_FOUND, "not-found", "There is no such resource.")
    if allowed and method not in allowed:
        detail = f"This resource takes {', '.join(allowed)}."
        status = HTTPStatus.METHOD_NOT_ALLOWED
        problem = Problem(status, "method-not-allowed", detail, headers={"Allow": ", ".join(allowed)})
    return render(problem, api_url(app.current_event))


def _methods_by_path() -> dict[re.Pattern[str], set[str]]:
    found: dict[re.Pattern[str], set[str]] = {}
    for resource in RESOURCES:
        for path, methods, *_ in resource.router._routes:  # noqa: SLF001 - the only list of routes there is
            pattern = re.compile(re.sub(r"<[a-z_]+>", "[^/]+", str(path)))
            found.setdefault(pattern, set()).update(methods)
    return found


class _AdminKeyRequest(Strict):
    operation: str
    name: Name


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an HTTP event (payload 2.0), or perform an operation when invoked directly."""
    if "requestContext" in event:
        return app.resolve(event, context)
    return _operate(event, context)


def _operate(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Operations that only who may invoke the function can ask for."""
    try:
        request = validate(_AdminKeyRequest, event)
        if request.operation != "create_admin_key":
            raise invalid_field("operation", "must be create_admin_key")
        created = create_admin_key(service(), request.name, request_id=str(context.aws_request_id))
    except Problem as problem:
        return {"error": problem.detail, "errors": [error._asdict() for error in problem.errors]}
    logger.info("created admin key", extra={"keyHash": created.record.key_hash})
    return {"key_id": created.key_id, "key_hash": created.record.key_hash, "name": created.record.name}
