"""Sizes of the zips, and the files that a cold start opens."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

from benchmarks.stage import HANDLERS, Stage, stage

WATCH = """
import importlib, json, sys
opened = []
sys.addaudithook(lambda event, found: opened.append(str(found[0])) if event == "open" else None)
importlib.import_module(sys.argv[1])
print(json.dumps([len(set(opened)), len(sys.modules)]))
"""


def packed(tree: Path) -> int:
    """Bytes of a tree as the zip that is uploaded."""
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(tree.rglob("*")):
                archive.write(path, path.relative_to(tree))
        return len(file.getvalue())


def opened(where: Stage, handler: str) -> tuple[int, int]:
    """Files opened and modules loaded until a handler is imported."""
    tree = where.tree(handler)
    environ = where.environ(handler) | {"PYTHONPATH": str(tree)}
    command = [sys.executable, "-c", WATCH, HANDLERS[handler]]
    done = subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True, check=True)
    files, modules = json.loads(done.stdout)
    return files, modules


def main() -> None:
    """Print sizes and counts."""
    print("zips, and what importing the handler opens (target: tollgate <= 8 MB; wheels of this machine)")
    with stage() as where:
        for handler in HANDLERS:
            tree = where.tree(handler)
            unpacked = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
            files, modules = opened(where, handler)
            print(
                f"  {handler:13} {packed(tree) / 1e6:5.1f} MB packed, {unpacked / 1e6:5.1f} MB unpacked,"
                f" {files:5} files opened, {modules:5} modules"
            )


if __name__ == "__main__":
    main()
