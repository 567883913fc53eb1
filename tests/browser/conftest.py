"""A real browser on the running stack. What a page must never do fails whichever test sees it."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from tests.conftest import Admin

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE, NARROW = 1280, 320
HEIGHT = 900
# Chromium reports each answer of 400 and above; the pages show those, and tests look at what they show.
EXPECTED = "Failed to load resource: the server responded with a status of"


class Operator(NamedTuple):
    """A page of the dashboard, and who sits before it."""

    page: Any
    url: str
    admin: Admin

    def open(self, place: str = "") -> None:
        """Go to a place of the dashboard, by a link from elsewhere."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}/{place}")

    def sign_in(self, key: str | None = None) -> None:
        self.page.get_by_label("Admin key").fill(key or self.admin.key)
        self.page.get_by_role("button", name="Sign in").click()

    def enter(self, place: str = "") -> None:
        """Sign in, and go to a place."""
        self.open(place)
        self.sign_in()
        self.page.locator("header.top").wait_for()


@pytest.fixture(scope="package")  # Playwright's event loop must not run beside other tests
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: no browser tests")
    if CHROMIUM is None:
        pytest.skip("Chromium is not on this machine: no browser tests")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture
def new_operator(browser: Any, stack: Any, admin: Admin) -> Iterator[Callable[..., Operator]]:
    """Makes an operator with a browser profile of their own; afterwards, looks at what their pages did."""
    contexts: list[Any] = []
    faults: list[str] = []

    def make(*, theme: str = "light", width: int = WIDE) -> Operator:
        context = browser.new_context(color_scheme=theme, viewport={"width": width, "height": HEIGHT})
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: _note_console(message, faults))
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on("request", lambda request: _note_host(request.url, stack.admin_url, faults))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', (event) => console.error('CSP', event.violatedDirective))"
        )
        return Operator(page, stack.admin_url, admin)

    yield make
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def operator(new_operator: Callable[..., Operator]) -> Operator:
    """One who is signed in, before the list of keys."""
    made = new_operator()
    made.enter()
    return made


def _note_console(message: Any, faults: list[str]) -> None:
    if message.type in {"error", "warning"} and not message.text.startswith(EXPECTED):
        faults.append(f"{message.type}: {message.text}")


def _note_host(url: str, admin_url: str, faults: list[str]) -> None:
    if not url.startswith((f"{admin_url}/", "data:", "blob:", "about:")):
        faults.append(f"a request to {url}")
