"""Refusals do the same kind of work, whatever is wrong: no path answers without a verification."""

import json
import sys
import uuid
from base64 import urlsafe_b64encode

import pytest

from access.credentials import Algorithm
from access.decisions import Deny, Reason
from access.key_ids import KeyHash, format_opaque_key_id
from access.keys import IssuedId, StoredCredential
from access.limits import Quota
from store.sealing import seal
from tests.access.signers import ALGORITHMS, SECRET, public_jwk, sign
from tests.authorizer.bench import KEYRING

VERIFYING = ("verify", "compare_digest")
FAMILIES = {"HS": "ES256", "RS": "PS384", "PS": "RS512", "ES": "EdDSA", "Ed": "ES384"}  # another for each


def verifications(work):
    """What a piece of work verified signatures with, by the calls that the interpreter saw."""
    seen = []

    def watch(_frame, event, called):
        name = getattr(called, "__name__", "")
        if event == "c_call" and name in VERIFYING:
            seen.append((name, type(called.__self__).__name__))

    sys.setprofile(watch)
    try:
        work()
    finally:
        sys.setprofile(None)
    return seen


def stored(algorithm, key_hash, credential_id="c1"):
    if not algorithm.value.startswith("HS"):
        jwk = public_jwk(algorithm)
        return StoredCredential(credential_id, algorithm.value, 1, "t", 1, jwk=jwk)
    sealed = seal(KEYRING, SECRET, key_hash=key_hash, algorithm=algorithm.value, nonce=bytes(12))
    return StoredCredential(credential_id, algorithm.value, 512, "", 1, sealed=sealed)


def make_key(bench, *algorithms, **members):
    """The id of a warm key with a credential of each algorithm; of an opaque one where there is none."""
    record = bench.key(credentials=(), **members)
    if algorithms:
        made = tuple(stored(one, record.key_hash, f"c{place}") for place, one in enumerate(algorithms))
        bench.keys.update(record, record._replace(version=2, credentials=made))
    bench.environment.load(bench.environment.hashes_of(bench.key_id), bench.now_ms)
    bench.recorder.taken()
    return bench.key_id


def forged(algorithm, key_id, **claims):
    """A token of this algorithm whose signature is another token's."""
    start, _, _ = sign(algorithm, headers={"kid": key_id}, **claims).rpartition(".")
    return f"{start}.{sign(algorithm).rpartition('.')[2]}"


@pytest.fixture
def warm(bench):
    """Ids by what is wrong with them; each key is warm and was looked at again in this second."""
    return {
        "known": lambda algorithm: make_key(bench, algorithm),
        "unknown": lambda _: f"unknown-{uuid.uuid4().hex}",
        "known, of another algorithm": lambda algorithm: make_key(bench, Algorithm(FAMILIES[algorithm.value[:2]])),
        "known, opaque": lambda _: make_key(bench),
        "known, rotated to another algorithm": lambda algorithm: make_key(
            bench, Algorithm(FAMILIES[algorithm.value[:2]]), algorithm
        ),
        "known, by an id that ended": lambda algorithm: make_key(
            bench, algorithm, ids=(IssuedId("later", KeyHash("l" * 43), "", 2),)
        ),
        "none": lambda _: "no key id",
    }


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda one: one.value)
def test_every_refusal_verifies_once_with_a_key_of_the_tokens_family(bench, warm, algorithm):
    """A forger hears as much, after as much work, whether the key is there, his, rotated or opaque."""
    work, reasons = {}, {}
    for name, make in warm.items():
        token = forged(algorithm, make(algorithm))
        bench.request(token=token)  # looks at the table again; in this second nothing does any more
        work[name] = verifications(
            lambda token=token, name=name: reasons.update({name: bench.request(token=token).reason})
        )

    expected = work["known"]
    assert len(expected) == 1
    assert work == dict.fromkeys(warm, expected)
    assert set(reasons.values()) == {
        Reason.INVALID_SIGNATURE,
        Reason.UNKNOWN_KEY,
        Reason.UNSUPPORTED_ALGORITHM,
        Reason.MALFORMED_TOKEN,
    }


def test_an_algorithm_that_nobody_knows_is_verified_in_vain_too(bench, warm):
    for make in warm.values():
        token = forged(Algorithm.HS256, make(Algorithm.HS256)).partition(".")[2]
        for name in ("none", "ES256K", "hs256"):
            header = urlsafe_b64encode(json.dumps({"alg": name, "kid": bench.key_id}).encode()).rstrip(b"=").decode()
            assert len(verifications(lambda text=f"{header}.{token}": bench.request(token=text))) >= 1


def test_no_refusal_before_the_key_is_judged_writes_or_reads_more_than_once(bench, warm):
    known = make_key(bench, Algorithm.HS256, quotas=(Quota(5, "day"),))
    for algorithm in (Algorithm.HS256, Algorithm.ES256):
        tokens = [forged(algorithm, make(algorithm)) for make in warm.values()]
        tokens += [
            forged(algorithm, known),
            forged(algorithm, known, exp=1),
            sign(algorithm, headers={"kid": known}, exp=1),
        ]
        tokens += [known, format_opaque_key_id(uuid.uuid4().bytes * 2), "tg_" + "A" * 48, "a.b.c", "x"]
        for token in tokens:
            bench.now_ms += 2_000
            assert isinstance(bench.request(token=token), Deny)
            assert set(bench.recorder.taken()) <= {"BatchGetItem"}
            if token.count(".") == 2 and "unknown" not in token:
                bench.request(token=token)
                assert len(bench.recorder.taken()) <= 1


def test_a_forged_token_is_refused_as_forged_though_it_is_expired_too(bench):
    key_id = make_key(bench, Algorithm.RS256)

    assert bench.request(token=forged(Algorithm.RS256, key_id, exp=1)).reason is Reason.INVALID_SIGNATURE
    assert bench.request(token=sign(Algorithm.RS256, headers={"kid": key_id}, exp=1)).reason is Reason.TOKEN_EXPIRED
