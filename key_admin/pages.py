"""The pages under web/: read, joined and compressed at first use, named by the hash of them all.

Every asset of a release answers below a path that holds the release's hash, so a browser may keep
each for good, and no two releases mix.
"""

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from key_admin.page_modules import join_modules

WEB = Path(__file__).parent / "web"
FIRST, LATER, STYLE, EARLY, ICON = "first.js", "later.js", "style.css", "early.js", "icon.svg"
BASE_STYLE = '@import url("../vendor/pico.css") layer(base);'
_SCRIPT = "text/javascript; charset=utf-8"
_TYPES = {FIRST: _SCRIPT, LATER: _SCRIPT, EARLY: _SCRIPT, STYLE: "text/css; charset=utf-8", ICON: "image/svg+xml"}
_RELEASE_DIGITS = 16


class Asset(NamedTuple):
    """One file as it is sent, plain and compressed."""

    content_type: str
    content: bytes
    compressed: bytes
    etag: str


class Site(NamedTuple):
    """The pages of one audience: its index.html, and what that loads, by name."""

    release: str
    page: Asset
    assets: dict[str, Asset]


@lru_cache(maxsize=2)
def load_site(name: str) -> Site:
    """The site whose own files stand in web/<name>; it shares components and vendored files with the others."""
    contents = _contents(name)
    release = _hash_of(contents)
    page = (WEB / name / "index.html").read_text().replace("{release}", release)
    assets = {path: _asset(_TYPES[path], content) for path, content in contents.items()}
    return Site(release, _asset("text/html; charset=utf-8", page), assets)


def read_modules(name: str) -> dict[str, str]:
    """The modules of a site by their path below web/."""
    files = (file for folder in (name, "shared", "vendor") for file in sorted((WEB / folder).glob("*.js")))
    return {file.relative_to(WEB).as_posix(): file.read_text() for file in files}


def _contents(name: str) -> dict[str, str]:
    scripts = join_modules(f"{name}/main.js", read_modules(name), first_name=FIRST, later_name=LATER)
    return {
        FIRST: scripts.first,
        LATER: scripts.later,
        STYLE: _style(),
        EARLY: (WEB / "shared" / EARLY).read_text(),
        ICON: (WEB / "shared" / ICON).read_text(),
    }


def _style() -> str:
    """Our style sheet, with the one that it builds on in its place."""
    base = (WEB / "vendor/pico.css").read_text().removeprefix('@charset "UTF-8";')
    return (WEB / "shared" / STYLE).read_text().replace(BASE_STYLE, f"@layer base {{\n{base}}}")


def _hash_of(contents: dict[str, str]) -> str:
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name}\n{len(content)}\n{content}".encode())
    return digest.hexdigest()[:_RELEASE_DIGITS]


def _asset(content_type: str, text: str) -> Asset:
    content = text.encode()
    etag = f'"{hashlib.sha256(content).hexdigest()[:_RELEASE_DIGITS]}"'
    return Asset(content_type, content, gzip.compress(content, mtime=0), etag)
