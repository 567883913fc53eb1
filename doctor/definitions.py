"""Read an OpenAPI definition inside a template: Body, or DefinitionBody in SAM.

A definition in a file or bucket of its own is not read.
"""

from collections.abc import Iterator

from doctor.template import Node

_AUTHORIZER = "x-amazon-apigateway-authorizer"
_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"}


def lambda_authorizers(definition: Node | None) -> Iterator[tuple[str, Node]]:
    """The name and the extension of every authorizer of the types token and request."""
    for name, scheme in _schemes(definition):
        extension = scheme.get(_AUTHORIZER)
        kind = extension.get("type") if extension else None
        if extension is not None and kind is not None and kind.text in {"token", "request"}:
            yield name, extension


def guarded_operations(definition: Node | None) -> Iterator[tuple[str, Node, bool]]:
    """The method and path of every operation that asks a Lambda authorizer, and whether it asks for an API key."""
    guards = {name for name, _ in lambda_authorizers(definition)}
    keys = {name for name, scheme in _schemes(definition) if _is_key(scheme)}
    common = definition.get("security") if definition else None
    for path, operations in entries(definition, "paths"):
        for method, operation in operations.entries():
            asked = {name for one in _listed(operation.get("security") or common) for name, _ in one.entries()}
            if method in _METHODS and asked & guards:
                yield f"{method} {path}", operation, bool(asked & keys)


def entries(definition: Node | None, *path: str) -> Iterator[tuple[str, Node]]:
    found = definition.get(*path) if definition else None
    yield from found.entries() if found else ()


def _schemes(definition: Node | None) -> Iterator[tuple[str, Node]]:
    """Of OpenAPI 3 and of Swagger 2."""
    yield from entries(definition, "components", "securitySchemes")
    yield from entries(definition, "securityDefinitions")


def _listed(node: Node | None) -> list[Node]:
    return node.items() if node else []


def _is_key(scheme: Node) -> bool:
    name = scheme.get("name")
    return scheme.get(_AUTHORIZER) is None and name is not None and name.text.lower() == "x-api-key"
