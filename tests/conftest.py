"""What the tests share: the running stack, the emulated services, and a way to call."""

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import jwt
import pytest

from dev.dynamodb_local import ServicesOnDynamoDbLocal
from dev.services import ROOT, Services
from dev.stack import LocalStack
from dev.template import Template

SECRET = "an-hmac-secret-that-is-long-enough-for-HS256-and-for-HS384-and-HS512-too"


class Answer(NamedTuple):
    """What a client saw."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


def call(method: str, url: str, body: Any = None, *, token: str = "", headers: dict[str, str] | None = None) -> Answer:
    """One request; `body` is sent as JSON unless it is bytes."""
    sent = dict(headers or {})
    if token:
        sent["Authorization"] = f"Bearer {token}"
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    if data is not None and "Content-Type" not in sent:
        sent["Content-Type"] = "application/json"
    request = urllib.request.Request(url, data=data, method=method, headers=sent)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return _read(answer.status, answer)
    except urllib.error.HTTPError as error:
        with error:
            return _read(error.code, error)


def _read(status: int, answer: Any) -> Answer:
    return Answer(status, {name.lower(): value for name, value in answer.headers.items()}, answer.read().decode())


def sign(key_id: str, *, secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """A token by an independent library, good for a minute unless the claims say otherwise."""
    return jwt.encode({"exp": int(time.time()) + 60} | claims, secret, algorithm=algorithm, headers={"kid": key_id})


class Admin(NamedTuple):
    """An operator of a running stack."""

    url: str
    key: str

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        return call(method, self.url + path, body, token=self.key, **options)

    def create_key(self, **members: Any) -> dict[str, Any]:
        """A key with an HMAC secret on every API, unless the members say otherwise."""
        wanted = {
            "name": "test",
            "jwt_data": {"algorithm": "HS256", "secret": SECRET},
            "grants": [{"api": "*"}],
        }
        answer = self("POST", "/keys", wanted | members)
        assert answer.status == 201, answer.text
        return answer.body


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    with LocalStack() as running:
        yield running


@pytest.fixture(scope="session")
def admin(stack: LocalStack) -> Admin:
    return Admin(stack.admin_url, stack.admin_key)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--dynamodb", choices=["emulated", "local"], default="emulated", help="what plays DynamoDB")


@pytest.fixture(scope="session")
def services(request: pytest.FixtureRequest) -> Iterator[Services]:
    kinds = {"emulated": Services, "local": ServicesOnDynamoDbLocal}
    with kinds[request.config.getoption("--dynamodb")]() as running:
        yield running


@pytest.fixture
def table(services: Services) -> str:
    """A fresh table, as template.yaml describes it."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    template = Template(ROOT / "template.yaml", {})
    services.create_table(name, template.properties("Table"))
    return name
