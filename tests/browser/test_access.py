"""For everybody: axe in both themes, a narrow screen, the keyboard alone, an API that does not answer."""

import json
import re
import uuid

import pytest

from dev.services import ROOT
from tests.browser.conftest import NARROW

expect = pytest.importorskip("playwright.sync_api").expect
AXE = (ROOT / "tests/browser/vendor/axe.js").read_text()
VIEWS = {
    "keys": "#/keys",
    "add key": "#/keys/new",
    "import": "#/keys/import",
    "a key": "#/keys/{key}",
    "edit": "#/keys/{key}/edit",
    "gone": "#/keys/nothing",
    "policies": "#/policies",
    "a policy": "#/policies/{policy}",
    "apis": "#/apis",
    "an api": "#/apis/new",
    "issuers": "#/issuers",
    "an issuer": "#/issuers/new",
    "audit": "#/audit",
    "explain": "#/explain",
}


@pytest.fixture(scope="module")
def records(admin):
    policy = f"plan-{uuid.uuid4().hex[:8]}"
    limits = {"rate_limits": [{"limit": 10, "period": "10s"}], "quotas": [{"limit": 1000, "period": "month"}]}
    admin("PUT", f"/policies/{policy}", {"name": "Plan", "grants": [{"api": "*"}], **limits})
    key = admin.create_key(
        name="a key with a fairly long name", owner="acme", policies=[policy], grants=[], tags=["one"]
    )
    return {"key": key["key_hash"], "policy": policy}


def show(operator, place):
    operator.open(place)
    operator.page.locator("main h1").first.wait_for()
    operator.page.locator(".shape").first.wait_for(state="detached")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_has_nothing_to_say(new_operator, records, theme):
    """Run in a world of its own, past the page's policy, which lets nothing be injected."""
    operator = new_operator(theme=theme)
    operator.open()
    operator.page.get_by_label("Admin key").wait_for()
    found = {"sign in": violations(operator.page)}
    operator.sign_in()
    operator.page.get_by_role("heading", name="Keys", level=1).wait_for()

    for name, place in VIEWS.items():
        show(operator, place.format(**records))
        found[name] = violations(operator.page)

    assert {name: said for name, said in found.items() if said} == {}


def violations(page):
    """What axe finds, in few words."""
    session = page.context.new_cdp_session(page)
    tree = session.send("Page.getFrameTree")
    world = session.send("Page.createIsolatedWorld", {"frameId": tree["frameTree"]["frame"]["id"], "worldName": "axe"})
    place = {"contextId": world["executionContextId"], "awaitPromise": True, "returnByValue": True}
    session.send("Runtime.evaluate", {"expression": AXE, **place})
    run = "axe.run(document, {resultTypes: ['violations']}).then((result) => JSON.stringify(result.violations))"
    answer = session.send("Runtime.evaluate", {"expression": run, **place})
    session.detach()
    assert "value" in answer["result"], answer
    return [
        (rule["id"], [node["html"][:160] for node in rule["nodes"]]) for rule in json.loads(answer["result"]["value"])
    ]


def test_nothing_scrolls_sideways_on_a_narrow_screen(new_operator, records):
    operator = new_operator(width=NARROW)
    operator.enter()

    widths = {}
    for name, place in VIEWS.items():
        show(operator, place.format(**records))
        widths[name] = operator.page.evaluate("document.documentElement.scrollWidth")

    assert widths == dict.fromkeys(VIEWS, NARROW)


def test_a_key_is_made_and_deleted_by_keyboard_alone(new_operator, stack):
    operator = new_operator()
    page = operator.page
    name = f"typed-{uuid.uuid4().hex[:8]}"
    operator.open()
    expect(page.get_by_label("Admin key")).to_be_focused()
    page.keyboard.type(operator.admin.key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Keys", level=1)).to_be_visible()

    go_to(page, "link", "Add key")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Add key", level=1)).to_be_visible()
    go_to(page, "textbox", "Name")
    page.keyboard.type(name)
    go_to(page, "radio", re.compile("Own secret"))
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    go_to(page, "button", "Add a grant")
    page.keyboard.press("Enter")
    go_to(page, "button", "Add key")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"{name} was created")).to_be_visible()
    go_to(page, "checkbox", "I have saved it")
    page.keyboard.press("Space")
    go_to(page, "button", "Go to the key")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()

    go_to(page, "button", "Delete")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("textbox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Delete")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"{name} was deleted.")).to_be_visible()


def go_to(page, role, name):
    """Press Tab until the focus is there; a hundred times at most."""
    wanted = page.get_by_role(role, name=name, exact=True).first
    for _ in range(100):
        if wanted.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab does not reach the {role} {name}")


def test_what_does_not_answer_is_asked_again_and_said(operator):
    """503 a few times, then an answer: the page waits, says so, and goes on by itself."""
    page = operator.page
    left = [2]

    def answer(route):
        if left[0]:
            left[0] -= 1
            route.fulfill(status=503, headers={"Retry-After": "1"}, content_type="application/problem+json", body="{}")
        else:
            route.fallback()

    page.route(re.compile(r"/admin/policies(\?|$)"), answer)
    page.get_by_role("link", name="Policies", exact=True).click()

    expect(page.get_by_text("The API does not answer. Trying again")).to_be_visible()
    expect(page.get_by_text("The API does not answer. Trying again")).to_be_hidden(timeout=15_000)
    expect(page.get_by_role("heading", name="Policies", level=1)).to_be_visible()


def test_a_fault_of_the_server_shows_the_request_to_look_for(operator):
    page = operator.page
    page.route(
        re.compile(r"/admin/apis(\?|$)"),
        lambda route: route.fulfill(
            status=500,
            headers={"apigw-requestid": "request-to-look-for"},
            content_type="application/problem+json",
            body=json.dumps({"title": "Internal Server Error", "status": 500, "detail": "A fault of ours."}),
        ),
    )
    page.get_by_role("link", name="APIs", exact=True).click()

    expect(page.get_by_text("request-to-look-for")).to_be_visible()
