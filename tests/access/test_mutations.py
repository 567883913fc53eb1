"""Every single-bit flip and every truncation of a good token is refused, for each algorithm."""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from access.credentials import CURVE_OF, CURVES, verify_signature
from access.keys import TokenRules
from access.tokens import MalformedToken, UnverifiedToken, VerifiedToken, parse_token, verify_token
from tests.access.signers import ALGORITHMS, credential_of, sign

ORDERS = {algorithm: CURVES[curve]().group_order for algorithm, curve in CURVE_OF.items()}


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def passes(text: str, credential) -> bool:
    token = parse_token(text)
    if isinstance(token, MalformedToken):
        return False
    assert isinstance(token, UnverifiedToken)
    return isinstance(verify_token(token, [credential], TokenRules(), now=int(time.time())), VerifiedToken)


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda one: one.value)
def test_every_flipped_bit_of_header_claims_and_signature_is_refused(algorithm):
    credential, good = credential_of(algorithm), sign(algorithm)
    assert passes(good, credential)
    parts = [decode(part) for part in good.split(".")]
    survivors = []
    for place, raw in enumerate(parts):
        for bit in range(len(raw) * 8):
            flipped = bytearray(raw)
            flipped[bit // 8] ^= 1 << bit % 8
            changed = [encode(bytes(flipped)) if other == place else encode(one) for other, one in enumerate(parts)]
            if passes(".".join(changed), credential):
                survivors.append((place, bit))

    assert survivors == []


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda one: one.value)
def test_every_truncation_and_every_other_character_is_refused(algorithm):
    credential, good = credential_of(algorithm), sign(algorithm)
    shorter = [good[:length] for length in range(len(good))] + [good[start:] for start in range(1, len(good))]
    others = [good[:place] + ("A" if good[place] != "A" else "B") + good[place + 1 :] for place in range(len(good))]
    longer = [good + more for more in ("A", "=", ".", " ", "\n", "AAAA", ".A", "\x00")] + [" " + good, "." + good]

    assert [one for one in shorter + others + longer if passes(one, credential)] == []


@pytest.mark.parametrize("algorithm", list(ORDERS), ids=lambda one: one.value)
def test_ecdsa_takes_both_signs_of_s_and_no_other_second_form(algorithm):
    credential, good = credential_of(algorithm), sign(algorithm)
    signing_input, _, text = good.rpartition(".")
    raw, order = decode(text), ORDERS[algorithm]
    size = len(raw) // 2
    r, s = int.from_bytes(raw[:size], "big"), int.from_bytes(raw[size:], "big")

    def verifies(first: int, second: int, width: int = size) -> bool:
        try:
            signature = first.to_bytes(width, "big") + second.to_bytes(width, "big")
        except OverflowError:
            return False
        return verify_signature(credential, signing_input.encode(), signature)

    assert verifies(r, s)
    assert verifies(r, order - s)
    wrong = [(0, 0), (0, s), (r, 0), (order, s), (r, order), (r + order, s), (r, s + order), (1, 1), (s, r)]
    assert not any(verifies(*pair) for pair in wrong)
    assert not verifies(r, s, size + 1)
    assert not verify_signature(credential, signing_input.encode(), raw[:size] + b"\x00" + raw[size:])
    assert not verify_signature(credential, signing_input.encode(), b"\x00" + raw)
    assert not verify_signature(credential, signing_input.encode(), raw + b"\x00")
    der = encode_dss_signature(r, s)
    assert decode_dss_signature(der) == (r, s)
    assert not verify_signature(credential, signing_input.encode(), der)
