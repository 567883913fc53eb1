"""What an operator hears where the table does not answer, or answers what it never should."""

import json
import socket

import pytest

from dev.services import ROOT
from key_admin.handler import handler
from key_admin.service import service
from tests.authorizer.wire import wire_to

EVENT = json.loads((ROOT / "events" / "admin_list_policies.json").read_text())


@pytest.fixture
def environ(services, monkeypatch):
    """The variables of the function, with a master secret and no table yet."""
    secret = services.client("secretsmanager").create_secret(
        Name="admin-faults", SecretString=json.dumps({"current": "c" * 64})
    )
    for name, value in services.environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_SECRET_ARN", secret["ARN"])
    monkeypatch.setenv("TABLE_NAME", "no-such-table")
    service.cache_clear()
    yield monkeypatch
    service.cache_clear()
    services.client("secretsmanager").delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)


def ask():
    answer = handler(EVENT, None)
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    return answer["statusCode"], headers, json.loads(answer["body"])


def test_a_table_that_does_not_answer_is_a_503_that_says_when_to_ask_again(environ):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        environ.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{nobody.getsockname()[1]}")

        status, headers, problem = ask()

    assert (status, headers["retry-after"]) == (503, "1")
    assert headers["content-type"] == "application/problem+json"
    assert problem["type"].endswith("/unavailable")


def test_a_table_that_is_throttled_is_a_503_too(environ, services):
    with wire_to(services) as wire:
        wire.break_down("throttled", "BatchGetItem", 9)
        environ.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{wire.server_port}")

        status, headers, problem = ask()

    assert (status, headers["retry-after"]) == (503, "1")
    assert problem["type"].endswith("/unavailable")


def test_a_fault_of_ours_is_a_500_that_tells_nothing_of_it(environ):
    status, headers, problem = ask()

    assert (status, headers["content-type"]) == (500, "application/problem+json")
    assert "ResourceNotFound" not in json.dumps(problem)
