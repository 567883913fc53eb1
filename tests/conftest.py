"""What the tests share: the running stack, the emulated services, and a way to call."""

import json
import os
import shutil
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import pytest

from dev.deployed import Deployed, NotVerifiableError, direct, in_account, in_ministack
from dev.dynamodb_local import ServicesOnDynamoDbLocal
from dev.services import ROOT, Services
from dev.stack import LocalStack
from dev.template import Template
from store.boto import BotoClient

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


WHERE = os.environ.get("TOLLGATE_STACK", "")  # empty: the local gateway; "ministack"; else a stack's name
NO_HTTP_API = "MiniStack deploys an HTTP API of SAM without its routes"
NO_RESPONSES = "MiniStack does not take gateway responses out of SAM's OpenAPI body"
NO_ADDRESS = "MiniStack takes the caller's address from X-Forwarded-For"
NO_CHANNEL = "MiniStack ignores the authorizer's usageIdentifierKey, so the 429 channel is off there"
MINISTACK_CANNOT = {
    "test_a_refusal_is_worded_as_the_gateway_responses_say": NO_RESPONSES,
    "test_who_is_known_hears_why_he_is_forbidden": NO_RESPONSES,
    "test_a_key_on_an_inactive_policy_is_forbidden": NO_RESPONSES,
    "test_an_expired_key_is_forbidden": NO_RESPONSES,
    "test_a_key_passes_from_its_sources_and_a_header_makes_no_address": NO_ADDRESS,
    "test_a_limit_answers_429_with_retry_after": NO_CHANNEL,
    "test_a_prepaid_quota_that_is_used_up_names_no_time_to_wait": NO_CHANNEL,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        reason = MINISTACK_CANNOT.get(getattr(item, "originalname", item.name))
        if WHERE == "ministack" and reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[LocalStack | Deployed]:
    """The stack under test: the local gateway, unless TOLLGATE_STACK says where else."""
    kinds = {"": lambda: LocalStack(services=services_of(request)), "ministack": in_ministack}
    with ExitStack() as opened:
        try:
            running = opened.enter_context(kinds[WHERE]() if WHERE in kinds else in_account(WHERE))
        except NotVerifiableError as error:
            pytest.exit(str(error), returncode=1)
        if isinstance(running, Deployed) and running.usage_key:
            opener = urllib.request.build_opener()
            opener.addheaders = [("x-api-key", running.usage_key)]
            urllib.request.install_opener(opener)
        yield running


@pytest.fixture(params=["rest", "http"])
def url(request: pytest.FixtureRequest, stack: LocalStack | Deployed) -> str:
    """Where each kind of API answers, one after the other."""
    found = stack.rest_url if request.param == "rest" else stack.http_url
    if not found:
        pytest.skip(NO_HTTP_API)
    return found


class DirectAdmin(Admin):
    """An operator where no admin API answers: the function is given the event itself."""

    deployed: Deployed

    def __call__(self, method: str, path: str, body: Any = None, **_options: Any) -> Answer:
        answer = self.deployed.invoke_admin(direct(method, path, body, by=self.deployed.admin_hash))
        return Answer(answer["statusCode"], answer.get("headers") or {}, answer.get("body") or "")


@pytest.fixture(scope="session")
def admin(stack: LocalStack | Deployed) -> Admin:
    if isinstance(stack, Deployed) and not stack.admin_url:
        operator = DirectAdmin("", stack.admin_key)
        operator.deployed = stack
        return operator
    return Admin(stack.admin_url, stack.admin_key)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--dynamodb", choices=["emulated", "local"], default="emulated", help="what plays DynamoDB")


def services_of(request: pytest.FixtureRequest) -> Services:
    """The emulated services, with what the command line wants for DynamoDB."""
    kinds = {"emulated": Services, "local": ServicesOnDynamoDbLocal}
    return kinds[request.config.getoption("--dynamodb")]()


@pytest.fixture(scope="session")
def services(request: pytest.FixtureRequest) -> Iterator[Services]:
    with services_of(request) as running:
        yield running


@pytest.fixture
def table(services: Services) -> str:
    """A fresh table, as template.yaml describes it."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    template = Template(ROOT / "template.yaml", {})
    services.create_table(name, template.properties("Table"))
    return name


@pytest.fixture
def client(services: Services, monkeypatch: pytest.MonkeyPatch) -> BotoClient:
    """The client of the admin function, pointed at the emulated DynamoDB."""
    for name, value in services.environ().items():
        monkeypatch.setenv(name, value)
    return BotoClient("dynamodb")


def clone_into(folder: Path) -> Path:
    """The project's folder as another clone has it, with a `.dev` of its own: links, and a copy of what finds its root."""
    folder.mkdir(exist_ok=True)
    for path in ROOT.iterdir():
        if path.name not in {"dev", ".dev"}:
            (folder / path.name).symlink_to(path)
    shutil.copytree(ROOT / "dev", folder / "dev", ignore=shutil.ignore_patterns("__pycache__"))
    return folder
