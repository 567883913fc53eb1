"""Published examples of signatures, judged by our verifier and by an independent one."""

import json
from base64 import urlsafe_b64decode

import pytest
from joserfc import jwk, jws

from access.credentials import Algorithm, Credential, load_public_key, verify_signature
from access.decisions import Reason
from access.keys import TokenRules
from access.tokens import MalformedToken, VerifiedToken, parse_token, verify_token
from dev.services import ROOT

FILE = json.loads((ROOT / "tests" / "vectors" / "jws.json").read_text())
VECTORS = FILE["vectors"]
ISSUED = 1_300_000_000  # before the `exp` of RFC 7515's claims


def decode(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def credential_of(vector):
    algorithm = Algorithm(vector["algorithm"])
    key = vector["jwk"]
    return Credential("c", algorithm, decode(key["k"]) if key["kty"] == "oct" else load_public_key(algorithm, key))


@pytest.mark.filterwarnings("ignore:EdDSA")  # RFC 9864 prefers the name Ed25519; the vectors are older
@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: one["name"])
def test_a_published_signature_verifies_and_another_does_not(vector):
    signing_input, _, signature = vector["token"].rpartition(".")
    raw = decode(signature)
    independent = jws.deserialize_compact(
        vector["token"], jwk.import_key(vector["jwk"]), algorithms=[vector["algorithm"]]
    )

    assert independent.payload == decode(signing_input.partition(".")[2])
    assert verify_signature(credential_of(vector), signing_input.encode(), raw)
    assert not verify_signature(credential_of(vector), signing_input.encode() + b"A", raw)
    assert not verify_signature(credential_of(vector), signing_input.encode(), bytes([raw[0] ^ 1]) + raw[1:])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: one["name"])
def test_a_published_token_passes_whole_where_it_holds_claims(vector):
    token = parse_token(vector["token"])
    if not decode(vector["token"].split(".")[1]).startswith(b"{"):
        assert isinstance(token, MalformedToken)
        return

    verified = verify_token(token, [credential_of(vector)], TokenRules(), now=ISSUED)

    assert isinstance(verified, VerifiedToken)
    assert verified.claims["iss"] == "joe"


@pytest.mark.parametrize("example", FILE["refused"], ids=lambda one: one["name"])
def test_a_published_example_of_what_we_do_not_take_is_refused(example):
    """Whatever key it might be for."""
    token = parse_token(example["token"])
    if isinstance(token, MalformedToken):
        return

    verdicts = {verify_token(token, [credential_of(one)], TokenRules(), now=ISSUED).reason for one in VECTORS}

    assert verdicts == {Reason.UNSUPPORTED_ALGORITHM}
