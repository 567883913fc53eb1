"""OpenAPI definitions inside a template: Body, or DefinitionBody in SAM.

A definition in a file or bucket of its own is not read, and reported as such.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from doctor.model import Authorizer, GatewayResponse, Guard, Kind, Place, Route
from doctor.nodes import Node, entries, items, text_of
from doctor.reading import common
from doctor.template import Template

_AUTHORIZER = "x-amazon-apigateway-authorizer"
_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"}


class Inherited(NamedTuple):
    """What SAM adds to operations that do not say it themselves."""

    authorizer: Guard | None  # None: SAM adds nothing
    needs_key: bool = False


NOTHING = Inherited(None)


def unread_part(definition: Node | None) -> Node | None:
    """What of a definition is elsewhere."""
    if definition is None:
        return None
    if definition.value is None or definition.get("Fn::Transform"):
        return definition
    return None


def authorizers(template: Template, place: Place, kind: Kind, definition: Node | None) -> Iterator[Authorizer]:
    """The authorizers of the types token and request. SAM adds nothing to them, not even a permission."""
    for name, scheme in _schemes(definition):
        node = scheme.get(_AUTHORIZER)
        if node is None or text_of(node.get("type")).lower() not in {"token", "request"}:
            continue
        function, identity = node.get("authorizerUri"), node.get("identitySource")
        ttl = node.get("authorizerResultTtlInSeconds")
        ours = common.is_tollgate(template, function)
        here = common.function_named(template, function)
        payload = node.get("authorizerPayloadFormatVersion" if kind is Kind.HTTP else "type")
        sources = common.sources_in(identity)
        yield Authorizer(
            place=place.of(node, name),
            name=name,
            node=node,
            payload=text_of(payload).upper(),
            ttl=common.number(ttl, common.default_ttl(kind)),
            ttl_node=ttl,
            identity=tuple(map(common.source_of, sources)),
            identity_node=identity,
            sources=sources,
            expression=node.get("identityValidationExpression"),
            is_simple=node.get("enableSimpleResponses"),
            function=function,
            uri=function,
            code=common.code_of(template, here) if here and not ours else None,
            is_tollgate=ours,
            is_made_by_sam=False,
            is_allowed=node.get("authorizerCredentials") is not None,
            permissions=tuple(common.permissions(template, place.resource, function)),
        )


def routes(
    place: Place, definition: Node | None, guards: Mapping[str, Guard], inherited: Inherited = NOTHING
) -> Iterator[Route]:
    """Every operation, with who is asked. `guards`: what each security scheme means."""
    keys = {name for name, scheme in _schemes(definition) if _is_key(scheme)}
    everywhere = definition.get("security") if definition else None
    for path, operations in entries(definition, "paths"):
        for method, operation in operations.entries():
            if method not in _METHODS:
                continue
            security = operation.get("security") or everywhere
            asked = {name for requirement in items(security) for name, _ in requirement.entries()}
            guard = _guard(asked - keys, guards)
            adds = guard is Guard.NOBODY and security is None and inherited.authorizer is not None
            yield Route(
                place=place.of(operation, f"{_verb(method)} {path}"),
                method=_verb(method),
                guard=(inherited.authorizer or guard) if adds else guard,
                is_inherited=adds,
                guard_node=operation.get("security"),
                needs_key=bool(asked & keys) or inherited.needs_key,
                key_node=None,
                is_key_inherited=False,
            )


def responses(place: Place, definition: Node | None) -> Iterator[GatewayResponse]:
    for kind, node in entries(definition, "x-amazon-apigateway-gateway-responses"):
        keys = ("statusCode", "responseParameters", "responseTemplates")
        yield common.response(kind, place.of(node, kind), node, keys=keys)


def _schemes(definition: Node | None) -> Iterator[tuple[str, Node]]:
    """Of OpenAPI 3 and of Swagger 2."""
    yield from entries(definition, "components", "securitySchemes")
    yield from entries(definition, "securityDefinitions")


def other_schemes(definition: Node | None) -> Iterator[str]:
    """The names of schemes that ask somebody else: IAM, Cognito, JWT."""
    for name, scheme in _schemes(definition):
        if not _is_key(scheme):
            yield name


def _is_key(scheme: Node) -> bool:
    return scheme.get(_AUTHORIZER) is None and text_of(scheme.get("name")).lower() == "x-api-key"


def _guard(asked: set[str], guards: Mapping[str, Guard]) -> Guard:
    found = [guards.get(name, Guard.UNKNOWN_NAME) for name in sorted(asked) if name != "NONE"]
    order = [Guard.TOLLGATE, Guard.OTHER, Guard.UNKNOWN_NAME]
    return min(found, key=order.index, default=Guard.NOBODY)


def _verb(method: str) -> str:
    return "ANY" if method.startswith("x-") else method.upper()
