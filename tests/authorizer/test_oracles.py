"""Refusals do the same kind of work, whatever is wrong: no path answers without a verification."""

import json
import sys
import time
import uuid

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from access.decisions import Reason
from access.keys import StoredCredential

KEY, OTHER = (rsa.generate_private_key(65537, 2048) for _ in range(2))


def token(key_id, *, key=KEY, algorithm="RS256", **claims):
    return jwt.encode({"exp": int(time.time()) + 60} | claims, key, algorithm=algorithm, headers={"kid": key_id})


def verifications(work):
    """How many signatures a piece of work verified, by the calls that the interpreter saw."""
    seen = []

    def watch(_frame, event, called):
        if event == "c_call" and getattr(called, "__name__", "") == "verify":
            seen.append(called)

    sys.setprofile(watch)
    try:
        work()
    finally:
        sys.setprofile(None)
    return len(seen)


@pytest.fixture
def target(bench):
    jwk = json.loads(RSAAlgorithm.to_jwk(KEY.public_key()))
    stored = StoredCredential("c1", "RS256", 2048, "t", 1, jwk={"n": jwk["n"], "e": jwk["e"]})
    bench.key(credentials=(stored,))
    key_id = bench.key_id
    bench.key(credentials=())
    opaque = bench.key_id
    bench.key_id = key_id
    bench.request(token=token(key_id))
    return key_id, opaque


def test_each_refusal_before_the_key_is_judged_verifies_a_signature(bench, target):
    key_id, opaque = target
    refused = {
        "wrong signature": token(key_id, key=OTHER),
        "expired": token(key_id, exp=1),
        "unknown key": token(f"unknown-{uuid.uuid4().hex}", key=OTHER),
        "sibling algorithm": token(key_id, algorithm="RS512"),
        "opaque key": token(opaque, key=OTHER),
        "kid that is none": token("a b", key=OTHER),
    }
    work, reasons = {}, {}
    for name, text in refused.items():
        work[name] = verifications(
            lambda text=text, name=name: reasons.update({name: bench.request(token=text).reason})
        )

    assert all(number >= 1 for number in work.values()), work
    assert set(reasons.values()) <= {
        Reason.INVALID_SIGNATURE,
        Reason.TOKEN_EXPIRED,
        Reason.UNKNOWN_KEY,
        Reason.UNSUPPORTED_ALGORITHM,
        Reason.MALFORMED_TOKEN,
    }


def test_a_forged_token_is_refused_as_forged_though_it_is_expired_too(bench, target):
    key_id, _ = target

    assert bench.request(token=token(key_id, key=OTHER, exp=1)).reason is Reason.INVALID_SIGNATURE
