"""A SAM or CloudFormation template, or a Terraform plan in its shape: resources with their properties.

Parameters stand for their defaults, conditions are judged by them: what is examined is what a deployment with the
defaults makes.
"""

import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from doctor import plans
from doctor.nodes import EMPTY, Node, TemplateError, parse, text_of, written

_SERVERLESS = "AWS::Serverless::"
_VARIABLE = re.compile(r"\$\{(\w+)\}")


class Form(Enum):
    """How a template says what it makes."""

    SAM = "SAM"
    CLOUDFORMATION = "CloudFormation"
    TERRAFORM = "Terraform"


class Resource(NamedTuple):
    """A resource of the template."""

    name: str
    kind: str
    node: Node

    @property
    def line(self) -> int:
        return self.node.line

    def get(self, *path: str) -> Node | None:
        return self.node.get("Properties", *path)

    def text(self, *path: str) -> str:
        return text_of(self.get(*path))


class Template:
    """The resources of a template. Raises TemplateError where it has none."""

    def __init__(self, text: str, folder: Path | None = None) -> None:
        self._folder = folder
        root = _read(text)
        self._globals = root.get("Globals") or EMPTY
        self.is_plan = plans.is_plan(root)
        listed = plans.resources(root) if self.is_plan else (root.get("Resources") or EMPTY)
        self.resources = {
            name: Resource(name, text_of(node.get("Type")), node)
            for name, node in listed.entries()
            if isinstance(node.value, dict)
        }
        if not self.resources:
            message = "this is not a SAM or CloudFormation template, nor a Terraform plan in JSON: it has no resources"
            raise TemplateError(message)

    @classmethod
    def read(cls, path: Path) -> "Template":
        try:
            return cls(path.read_text(encoding="utf-8"), path.parent)
        except UnicodeDecodeError:
            message = "this is not UTF-8"
            raise TemplateError(message) from None

    def form_of(self, resource: Resource) -> Form:
        if self.is_plan:
            return Form.TERRAFORM
        return Form.SAM if resource.kind.startswith(_SERVERLESS) else Form.CLOUDFORMATION

    def of(self, *kinds: str) -> Iterator[Resource]:
        """Every resource of these types."""
        return (resource for resource in self.resources.values() if resource.kind in kinds)

    def common(self, kind: str, *path: str) -> Node | None:
        """What Globals say of every resource of a SAM type."""
        return self._globals.get(kind.removeprefix(_SERVERLESS), *path)

    def setting(self, resource: Resource, *path: str) -> Node | None:
        """A property of a SAM resource, with what Globals say of it."""
        return _merged(self.common(resource.kind, *path), resource.get(*path))

    def file(self, name: str) -> str | None:
        """The content of a file beside the template, None where there is none."""
        try:
            return None if self._folder is None else (self._folder / name).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None


def _read(text: str) -> Node:
    try:
        root = parse(text)
        return root if plans.is_plan(root) else _Defaults(root).applied(root) or EMPTY
    except RecursionError:
        message = "it is nested too deeply"
        raise TemplateError(message) from None


def _merged(common: Node | None, own: Node | None) -> Node | None:
    """As SAM applies Globals: maps merge, anything else of the resource wins."""
    if common is None or own is None or not (isinstance(common.value, dict) and isinstance(own.value, dict)):
        return own or common
    if _is_intrinsic(common) or _is_intrinsic(own):
        return own
    names = common.value | own.value
    return Node({name: _merged(common.value.get(name), own.value.get(name)) for name in names}, own.line)


def _is_intrinsic(node: Node) -> bool:
    return any(name == "Ref" or name.startswith("Fn::") for name in node.value)


class _Defaults:
    """Puts the defaults of parameters in their places, and of an `Fn::If` the branch that they choose."""

    def __init__(self, root: Node) -> None:
        self._conditions = root.get("Conditions") or EMPTY
        self._parameters = {
            name: default
            for name, parameter in (root.get("Parameters") or EMPTY).entries()
            if (default := parameter.get("Default")) and "SSM" not in text_of(parameter.get("Type"))
        }

    def applied(self, node: Node) -> Node | None:
        """The value with its defaults; None for AWS::NoValue."""
        if isinstance(node.value, list):
            return node._replace(value=[member for member in map(self.applied, node.value) if member is not None])
        if not isinstance(node.value, dict):
            return node
        name, inner = next(iter(node.value.items())) if len(node.value) == 1 else ("", node)
        if name == "Ref":
            return self._parameter(inner.text, node)
        if name == "Fn::If" and len(inner.items()) == 3:  # noqa: PLR2004 - a condition and two branches
            condition, then, otherwise = inner.items()
            chosen = self.applied(then if self._holds(condition.text) is not False else otherwise)
            return chosen and chosen._replace(line=node.line)
        if name == "Fn::Sub":
            return node._replace(value={name: self._substituted(inner)})
        values = {key: self.applied(value) for key, value in node.value.items()}
        return node._replace(value={key: value for key, value in values.items() if value is not None})

    def _parameter(self, name: str, node: Node) -> Node | None:
        if name == "AWS::NoValue":
            return None
        default = self._parameters.get(name)
        return default._replace(line=node.line) if default else node

    def _substituted(self, node: Node) -> Node:
        """The string of a Sub, alone or the first of a list, with its variables."""
        if isinstance(node.value, list) and node.value:
            first, *others = node.value
            variables = [member for member in map(self.applied, others) if member is not None]
            return node._replace(value=[self._substituted(first), *variables])
        if not isinstance(node.value, str):
            return node
        known = self._parameters
        text = _VARIABLE.sub(lambda match: known[match[1]].text if match[1] in known else match[0], node.value)
        return node._replace(value=text)

    def _holds(self, name: str) -> bool | None:
        """Whether a condition holds with the defaults; None where they do not say."""
        condition = self._conditions.get(name)
        return None if condition is None else self._judged(condition)

    def _judged(self, node: Node) -> bool | None:
        name, inner = next(iter(node.entries()), ("", node))
        if name == "Condition":
            return self._holds(inner.text)
        if name == "Fn::Equals":
            left, right = (written(self.applied(member)) for member in inner.items())
            return left == right if "${" not in left + right else None
        parts = [self._judged(member) for member in inner.items()] if name in {"Fn::Not", "Fn::And", "Fn::Or"} else []
        if not parts or None in parts:
            return None
        return not parts[0] if name == "Fn::Not" else all(parts) if name == "Fn::And" else any(parts)
