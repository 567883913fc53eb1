"""Sessions as the page sees them: opened with a key, kept nowhere, ended at any time."""

import re

import pytest

expect = pytest.importorskip("playwright.sync_api").expect

STORES = """() => JSON.stringify({
  url: location.href, html: document.documentElement.outerHTML, cookies: document.cookie,
  values: [...document.querySelectorAll('input, textarea')].map((field) => field.value),
  local: {...localStorage}, session: {...sessionStorage}, history: history.state,
  globals: Object.getOwnPropertyNames(window).filter((name) => typeof window[name] === 'string').map((name) => window[name]),
})"""


def test_an_admin_key_opens_the_dashboard_and_is_left_where_no_script_can_read_it(operator):
    expect(operator.page.get_by_role("heading", name="Keys", level=1)).to_be_visible()

    assert operator.admin.key not in operator.page.evaluate(STORES)


def test_a_wrong_key_is_said_to_be_wrong_at_its_field(new_operator):
    operator = new_operator()
    operator.open()

    operator.sign_in("tg_wrong")

    field = operator.page.get_by_label("Admin key")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(operator.page.get_by_text("does not open a session")).to_be_visible()
    expect(field).to_have_value("tg_wrong")


def test_a_key_without_admin_rights_is_said_to_have_none(new_operator, admin):
    powerless = _opaque(admin)
    operator = new_operator()
    operator.open()

    operator.sign_in(powerless)

    expect(operator.page.get_by_text("has no admin right")).to_be_visible()


def _opaque(admin):
    answer = admin("POST", "/keys", {"name": "no admin", "grants": [{"api": "*"}]})
    return answer.body["key_id"]


def test_signing_out_leads_to_the_sign_in_page(operator):
    operator.page.locator("summary", has_text="admin").first.click()
    operator.page.get_by_role("button", name="Sign out", exact=True).click()

    expect(operator.page.get_by_label("Admin key")).to_be_visible()
    operator.open("#/policies")
    expect(operator.page.get_by_label("Admin key")).to_be_visible()


def test_a_session_that_ends_in_a_form_is_renewed_there_and_nothing_is_lost(operator):
    page = operator.page
    page.get_by_role("link", name="Add key").first.click()
    page.get_by_label("Name", exact=True).fill("typed before the session ended")
    page.get_by_role("radio", name="Opaque key").check()
    page.get_by_role("button", name="Add a grant").click()
    page.context.clear_cookies()

    page.get_by_role("button", name="Add key").click()

    dialog = page.get_by_role("dialog", name="Your session has ended")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Admin key").fill(operator.admin.key)
    dialog.get_by_role("button", name="Sign in and go on").click()
    expect(page.get_by_role("heading", name="typed before the session ended was created")).to_be_visible()


def test_a_deep_link_is_where_one_arrives_after_signing_in(new_operator):
    operator = new_operator()

    operator.enter("#/keys?owner=nobody-has-this-owner")

    expect(operator.page.get_by_role("heading", name="No key matches")).to_be_visible()
    assert re.search(r"owner=nobody-has-this-owner", operator.page.url)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_chosen_theme_is_remembered(new_operator, theme):
    operator = new_operator(theme="light" if theme == "dark" else "dark")
    operator.enter()
    switch = operator.page.get_by_role("button", name="Theme:")
    for _ in range(3):
        if switch.get_attribute("aria-label") == f"Theme: {theme}":
            break
        switch.click()

    operator.page.reload()

    assert operator.page.evaluate("document.documentElement.dataset.theme") == theme


def test_no_script_reads_the_cookie_of_the_session(operator):
    (cookie,) = operator.page.context.cookies()

    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert cookie["value"] not in operator.page.evaluate(STORES)


def test_a_key_that_is_disabled_ends_its_session_on_the_page(new_operator, admin):
    key = admin("POST", "/keys", {"name": "leaves", "grants": [{"api": "admin"}]}).body
    operator = new_operator()
    operator.open()
    operator.sign_in(key["key_id"])
    expect(operator.page.get_by_role("heading", name="Keys", level=1)).to_be_visible()

    admin("PATCH", f"/keys/{key['key_hash']}", {"enabled": False})
    operator.page.get_by_role("link", name="Policies", exact=True).click()

    dialog = operator.page.get_by_role("dialog", name="Your session has ended")
    dialog.get_by_label("Admin key").fill(key["key_id"])
    dialog.get_by_role("button", name="Sign in and go on").click()
    expect(dialog.get_by_text("does not open a session")).to_be_visible()
    dialog.get_by_label("Admin key").fill(admin.key)
    dialog.get_by_role("button", name="Sign in and go on").click()
    expect(operator.page.get_by_role("heading", name="Policies", level=1)).to_be_visible()
