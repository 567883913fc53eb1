"""Every outcome that API.md section 2 promises, on both kinds of API, as a client sees it."""

import threading
import time
import warnings
from collections import Counter

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from joserfc import jwk as jose_jwk
from joserfc import jwt as jose_jwt

from access.key_ids import format_opaque_key_id
from tests.conftest import SECRET, WHERE, call, sign

THREADS = 16 if WHERE == "ministack" else 64  # MiniStack starts a process for each request at a time
UNAUTHORIZED = '{"error":"unauthorized"}'


def test_an_allowed_request_reaches_the_integration_with_its_context(url, admin):
    key = admin.create_key(name="acme", owner="acme-inc", metadata={"tier": "gold"}, tags=["mobile"])

    answer = call("GET", f"{url}/orders", token=sign(key["key_id"]))

    assert answer.status == 200
    context = answer.body["authorizer"]
    told = (context["keyHash"], context["keyName"], context["owner"], context["tags"], context["meta_tier"])
    assert told == (key["key_hash"], "acme", "acme-inc", "mobile", "gold")
    assert context["quotaLimit"] == ""
    assert context.get("principalId", "acme-inc") == "acme-inc"


def test_every_failure_of_authentication_is_answered_alike(url, stack, admin):
    """No answer tells a forger what was wrong, or whether a key exists."""
    key = admin.create_key()
    rotated = admin.create_key()
    new = {"jwt_data": {"algorithm": "RS256", "generate": True}, "grace_seconds": 600}
    admin("POST", f"/keys/{rotated['key_hash']}/rotate", new)
    opaque = admin("POST", "/keys", {"name": "opaque", "grants": [{"api": "*"}]}).body["key_id"]
    good = sign(key["key_id"])
    bad = [
        sign(rotated["key_id"], secret="another-secret-that-is-long-enough-too"),
        sign(rotated["key_id"], algorithm="HS512"),
        sign(opaque),
        sign("no key id"),
        sign(key["key_id"], exp="soon"),
        format_opaque_key_id(bytes(32)),
        good.replace(".", ".e30", 1),
        "garbage",
        "tg_" + "A" * 48,
        sign("nobody-knows-this-key"),
        sign(key["key_id"], secret="another-secret-that-is-long-enough-too"),
        sign(key["key_id"], exp=int(time.time()) - 1),
        sign(key["key_id"], nbf=int(time.time()) + 30),
        sign(key["key_id"], algorithm="HS512"),
        good[:-4],
        key["key_id"],
    ]

    answers = [call("GET", f"{url}/x", token=token) for token in bad]

    assert {one.status for one in answers} == {401 if url == stack.rest_url else 403}
    assert len({(one.text, *sorted(one.headers)) for one in answers}) == 1


def test_a_request_without_a_token_is_a_401(url):
    assert call("GET", f"{url}/x").status == 401


def test_a_refusal_is_worded_as_the_gateway_responses_say(stack, admin):
    rest = call("GET", f"{stack.rest_url}/x", token="garbage")

    assert (rest.text, rest.headers["www-authenticate"]) == (UNAUTHORIZED, 'Bearer error="invalid_token"')


def test_two_different_tokens_in_one_request_are_refused(stack, admin):
    key = admin.create_key()
    both = f"{sign(key['key_id'])},Bearer {sign(key['key_id'], iat=1)}"

    assert call("GET", f"{stack.rest_url}/x", token=both).status == 401


FORBIDDEN = {
    "key_disabled": {"enabled": False},
    "source_not_allowed": {"sources": ["192.0.2.0/24", "2001:db8::/32"]},
    "not_granted": {
        "grants": [{"api": "*", "path": "/elsewhere/*"}, {"api": "*", "methods": ["POST"]}, {"api": "admin"}]
    },
}


@pytest.mark.parametrize("reason", FORBIDDEN)
def test_who_is_known_and_may_not_is_forbidden(url, admin, reason):
    token = sign(admin.create_key(**FORBIDDEN[reason])["key_id"])

    assert call("GET", f"{url}/x", token=token).status == 403


@pytest.mark.parametrize("reason", FORBIDDEN)
def test_who_is_known_hears_why_he_is_forbidden(stack, admin, reason):
    token = sign(admin.create_key(**FORBIDDEN[reason])["key_id"])

    assert call("GET", f"{stack.rest_url}/x", token=token).body == {"error": reason}


def test_a_key_passes_from_its_sources_and_a_header_makes_no_address(url, admin):
    """The address is that of the connection, which a client cannot write."""
    key = admin.create_key(sources=["0.0.0.0/0", "::/0"])
    path, token = f"/keys/{key['key_hash']}", sign(key["key_id"])
    forged = dict.fromkeys(("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP"), "192.0.2.1")
    assert call("GET", f"{url}/x", token=token).status == 200

    assert admin("PATCH", path, {"sources": ["192.0.2.0/24"]}).status == 200
    assert call("GET", f"{url}/x", token=token, headers=forged).status == 403
    assert admin("PATCH", path, {"sources": None}).body["sources"] == []
    assert call("GET", f"{url}/x", token=token, headers=forged).status == 200


def test_a_key_on_an_inactive_policy_is_forbidden(stack, admin):
    admin("PUT", "/policies/asleep", {"name": "asleep", "active": False, "grants": [{"api": "*"}]})
    token = sign(admin.create_key(policies=["asleep"], grants=[])["key_id"])

    assert call("GET", f"{stack.rest_url}/x", token=token).body == {"error": "policy_unavailable"}


def test_an_expired_key_is_forbidden(stack, admin):
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    token = sign(admin.create_key(expires_at=soon)["key_id"])
    assert call("GET", f"{stack.rest_url}/x", token=token).status == 200

    deadline = time.time() + 10
    while (answer := call("GET", f"{stack.rest_url}/x", token=token)).status == 200 and time.time() < deadline:
        time.sleep(0.2)

    assert (answer.status, answer.body) == (403, {"error": "key_expired"})


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"rate_limits": [{"limit": 2, "period": "60s"}]}, "rate_limited"),
        ({"quotas": [{"limit": 2, "period": "hour"}]}, "quota_exhausted"),
    ],
)
def test_a_limit_answers_429_with_retry_after(stack, admin, limits, reason):
    token = sign(admin.create_key(**limits)["key_id"])

    answers = [call("GET", f"{stack.rest_url}/x", token=token) for _ in range(3)]

    assert [one.status for one in answers] == [200, 200, 429]
    refused = answers[-1]
    wait = int(refused.headers["retry-after"])
    assert refused.body == {"error": reason, "retry_after": wait}
    assert 0 < wait <= 3600
    assert (refused.headers["x-ratelimit-limit"], refused.headers["x-ratelimit-remaining"]) == ("2", "0")
    assert int(refused.headers["x-ratelimit-reset"]) > time.time()


def test_a_prepaid_quota_that_is_used_up_names_no_time_to_wait(stack, admin):
    token = sign(admin.create_key(quotas=[{"limit": 1, "period": "never"}])["key_id"])
    call("GET", f"{stack.rest_url}/x", token=token)

    refused = call("GET", f"{stack.rest_url}/x", token=token)

    assert (refused.status, refused.body) == (429, {"error": "quota_exhausted", "retry_after": None})


@pytest.mark.parametrize(
    "algorithm", [*(f"{family}{bits}" for family in ("HS", "RS", "PS", "ES") for bits in (256, 384, 512)), "EdDSA"]
)
def test_every_algorithm_verifies_tokens_of_an_independent_library(url, admin, algorithm):
    key = admin.create_key(jwt_data={"algorithm": algorithm, "generate": True})
    shown = key["jwt_data"]
    private = (
        jose_jwk.import_key({"kty": "oct", "k": shown["secret"]})
        if algorithm.startswith("HS")
        else jose_jwk.import_key(
            shown["private_key"],
            {"EdDSA": "OKP", "ES": "EC"}.get(algorithm if algorithm == "EdDSA" else algorithm[:2], "RSA"),
        )
    )
    header = {"alg": algorithm, "kid": key["key_id"]}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library prefers the newer name Ed25519 (RFC 9864)
        token = jose_jwt.encode(header, {"exp": int(time.time()) + 60}, private, algorithms=[algorithm])

    assert call("GET", f"{url}/x", token=token).status == 200


def test_sub_names_the_key_only_where_kid_is_absent(stack, admin):
    import jwt

    key = admin.create_key()
    claims = {"sub": key["key_id"], "exp": int(time.time()) + 60}

    by_sub = jwt.encode(claims, SECRET, algorithm="HS256")
    by_kid = jwt.encode(claims, SECRET, algorithm="HS256", headers={"kid": "unknown-kid"})

    assert call("GET", f"{stack.rest_url}/x", token=by_sub).status == 200
    assert call("GET", f"{stack.rest_url}/x", token=by_kid).status == 401


def test_a_public_key_as_pem_is_taken_and_verifies(stack, admin):
    import jwt
    from cryptography.hazmat.primitives import serialization

    private = ed25519.Ed25519PrivateKey.generate()
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    key = admin.create_key(jwt_data={"public_key": pem.decode()})

    token = jwt.encode({"exp": int(time.time()) + 60}, private, algorithm="EdDSA", headers={"kid": key["key_id"]})

    assert key["credentials"][0]["algorithm"] == "EdDSA"
    assert call("GET", f"{stack.rest_url}/x", token=token).status == 200


def test_an_opaque_key_is_its_own_credential_bare_or_as_bearer(url, admin):
    key_id = admin("POST", "/keys", {"name": "opaque", "grants": [{"api": "*"}]}).body["key_id"]

    for sent in (key_id, f"Bearer {key_id}", f"bEARER {key_id}"):
        assert call("GET", f"{url}/x", headers={"Authorization": sent}).status == 200


def test_a_limit_refuses_and_nothing_else_is_counted(url, stack, admin):
    """Without the 429 channel, and on every HTTP API, a limit is a 403."""
    token = sign(admin.create_key(quotas=[{"limit": 2, "period": "hour"}])["key_id"])
    status = stack.limit_status if url == stack.rest_url else 403

    assert call("GET", f"{url}/x", token=f"{token}x").status in {401, 403}
    assert [call("GET", f"{url}/x", token=token).status for _ in range(4)] == [200, 200, status, status]


@pytest.mark.parametrize("round_", range(5))
def test_of_many_threads_at_a_quota_of_100_exactly_100_are_allowed(stack, admin, round_):
    """However many environments count at once, none admits one too many or too few."""
    token = sign(
        admin.create_key(
            quotas=[{"limit": 100, "period": "day"}], rate_limits=[{"limit": 100_000, "period": "minute"}]
        )["key_id"]
    )
    answered = []

    def hammer():
        answered.extend([call("GET", f"{stack.rest_url}/x", token=token).status for _ in range(192 // THREADS)])

    threads = [threading.Thread(target=hammer) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Counter(answered) == {200: 100, stack.limit_status: 92}


def test_a_key_disabled_while_it_is_hammered_is_refused_on_the_next_request(stack, admin):
    """Twenty times out of twenty: no request that starts after the PATCH is answered passes."""
    for _ in range(20):
        key = admin.create_key(rate_limits=[{"limit": 100_000, "period": "minute"}])
        token, stop, late = sign(key["key_id"]), threading.Event(), []
        disabled = threading.Event()

        def hammer(token=token, stop=stop, late=late, disabled=disabled):
            while not stop.is_set():
                was_disabled = disabled.is_set()
                status = call("GET", f"{stack.rest_url}/x", token=token).status
                if was_disabled:
                    late.append(status)

        threads = [threading.Thread(target=hammer) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.1)
        assert admin("PATCH", f"/keys/{key['key_hash']}", {"enabled": False}).status == 200
        disabled.set()
        time.sleep(0.1)
        stop.set()
        for thread in threads:
            thread.join()

        assert late
        assert set(late) == {403}


def test_a_key_that_is_enabled_again_is_allowed_on_the_next_request(stack, admin):
    key = admin.create_key()
    token = sign(key["key_id"])
    for enabled, status in ((False, 403), (True, 200)) * 5:
        admin("PATCH", f"/keys/{key['key_hash']}", {"enabled": enabled})

        assert call("GET", f"{stack.rest_url}/x", token=token).status == status


def test_a_deleted_key_is_unknown_on_the_next_request(stack, admin):
    key = admin.create_key()
    token = sign(key["key_id"])
    assert call("GET", f"{stack.rest_url}/x", token=token).status == 200

    admin("DELETE", f"/keys/{key['key_hash']}")

    assert call("GET", f"{stack.rest_url}/x", token=token).status == 401
