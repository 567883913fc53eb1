"""Every known attack on a verifier meets one and the same refusal."""

import json

import pytest

from access.credentials import Algorithm, Credential, load_public_key
from access.keys import TokenRules
from access.tokens import MalformedToken, VerifiedToken, parse_token, verify_token
from tests.attacks.make_attacks import FILE, Keys, attacks, good
from tests.conftest import call

STORED = json.loads(FILE.read_text())
ALGORITHMS = {"attack-rsa": "RS256", "attack-ec": "ES256", "attack-ed": "EdDSA"}
NOW = 1_800_000_000


@pytest.fixture(scope="module")
def keys(admin):
    """The attacked keys, registered."""
    rights = {"name": "attacked", "grants": [{"api": "*"}], "quotas": [{"limit": 100, "period": "day"}]}
    made = [admin("POST", "/keys", rights | {"key_id": "attack-hmac", "jwt_data": {"secret": STORED["secret"]}}).body]
    for name, jwk in STORED["jwks"].items():
        jwt_data = {"jwk": jwk, "algorithm": ALGORITHMS[name]}
        made.append(admin("POST", "/keys", rights | {"key_id": name, "jwt_data": jwt_data}).body)
    return [key["key_hash"] for key in made]


def test_the_file_is_what_the_script_makes():
    made = Keys()

    assert list(STORED["attacks"]) == [name for name, _ in attacks(made)]
    assert list(STORED["good"]) == list(good(made))


def test_no_attack_passes_the_core_and_every_control_does():
    credentials = [Credential("c", Algorithm.HS256, STORED["secret"].encode())]
    for name, algorithm in ALGORITHMS.items():
        named = Algorithm(algorithm)
        credentials.append(Credential(name, named, load_public_key(named, STORED["jwks"][name])))
    by_key = dict(zip(["attack-hmac", *ALGORITHMS], credentials, strict=True))

    def passes(text):
        token = parse_token(text)
        if isinstance(token, MalformedToken) or token.key_id not in by_key:
            return False
        return isinstance(verify_token(token, [by_key[token.key_id]], TokenRules(), now=NOW), VerifiedToken)

    assert [name for name, text in STORED["attacks"].items() if passes(text)] == []
    assert [name for name, text in STORED["good"].items() if not passes(text)] == []


def test_every_attack_meets_the_same_answer_over_http_and_counts_for_nobody(stack, admin, keys):
    assert {call("GET", f"{stack.rest_url}/x", token=text).status for text in STORED["good"].values()} == {200}
    before = [admin("GET", f"/keys/{key}").body["effective"]["quotas"][0]["used"] for key in keys]
    answers = {}
    for name, text in STORED["attacks"].items():
        if not text.isascii() or not text.isprintable():
            continue
        answer = call("GET", f"{stack.rest_url}/x", token=text)
        told = {key: value for key, value in answer.headers.items() if key not in {"date", "x-amzn-requestid"}}
        answers.setdefault((answer.status, answer.text, tuple(sorted(told.items()))), []).append(name)

    assert [key[:2] for key in answers] == [(401, '{"error":"unauthorized"}')]
    assert [admin("GET", f"/keys/{key}").body["effective"]["quotas"][0]["used"] for key in keys] == before


def test_no_attack_brings_down_an_http_api_either(stack, keys):
    statuses = {
        call("GET", f"{stack.http_url}/x", token=text).status
        for text in STORED["attacks"].values()
        if text.isascii() and text.isprintable()
    }

    assert statuses == {403}
