"""The pages as they are served: what they may load, how they are kept, and what they weigh."""

import gzip
import hashlib
import json
import re
import urllib.request

import pytest

from dev.services import ROOT
from dev.vendor import FOLDERS, browser_ready, licence_name
from key_admin.page_modules import imported, join_modules
from key_admin.pages import BASE_STYLE, FIRST, LATER, WEB, load_site, read_modules
from tests.conftest import call

SITE = load_site("dashboard")
MODULES = read_modules("dashboard")
FIRST_VIEW_BYTES = 60 * 1024
# Names of XML namespaces, and of a licence's home: nothing is loaded from there.
NAMED_IN_VENDORED_FILES = {"www.w3.org", "picocss.com"}


def fetch(url, **headers):
    """The answer as it travels: not decompressed."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()


def text(name):
    return SITE.assets[name].content.decode()


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
    status, headers, body = fetch(asset_url(admin, "early.js"))

    assert status == 200
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["x-content-type-options"] == "nosniff"
    assert "content-encoding" not in headers
    assert body == (WEB / "shared/early.js").read_bytes()


@pytest.mark.parametrize("accepted", ["gzip", "gzip, deflate, br", "br;q=1.0, GZIP;q=0.8", "*"])
def test_an_asset_is_compressed_for_who_takes_gzip(admin, accepted):
    _, headers, body = fetch(asset_url(admin, "style.css"), **{"Accept-Encoding": accepted})

    assert headers["content-encoding"] == "gzip"
    assert headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(body) == SITE.assets["style.css"].content


@pytest.mark.parametrize("accepted", ["identity", "br", "gzip;q=0", ""])
def test_an_asset_is_not_compressed_for_who_refuses_gzip(admin, accepted):
    _, headers, body = fetch(asset_url(admin, "style.css"), **{"Accept-Encoding": accepted})

    assert "content-encoding" not in headers
    assert body == SITE.assets["style.css"].content


def test_who_has_an_asset_gets_a_304_without_it(admin):
    etag = call("GET", asset_url(admin, FIRST)).headers["etag"]

    again = call("GET", asset_url(admin, FIRST), headers={"If-None-Match": etag})
    other = call("GET", asset_url(admin, FIRST), headers={"If-None-Match": '"other"'})

    assert (again.status, again.text) == (304, "")
    assert other.status == 200


@pytest.mark.parametrize(
    "path",
    [
        f"assets/0000000000000000/{FIRST}",
        f"assets/{SITE.release}/nothing.js",
        f"assets/{SITE.release}/manifest.json",
        f"assets/{SITE.release}/index.html",
        f"assets/{SITE.release}/../pages.py",
        f"assets/{SITE.release}/%2e%2e",
        f"assets/{SITE.release}/..%2fpages.py",
    ],
)
def test_what_is_not_an_asset_of_this_release_is_not_served(admin, path):
    assert call("GET", f"{admin.url}/{path}").status in {401, 403, 404}


def test_everything_that_the_page_names_is_served(admin):
    page = call("GET", f"{admin.url}/").text

    named = re.findall(r'(?:src|href)="(assets/[^"]+)"', page)
    assert {path.rpartition("/")[2] for path in named} == SITE.assets.keys() - {LATER}
    assert {call("GET", f"{admin.url}/{path}").status for path in named} == {200}


def test_the_first_view_is_small_and_of_few_requests():
    """Each request may start a Lambda environment, out of the concurrency that the authorizer lives on."""
    sizes = {name: len(asset.compressed) for name, asset in SITE.assets.items() if name != LATER}

    assert len(sizes) <= 4
    assert sum(sizes.values()) + len(SITE.page.compressed) <= FIRST_VIEW_BYTES, sizes


# --- modules -----------------------------------------------------------------------------------


def test_every_module_of_the_site_is_in_one_of_its_two_scripts():
    """A module that no view reaches is left over; one that is in both would run twice."""
    first, later = (re.findall(r'^\$modules\["([^"]+)"\] = ', text(name), re.MULTILINE) for name in (FIRST, LATER))

    assert first == imported("dashboard/main.js", MODULES)
    assert sorted(first + later + ["shared/early.js"]) == sorted(MODULES)


def test_no_import_or_export_is_left_in_a_joined_module():
    for name in (FIRST, LATER):
        lines = [line for line in text(name).splitlines() if re.match(r"\s*(import\s*[{(\"]|export\b)", line)]
        assert [line for line in lines if "$modules" not in line and "node:" not in line and line != "import ("] == []


def test_our_modules_keep_to_the_forms_that_are_joined():
    """Named imports and exports on the left margin; what else JavaScript allows is not understood."""
    known = re.compile(
        r'import (\{[\w\s,]+\}|\w+) from "\.{1,2}/[\w./-]+";'
        r'|export (\{[\w\s,]+\} from "[^"]+";|(async )?(function|const|class) \w+)'
    )

    for path, source in MODULES.items():
        if path.startswith("vendor/"):
            continue
        programs = re.sub(r"`(?:[^`\\]|\\.)*`", "", source, flags=re.DOTALL)
        for line in re.findall(r"^(?:import|export)\b.*", programs, re.MULTILINE):
            assert known.match(line), f"{path}: {line}"


def test_a_module_runs_after_those_that_it_imports():
    sources = {
        "app/main.js": 'import { b as c } from "../lib/b.js";\nexport const d = c;\n',
        "lib/b.js": 'import { a } from "./a.js";\nexport { a } from "./a.js";\nexport function b() {\n  return a;\n}\n',
        "lib/a.js": "export const a = 1;\n",
    }

    scripts = join_modules("app/main.js", sources, first_name="first.js", later_name="later.js")

    places = [scripts.first.index(f'$modules["{path}"] = ') for path in ("lib/a.js", "lib/b.js", "app/main.js")]
    assert places == sorted(places)
    assert 'const {  b: c  } = $modules["lib/b.js"];' in scripts.first


def test_modules_that_import_each_other_are_refused():
    sources = {"a.js": 'import { b } from "./b.js";\n', "b.js": 'import { a } from "./a.js";\n'}

    with pytest.raises(ValueError, match="imports itself"):
        imported("a.js", sources)


def test_the_style_sheet_stands_on_the_vendored_one_below_it():
    style = text("style.css")

    assert BASE_STYLE not in style
    assert "@import" not in style
    assert "@layer base {" in style


# --- files -------------------------------------------------------------------------------------


def test_no_file_names_another_host():
    for path in WEB.rglob("*"):
        if path.suffix not in {".js", ".css", ".svg", ".html"}:
            continue
        hosts = set(re.findall(r"(?:https?:)?//([a-z0-9-]+(?:\.[a-z0-9-]+)+)", path.read_text()))
        allowed = NAMED_IN_VENDORED_FILES if path.parent.name == "vendor" else {"www.w3.org", "idp.example.com"}
        assert hosts <= allowed, path


def test_every_module_of_ours_has_its_types_checked():
    ours = [path for path in MODULES if not path.startswith("vendor/")]

    assert all(MODULES[path].startswith("// @ts-check\n") for path in ours)


def test_nothing_of_ours_makes_markup_or_code_of_strings():
    """Trusted Types would stop it in Chromium; elsewhere only this does."""
    sinks = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|dangerouslySetInnerHTML"
    )

    for path, source in MODULES.items():
        assert path.startswith("vendor/") or not sinks.search(source), path


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
