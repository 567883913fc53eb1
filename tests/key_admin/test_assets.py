"""The pages as they are served: what they may load, how they are kept, and what they weigh."""

import gzip
import hashlib
import json
import re
import urllib.request

import pytest

from dev.services import ROOT
from dev.vendor import FOLDERS, browser_ready, licence_name
from key_admin.pages import ASSET_TYPES, WEB, load_site, static_imports
from tests.conftest import call

SITE = load_site("dashboard")
CONTENTS = {path: asset.content for path, asset in SITE.assets.items()}
BESIDE_MODULES = ["vendor/pico.css", "shared/style.css", "shared/early.js", "shared/icon.svg"]
LOADED_LATER = re.compile(r'await import\("\./([^"]+)"\)')
FIRST_VIEW_BYTES = 60 * 1024
# Names of XML namespaces, and of a licence's home: nothing is loaded from there.
NAMED_IN_VENDORED_FILES = {"www.w3.org", "picocss.com"}


def fetch(url, **headers):
    """The answer as it travels: not decompressed."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()


def asset_url(admin, path):
    return f"{admin.url}/assets/{SITE.release}/{path}"


# --- serving -----------------------------------------------------------------------------------


def test_the_page_lets_the_browser_load_from_its_own_host_only_and_make_no_code_of_strings(admin):
    headers = call("GET", f"{admin.url}/").headers

    policy = dict(directive.strip().split(" ", 1) for directive in headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"


def test_an_asset_is_kept_for_good_under_the_hash_of_its_release(admin):
    status, headers, body = fetch(asset_url(admin, "dashboard/main.js"))

    assert status == 200
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["x-content-type-options"] == "nosniff"
    assert "content-encoding" not in headers
    assert body == (WEB / "dashboard/main.js").read_bytes()


@pytest.mark.parametrize("accepted", ["gzip", "gzip, deflate, br", "br;q=1.0, GZIP;q=0.8", "*"])
def test_an_asset_is_compressed_for_who_takes_gzip(admin, accepted):
    _, headers, body = fetch(asset_url(admin, "shared/style.css"), **{"Accept-Encoding": accepted})

    assert headers["content-encoding"] == "gzip"
    assert headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(body) == (WEB / "shared/style.css").read_bytes()


@pytest.mark.parametrize("accepted", ["identity", "br", "gzip;q=0", ""])
def test_an_asset_is_not_compressed_for_who_refuses_gzip(admin, accepted):
    _, headers, body = fetch(asset_url(admin, "shared/style.css"), **{"Accept-Encoding": accepted})

    assert "content-encoding" not in headers
    assert body == (WEB / "shared/style.css").read_bytes()


def test_who_has_an_asset_gets_a_304_without_it(admin):
    etag = call("GET", asset_url(admin, "shared/api.js")).headers["etag"]

    again = call("GET", asset_url(admin, "shared/api.js"), headers={"If-None-Match": etag})
    other = call("GET", asset_url(admin, "shared/api.js"), headers={"If-None-Match": '"other"'})

    assert (again.status, again.text) == (304, "")
    assert other.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "assets/0000000000000000/shared/api.js",
        f"assets/{SITE.release}/shared/nothing.js",
        f"assets/{SITE.release}/vendor/manifest.json",
        f"assets/{SITE.release}/dashboard/index.html",
        f"assets/{SITE.release}/../pages.py",
        f"assets/{SITE.release}/%2e%2e/pages.py",
        f"assets/{SITE.release}/shared/..%2f..%2fpages.py",
    ],
)
def test_what_is_not_an_asset_of_this_release_is_not_served(admin, path):
    assert call("GET", f"{admin.url}/{path}").status in {401, 403, 404}


def test_everything_that_the_page_names_is_served(admin):
    page = call("GET", f"{admin.url}/").text

    named = re.findall(r'(?:src|href)="(assets/[^"]+)"', page)
    assert len(named) > len(BESIDE_MODULES)
    assert {call("GET", f"{admin.url}/{path}").status for path in named} == {200}


# --- files -------------------------------------------------------------------------------------


def test_every_import_leads_to_a_file_of_the_site():
    for path in CONTENTS:
        if path.endswith(".js"):
            static_imports(path, CONTENTS)
    dynamic = {specifier for content in CONTENTS.values() for specifier in LOADED_LATER.findall(content.decode())}

    assert dynamic
    assert all(f"dashboard/{name}" in CONTENTS for name in dynamic)


def test_no_file_of_ours_is_left_unused():
    """Everything that stands in web/ is reached from the page."""
    entries = ["dashboard/main.js"]
    entries += [f"dashboard/{name}" for name in LOADED_LATER.findall(CONTENTS["dashboard/main.js"].decode())]
    reached = {path for entry in entries for path in static_imports(entry, CONTENTS)}

    assert set(CONTENTS) == reached | set(BESIDE_MODULES)


def test_every_module_of_the_first_view_is_fetched_at_once():
    modules = re.findall(r'<link rel="modulepreload" href="assets/[0-9a-f]+/([^"]+)">', SITE.page.content.decode())

    assert modules == static_imports("dashboard/main.js", CONTENTS)


def test_the_first_view_is_small():
    first = [*static_imports("dashboard/main.js", CONTENTS), *BESIDE_MODULES]

    sizes = {path: len(SITE.assets[path].compressed) for path in first}

    assert sum(sizes.values()) + len(SITE.page.compressed) <= FIRST_VIEW_BYTES, sizes


def test_no_file_names_another_host():
    for path in WEB.rglob("*"):
        if path.suffix not in {*ASSET_TYPES, ".html"}:
            continue
        hosts = set(re.findall(r"(?:https?:)?//([a-z0-9-]+(?:\.[a-z0-9-]+)+)", path.read_text()))
        allowed = NAMED_IN_VENDORED_FILES if path.parent.name == "vendor" else {"www.w3.org", "idp.example.com"}
        assert hosts <= allowed, path


def test_every_module_of_ours_has_its_types_checked():
    modules = [path for path in CONTENTS if path.endswith(".js") and not path.startswith("vendor/")]

    assert all(CONTENTS[path].startswith(b"// @ts-check\n") for path in modules)


def test_nothing_of_ours_makes_markup_or_code_of_strings():
    """Trusted Types would stop it in Chromium; elsewhere only this does."""
    sinks = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|dangerouslySetInnerHTML"
    )

    for path, content in CONTENTS.items():
        assert path.startswith("vendor/") or not sinks.search(content.decode()), path


# --- vendored ----------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_vendored_files_are_those_of_the_manifest(folder):
    packages = json.loads((folder / "manifest.json").read_text())

    named = {"manifest.json"}
    for package in packages:
        named |= {licence_name(package), *package["files"]}
        assert package["licence"] in {"MIT", "Apache-2.0", "MPL-2.0"}
        assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"])
        assert (folder / licence_name(package)).read_text().strip()
        for name, file in package["files"].items():
            content = (folder / name).read_bytes()
            assert hashlib.sha256(content).hexdigest() == file["sha256"], name
            assert content == browser_ready(content), "no bare import, no source map"
    types = {path.name for path in folder.glob("*.d.ts")}
    assert {path.name for path in folder.iterdir()} == named | types


def test_types_are_checked_against_what_is_vendored():
    packages = json.loads((WEB / "vendor/manifest.json").read_text())
    wanted = json.loads((ROOT / "dev/web/package.json").read_text())["devDependencies"]

    for package in packages:
        assert wanted.get(package["name"], package["version"]) == package["version"]
    assert "resolved" not in (ROOT / "dev/web/package-lock.json").read_text()
