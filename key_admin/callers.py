"""Find who sends a request, on what the table holds now.

The authorizer says which key let the request in, and no more is believed of it: its copies of
policies may be seconds old. What the key may do is judged anew, on its record and its policies.
"""

from http import HTTPStatus
from typing import Any

from key_admin.problems import Problem, forbidden
from key_admin.requests import Caller
from key_admin.rights.grants import AdminApi
from key_admin.rights.holders import find_holder
from key_admin.rights.judgement import Judge
from key_admin.service import Service
from key_admin.sessions import check_origin


def find_caller(work: Service, event: Any) -> Caller:
    """The admin key behind a request, and what it may do.

    Raises a Problem: 401 where no authorizer stood before the route, whatever the template says,
    403 where no grant of the key lets the request in, or another site may have sent it.
    """
    context = event.raw_event["requestContext"]
    principal = (context.get("authorizer", {}).get("lambda") or {}).get("keyHash")
    if not principal:
        raise Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", "No authorizer has let this request pass.")
    check_origin(event.raw_event, event.http_method)
    found = work.load_key(str(principal))
    method, path = event.http_method, event.path
    holder = find_holder(work.in_full(found[0]), method=method, path=path, now=work.now()) if found else None
    if holder is None:
        raise forbidden(f"No grant of this key lets `{method} {path}` on the admin API pass.")
    admin_api = AdminApi(str(context.get("apiId", "")))
    return Caller(str(principal), str(context.get("requestId", "")), Judge(holder, admin_api))
