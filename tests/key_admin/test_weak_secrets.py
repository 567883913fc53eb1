"""No secret that was drawn at random is taken for a key or for a usual text."""

import random
from base64 import b64encode, urlsafe_b64encode

import pytest

from key_admin.weak_secrets import is_guessable, is_key_text

SOURCE = random.Random(8725)
DRAWN = {
    "32 bytes": lambda: SOURCE.randbytes(32),
    "64 bytes": lambda: SOURCE.randbytes(64),
    "32 characters of hex": lambda: SOURCE.randbytes(16).hex().encode(),
    "64 characters of hex, upper case": lambda: SOURCE.randbytes(32).hex().upper().encode(),
    "base64 of 24 bytes": lambda: b64encode(SOURCE.randbytes(24)),
    "base64url of 32 bytes": lambda: urlsafe_b64encode(SOURCE.randbytes(32)).rstrip(b"="),
    "32 digits": lambda: "".join(SOURCE.choices("0123456789", k=32)).encode(),
    "32 letters": lambda: "".join(SOURCE.choices("abcdefghijklmnopqrstuvwxyz", k=32)).encode(),
    "1024 bytes": lambda: SOURCE.randbytes(1024),
}


@pytest.mark.parametrize("form", DRAWN)
def test_a_secret_that_was_drawn_at_random_is_sound(form):
    drawn = [DRAWN[form]() for _ in range(100)]

    assert [one for one in drawn if is_guessable(one) or is_key_text(one)] == []
