"""The recipe beside its calls: what an API takes, when a key ends, and what a request is counted in."""

import json

import jwt
import pytest

from access.decisions import Allow, Reason
from access.grants import Grant
from access.key_ids import format_opaque_key_id, hash_key_id
from access.keys import StoredCredential
from access.limits import Quota, RateLimit
from authorizer.authorize import authorize
from authorizer.events import read_event
from authorizer.log import Log
from store.sealing import seal
from tests.authorizer.bench import KEYRING
from tests.conftest import SECRET

NO_CREDENTIAL = " "
ARN = "arn:aws:execute-api:us-east-1:1:api/prod/GET/x"


def by_sub(bench, **header):
    claims = {"sub": bench.key_id, "exp": bench.now_ms // 1000 + 60}
    return jwt.encode(claims, SECRET, algorithm="HS256", headers=header)


def reasons(bench, *tokens):
    decisions = [bench.request(token=token) for token in tokens]
    return [None if isinstance(one, Allow) else one.reason for one in decisions]


def test_no_credential_and_several_are_told_apart_in_the_log(bench):
    bench.key()
    event = {"type": "REQUEST", "methodArn": ARN, "multiValueHeaders": {"Authorization": ["Bearer a", "Bearer b"]}}

    missing = bench.outcome(token=NO_CREDENTIAL)
    several = authorize(read_event(event), bench.environment, now_ms=bench.now_ms)

    assert (missing.decision.reason, missing.detail) == (Reason.MISSING_CREDENTIAL, "none")
    assert (several.decision.reason, several.detail) == (Reason.MALFORMED_TOKEN, "several different credentials")


@pytest.mark.parametrize(
    ("switched_off", "takes"),
    [
        ({}, "kid sub opaque"),
        ({"enable_jwt": False}, "opaque"),
        ({"enable_opaque": False}, "kid sub"),
        ({"allow_sub": False}, "kid opaque"),
    ],
)
def test_an_api_takes_what_its_definition_leaves_on(bench, switched_off, takes):
    bench.define(**switched_off)
    opaque = format_opaque_key_id(bytes(range(32)))
    bench.key(key_hash=hash_key_id(KEYRING.current.pepper, opaque), credentials=())
    bench.key()
    tokens = {"kid": by_sub(bench, kid=bench.key_id), "sub": by_sub(bench), "opaque": opaque}

    found = {name: reasons(bench, token) for name, token in tokens.items()}

    assert found == {name: [None if name in takes.split() else Reason.MALFORMED_TOKEN] for name in tokens}


def test_an_id_is_a_credential_of_an_opaque_key_and_of_no_other(bench):
    """What a token names in the open lets nobody pass by itself, nor is an opaque key a secret for tokens."""
    named, opaque = format_opaque_key_id(bytes(range(32))), format_opaque_key_id(bytes(32))
    key_hash = hash_key_id(KEYRING.current.pepper, named)
    sealed = seal(KEYRING, SECRET.encode(), key_hash=key_hash, algorithm="HS256", nonce=bytes(12))
    bench.key(key_hash=key_hash, credentials=(StoredCredential("c1", "HS256", 256, "t", 1, sealed=sealed),))
    bench.key(key_hash=hash_key_id(KEYRING.current.pepper, opaque), credentials=())
    tokens = {key_id: by_sub(bench, kid=key_id) for key_id in (named, opaque)}

    assert reasons(bench, tokens[named], named) == [None, Reason.UNKNOWN_KEY]
    assert reasons(bench, opaque, tokens[opaque]) == [None, Reason.UNKNOWN_KEY]


def test_the_log_says_how_an_id_was_used_that_is_no_credential(bench):
    named, opaque = format_opaque_key_id(bytes(range(32))), format_opaque_key_id(bytes(32))
    key_hash = hash_key_id(KEYRING.current.pepper, named)
    sealed = seal(KEYRING, SECRET.encode(), key_hash=key_hash, algorithm="HS256", nonce=bytes(12))
    bench.key(key_hash=key_hash, credentials=(StoredCredential("c1", "HS256", 256, "t", 1, sealed=sealed),))
    bench.key(key_hash=hash_key_id(KEYRING.current.pepper, opaque), credentials=())

    alone, in_a_token = bench.outcome(token=named), bench.outcome(token=by_sub(bench, kid=opaque))

    assert alone.detail == "the id came alone, and its key signs tokens"
    assert in_a_token.detail == "a token names an opaque key"


def test_the_line_of_a_401_names_the_check_and_holds_nothing_of_the_token(bench):
    bench.key()
    now = bench.now_ms // 1000
    claims = {"exp": now + 60, "nbf": now + 3, "sub": "ada-lovelace", "iss": "https://who.example"}
    token = jwt.encode(claims, SECRET, algorithm="HS256", headers={"kid": bench.key_id})
    request = read_event({"type": "TOKEN", "methodArn": ARN, "authorizationToken": token})

    outcome = bench.outcome(token=token)
    line = Log.start({}).line(request, outcome, milliseconds=1, now_ms=bench.now_ms, draw=0)

    assert json.loads(line)["reason"] == "token_not_yet_valid"
    assert json.loads(line)["detail"] == "nbf is 3 s ahead, the leeway is 0 s"
    parts = [*token.split("."), bench.key_id, "ada-lovelace", "who.example", str(now + 3)]
    assert [part for part in parts if part in line] == []


def test_a_key_passes_until_the_second_of_its_expiry(bench):
    bench.key(expires_at=bench.now_ms // 1000 + 5)
    bench.now_ms = (bench.now_ms // 1000 + 4) * 1000 + 999
    assert isinstance(bench.request(), Allow)
    bench.now_ms += 1

    assert bench.request().reason is Reason.KEY_EXPIRED


def test_a_request_takes_what_its_grant_costs_of_every_limit(bench):
    limits = {"quotas": (Quota(10, "day"),), "rate_limits": (RateLimit(100, "minute"),)}
    bench.key(grants=(Grant("*", path="/x", cost=3), Grant("*", cost=7)), **limits)

    decision = bench.request()

    assert [status.used for status in decision.limits] == [3, 3]
    assert [isinstance(bench.request(), Allow) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("limits", [{}, {"quotas": (Quota(10, "day"),)}], ids=["without limits", "limited"])
def test_a_request_that_dynamodb_decided_is_not_told_as_open(bench, limits):
    bench.key(**limits)

    assert bench.outcome().detail == ""


def test_a_request_that_costs_nothing_passes_an_exhausted_limit_and_writes_nothing(bench):
    bench.key(grants=(Grant("*", cost=0),), quotas=(Quota(0, "day"),))

    assert bench.request().limits == ()
    assert bench.recorder.taken() == ["BatchGetItem", "BatchGetItem", "GetItem"]


@pytest.mark.parametrize("name", ["orders", "api/prod", "api/*"])
def test_a_limit_of_an_api_counts_requests_of_that_api_alone(bench, name):
    """Under each name that the called API has."""
    bench.define()
    bench.key(quotas=(Quota(9, "day"), Quota(0, "day", api="elsewhere"), Quota(1, "day", name="here", api=name)))

    first, second = bench.request(), bench.request()

    assert [(status.name, status.used) for status in first.limits] == [("default", 1), ("here", 1)]
    assert (second.reason, second.refused_by.name) == (Reason.QUOTA_EXHAUSTED, "here")


HTTP = {"version": "2.0", "type": "REQUEST", "routeArn": ARN.replace("/GET/x", f"/GET/{'x' * 500}")}
REST = {"type": "TOKEN", "methodArn": HTTP["routeArn"]}


def test_a_path_that_no_policy_can_name_is_refused_uncounted_but_by_a_simple_response(bench):
    """A policy that names more than what was asked for is never the way out."""
    record = bench.key(quotas=(Quota(10, "day"),))
    token = bench.request_token()
    long = read_event(REST | {"authorizationToken": token})
    simple = read_event(HTTP | {"headers": {"authorization": token}})

    refused = authorize(long, bench.environment, now_ms=bench.now_ms)
    allowed = authorize(simple, bench.environment, now_ms=bench.now_ms)

    assert (refused.decision.reason, refused.detail) == (Reason.NOT_GRANTED, "no policy can name the path alone")
    assert isinstance(allowed.decision, Allow)
    assert [status.used for status in bench.statuses(record)] == [1]
