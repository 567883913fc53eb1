"""The grammar of the AWS CLI, version 2, as far as the guides use it, over botocore's own models.

The machine that tests need not have the CLI. Operations, parameters and their shapes are botocore's,
so a command of a guide that AWS would not take is not taken here either.
"""

import json
import sys
from pathlib import Path
from typing import Any

import boto3
import jmespath
from botocore import xform_name

GLOBALS = {"query", "output", "cli-binary-format"}


def main(service: str, command: str, *arguments: str) -> None:
    """Perform one command and print its answer."""
    client = boto3.client(service)
    if command == "wait":
        waited, *arguments = arguments
        shape = client.meta.service_model.operation_model(_waits_by(client, waited)).input_shape
        client.get_waiter(waited.replace("-", "_")).wait(**_parameters(shape, arguments)[0])
        return
    names = {xform_name(name, "-"): name for name in client.meta.service_model.operation_names}
    shape = client.meta.service_model.operation_model(names[command]).input_shape
    request, options, rest = _parameters(shape, arguments)
    answer = getattr(client, xform_name(names[command]))(**request)
    for streamed in ("Payload",):
        if streamed in answer and rest:
            Path(rest[0]).write_bytes(answer.pop(streamed).read())
    answer.pop("ResponseMetadata", None)
    found = jmespath.search(options["query"], answer) if "query" in options else answer
    if options.get("output") == "text":
        sys.stdout.write("\t".join(map(str, found)) if isinstance(found, list) else str(found))
        sys.stdout.write("\n")
    else:
        sys.stdout.write(json.dumps(found, default=str, indent=4) + "\n")


def _waits_by(client: Any, waited: str) -> str:
    config: str = client._get_waiter_config()["waiters"]["".join(part.capitalize() for part in waited.split("-"))][
        "operation"
    ]
    return config


def _parameters(shape: Any, arguments: Any) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    members = {xform_name(name, "-"): name for name in shape.members} if shape else {}
    request: dict[str, Any] = {}
    options: dict[str, str] = {}
    rest: list[str] = []
    left = list(arguments)
    while left:
        word = left.pop(0)
        name = word.removeprefix("--")
        if not word.startswith("--"):
            rest.append(word)
        elif name in GLOBALS:
            options[name] = left.pop(0)
        else:
            kind = shape.members[members[name]]
            request[members[name]] = True if kind.type_name == "boolean" else _value(kind, left.pop(0))
    return request, options, rest


def _value(shape: Any, text: str) -> Any:
    if text.startswith("file://"):
        text = Path(text.removeprefix("file://")).read_text()
    if shape.type_name in {"integer", "long"}:
        return int(text)
    if shape.type_name == "timestamp":
        return text
    if shape.type_name == "structure":
        pairs = dict(pair.split("=", 1) for pair in text.split(","))
        return {name: value == "true" if value in {"true", "false"} else value for name, value in pairs.items()}
    return text


if __name__ == "__main__":
    main(*sys.argv[1:])
