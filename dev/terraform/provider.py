"""A stand-in for Terraform's AWS provider: it plans, and can neither read an account nor change one.

Run by `dev.terraform.plan` in an environment of its own (grpcio, msgpack). It speaks version 5 of Terraform's
plugin protocol, of which a plan needs few messages: those are written by hand, field numbers as tfplugin5.proto has them.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import msgpack

from dev.terraform.schemas import DATA, EXPORTS, RESOURCES, VALUES

UNKNOWN = msgpack.ExtType(0, b"\x00")
_NESTED_LIST = 2
_WITH_LENGTH = 2  # protobuf's wire type of strings, bytes and messages
_MORE = 0x80  # a byte of a number that is not the last
_MEMBER = re.compile(r"(\w+)([!?]?)(?::(\w+))?(?:=(\S+))?(?::(\w+))?")
_TYPES = {
    "number": "number",
    "bool": "bool",
    "list": ["list", "string"],
    "set": ["set", "string"],
    "map": ["map", "string"],
}


class Attribute:
    """A member of a resource: `name!:type`, `name?:type`, `name=default` or `name`."""

    def __init__(self, text: str) -> None:
        found = _MEMBER.fullmatch(text)
        if found is None:
            raise ValueError(text)
        self.name, sign, before, default, after = found.groups()
        self.type = _TYPES.get(before or after or "", "string")
        self.default = None if default is None else self._typed(default.replace("~", " "))
        self.is_required = sign == "!"
        self.is_optional = sign == "?" or default is not None
        self.is_computed = not self.is_required and sign != "?"

    def _typed(self, default: str) -> Any:
        return {"number": lambda: float(default), "bool": lambda: default == "true"}.get(
            str(self.type), lambda: default
        )()


def attributes(described: dict[str, Any]) -> list[Attribute]:
    return [Attribute(member) for member in described[""].split()]


# --- protobuf -----------------------------------------------------------------------------


def _varint(value: int) -> bytes:
    pieces = bytearray()
    while value >= _MORE:
        pieces.append(value & 0x7F | _MORE)
        value >>= 7
    return bytes([*pieces, value])


def field(number: int, value: bytes | str | int) -> bytes:
    """A member of a message: a number or truth value, else what has a length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(int(value))
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | _WITH_LENGTH) + _varint(len(data)) + data


def fields(message: bytes) -> dict[int, bytes]:
    """The members of a message that have a length; of a repeated one the last."""
    found: dict[int, bytes] = {}
    place = 0

    def number() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < _MORE:
                return value

    while place < len(message):
        key = number()
        size = number()
        if key & 7 == _WITH_LENGTH:
            found[key >> 3] = message[place : place + size]
            place += size
    return found


def dynamic(value: Any) -> bytes:
    return field(1, msgpack.packb(value))


def read_dynamic(message: bytes) -> Any:
    return msgpack.unpackb(fields(message)[1])


# --- what Terraform asks ------------------------------------------------------------------


def schema(described: dict[str, Any]) -> bytes:
    return field(2, _block(described))


def _block(described: dict[str, Any]) -> bytes:
    members = b"".join(field(2, _attribute(attribute)) for attribute in attributes(described))
    blocks = (
        field(3, field(1, name) + field(2, _block(inner)) + field(3, _NESTED_LIST))
        for name, inner in described.items()
        if name
    )
    return members + b"".join(blocks)


def _attribute(attribute: Attribute) -> bytes:
    kind = field(1, attribute.name) + field(2, json.dumps(attribute.type))
    return kind + field(4, attribute.is_required) + field(5, attribute.is_optional) + field(6, attribute.is_computed)


def get_schema(_: bytes) -> bytes:
    resources = (field(2, field(1, name) + field(2, schema(described))) for name, described in RESOURCES.items())
    sources = (field(3, field(1, name) + field(2, schema(described))) for name, described in DATA.items())
    return field(1, schema({"": "region?"})) + b"".join(resources) + b"".join(sources)


def plan(request: bytes) -> bytes:
    """What the configuration says, defaults where it is silent; the rest is known after apply."""
    found = fields(request)
    described, proposed = RESOURCES[found[1].decode()], read_dynamic(found[3])
    if proposed is None:
        return field(1, dynamic(None))
    planned = _with_defaults(described, proposed)
    for attribute in attributes(described):
        if attribute.is_computed and attribute.default is None and planned.get(attribute.name) is None:
            planned[attribute.name] = UNKNOWN
    return field(1, dynamic(planned)) + field(5, True)  # noqa: FBT003 - legacy_type_system: defaults are planned


def _with_defaults(described: dict[str, Any], proposed: dict[str, Any]) -> dict[str, Any]:
    planned = dict(proposed)
    for attribute in attributes(described):
        if attribute.default is not None and planned.get(attribute.name) is None:
            planned[attribute.name] = attribute.default
    for name, inner in described.items():
        if name:
            planned[name] = [_with_defaults(inner, block) for block in planned.get(name) or []]
    return planned


def read_data(request: bytes) -> bytes:
    found = fields(request)
    kind, asked = found[1].decode(), read_dynamic(found[2])
    values: dict[str, str] = dict(VALUES.get(kind, {}))
    if kind == "aws_cloudformation_export":
        name = asked["name"]
        values = {"id": name, "name": name, "value": EXPORTS[name.rpartition("-")[2]], "exporting_stack_id": "stack"}
    return field(1, dynamic(asked | values))


METHODS: dict[str, Callable[[bytes], bytes]] = {
    "GetSchema": get_schema,
    "PrepareProviderConfig": lambda request: field(1, fields(request)[1]),
    "ValidateResourceTypeConfig": lambda _: b"",
    "ValidateDataSourceConfig": lambda _: b"",
    "Configure": lambda _: b"",
    "PlanResourceChange": plan,
    "ReadDataSource": read_data,
    "Stop": lambda _: b"",
}


def handlers() -> Iterator[tuple[str, grpc.RpcMethodHandler]]:
    for name, method in METHODS.items():
        yield name, grpc.unary_unary_rpc_method_handler(lambda request, _, method=method: method(request))


def main() -> None:
    """Serve on a free port of this machine, print it, end when the input is closed."""
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("tfplugin5.Provider", dict(handlers())),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop(None)


if __name__ == "__main__":
    main()
