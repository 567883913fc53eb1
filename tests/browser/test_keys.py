"""What an operator does with keys: find them, change several, look into one, rotate, reset, delete."""

import uuid

import pytest

from tests.conftest import SECRET, call, sign

expect = pytest.importorskip("playwright.sync_api").expect
OTHER_SECRET = SECRET[::-1]


@pytest.fixture
def key(admin):
    """A key with a rate limit and a quota; its id is its name."""
    name = f"key-{uuid.uuid4().hex[:8]}"
    return admin.create_key(
        name=name,
        key_id=name,
        owner=name,
        rate_limits=[{"limit": 50, "period": "3600s"}],
        quotas=[{"limit": 10, "period": "day"}],
    )


def open_key(operator, key, rest=""):
    operator.open(f"#/keys/{key['key_hash']}{rest}")
    expect(operator.page.get_by_role("heading", name=key["name"]).first).to_be_visible()


def use(stack, key, times=1, secret=SECRET):
    for _ in range(times):
        assert call("GET", f"{stack.rest_url}/hello", token=sign(key["name"], secret=secret)).status == 200


def test_keys_are_filtered_by_owner_in_the_address(operator, key):
    operator.page.get_by_label("Owner").fill(key["owner"])

    expect(operator.page.get_by_role("row")).to_have_count(2)
    expect(operator.page.get_by_role("link", name=key["name"], exact=True).first).to_be_visible()
    assert f"owner={key['owner']}" in operator.page.url


def test_several_keys_are_disabled_at_once_and_that_is_undone(operator, key, stack):
    operator.open(f"#/keys?owner={key['owner']}")
    page = operator.page
    page.get_by_label(f"Choose {key['name']}").check()
    page.get_by_role("region", name="Chosen keys").get_by_role("button", name="Disable").click()

    expect(page.get_by_role("cell", name="disabled")).to_be_visible()
    assert call("GET", f"{stack.rest_url}/hello", token=sign(key["name"])).status == 403
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("cell", name="enabled")).to_be_visible()
    use(stack, key)


def test_several_keys_are_deleted_only_by_typing_it(operator, key, admin):
    operator.open(f"#/keys?owner={key['owner']}")
    page = operator.page
    page.get_by_label(f"Choose {key['name']}").check()
    page.get_by_role("region", name="Chosen keys").get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete 1 key?")
    expect(dialog.get_by_role("button", name="Delete")).to_be_disabled()

    dialog.get_by_role("textbox").fill("delete 1 key")
    dialog.get_by_role("button", name="Delete").click()

    expect(page.get_by_role("heading", name="No key matches")).to_be_visible()
    assert admin("GET", f"/keys/{key['key_hash']}").status == 404


def test_the_meters_show_what_was_used_and_a_reset_empties_one(operator, key, stack):
    use(stack, key, times=3)
    open_key(operator, key)
    page = operator.page

    expect(page.get_by_role("meter", name="10 a day")).to_have_attribute("aria-valuenow", "3")
    expect(page.get_by_role("meter", name="50 in any hour")).to_have_attribute("aria-valuenow", "3")
    page.get_by_role("button", name="Reset 10 a day").click()
    expect(page.get_by_role("meter", name="10 a day")).to_have_attribute("aria-valuenow", "0")
    expect(page.get_by_role("meter", name="50 in any hour")).to_have_attribute("aria-valuenow", "3")


def test_the_days_are_a_chart_and_a_table(operator, key, stack):
    use(stack, key, times=2)
    open_key(operator, key)
    page = operator.page

    expect(page.get_by_role("img", name="2 allowed")).to_be_visible()
    page.get_by_role("button", name="As a table").click()
    rows = page.get_by_role("table", name="Requests a day").get_by_role("row")
    expect(rows).to_have_count(31)
    expect(rows.nth(1)).to_contain_text("2")


def test_after_a_rotation_one_sees_who_still_uses_the_old_secret(operator, key, stack):
    open_key(operator, key)
    page = operator.page
    page.get_by_role("button", name="Rotate").click()
    dialog = page.get_by_role("dialog", name="Rotate this key")
    dialog.get_by_role("radio", name="Own secret").check()
    dialog.get_by_label("Secret", exact=True).fill(OTHER_SECRET)
    dialog.get_by_label("The old one works for").select_option("a day")
    dialog.get_by_role("button", name="Rotate", exact=True).click()
    expect(dialog).to_be_hidden()

    use(stack, key)
    use(stack, key, secret=OTHER_SECRET)

    open_key(operator, key)
    expect(page.get_by_text("Somebody still uses the old one")).to_be_visible()
    expect(page.get_by_text("in its grace")).to_be_visible()


def test_a_rotation_to_generated_material_shows_it_once(operator, key):
    open_key(operator, key)
    page = operator.page
    page.get_by_role("button", name="Rotate").click()
    page.get_by_role("dialog").get_by_role("button", name="Rotate", exact=True).click()

    expect(page.get_by_role("heading", name=f"{key['name']} was rotated")).to_be_visible()
    expect(page.get_by_text("Secret (base64url)")).to_be_visible()


def test_a_key_is_deleted_by_typing_its_name_and_its_link_says_so(operator, key):
    open_key(operator, key)
    page = operator.page
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete this key?")
    dialog.get_by_role("textbox").fill(key["name"])
    dialog.get_by_role("button", name="Delete the key").click()
    expect(page.get_by_role("heading", name="Keys", level=1)).to_be_visible()

    operator.open(f"#/keys/{key['key_hash']}")

    expect(page.get_by_role("heading", name="There is no such key")).to_be_visible()


def test_an_edit_sends_what_was_changed_and_nothing_else(operator, key, admin):
    open_key(operator, key, "/edit")
    page = operator.page
    sent = []
    page.on("request", lambda request: request.method == "PATCH" and sent.append(request.post_data_json))
    page.get_by_label("Tags").fill("one, two")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("button", name="Rotate")).to_be_visible()
    assert sent == [{"tags": ["one", "two"]}]
    assert admin("GET", f"/keys/{key['key_hash']}").body["tags"] == ["one", "two"]


def test_two_operators_who_edit_one_key_lose_nothing(operator, key, admin):
    """The second to save is asked about what both changed; what only the first changed stays."""
    open_key(operator, key, "/edit")
    page = operator.page
    page.get_by_label("Tags").fill("mine")
    page.get_by_label("Owner").fill("my-owner")
    admin("PATCH", f"/keys/{key['key_hash']}", {"tags": ["theirs"], "metadata": {"by": "them"}})

    page.get_by_role("button", name="Save").click()

    dialog = page.get_by_role("dialog", name="Somebody changed this meanwhile")
    expect(dialog).to_contain_text("theirs")
    expect(dialog).to_contain_text("mine")
    dialog.get_by_text("Theirs").click()
    dialog.get_by_role("button", name="Save this").click()
    expect(page.get_by_role("button", name="Rotate")).to_be_visible()
    saved = admin("GET", f"/keys/{key['key_hash']}").body
    assert (saved["tags"], saved["owner"], saved["metadata"]) == (["theirs"], "my-owner", {"by": "them"})


def test_keys_are_imported_with_a_result_a_line(operator):
    operator.open("#/keys/import")
    page = operator.page
    page.get_by_label("Keys", exact=True).fill(
        '{"name": "imported", "grants": [{"api": "*"}]}\n{"name": "refused", "grants": [{"api": "*", "path": "x"}]}'
    )
    page.get_by_role("button", name="Import", exact=True).click()

    expect(page.get_by_role("heading", name="1 key made, 1 refused")).to_be_visible()
    expect(page.get_by_role("link", name="imported", exact=True)).to_be_visible()
    expect(page.get_by_text("grants.0.path")).to_be_visible()
