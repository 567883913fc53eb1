"""`python -m dev.terraform FOLDER [NAME=VALUE]…`: the plan of a configuration, as JSON.

The recorded plans in tests/doctor/sound are made so.
"""

import sys
from pathlib import Path

from dev.terraform.plan import plan


def main(folder: str, *variables: str) -> None:
    """Print the plan on one line, as Terraform does."""
    sys.stdout.write(plan(Path(folder), dict(variable.split("=", 1) for variable in variables)))


if __name__ == "__main__":
    main(*sys.argv[1:])
