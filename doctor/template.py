"""A SAM or CloudFormation template, YAML or JSON, whose every node knows its line.

Short intrinsic functions read as long ones: `!Ref X` is `{"Ref": "X"}`. An entry of a mapping
has the line of its key.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml


class TemplateError(Exception):
    """The file is no template; the text says where."""


class Node(NamedTuple):
    """A value and its line. `value`: dict of text to Node, list of Node, or a scalar."""

    value: Any
    line: int
    is_block: bool = False  # a text whose lines are lines of the template

    def get(self, *path: str) -> "Node | None":
        """The node at a path of names, None where there is none."""
        found: Node | None = self
        for name in path:
            found = found.value.get(name) if found is not None and isinstance(found.value, dict) else None
        return found

    def entries(self) -> Iterable[tuple[str, "Node"]]:
        return self.value.items() if isinstance(self.value, dict) else ()

    def items(self) -> list["Node"]:
        """The members of a list; a lone value is a list of one."""
        return self.value if isinstance(self.value, list) else [self]

    @property
    def plain(self) -> Any:
        if isinstance(self.value, dict):
            return {name: one.plain for name, one in self.value.items()}
        return [one.plain for one in self.value] if isinstance(self.value, list) else self.value

    @property
    def text(self) -> str:
        """A scalar as text, true in lower case; empty for what is no scalar."""
        if isinstance(self.value, dict | list) or self.value is None:
            return ""
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)


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
        found = self.get(*path)
        return found.text if found else ""


class Template:
    """The resources of a template. Raises TemplateError where it has none."""

    def __init__(self, text: str, folder: Path | None = None) -> None:
        root = _parse(text)
        self._folder = folder
        self._globals = root.get("Globals") or Node({}, 1)
        self._parameters = root.get("Parameters") or Node({}, 1)
        self.resources = {
            name: Resource(name, kind.text if (kind := one.get("Type")) else "", one)
            for name, one in (root.get("Resources") or Node({}, 1)).entries()
        }
        if not self.resources:
            message = "this is no SAM or CloudFormation template: there are no Resources"
            raise TemplateError(message)

    @classmethod
    def read(cls, path: Path) -> "Template":
        try:
            return cls(path.read_text(encoding="utf-8"), path.parent)
        except UnicodeDecodeError:
            message = "this is no text in UTF-8"
            raise TemplateError(message) from None

    def of(self, *kinds: str) -> Iterator[Resource]:
        """Every resource of these types."""
        return (one for one in self.resources.values() if one.kind in kinds)

    def setting(self, resource: Resource, *path: str) -> Node | None:
        """A property of a SAM resource, with what Globals say of it. A parameter stands for its default."""
        common = self._globals.get(resource.kind.rpartition("::")[2], *path)
        return self.known(_merged(common, resource.get(*path)))

    def known(self, node: Node | None) -> Node | None:
        """The value, or a parameter's default, of what may be absent."""
        return None if node is None else self.resolved(node)

    def file(self, name: str) -> str | None:
        """The text of a file beside the template, None where there is none."""
        try:
            return None if self._folder is None else (self._folder / name).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None

    def resolved(self, node: Node) -> Node:
        """The value itself; of a parameter its default, where it has one."""
        name = node.get("Ref")
        default = self._parameters.get(name.text, "Default") if name else None
        return default._replace(line=node.line) if default else node


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


def names_in(node: Node | None) -> set[str]:
    """Every resource, parameter and export that a value refers to."""
    if node is None:
        return set()
    if isinstance(node.value, list):
        return set().union(*map(names_in, node.value)) if node.value else set()
    found: set[str] = set()
    for name, one in node.entries():
        if name == "Ref":
            found.add(one.text.partition(".")[0])
        elif name == "Fn::GetAtt":
            found |= {part.text.partition(".")[0] for part in one.items()[:1]}
        elif name == "Fn::Sub":
            found |= names_in(one).union(*(_names_in_text(part.text) for part in one.items()[:1]))
        elif name == "Fn::ImportValue":
            found.add(f"import {one.plain}")
        else:
            found |= names_in(one)
    return found if isinstance(node.value, dict) else _function_names(node.text)


def _function_names(text: str) -> set[str]:
    """The function of an ARN that is written out, alone or within an authorizer's URI."""
    found = re.search(r"arn:[\w-]+:lambda:[\w-]*:\d*:function:([\w-]+)", text)
    return {found[1]} if found else set()


def _names_in_text(text: str) -> set[str]:
    names = {piece.partition("}")[0].partition(".")[0] for piece in text.split("${")[1:]}
    return {name for name in names if not name.startswith("AWS::")}


def _parse(text: str) -> Node:
    """Raises TemplateError. JSON may be indented by tabs, which YAML refuses."""
    is_json = text.lstrip("\ufeff \t\r\n").startswith("{")
    try:
        composed = yaml.compose(text.replace("\t", " ") if is_json else text, yaml.SafeLoader)
        return _read(composed) if composed else Node(None, 1)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        message = f"line {line}: this is neither YAML nor JSON: {error.problem}"
        raise TemplateError(message) from None
    except (yaml.YAMLError, ValueError) as error:
        message = f"this is neither YAML nor JSON: {' '.join(str(error).split())}"
        raise TemplateError(message) from None
    except RecursionError:
        message = "it is nested too deeply"
        raise TemplateError(message) from None


def _read(node: yaml.Node) -> Node:
    line = node.start_mark.line + 1
    value: Any
    if isinstance(node, yaml.MappingNode):
        value = {str(key.value): _read(one)._replace(line=key.start_mark.line + 1) for key, one in node.value}
    elif isinstance(node, yaml.SequenceNode):
        value = [_read(one) for one in node.value]
    else:
        tag = node.tag if node.tag.startswith("tag:") else "tag:yaml.org,2002:str"
        value = node.value if tag.endswith((":timestamp", ":value")) else _scalar(tag, node)
    if not node.tag.startswith("!"):
        return Node(value, line, is_block=isinstance(node, yaml.ScalarNode) and node.style == "|")
    name = node.tag[1:]
    if name == "GetAtt" and isinstance(value, str):
        value = [Node(part, line) for part in value.split(".", 1)]
    return Node({name if name in {"Ref", "Condition"} else f"Fn::{name}": Node(value, line)}, line)


def _scalar(tag: str, node: yaml.Node) -> Any:
    return yaml.SafeLoader("").construct_object(yaml.ScalarNode(tag, node.value))
