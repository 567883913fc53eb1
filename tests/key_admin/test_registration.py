"""Whatever is pasted into the admin API is taken for what it is, or refused with its field and what to do."""

import pytest
from joserfc import jwk

from tests.key_admin.materials import SIGNED, keys, pem, sound, unsound

ECHOED = 12  # characters of a paste that no answer may hold
SIZES = {"RSA": 2048, "EC": 256, "Ed25519": 256}
SAID = ("PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE",)  # what our own sentences say


def register(admin, jwt_data):
    return admin("POST", "/keys", {"name": "n", "grants": [{"api": "*"}], "jwt_data": jwt_data})


@pytest.mark.parametrize(("name", "data", "algorithm", "kind"), [pytest.param(*one, id=one[0]) for one in sound()])
def test_what_a_user_may_sensibly_paste_is_taken_and_shown_back(admin, name, data, algorithm, kind):
    """One key has one thumbprint, however it is written."""
    answer = register(admin, data)

    assert answer.status == 201, answer.text
    (shown,) = answer.body["credentials"]
    assert (shown["algorithm"], shown["size"]) == (algorithm, SIZES[kind])
    assert shown["thumbprint"] == thumbprint_of(keys()[kind])


def test_everything_dangerous_is_a_400_that_names_the_field_and_echoes_nothing(admin):
    wrong = {}
    cases = list(unsound())
    for name, data, field in cases:
        answer = register(admin, data)
        named = [error["field"] for error in answer.body.get("errors", ())] if answer.status == 400 else []
        is_named = bool(named) and all(f"{one}.".startswith(f"{field}.") for one in named)
        if not is_named or _echoes(data, answer.text):
            wrong[name] = (answer.status, answer.text)

    assert wrong == {}
    assert len(cases) > 300


def test_the_dates_of_a_certificate_are_shown_and_not_judged(admin):
    data = next(data for name, data, *_ in sound() if name == "EC: certificate")

    (shown,) = register(admin, data).body["credentials"]

    assert shown["certificate"] == {"not_before": f"{SIGNED:%Y-%m-%dT%H:%M:%SZ}", "not_after": "2020-01-31T00:00:00Z"}


def thumbprint_of(private) -> str:
    """RFC 7638, by an independent library."""
    kinds = {"RSA": "RSA", "EC": "EC", "Ed": "OKP"}
    kind = next(kind for start, kind in kinds.items() if type(private).__name__.startswith(start))
    return jwk.import_key(pem(private), kind).thumbprint()


def _echoes(data: dict, text: str) -> bool:
    pasted = [value for value in data.values() if isinstance(value, str) and len(value) > ECHOED]
    pieces = (one[start : start + ECHOED] for one in pasted for start in range(0, len(one) - ECHOED, 7))
    return any(piece in text for piece in pieces if not any(piece.strip("- ") in word for word in SAID))
