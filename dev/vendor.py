"""Renew the vendored files that a manifest.json names, from the npm registry: `make vendor`.

A manifest lists packages: name, version, licence, and for each file where it stands in the package
and the SHA-256 of what is committed. Change a version there, then run this.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from dev.services import ROOT

FOLDERS = (ROOT / "key_admin/web/vendor", ROOT / "tests/browser/vendor")
# A browser resolves no bare name without an import map, which the pages' policy does not admit.
BARE_IMPORTS = {b'from"preact"': b'from"./preact.js"'}
SOURCE_MAP = b"//# sourceMappingURL="


def main() -> None:
    """Renew every folder."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("make vendor needs npm")
    for folder in FOLDERS:
        _renew(folder, npm)


def _renew(folder: Path, npm: str) -> None:
    manifest = folder / "manifest.json"
    packages = json.loads(manifest.read_text())
    for package in packages:
        with tempfile.TemporaryDirectory() as scratch, _fetch(package, npm, Path(scratch)) as archive:
            for name, file in package["files"].items():
                content = browser_ready(_read(archive, file["from"]))
                (folder / name).write_bytes(content)
                file["sha256"] = hashlib.sha256(content).hexdigest()
            (folder / licence_name(package)).write_bytes(_read(archive, package["licence_file"]))
    manifest.write_text(json.dumps(packages, indent=2) + "\n")


def _fetch(package: dict[str, Any], npm: str, scratch: Path) -> tarfile.TarFile:
    spec = f"{package['name']}@{package['version']}"
    packed = subprocess.run([npm, "pack", "--silent", spec], cwd=scratch, check=True, capture_output=True, text=True)
    return tarfile.open(scratch / packed.stdout.strip())


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(f"package/{name}")
    if member is None:
        raise FileNotFoundError(name)
    return member.read()


def browser_ready(content: bytes) -> bytes:
    """The file with imports that a browser resolves, and without a reference to a source map."""
    for bare, relative in BARE_IMPORTS.items():
        content = content.replace(bare, relative)
    lines = content.rstrip().split(b"\n")
    return b"\n".join(line for line in lines if not line.startswith(SOURCE_MAP)) + b"\n"


def licence_name(package: dict[str, Any]) -> str:
    """The file that holds the licence of a package."""
    return f"{package['name'].rpartition('/')[2]}.LICENSE"


if __name__ == "__main__":
    main()
