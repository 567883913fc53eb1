"""`python -m doctor [--accept CHECK[@RESOURCE]]… FILE…`, or `--list` for everything that is looked for.

Exit code 0 where nothing is found, 1 for findings, 2 where a file is not a template.
"""

import argparse
import sys
from pathlib import Path

from doctor.catalogue import catalogue
from doctor.checks import examine
from doctor.nodes import TemplateError
from doctor.reading import read_stack
from doctor.template import Template


def main(arguments: list[str]) -> int:
    """Print each finding with its place and its remedy."""
    options = _options(arguments)
    if options.list:
        sys.stdout.write(catalogue())
        return 0
    files = [file for file in options.files if file]
    if not files:
        sys.stderr.write("name a file: make doctor TEMPLATE=…, or python -m doctor FILE…\n")
        return 2
    try:
        count = sum(_report(file, frozenset(options.accept)) for file in files)
    except _UnreadableError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{count} found\n" if count else "nothing found\n")
    return 1 if count else 0


class _UnreadableError(Exception):
    """A file that cannot be examined; the message names it."""


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="doctor", description="Find mistakes in templates and Terraform plans.")
    parser.add_argument("files", nargs="*", metavar="FILE", help="a SAM or CloudFormation template, or a plan in JSON")
    parser.add_argument("--accept", action="append", default=[], metavar="CHECK[@RESOURCE]", help="do not report this")
    parser.add_argument("--list", action="store_true", help="print everything that is looked for")
    return parser.parse_args(arguments)


def _report(file: str, accepted: frozenset[str]) -> int:
    """Print what is found in a file; how much it is. Raises _UnreadableError."""
    try:
        template = Template.read(Path(file))
    except OSError as error:
        raise _UnreadableError(f"{file}: {error.strerror}") from error
    except TemplateError as error:
        raise _UnreadableError(f"{file}: {error}") from error
    findings = examine(template, accepted)
    if not any(api.is_protected for api in read_stack(template).apis):
        sys.stdout.write(f"{file}: no API here asks Tollgate\n")
    for finding in findings:
        where = f"{file}:{finding.line}: {finding.severity.value}: {finding.check}: {finding.resource}"
        sys.stdout.write(f"{where}: {finding.wrong}\n    remedy: {finding.remedy}\n")
    return len(findings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
