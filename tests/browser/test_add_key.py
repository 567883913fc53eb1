"""Add a key in each of the four ways, and what happens with bad input."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.conftest import SECRET, call, sign

expect = pytest.importorskip("playwright.sync_api").expect
PEM, SPKI = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo


@pytest.fixture
def form(operator):
    """The page for a new key with a grant on every API."""
    page = operator.page
    operator.open("#/keys/new")
    page.locator("[name=name]").fill("made in a browser")
    page.get_by_role("button", name="Add a grant").click()
    return page


def submit(page):
    page.get_by_role("button", name="Add key").click()


def shown(page, term):
    return page.locator(".material div", has=page.get_by_text(term, exact=True)).locator("pre").inner_text()


def test_a_key_with_a_secret_of_ones_own_works_at_once(form, stack):
    form.get_by_label("Secret", exact=True).fill(SECRET)
    form.get_by_label("Key id").fill("browser-own-secret")
    submit(form)

    expect(form.get_by_role("heading", name="made in a browser was created")).to_be_visible()
    assert shown(form, "Key id") == "browser-own-secret"
    assert call("GET", f"{stack.rest_url}/hello", token=sign("browser-own-secret")).status == 200


def test_a_key_with_a_public_key_is_recognized_before_it_is_sent_and_works(form, stack):
    private = ec.generate_private_key(ec.SECP256R1())
    form.get_by_role("radio", name="Public key").check()
    form.locator("textarea[name='material.public']").fill(private.public_key().public_bytes(PEM, SPKI).decode())
    expect(form.get_by_text("An EC public key on P-256.")).to_be_visible()
    expect(form.get_by_text("Thumbprint")).to_be_visible()
    submit(form)

    expect(form.get_by_role("heading", name="made in a browser was created")).to_be_visible()
    key_id = shown(form, "Key id")
    token = jwt.encode({"exp": int(time.time()) + 60}, private, algorithm="ES256", headers={"kid": key_id})
    assert call("GET", f"{stack.rest_url}/hello", token=token).status == 200


def test_what_was_recognized_is_what_the_server_stores(form, admin):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form.get_by_role("radio", name="Public key").check()
    form.locator("textarea[name='material.public']").fill(private.public_key().public_bytes(PEM, SPKI).decode())
    expect(form.get_by_text("An RSA public key of 2048 bits.")).to_be_visible()
    thumbprint = form.locator(".recognized code").inner_text()
    submit(form)
    expect(form.get_by_role("heading", name="made in a browser was created")).to_be_visible()

    key_hash = form.url.split("/keys/")[1].split("/")[0]
    assert admin("GET", f"/keys/{key_hash}").body["credentials"][0]["thumbprint"] == thumbprint


def test_generated_material_is_shown_once_with_a_first_token(form, stack):
    form.get_by_role("radio", name="Make one for me").check()
    submit(form)

    secret = shown(form, "Secret (base64url)")
    expect(form.get_by_role("heading", name="First token, first call")).to_be_visible()
    expect(form.get_by_text(f"SECRET='{secret}'")).to_be_visible()
    for language in ("Python", "Node", "openssl", "Go", "Java"):
        form.get_by_role("button", name=language, exact=True).click()
        expect(form.get_by_role("button", name=language, exact=True)).to_have_attribute("aria-pressed", "true")
    form.reload()
    expect(form.get_by_role("heading", name="This was shown once")).to_be_visible()
    assert secret not in form.content()


def test_an_opaque_key_works_as_it_is_shown(form, stack):
    form.get_by_role("radio", name="Opaque key").check()
    submit(form)

    expect(form.get_by_role("heading", name="made in a browser was created")).to_be_visible()
    key = shown(form, "Key")
    assert call("GET", f"{stack.rest_url}/hello", token=key).status == 200


def test_a_private_key_never_leaves_the_page(form):
    sent = []
    form.on("request", lambda request: sent.append(request.post_data or ""))
    private = ec.generate_private_key(ec.SECP256R1())
    text = private.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()

    form.get_by_role("radio", name="Public key").check()
    form.locator("textarea[name='material.public']").fill(text)
    submit(form)

    expect(form.get_by_text("openssl pkey -in private.pem -pubout")).to_be_visible()
    expect(form.locator("textarea[name='material.public']")).to_have_attribute("aria-invalid", "true")
    assert not any("PRIVATE" in body for body in sent)
    form.get_by_role("radio", name="Own secret").check()
    form.get_by_label("Secret", exact=True).fill(text)
    submit(form)
    expect(form.get_by_label("Secret", exact=True)).to_have_attribute("aria-invalid", "true")
    assert not any("PRIVATE" in body for body in sent)


def test_the_public_half_of_a_private_jwk_can_be_kept(form):
    private = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1())))
    form.get_by_role("radio", name="Public key").check()
    field = form.locator("textarea[name='material.public']")
    field.fill(json.dumps(private))

    form.get_by_role("button", name="Keep its public members only").click()

    assert json.loads(field.input_value()) == {name: value for name, value in private.items() if name != "d"}


def test_what_the_server_says_lands_at_its_field_and_nothing_is_lost(form):
    form.get_by_label("Secret", exact=True).fill("short")
    form.get_by_label("Path", exact=True).fill("no-slash")
    form.get_by_role("button", name="Add a rate limit").click()
    form.get_by_label("Requests").fill("many")
    submit(form)

    expect(form.get_by_label("Path", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(form.get_by_label("Requests")).to_have_attribute("aria-invalid", "true")
    expect(form.get_by_label("Path", exact=True)).to_be_focused()
    form.get_by_label("Path", exact=True).fill("/*")
    form.get_by_label("Requests").fill("10")
    submit(form)
    expect(form.get_by_label("Secret", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(form.get_by_label("Secret", exact=True)).to_have_value("short")
    expect(form.locator("[name=name]")).to_have_value("made in a browser")


def test_the_request_is_shown_as_it_is_typed_and_hides_the_secret(form):
    form.get_by_label("Secret", exact=True).fill(SECRET)

    preview = form.get_by_role("region", name="The request as curl")
    expect(preview).to_contain_text('"name": "made in a browser"')
    assert SECRET not in preview.inner_text()
    form.get_by_role("button", name="Copy the request").or_(form.get_by_role("button", name="Copy as curl")).click()
    assert SECRET in form.evaluate("navigator.clipboard.readText()")


def test_leaving_asks_while_something_is_not_saved(form):
    form.get_by_role("link", name="Policies", exact=True).click()

    question = form.get_by_role("dialog", name="Leave without saving?")
    question.get_by_role("button", name="Stay").click()
    expect(form.locator("[name=name]")).to_have_value("made in a browser")
    form.get_by_role("link", name="Policies", exact=True).click()
    question.get_by_role("button", name="Leave and lose it").click()
    expect(form.get_by_role("heading", name="Policies", level=1)).to_be_visible()


def test_leaving_what_is_shown_once_asks_whether_it_was_saved(form):
    form.get_by_role("radio", name="Opaque key").check()
    submit(form)
    expect(form.get_by_role("heading", name="made in a browser was created")).to_be_visible()
    form.get_by_role("link", name="Policies", exact=True).click()

    question = form.get_by_role("dialog", name="Did you save it?")
    question.get_by_role("button", name="Stay").click()
    form.get_by_label("I have saved it").check()
    form.get_by_role("button", name="Go to the key").click()
    expect(form.get_by_role("heading", name="made in a browser", level=1)).to_be_visible()
