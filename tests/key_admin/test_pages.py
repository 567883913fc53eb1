"""The pages of the admin function, in a real browser."""

import re
import shutil
import subprocess

import pytest

from key_admin.openapi.operations import OPERATIONS

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")


@pytest.fixture
def shown(tmp_path):
    """The document that a browser makes of a URL, and what its console says."""
    if BROWSER is None:
        pytest.skip("Chromium is not on this machine")

    def show(url):
        command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", *QUIET, f"--user-data-dir={tmp_path}"]
        command += ["--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom", url]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    return show


def test_the_documentation_shows_every_operation_from_assets_of_ours(shown, stack):
    """Under a policy that lets the browser load nothing from elsewhere (Content-Security-Policy)."""
    page, console = shown(f"{stack.admin_url}/docs")

    summaries = set(re.findall(r'class="opblock-summary-description">([^<]+)<', page))
    assert summaries == {operation.summary for operation in OPERATIONS}
    assert console == []


NO_SESSION = re.compile(r"the server responded with a status of 401")


def test_the_front_page_asks_for_a_key_and_leads_to_the_documentation(shown, stack):
    page, console = shown(f"{stack.admin_url}/")

    assert '<a href="docs">' in page
    assert 'type="password"' in page
    assert [line for line in console if not NO_SESSION.search(line)] == []
