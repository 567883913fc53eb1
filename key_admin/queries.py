"""Which query parameters an operation knows: those that the OpenAPI document lists, and no others.

A parameter that is misspelt would otherwise be a filter that filters nothing.
"""

import re
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware

from key_admin.openapi.operations import OPERATIONS
from key_admin.problems import FieldError, invalid

_VARIABLE = re.compile(r"<\w+>|\{\w+\}")


def _shape(path: str) -> str:
    """A path of a route or an operation without the names of its variables."""
    return _VARIABLE.sub("{}", path)


_KNOWN = {
    (operation.method, _shape(operation.path)): operation.query for operation in OPERATIONS if not operation.is_open
}


def check_query(app: Any, next_middleware: NextMiddleware) -> Response[Any]:
    """Go on where the operation knows every query parameter. Raises a Problem: 400 that names each other one."""
    route = app.context["_route"]
    known = _KNOWN.get((route.method, _shape(str(route.path))))
    if known is not None:
        unknown = [name for name in app.current_event.query_string_parameters or {} if name not in known]
        if unknown:
            raise invalid(*(FieldError(name, _tell(known)) for name in unknown))
    return next_middleware(app)


def _tell(known: dict[str, Any]) -> str:
    names = ", ".join(f"`{name}`" for name in known)
    return f"is not a query parameter of this operation; it knows {names or 'none'}"
