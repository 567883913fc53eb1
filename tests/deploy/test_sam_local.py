"""The built functions in real Lambda images, by `sam local`. `make test-sam-local` asks for it."""

import json
import os

import pytest

from dev.deployed import direct
from dev.sam_local import has_engine, sam_local
from dev.services import ROOT
from tests.conftest import SECRET, sign

pytestmark = pytest.mark.skipif(not os.environ.get("SAM_LOCAL"), reason="make test-sam-local runs it")
EVENTS = ROOT / "events"


@pytest.fixture(scope="module")
def functions():
    if not has_engine():
        pytest.skip("no Docker engine answers")
    with sam_local() as client:
        yield client


@pytest.fixture(scope="module")
def operator(functions):
    """The first admin key."""
    return invoke(functions, "KeyAdminFunction", json.loads((EVENTS / "create_admin_key.json").read_text()))


@pytest.fixture(scope="module")
def key(functions, operator):
    body = {"name": "test", "jwt_data": {"algorithm": "HS256", "secret": SECRET}, "grants": [{"api": "*"}]}
    body |= {"quotas": [{"limit": 3, "period": "day"}]}
    made = invoke(functions, "KeyAdminFunction", direct("POST", "/keys", body, by=operator["key_hash"]))
    assert made["statusCode"] == 201
    return json.loads(made["body"])


def invoke(functions, name, event):
    return json.loads(functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())["Payload"].read())


def ask(functions, token):
    event = json.loads((EVENTS / "authorizer_http_2.json").read_text())
    event["headers"]["authorization"] = f"Bearer {token}"
    event["identitySource"] = [event["headers"]["authorization"]]
    return invoke(functions, "AuthorizerFunction", event)


def test_the_first_admin_key_comes_from_the_recorded_event(operator):
    assert operator["key_id"].startswith("tg_")


def test_a_token_is_verified_and_counted_to_its_limit(functions, key):
    token = sign(key["key_id"])

    answers = [ask(functions, token) for _ in range(4)]

    assert [one["isAuthorized"] for one in answers] == [True, True, True, False]
    assert answers[3]["context"]["reason"] == "quota_exhausted"


def test_a_forged_token_is_refused(functions, key):
    assert not ask(functions, sign(key["key_id"], secret="another-secret-that-is-long-enough-too"))["isAuthorized"]
