"""The pages under web/: read and compressed at first use, named by the hash of them all.

Every asset of a release answers below one path that holds the release's hash, so relative imports
between modules need no rewriting, a browser may keep each for good, and no two releases mix.
"""

import gzip
import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

WEB = Path(__file__).parent / "web"
SHARED = ("shared", "vendor")
ASSET_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_STATIC_IMPORT = re.compile(r'^(?:import|export)\s*(?:[\w*{}\s,$]+?\bfrom\s*)?"(\.[^"]+)"', re.MULTILINE)
_RELEASE_DIGITS = 16


class Asset(NamedTuple):
    """One file as it is sent, plain and compressed."""

    content_type: str
    content: bytes
    compressed: bytes
    etag: str


class Site(NamedTuple):
    """The pages of one audience: its index.html, and what that loads."""

    release: str
    page: Asset
    assets: dict[str, Asset]  # by path below the release: dashboard/main.js


@lru_cache(maxsize=2)
def load_site(name: str) -> Site:
    """The site whose own files stand in web/<name>; it shares components and vendored files with the others."""
    contents = _read_files((name, *SHARED))
    release = _hash_of(contents)
    template = (WEB / name / "index.html").read_text()
    page = template.replace("{release}", release).replace("{preloads}", _preloads(f"{name}/main.js", contents, release))
    assets = {path: _asset(ASSET_TYPES[Path(path).suffix], content) for path, content in contents.items()}
    return Site(release, _asset("text/html; charset=utf-8", page.encode()), assets)


def static_imports(entry: str, contents: dict[str, bytes]) -> list[str]:
    """The modules that are loaded before `entry` runs, in the order in which they are met."""
    met, waiting = [entry], [entry]
    while waiting:
        importer = waiting.pop(0)
        for specifier in _STATIC_IMPORT.findall(contents[importer].decode()):
            path = _resolve(importer, specifier)
            if path not in met:
                met.append(path)
                waiting.append(path)
    return met


def _resolve(importer: str, specifier: str) -> str:
    path = (WEB / importer).parent / specifier
    return path.resolve().relative_to(WEB.resolve()).as_posix()


def _preloads(entry: str, contents: dict[str, bytes], release: str) -> str:
    """Links that let the browser fetch every module of the first view at once, not import by import."""
    modules = static_imports(entry, contents)
    return "\n".join(f'<link rel="modulepreload" href="assets/{release}/{path}">' for path in modules)


def _read_files(folders: tuple[str, ...]) -> dict[str, bytes]:
    files = (file for folder in folders for file in sorted((WEB / folder).iterdir()) if file.suffix in ASSET_TYPES)
    return {file.relative_to(WEB).as_posix(): file.read_bytes() for file in files}


def _hash_of(contents: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path, content in contents.items():
        digest.update(f"{path}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()[:_RELEASE_DIGITS]


def _asset(content_type: str, content: bytes) -> Asset:
    etag = f'"{hashlib.sha256(content).hexdigest()[:_RELEASE_DIGITS]}"'
    return Asset(content_type, content, gzip.compress(content, mtime=0), etag)
