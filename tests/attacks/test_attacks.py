"""Every known attack on a verifier meets one and the same refusal."""

import json

import pytest

from access.credentials import Algorithm, Credential, load_public_key
from access.keys import TokenRules
from access.tokens import MalformedToken, VerifiedToken, parse_token, verify_token
from tests.attacks.make_attacks import FILE, Keys, attacks, good
from tests.conftest import call
from tests.key_admin.materials import unsound

STORED = json.loads(FILE.read_text())
ALGORITHMS = {
    "attack-rsa": "RS256",
    "attack-ec": "ES256",
    "attack-ed": "EdDSA",
    "attack-pss": "PS256",
    "attack-p384": "ES384",
}
RULES = STORED["rules"]
BOUND = TokenRules((RULES["issuer"],), tuple(RULES["audience"]), RULES["typ"])
# The rows of the threat list that a token alone can stand for, and the advisories that concern a verifier or the
# registration of its keys. Those of replay, revocation and places are in the tests of the authorizer.
ROWS = [f"T{row}" for row in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 14)] + ["D1", "K1", "K7", "O6"]
ADVISORIES = [
    "2018-0114",
    "2022-21449",
    "2022-23540",
    "2022-23541",
    "2022-29217",
    "2022-3102",
    "2022-39227",
    "2023-48223",
    "2023-51774",
    "2023-6681",
    "2024-28102",
    "2024-28180",
    "2024-33663",
    "2024-51744",
    "2024-53861",
    "2025-27144",
    "2025-30204",
    "2025-59420",
    "2025-65945",
    "2026-101918",
    "2026-102266",
    "2026-102268",
    "2026-102269",
    "2026-102271",
    "2026-102272",
    "2026-102273",
    "2026-102274",
    "2026-27962",
    "2026-29000",
    "2026-32597",
    "2026-34950",
    "2026-44351",
    "2026-44699",
    "2026-48522",
    "2026-48523",
    "2026-48525",
    "2026-48526",
    "2026-62995",
    "2017-15361",
    "2022-26320",
]
NOW = 1_800_000_000


@pytest.fixture(scope="module")
def keys(admin):
    """The attacked keys, registered."""
    rights = {"name": "attacked", "grants": [{"api": "*"}], "quotas": [{"limit": 100, "period": "day"}]}
    made = [admin("POST", "/keys", rights | {"key_id": "attack-hmac", "jwt_data": {"secret": STORED["secret"]}}).body]
    for name, jwk in STORED["jwks"].items():
        jwt_data = {"jwk": jwk, "algorithm": ALGORITHMS[name]}
        made.append(admin("POST", "/keys", rights | {"key_id": name, "jwt_data": jwt_data}).body)
    bound = rights | {"key_id": "attack-bound", "jwt_data": RULES | {"secret": STORED["secret"]}}
    made.append(admin("POST", "/keys", bound).body)
    return [key["key_hash"] for key in made]


def test_the_file_is_what_the_script_makes():
    made = Keys()

    assert list(STORED["attacks"]) == [name for name, _ in attacks(made)]
    assert list(STORED["good"]) == list(good(made))


def test_every_row_and_every_advisory_that_concerns_us_has_its_attack():
    names = [*STORED["attacks"], *(name for name, *_ in unsound())]

    assert [row for row in ROWS if not any(name.startswith(f"{row} ") for name in names)] == []
    assert [one for one in ADVISORIES if not any(f"CVE-{one}" in name for name in names)] == []
    assert any("GHSA-jc38-x7x8-2xc8" in name for name in names)


def test_no_attack_passes_the_core_and_every_control_does():
    credentials = [Credential("c", Algorithm.HS256, STORED["secret"].encode())]
    for name, algorithm in ALGORITHMS.items():
        named = Algorithm(algorithm)
        credentials.append(Credential(name, named, load_public_key(named, STORED["jwks"][name])))
    by_key = dict(zip(["attack-hmac", *ALGORITHMS], credentials, strict=True))
    by_key["attack-bound"] = credentials[0]

    def passes(text):
        token = parse_token(text)
        if isinstance(token, MalformedToken):
            return False
        key_id = token.claims.get("sub") if token.key_id is None else token.key_id
        if not isinstance(key_id, str) or key_id not in by_key:
            return False
        rules = BOUND if key_id == "attack-bound" else TokenRules()
        return isinstance(verify_token(token, [by_key[key_id]], rules, now=NOW), VerifiedToken)

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
