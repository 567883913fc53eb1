"""Size of the authorizer's zip content, and the files that it opens at start."""

import io
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from benchmarks.stage import lay_out
from dev.services import CREDENTIALS

WATCH = """
import sys
opened = set()
sys.addaudithook(lambda event, found: opened.add(str(found[0])) if event == "open" else None)
import authorizer.authorize, authorizer.answers, authorizer.environment
print(len([one for one in opened if "authorizer" in one or "access" in one or "store" in one or "cryptography" in one]), len(opened))
print(len(sys.modules))
"""


def main() -> None:
    """Print sizes and counts."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        lay_out(tree)
        raw = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in tree.rglob("*"):
                archive.write(path, path.relative_to(tree))
        size = len(packed.getvalue()) / 1e6
        print(
            f"zip of the authorizer, wheels of this machine: {size:.1f} MB packed, {raw / 1e6:.1f} MB unpacked (target: <= 8 MB)"
        )
        environ = CREDENTIALS | {"PYTHONPATH": str(tree)}
        done = subprocess.run(
            [sys.executable, "-c", WATCH], cwd=tree, env=environ, capture_output=True, text=True, check=True
        )
        ours, everything, modules = done.stdout.split()
        print(f"files opened at start: {ours} of the zip, {everything} in all; modules loaded: {modules}")
        shutil.rmtree(tree)


if __name__ == "__main__":
    main()
