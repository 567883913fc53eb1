"""Read template.yaml as CloudFormation would, for the local run.

Intrinsic functions are resolved against local values. Whatever is not understood is refused
with its line: a local run that ignores part of the template would lie.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


class TemplateError(Exception):
    """The template holds something that the local run does not understand."""


class Intrinsic:
    """A CloudFormation function and where it stands."""

    def __init__(self, name: str, argument: Any, line: int) -> None:
        self.name, self.argument, self.line = name, argument, line


class _Loader(yaml.SafeLoader):
    pass


def _construct(loader: _Loader, suffix: str, node: yaml.Node) -> Intrinsic:
    argument: Any
    if isinstance(node, yaml.ScalarNode):
        argument = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        argument = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        argument = loader.construct_mapping(node, deep=True)
    return Intrinsic(suffix, argument, node.start_mark.line + 1)


_Loader.add_multi_constructor("!", _construct)


class Template:
    """A template with its parameters set. `values` gives what Ref and GetAtt stand for."""

    def __init__(self, path: Path, values: Mapping[str, str]) -> None:
        self._text = path.read_text()
        loaded = yaml.load(self._text, _Loader)  # noqa: S506 - a safe loader
        defaults = {name: str(one["Default"]) for name, one in loaded.get("Parameters", {}).items() if "Default" in one}
        self._values = defaults | dict(values)
        self._globals = loaded.get("Globals", {})
        self.resources: dict[str, dict[str, Any]] = loaded["Resources"]

    def set(self, name: str, value: str) -> None:
        """Say what a Ref ("Table") or GetAtt ("Table.Arn") stands for."""
        self._values[name] = value

    def of_type(self, kind: str) -> list[str]:
        """The logical ids of every resource of a type."""
        return [name for name, resource in self.resources.items() if resource["Type"] == kind]

    def properties(self, name: str) -> dict[str, Any]:
        """The properties of a resource, resolved, Globals applied to functions."""
        resource = self.resources[name]
        own: dict[str, Any] = dict(resource.get("Properties", {}))
        if resource["Type"] == "AWS::Serverless::Function":
            own = {**self._globals.get("Function", {}), **own}
        resolved: dict[str, Any] = {key: value for key, value in own.items() if key not in {"Policies", "Events"}}
        properties: dict[str, Any] = self._resolve(resolved)
        return properties | {key: own[key] for key in ("Events",) if key in own}

    def resolve(self, value: Any) -> Any:
        """A value with its intrinsic functions resolved."""
        return self._resolve(value)

    def line_of(self, text: str) -> int:
        """The first line that holds `text`."""
        return next((number for number, line in enumerate(self._text.splitlines(), 1) if text in line), 0)

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, Intrinsic):
            return self._evaluate(value)
        if isinstance(value, dict):
            return {key: self._resolve(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._resolve(one) for one in value]
        return value

    def _evaluate(self, found: Intrinsic) -> Any:
        argument = self._resolve(found.argument)
        if found.name in {"Ref", "GetAtt"}:
            name = ".".join(argument) if isinstance(argument, list) else str(argument)
            return self._value(name, found.line)
        if found.name == "Sub" and isinstance(argument, str):
            return re.sub(r"\$\{([^}]+)\}", lambda match: self._value(match[1], found.line), argument)
        if found.name == "Join":
            return argument[0].join(argument[1])
        if found.name == "Split":
            return argument[1].split(argument[0])
        if found.name == "Select":
            return argument[1][int(argument[0])]
        message = f"line {found.line}: !{found.name} is not understood by the local run"
        raise TemplateError(message)

    def _value(self, name: str, line: int) -> str:
        if name not in self._values:
            message = f"line {line}: {name} has no local value"
            raise TemplateError(message)
        return self._values[name]
