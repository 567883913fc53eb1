"""Every number of a body has bounds: beyond them, and what is no whole number, is a 400 that names the field."""

import json

import pytest

from tests.conftest import SECRET

ALL = [{"api": "*"}]
KEY = {"name": "n", "grants": ALL}
ISSUER = {"issuer": "https://idp.example", "audience": "a"}
LEASED = {"mode": "leased"}
# The field of a number, and a body in which X stands for it.
PLACES = {
    "rate_limits.0.limit": ("POST", "/keys", KEY | {"rate_limits": [{"limit": "X", "period": "1s"}]}),
    "quotas.0.limit": ("POST", "/keys", KEY | {"quotas": [{"limit": "X", "period": "day"}]}),
    "grants.0.cost": ("POST", "/keys", {"name": "n", "grants": [{"api": "*", "cost": "X"}]}),
    "jwt_data.max_lifetime_seconds": (
        "POST",
        "/keys",
        KEY | {"jwt_data": {"secret": SECRET, "max_lifetime_seconds": "X"}},
    ),
    "jwt_data.leeway_seconds": ("POST", "/keys", KEY | {"jwt_data": {"secret": SECRET, "leeway_seconds": "X"}}),
    "grace_seconds": ("POST", "/keys/{key_hash}/rotate", {"grace_seconds": "X"}),
    "key_expires_in_seconds": ("PUT", "/policies/numbers", {"name": "p", "key_expires_in_seconds": "X"}),
    "thresholds.0": ("PUT", "/policies/numbers", {"name": "p", "thresholds": ["X"]}),
    "counting.max_staleness_seconds": (
        "PUT",
        "/policies/numbers",
        {"name": "p", "counting": LEASED | {"max_staleness_seconds": "X"}},
    ),
    "leeway_seconds": ("PUT", "/issuers/numbers", ISSUER | {"leeway_seconds": "X"}),
}
NUMBERS = ["-1", "1.5", "1e400", "NaN", "true", "null", '"5"', "[]", str(2**63), str(2**64), "9" * 40, "9" * 4300]


@pytest.mark.parametrize("field", PLACES)
def test_a_number_out_of_bounds_is_400_and_names_the_field(admin, field):
    method, path, body = PLACES[field]
    where = path.format(key_hash=admin.create_key()["key_hash"])

    for number in NUMBERS:
        answer = admin(method, where, json.dumps(body).replace('"X"', number).encode())

        assert answer.status == 400, number
        named = [error["field"] for error in answer.body.get("errors", ())]
        assert named == [field] or (number in {"1e400", "NaN"} and answer.body["type"].endswith("/malformed")), number


@pytest.mark.parametrize("field", PLACES)
def test_a_number_with_more_digits_than_anybody_reads_is_no_json(admin, field):
    method, path, body = PLACES[field]
    where = path.format(key_hash=admin.create_key()["key_hash"])

    assert admin(method, where, json.dumps(body).replace('"X"', "9" * 5000).encode()).status == 400


@pytest.mark.parametrize("number", [str(10**400), "-" + "9" * 4299, "1e300", "0.5", "true"])
@pytest.mark.parametrize("member", ["rate", "per", "quota_max", "quota_renewal_rate", "expires"])
def test_a_number_of_tyk_out_of_bounds_is_a_400_of_its_item(admin, member, number):
    session = {"rate": 1, "per": 1, "quota_max": 5, "quota_renewal_rate": 5, "access_rights": {"a": {}}, member: "X"}
    raw = json.dumps({"format": "tyk", "items": [session]}).replace('"X"', number).encode()

    (result,) = admin("POST", "/keys/import", raw).body["items"]

    is_taken = member in {"rate", "quota_renewal_rate"} and number.startswith("-")  # as in Tyk: none
    assert result["status"] == (201 if is_taken else 400)
    assert is_taken or member in [error["field"] for error in result["problem"]["errors"]]
