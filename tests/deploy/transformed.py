"""What SAM makes of a template, by SAM's own translator. Run in SAM's environment: FILE [NAME=VALUE]…"""

import json
import sys
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoPolicies:
    """The managed policies of AWS, of which none has to be looked up."""

    def load(self) -> dict[str, str]:
        return {}


def main(file: str, *parameters: str) -> None:
    """Print the CloudFormation template."""
    template: dict[str, Any] = yaml_parse(Path(file).read_text())
    for resource in template["Resources"].values():
        if "CodeUri" in resource.get("Properties", {}):
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    values = {name: one["Default"] for name, one in template.get("Parameters", {}).items() if "Default" in one}
    values |= {"AWS::Region": "eu-west-1"} | dict(one.split("=", 1) for one in parameters)
    sys.stdout.write(json.dumps(transform(template, values, NoPolicies())))


if __name__ == "__main__":
    main(*sys.argv[1:])
