"""Read template.yaml as CloudFormation would, for the local run.

Intrinsic functions are resolved against local values. Whatever is not understood is refused
with its line: a local run that ignores part of the template would lie.
"""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import yaml


def _merged(common: Any, own: Any) -> Any:
    """As SAM applies Globals: maps merge, lists join, anything else of the resource wins."""
    if isinstance(common, dict) and isinstance(own, dict):
        return common | {name: _merged(common[name], one) if name in common else one for name, one in own.items()}
    return [*common, *own] if isinstance(common, list) and isinstance(own, list) else own


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
    if suffix == "GetAtt" and isinstance(node, yaml.SequenceNode):
        argument = ".".join(loader.construct_sequence(node))
    elif isinstance(node, yaml.ScalarNode):
        argument = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        argument = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        argument = loader.construct_mapping(node, deep=True)
    return Intrinsic(suffix, argument, node.start_mark.line + 1)


_Loader.add_multi_constructor("!", _construct)


NO_VALUE = object()
_SERVERLESS = "AWS::Serverless::"
_SECTIONS = {
    "AWSTemplateFormatVersion",
    "Transform",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Conditions",
    "Globals",
    "Resources",
    "Outputs",
}
_RESOURCE_MEMBERS = {
    "Type",
    "Properties",
    "Condition",
    "DependsOn",
    "Metadata",
    "DeletionPolicy",
    "UpdateReplacePolicy",
}
_FULL = re.compile(r"Fn::([A-Za-z0-9]+)")
_PSEUDO = {
    "AWS::NoValue": NO_VALUE,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "local",
}


class Template:
    """A template with its parameters set. `values` gives what Ref and GetAtt stand for.

    A resource whose condition is false is absent.
    """

    def __init__(self, path: Path, values: Mapping[str, str], parameters: Mapping[str, str] | None = None) -> None:
        self._text = path.read_text()
        loaded = yaml.load(self._text, _Loader)  # noqa: S506 - a safe loader
        self._refuse(loaded, _SECTIONS, "")
        declared = loaded.get("Parameters", {})
        for unknown in (parameters or {}).keys() - declared.keys():
            message = f"there is no parameter {unknown}"
            raise TemplateError(message)
        defaults = {name: str(one["Default"]) for name, one in declared.items() if "Default" in one}
        self._values: dict[str, Any] = _PSEUDO | defaults | dict(parameters or {}) | dict(values)
        self._conditions: dict[str, Any] = loaded.get("Conditions", {})
        self._mappings: dict[str, Any] = loaded.get("Mappings", {})
        self._globals = loaded.get("Globals", {})
        self._refuse(self._globals, {"Api", "Function"}, "Globals.")
        for name, one in loaded["Resources"].items():
            self._refuse(one, _RESOURCE_MEMBERS, f"{name}.")
        self.resources: dict[str, dict[str, Any]] = {
            name: one
            for name, one in loaded["Resources"].items()
            if "Condition" not in one or self._holds(one["Condition"], 0)
        }

    def set(self, name: str, value: str) -> None:
        """Say what a Ref ("Table") or GetAtt ("Table.Arn") stands for."""
        self._values[name] = value

    def of_type(self, *kinds: str) -> list[str]:
        """The logical ids of every resource of some types."""
        return [name for name, resource in self.resources.items() if resource["Type"] in kinds]

    def properties(self, name: str) -> dict[str, Any]:
        """The properties of a resource, resolved, Globals applied."""
        resource = self.resources[name]
        own: dict[str, Any] = dict(resource.get("Properties", {}))
        if resource["Type"].startswith(_SERVERLESS):
            own = _merged(self._globals.get(resource["Type"].removeprefix(_SERVERLESS), {}), own)
        resolved: dict[str, Any] = {key: value for key, value in own.items() if key not in {"Policies", "Events"}}
        properties: dict[str, Any] = self.resolve(resolved)
        return properties | {key: own[key] for key in ("Events",) if key in own}

    def resolve(self, value: Any) -> Any:
        """A value with its intrinsic functions resolved; what is AWS::NoValue is absent."""
        if isinstance(value, Intrinsic):
            return self._evaluate(value)
        if isinstance(value, dict):
            name = next(iter(value)) if len(value) == 1 else ""
            full = _FULL.fullmatch(name) if isinstance(name, str) else None
            if full or name == "Ref":
                return self._evaluate(Intrinsic(full[1] if full else "Ref", value[name], self.line_of(f"{name}:")))
            resolved = {key: self.resolve(one) for key, one in value.items()}
            return {key: one for key, one in resolved.items() if one is not NO_VALUE}
        if isinstance(value, list):
            return [one for one in map(self.resolve, value) if one is not NO_VALUE]
        return value

    def line_of(self, text: str, within: str = "") -> int:
        """The first line of the resource `within`, or of all, that holds `text`; else where the resource starts."""
        start = 0
        for number, line in enumerate(self._text.splitlines(), 1):
            if within and line.startswith(f"  {within}:"):
                start = number
            elif start and re.match(r" {0,2}[^ #]", line):
                break
            if (start or not within) and text in line:
                return number
        return start

    def _refuse(self, mapping: Mapping[str, Any], known: AbstractSet[str], prefix: str) -> None:
        for unknown in mapping.keys() - known:
            line = self.line_of(f"{unknown}:", within=prefix.rstrip(".") if prefix not in {"", "Globals."} else "")
            message = f"line {line}: {prefix}{unknown} is not understood by the local run"
            raise TemplateError(message)

    def _evaluate(self, found: Intrinsic) -> Any:
        if found.name == "If":
            condition, then, otherwise = found.argument
            return self.resolve(then if self._holds(condition, found.line) else otherwise)
        if found.name in {"Equals", "Not", "And", "Or", "Condition"}:
            return self._judge(found)
        argument = self.resolve(found.argument)
        if found.name in {"Ref", "GetAtt"}:
            name = ".".join(argument) if isinstance(argument, list) else str(argument)
            return self._value(name, found.line)
        if found.name == "Sub":
            return self._substitute(argument, found.line)
        if found.name == "Join":
            return argument[0].join(argument[1])
        if found.name == "Split":
            return argument[1].split(argument[0])
        if found.name == "Select":
            return argument[1][int(argument[0])]
        if found.name == "FindInMap":
            return self._find_in_map(argument, found.line)
        message = f"line {found.line}: !{found.name} is not understood by the local run"
        raise TemplateError(message)

    def _judge(self, found: Intrinsic) -> bool:
        if found.name == "Condition":
            return self._holds(found.argument, found.line)
        operands = [self.resolve(one) for one in found.argument]
        if found.name == "Equals":
            return str(operands[0]) == str(operands[1])
        if found.name == "Not":
            return not operands[0]
        return all(operands) if found.name == "And" else any(operands)

    def _holds(self, name: Any, line: int) -> bool:
        if name not in self._conditions:
            message = f"line {line or self.line_of(f'Condition: {name}')}: there is no condition {name}"
            raise TemplateError(message)
        return bool(self.resolve(self._conditions[name]))

    def _substitute(self, argument: Any, line: int) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def replace(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            return str(own[name]) if name in own else str(self._value(name, line))

        return re.sub(r"\$\{([^}]+)\}", replace, text)

    def _find_in_map(self, argument: list[str], line: int) -> Any:
        found: Any = self._mappings
        for name in argument:
            if name not in found:
                message = f"line {line}: no {name} in the mapping {argument[0]}"
                raise TemplateError(message)
            found = found[name]
        return found

    def _value(self, name: str, line: int) -> Any:
        if name not in self._values:
            message = f"line {line}: {name} has no local value"
            raise TemplateError(message)
        return self._values[name]
