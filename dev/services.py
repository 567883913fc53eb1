"""DynamoDB, Secrets Manager and EventBridge, emulated over HTTP by MiniStack in an environment of its own."""

import json
import os
import secrets
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3

from dev.account import REGION
from dev.processes import StartError, answering, free_port, require_free_port

ROOT = Path(__file__).resolve().parent.parent
MINISTACK = ROOT / ".venv-ministack" / "bin" / "ministack"
MINISTACK_HEALTH = "/_ministack/health"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}
SECRET_NAME = "tollgate-master-secret"  # noqa: S105 - a name


class Services:
    """A running MiniStack. `data` keeps what it holds between runs; port 0 is any free one."""

    def __init__(self, data: Path | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._data = data
        self._host = host
        self.port = port or free_port()
        self.endpoint = f"http://{host}:{self.port}"

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self._start(opened)
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def _start(self, opened: ExitStack) -> None:
        """Start what is to run, and leave its end to `opened`."""
        if not MINISTACK.exists():
            message = f"{MINISTACK.parent.parent.name} is missing: run `make dev` or `make test`, which install it"
            raise StartError(message)
        require_free_port(self._host, self.port, "make dev SERVICES=HOST:PORT")
        environ = ministack_environ(self._host, self.port) | {"SERVICES": "dynamodb,secretsmanager,events,sqs"}
        if self._data is not None:
            _make_folder(self._data)
            environ |= {"PERSIST_STATE": "1", "STATE_DIR": str(self._data.resolve())}
        url = self.endpoint + MINISTACK_HEALTH
        opened.enter_context(answering([str(MINISTACK)], url, environ=environ, cwd=ROOT, status=HTTPStatus.OK))

    @property
    def dynamodb_endpoint(self) -> str:
        """Where DynamoDB answers."""
        return self.endpoint

    def client(self, service: str) -> Any:
        """A boto3 client of one of the services."""
        return boto3.client(
            service,  # type: ignore[call-overload] # name at run time
            endpoint_url=self.dynamodb_endpoint if service == "dynamodb" else self.endpoint,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 - the emulator takes any
        )

    def environ(self) -> dict[str, str]:
        """What points a function at these services."""
        return CREDENTIALS | {
            "AWS_ENDPOINT_URL_DYNAMODB": self.dynamodb_endpoint,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.endpoint,
            "AWS_ENDPOINT_URL_EVENTBRIDGE": self.endpoint,
        }

    def create_table(self, name: str, properties: dict[str, Any]) -> None:
        """Create a table from the properties of AWS::DynamoDB::Table, unless it is there."""
        client = self.client("dynamodb")
        if name in client.list_tables()["TableNames"]:
            return
        taken = ("BillingMode", "AttributeDefinitions", "KeySchema")
        client.create_table(TableName=name, **{one: properties[one] for one in taken})

    def create_secret(self, properties: dict[str, Any]) -> str:
        """Create a secret from the properties of AWS::SecretsManager::Secret; its ARN."""
        client = self.client("secretsmanager")
        try:
            return str(client.describe_secret(SecretId=SECRET_NAME)["ARN"])
        except client.exceptions.ResourceNotFoundException:
            wanted = properties["GenerateSecretString"]
            value = json.loads(wanted["SecretStringTemplate"])
            length = int(wanted["PasswordLength"])
            value[wanted["GenerateStringKey"]] = secrets.token_hex(length)[:length]
            return str(client.create_secret(Name=SECRET_NAME, SecretString=json.dumps(value))["ARN"])


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        is_writable = os.access(path, os.W_OK | os.X_OK)
    except OSError:
        is_writable = False
    if not is_writable:
        message = f"DATA={path} is not a folder that can be written to. Name one, or leave DATA out: the data end with the run"
        raise StartError(message)


def ministack_environ(host: str, port: int) -> dict[str, str]:
    """What a MiniStack is told of where it is."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": host,
        "MINISTACK_HOST": host,
        "MINISTACK_REGION": REGION,
    }
