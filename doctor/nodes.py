"""The values of a template, each with its line, whatever form the template has.

Short intrinsic functions read as long ones: `!Ref X` is `{"Ref": "X"}`. An entry of a mapping has the line of its key.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import yaml

_SHORT_REF = {"Ref", "Condition"}
_FUNCTION_ARN = re.compile(r"arn:[\w-]+:lambda:[\w-]*:\d*:function:([\w-]+)")
_VARIABLE = re.compile(r"\$\{([^}!][^}]*)\}")


class TemplateError(Exception):
    """The file is not a template; the message says where."""


class Node(NamedTuple):
    """A value and its line. `value`: dict of string to Node, list of Node, or a scalar; None where it is not known."""

    value: Any
    line: int
    is_block: bool = False  # a string whose lines are lines of the template
    names: frozenset[str] = frozenset()  # what a value of a Terraform plan was made of

    def get(self, *path: str) -> "Node | None":
        """The node at a path of names, None where there is none."""
        node: Node | None = self
        for name in path:
            node = node.value.get(name) if node is not None and isinstance(node.value, dict) else None
        return node

    def entries(self) -> Iterable[tuple[str, "Node"]]:
        return self.value.items() if isinstance(self.value, dict) else ()

    def items(self) -> list["Node"]:
        """The members of a list; a lone value is a list of one."""
        return self.value if isinstance(self.value, list) else [self]

    @property
    def plain(self) -> Any:
        if isinstance(self.value, dict):
            return {name: node.plain for name, node in self.value.items()}
        return [node.plain for node in self.value] if isinstance(self.value, list) else self.value

    @property
    def text(self) -> str:
        """A scalar as a string, true in lower case; empty for what is not a scalar."""
        if isinstance(self.value, dict | list) or self.value is None:
            return ""
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)

    @property
    def is_true(self) -> bool:
        return self.text.lower() == "true"


EMPTY = Node({}, 1)


def entries(node: Node | None, *path: str) -> Iterable[tuple[str, Node]]:
    """The entries of the mapping at a path of what may be absent."""
    mapping = node.get(*path) if node else None
    return mapping.entries() if mapping else ()


def items(node: Node | None) -> list[Node]:
    """The members of a list that may be absent."""
    return node.items() if node else []


def text_of(node: Node | None) -> str:
    """A scalar that may be absent, as a string."""
    return node.text if node else ""


def names_in(node: Node | None) -> frozenset[str]:
    """Every resource, parameter and export that a value refers to; an export is `import NAME`."""
    if node is None:
        return frozenset()
    if isinstance(node.value, list):
        return node.names.union(*map(names_in, node.value))
    if not isinstance(node.value, dict):
        return node.names | frozenset(_FUNCTION_ARN.findall(node.text))
    names: set[str] = set(node.names)
    for name, inner in node.entries():
        if name == "Ref":
            names.add(inner.text.partition(".")[0])
        elif name == "Fn::GetAtt":
            names |= {part.text.partition(".")[0] for part in inner.items()[:1]}
        elif name == "Fn::Sub":
            names |= names_in(inner).union(*(_names_in_text(part.text) for part in inner.items()[:1]))
        elif name == "Fn::ImportValue":
            names.add(f"import {written(inner)}")
        else:
            names |= names_in(inner)
    return frozenset(names)


def exports_in(node: Node | None) -> frozenset[str]:
    """The names of the exports that a value imports."""
    return frozenset(name.removeprefix("import ") for name in names_in(node) if name.startswith("import "))


def written(node: Node | None) -> str:
    """A value as it is written, with `${name}` for what it refers to; `${?}` for what cannot be known."""
    if node is None:
        return ""
    if not isinstance(node.value, dict):
        return "${?}" if node.value is None or isinstance(node.value, list) else node.text
    (name, inner), *others = node.entries() or [("", node)]
    if others:
        return "${?}"
    if name == "Ref":
        return f"${{{inner.text}}}"
    if name == "Fn::GetAtt":
        return f"${{{'.'.join(part.text for part in inner.items())}}}"
    if name == "Fn::ImportValue":
        return f"${{import {written(inner)}}}"
    if name == "Fn::Sub":
        return _substituted(inner)
    if name == "Fn::Join" and len(inner.items()) == 2:  # noqa: PLR2004 - a separator and a list
        separator, pieces = inner.items()
        return separator.text.join(written(piece) for piece in pieces.items())
    return "${?}"


def _substituted(node: Node) -> str:
    text, *variables = node.items() or [node]
    own = {name: written(value) for name, value in (variables[0].entries() if variables else ())}
    return _VARIABLE.sub(lambda match: own.get(match[1], match[0]), text.text)


def _names_in_text(text: str) -> set[str]:
    names = {name.partition(".")[0] for name in _VARIABLE.findall(text)}
    return {name for name in names if not name.startswith("AWS::")} | set(_FUNCTION_ARN.findall(text))


def parse(text: str) -> Node:
    """Read YAML or JSON. JSON may be indented by tabs, which YAML refuses. Raises TemplateError or RecursionError."""
    try:
        composed = _composed(text)
        return _read(composed) if composed else Node(None, 1)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        message = f"line {line}: this is neither YAML nor JSON: {error.problem}"
        raise TemplateError(message) from None
    except (yaml.YAMLError, ValueError) as error:
        message = f"this is neither YAML nor JSON: {' '.join(str(error).split())}"
        raise TemplateError(message) from None


def _composed(text: str) -> yaml.Node | None:
    """YAML by the loader in Python; by that in C what Python has found to be JSON, of a depth that it bears."""
    if not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return yaml.compose(text, yaml.SafeLoader)
    spaced = text.replace("\t", " ")
    try:
        json.loads(text.removeprefix("\ufeff"))
    except ValueError:
        return yaml.compose(spaced, yaml.SafeLoader)
    return yaml.compose(spaced, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _read(node: yaml.Node) -> Node:
    line = node.start_mark.line + 1
    value: Any
    if isinstance(node, yaml.MappingNode):
        value = {str(key.value): _read(inner)._replace(line=key.start_mark.line + 1) for key, inner in node.value}
    elif isinstance(node, yaml.SequenceNode):
        value = [_read(inner) for inner in node.value]
    else:
        tag = node.tag if node.tag.startswith("tag:") else "tag:yaml.org,2002:str"
        value = node.value if tag.endswith((":timestamp", ":value")) else _scalar(tag, node)
    if not node.tag.startswith("!"):
        return Node(value, line, is_block=isinstance(node, yaml.ScalarNode) and node.style == "|")
    name = node.tag[1:]
    if name == "GetAtt" and isinstance(value, str):
        value = [Node(part, line) for part in value.split(".", 1)]
    return Node({name if name in _SHORT_REF else f"Fn::{name}": Node(value, line)}, line)


def _scalar(tag: str, node: yaml.Node) -> Any:
    return yaml.SafeLoader("").construct_object(yaml.ScalarNode(tag, node.value))
