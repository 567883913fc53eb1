"""The whole of template.yaml on one machine: services, functions, APIs."""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from dev.account import ACCOUNT, REGION
from dev.api_reader import MOUNTS, ApiReader
from dev.api_reader.reader import API_IDS, API_TYPES, HTTP
from dev.gateway.authorizers import AS_DOCUMENTED, Undocumented
from dev.gateway.server import GatewayServer
from dev.lambda_runtime import Function, FunctionConfig
from dev.services import ROOT, Services
from dev.template import Template, TemplateError

TABLE_NAME = "tollgate"
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/local/00000000-0000-4000-8000-000000000000"
_TAKEN = {"AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::Serverless::Function"} | API_TYPES
_WITHOUT_EFFECT_HERE = {
    "AWS::Logs::LogGroup",
    "AWS::SNS::Topic",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Logs::MetricFilter",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApiGatewayV2::ApiMapping",
}

Progress = Callable[[str], None]


class LocalStack:
    """A running stack. `services` hold its table and secret."""

    def __init__(
        self,
        *,
        port: int = 0,
        services: Services | None = None,
        template: Path = ROOT / "template.yaml",
        progress: Progress = lambda _: None,
        quiet: bool = True,
        verbose: bool = True,
        undocumented: Undocumented = AS_DOCUMENTED,
    ) -> None:
        self._wanted_port = port
        self._services = services or Services()
        self._progress = progress
        self._quiet = quiet
        self._verbose = verbose
        self._undocumented = undocumented
        self.template = Template(template, {"AWS::Region": REGION, "AWS::StackId": STACK_ID})
        self.functions: dict[str, Function] = {}
        self.admin_key = ""

    def __enter__(self) -> Self:
        started = time.monotonic()
        with ExitStack() as opened:
            opened.enter_context(self._services)
            self._inline = Path(opened.enter_context(TemporaryDirectory(prefix="tollgate-")))
            self._create_resources()
            self._progress(f"DynamoDB and Secrets Manager answer at {self._services.endpoint} ({_since(started)})")
            self._start_functions(opened)
            self._start_gateway(opened)
            self._progress(f"The functions and the gateway are up ({_since(started)})")
            self._create_admin_key()
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    @property
    def services(self) -> Services:
        return self._services

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    @property
    def admin_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/admin"

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/rest/{self._rest_stages[0]}"

    @property
    def limit_status(self) -> int:
        """What the demo REST API answers where a limit is reached."""
        return 429

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self._http_mounts[0]}"

    # --- resources -------------------------------------------------------------------------

    def _create_admin_key(self) -> None:
        if "KeyAdminFunction" in self.functions:
            asked = {"operation": "create_admin_key", "name": "local admin"}
            self.admin_key = self.functions["KeyAdminFunction"].invoke(asked)["key_id"]

    def _create_resources(self) -> None:
        template, services = self.template, self._services
        for name, resource in template.resources.items():
            if resource["Type"] not in _TAKEN | _WITHOUT_EFFECT_HERE:
                line = template.line_of("Type:", within=name)
                message = f"line {line}: {name}: {resource['Type']} is not understood by the local run"
                raise TemplateError(message)
            template.set(name, API_IDS.get(name, name.lower()))
        for name in template.of_type("AWS::DynamoDB::Table"):
            services.create_table(TABLE_NAME, template.properties(name))
            template.set(name, TABLE_NAME)
        for name in template.of_type("AWS::SecretsManager::Secret"):
            template.set(name, services.create_secret(template.properties(name)))

    def _start_functions(self, opened: ExitStack) -> None:
        for name in self.template.of_type("AWS::Serverless::Function"):
            self.template.set(f"{name}.Arn", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
        for name in self.template.of_type("AWS::Serverless::Function"):
            properties = self.template.properties(name)
            config = FunctionConfig(
                name=name,
                handler=properties["Handler"],
                code=self._code_of(name, properties),
                timeout_seconds=float(properties.get("Timeout", 3)),  # Lambda's own defaults
                memory_mb=int(properties.get("MemorySize", 128)),
                environ=self._services.environ() | properties.get("Environment", {}).get("Variables", {}),
                verbose=self._verbose,
            )
            self.functions[name] = Function(config)
            opened.callback(self.functions[name].close)
        for function in self.functions.values():
            function.warm()

    def _code_of(self, name: str, properties: dict[str, Any]) -> Path:
        if "InlineCode" not in properties:
            return ROOT / str(properties["CodeUri"])
        folder = self._inline / name  # of this run alone: others may have functions of the same name
        folder.mkdir()
        (folder / "index.py").write_text(properties["InlineCode"])
        return folder

    def _start_gateway(self, opened: ExitStack) -> None:
        apis = ApiReader(self.template, self.functions, self._undocumented)
        self._rest_stages = apis.rest_stages()
        self._http_mounts = [apis.http_mount(one) for one in self.template.of_type(HTTP) if one not in MOUNTS]
        self._server = GatewayServer(self._wanted_port, apis.mounts(), apis.sockets(), quiet=self._quiet)
        self._server.start()
        opened.callback(self._server.close)


def _since(started: float) -> str:
    return f"{time.monotonic() - started:.1f} s"


def show(line: str) -> None:
    """Progress on the console."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
