"""The admin function in this process, on a table and a master secret of its own."""

import json
import uuid
from typing import Any, NamedTuple

import pytest

from dev.deployed import direct
from key_admin.handler import handler
from key_admin.service import service

PLENTY_MS = 15_000


class Context:
    """What Lambda tells of an invocation; the time that is left is said in advance, the last one ever after."""

    aws_request_id = "test"

    def __init__(self, *left_ms: int) -> None:
        self._left_ms = list(left_ms) or [PLENTY_MS]

    def get_remaining_time_in_millis(self) -> int:
        return self._left_ms.pop(0) if len(self._left_ms) > 1 else self._left_ms[0]


class InProcess(NamedTuple):
    """The admin function, and what it stands on."""

    client: Any  # boto3's, of Secrets Manager
    secret_id: str
    table: str
    operator: str  # the hash of an admin key

    def __call__(
        self, method: str, path: str, body: Any = None, *, context: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """Status and body of an answer; an underscore in the name of a header stands for a hyphen."""
        event = direct(method, path, body, by=self.operator)
        event["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = handler(event, context or Context())
        return answer["statusCode"], json.loads(answer["body"]) if answer.get("body") else None

    def made_keys(self) -> list[Any]:
        """The keys in the table, apart from the operator's."""
        items: list[Any] = self("GET", "/keys")[1]["items"]
        return [key for key in items if key["key_hash"] != self.operator]

    def store_secret(self, **members: Any) -> None:
        """Put another master secret in force, as new environments see it."""
        self.client.put_secret_value(SecretId=self.secret_id, SecretString=json.dumps(members))
        service.cache_clear()


@pytest.fixture
def function(services, table, monkeypatch):
    for name, value in services.environ().items():
        monkeypatch.setenv(name, value)
    secrets = services.client("secretsmanager")
    made = secrets.create_secret(Name=f"in-process-{uuid.uuid4().hex}", SecretString=json.dumps({"current": "c" * 64}))
    monkeypatch.setenv("MASTER_SECRET_ARN", made["ARN"])
    monkeypatch.setenv("TABLE_NAME", table)
    service.cache_clear()
    admin_key = handler({"operation": "create_admin_key", "name": "operator"}, Context())
    yield InProcess(secrets, made["ARN"], table, admin_key["key_hash"])
    service.cache_clear()
    secrets.delete_secret(SecretId=made["ARN"], ForceDeleteWithoutRecovery=True)
