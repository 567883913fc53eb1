"""API Gateway must be allowed to invoke the authorizer, and nobody else's API Gateway should be."""

import re
from collections.abc import Iterator

from doctor.checks.check import ERROR, WARNING, Check, Fault, Remedy, of_each
from doctor.model import Api, Place, Stack
from doctor.nodes import Node, exports_in, names_in, written
from doctor.reading.common import is_tollgate
from doctor.template import Form, Resource, Template

_REFERENCE = re.compile(r"\$\{[^}]*\}")
MAX_PERMISSIONS = 45  # a function's resource policy has 20 KB (Lambda quotas), a statement takes about 400 bytes


def without_permission(api: Api) -> Iterator[Fault]:
    for guard in api.guards:
        if not guard.is_allowed and not guard.permissions:
            yield Fault(guard.place)


def for_another_api(api: Api) -> Iterator[Fault]:
    for guard in api.guards:
        if (
            not guard.is_allowed
            and guard.permissions
            and not any(permission.covers for permission in guard.permissions)
        ):
            yield Fault(guard.permissions[0].place.of(guard.permissions[0].source))


def too_wide(stack: Stack) -> Iterator[Fault]:
    """Also where the template has no API, only the permission."""
    for resource in _of_tollgate(stack):
        source, place = resource.get("SourceArn"), Place(resource.name, resource.line)
        if source is None and resource.get("SourceAccount") is None:
            yield Fault(place, "it names no SourceArn", stack.template.form_of(resource))
        elif source is not None and _is_wide(source):
            yield Fault(place.of(source), written(source), stack.template.form_of(resource))


def _is_wide(source: Node) -> bool:
    """Whether Region or account may be any."""
    pieces = _REFERENCE.sub("", written(source)).split(":")
    if pieces[0] == "*":
        return True
    return pieces[0] == "arn" and (len(pieces) < 6 or "*" in "".join(pieces[3:5]))  # noqa: PLR2004 - parts of an ARN


def _of_tollgate(stack: Stack) -> list[Resource]:
    """The permissions of API Gateway for Tollgate: imported, made here, or asked by an API of the template."""
    template = stack.template
    asked = {name for api in stack.apis for guard in api.guards for name in names_in(guard.function)}
    return [
        resource
        for resource in template.of("AWS::Lambda::Permission")
        if resource.text("Principal") == "apigateway.amazonaws.com"
        and (
            (names_in(resource.get("FunctionName")) | {resource.text("FunctionName")}) & asked
            or any(export.endswith("-AuthorizerArn") for export in exports_in(resource.get("FunctionName")))
            or _is_made_here(template, resource)
        )
    ]


def _is_made_here(template: Template, resource: Resource) -> bool:
    function = resource.get("FunctionName")
    here = names_in(function) & template.resources.keys()
    return bool(here) and is_tollgate(template, function)


def too_many(stack: Stack) -> Iterator[Fault]:
    by_sam = [guard for api in stack.apis for guard in api.guards if guard.is_made_by_sam and guard.is_allowed]
    written_out = [Place(resource.name, resource.line) for resource in _of_tollgate(stack)]
    places = [*(guard.place for guard in by_sam), *written_out]
    if len(places) > MAX_PERMISSIONS:
        form = Form.TERRAFORM if stack.template.is_plan else stack.apis[0].form if stack.apis else None
        yield Fault(places[MAX_PERMISSIONS], f"there are {len(places)}", form)


_ONE_FOR_ALL = (
    "one permission with the SourceArn "
    "arn:<partition>:execute-api:<Region>:<account>:*/authorizers/* serves every API of an account and Region"
)

CHECKS = (
    Check(
        "no-permission",
        ERROR,
        of_each(without_permission),
        "API Gateway may not invoke the function, so every call is a 500",
        Remedy(
            "set EnableFunctionDefaultPermissions: true; on REST APIs take DisableFunctionDefaultPermissions out",
            "add an AWS::Lambda::Permission for apigateway.amazonaws.com with SourceArn …:<api id>/authorizers/*",
            'add an aws_lambda_permission for apigateway.amazonaws.com with source_arn "<execution_arn>/authorizers/*"',
        ),
    ),
    Check(
        "permission-elsewhere",
        ERROR,
        of_each(for_another_api),
        "the permission is for another API, so every call of this one is a 500",
        Remedy(f"name this API in the permission's SourceArn; {_ONE_FOR_ALL}"),
    ),
    Check(
        "wide-permission",
        ERROR,
        too_wide,
        "the permission names no Region and account: any account's API may call the authorizer",
        Remedy(f"name Region and account in SourceArn; {_ONE_FOR_ALL}; name other accounts one by one"),
    ),
    Check(
        "too-many-permissions",
        WARNING,
        too_many,
        "Lambda takes about fifty permissions of one function",
        Remedy(f"let one stand for all (DisableFunctionDefaultPermissions: true on REST APIs of SAM): {_ONE_FOR_ALL}"),
    ),
)
