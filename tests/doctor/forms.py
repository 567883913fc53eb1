"""Sound templates in every form, as data that a case spoils, and as the text that the doctor reads."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from dev.services import ROOT

SOUND = Path(__file__).parent / "sound"
Data = dict[str, Any]
DELETED = object()


class Form(NamedTuple):
    """How sound templates are loaded, and how the doctor is given what became of them."""

    name: str
    load: Callable[[str], Data]
    dump: Callable[[Data], str]


class _LongForms(yaml.SafeLoader):
    """Reads short intrinsic functions as long ones, which every form has."""


def _long(loader: _LongForms, suffix: str, node: yaml.Node) -> Data:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    if suffix == "GetAtt":
        value = value.split(".", 1)
    return {"Ref" if suffix == "Ref" else f"Fn::{suffix}": value}


_LongForms.add_multi_constructor("!", _long)


def read_yaml(path: Path) -> Data:
    loaded: Data = yaml.load(path.read_text(), _LongForms)  # noqa: S506 - a safe loader
    return loaded


def read_json(path: Path) -> Data:
    loaded: Data = json.loads(path.read_text())
    return loaded


def _cloudformation(name: str) -> Data:
    if name == "websocket":
        return read_yaml(ROOT / "examples" / name / "template.yaml")
    return read_json(SOUND / f"{name}.json")


SAM = Form(
    "SAM", lambda name: read_yaml(_sam_file(name)), lambda data: yaml.safe_dump(data, sort_keys=False, width=1000)
)
CLOUDFORMATION = Form("CloudFormation", _cloudformation, lambda data: json.dumps(data, indent=1))
TERRAFORM = Form("Terraform", lambda name: read_json(SOUND / f"{name}.plan.json"), json.dumps)
FORMS = {form.name: form for form in (SAM, CLOUDFORMATION, TERRAFORM)}


def _sam_file(name: str) -> Path:
    return SOUND / "websocket.yaml" if name == "websocket" else ROOT / "examples" / name / "template.yaml"


def put(data: Data, path: str, value: Any) -> None:
    """Set, or delete, what stands at a path of keys and places; `~` stands for a slash in a key."""
    *keys, last = keys_of(path)
    where: Any = data
    for key in keys:
        where = where[int(key)] if isinstance(where, list) else where.setdefault(key, {})
    if isinstance(where, list):
        where[int(last)] = value
    elif value is DELETED:
        del where[last]
    else:
        where[last] = value


def keys_of(path: str) -> list[str]:
    return [key.replace("~", "/") for key in path.split("/")]


def line_of(text: str, path: str) -> int:
    """The line at which a path stands in a template."""
    node: Any = yaml.compose(text.replace("\t", " "), yaml.SafeLoader)
    line = 1
    for key in keys_of(path):
        if isinstance(node, yaml.SequenceNode):
            node = node.value[int(key)]
            line = node.start_mark.line + 1
        else:
            found, node = next((one, value) for one, value in node.value if one.value == key)
            line = found.start_mark.line + 1
    return line


# --- plans ----------------------------------------------------------------------------------


def plan_set(data: Data, address: str, attribute: str, value: Any) -> None:
    """A value that is known when planning, in place of what was configured."""
    planned, configured = _planned(data, address), _configured(data, address)
    planned["values"][attribute] = value
    expressions = configured.setdefault("expressions", {})
    expressions.pop(attribute, None)
    if value is None:
        del planned["values"][attribute]
    else:
        expressions[attribute] = {"constant_value": value}


def plan_refer(data: Data, address: str, attribute: str, *references: str, value: Any = None) -> None:
    """A value made of others, known when planning or not."""
    planned, configured = _planned(data, address), _configured(data, address)
    planned["values"].pop(attribute, None)
    if value is not None:
        planned["values"][attribute] = value
    configured.setdefault("expressions", {})[attribute] = {"references": list(references)}


def plan_remove(data: Data, address: str) -> None:
    planned = data["planned_values"]["root_module"]
    planned["resources"] = [one for one in planned["resources"] if one["address"] != address]
    base = address.partition("[")[0]
    if base == address:
        configured = data["configuration"]["root_module"]
        configured["resources"] = [one for one in configured["resources"] if one["address"] != base]


def plan_copy(data: Data, address: str, name: str) -> str:
    """Another resource like this one, under another name; its address."""
    kind = address.partition(".")[0]
    renamed = {"address": f"{kind}.{name}", "name": name}
    for listed, one in (
        (data["planned_values"]["root_module"]["resources"], _planned(data, address)),
        (data["configuration"]["root_module"]["resources"], _configured(data, address)),
    ):
        listed.append(json.loads(json.dumps(one)) | renamed)
    return f"{kind}.{name}"


def plan_add(data: Data, address: str, values: Data, expressions: Data) -> None:
    kind, _, name = address.partition(".")
    common = {"address": address, "mode": "managed", "type": kind, "name": name}
    data["planned_values"]["root_module"]["resources"].append(common | {"values": values})
    data["configuration"]["root_module"]["resources"].append(common | {"expressions": expressions})


def _planned(data: Data, address: str) -> Data:
    found: Data = next(one for one in data["planned_values"]["root_module"]["resources"] if one["address"] == address)
    return found


def _configured(data: Data, address: str) -> Data:
    base = address.partition("[")[0]
    found: Data = next(one for one in data["configuration"]["root_module"]["resources"] if one["address"] == base)
    return found
