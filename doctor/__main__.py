"""`python -m doctor TEMPLATE…`: exit code 0 where nothing is found, 1 for findings, 2 for no template."""

import sys
from pathlib import Path

from doctor.apis import apis
from doctor.checks import examine
from doctor.template import Template, TemplateError


def main(arguments: list[str]) -> int:
    """Print each finding with its place and its remedy."""
    if not arguments:
        sys.stderr.write("usage: make doctor TEMPLATE=…, or python -m doctor TEMPLATE…\n")
        return 2
    count = 0
    for path in arguments:
        try:
            template = Template.read(Path(path))
        except OSError as error:
            sys.stderr.write(f"{path}: {error.strerror}\n")
            return 2
        except TemplateError as error:
            sys.stderr.write(f"{path}: {error}\n")
            return 2
        findings = examine(template)
        if not any(apis(template)):
            sys.stdout.write(f"{path}: there is no API in this template\n")
        for one in findings:
            sys.stdout.write(f"{path}:{one.line}: {one.code}: {one.mistake}\n    remedy: {one.remedy}\n")
        count += len(findings)
    sys.stdout.write(f"{count} found\n" if count else "nothing found\n")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
