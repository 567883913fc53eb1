"""The whole of template.yaml on one machine: services, functions, APIs."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dev.gateway.apis import HttpApi, Integration, RestApi
from dev.gateway.authorizers import Authorizer
from dev.gateway.events import ACCOUNT, REGION, Stage
from dev.gateway.server import GatewayServer
from dev.lambda_runtime import Function, FunctionConfig
from dev.services import ROOT, Services
from dev.template import Template, TemplateError

TABLE_NAME = "tollgate"
API_IDS = {"DemoRestApi": "demorest", "DemoHttpApi": "demohttp", "AdminApi": "admin"}
MOUNTS = {"DemoHttpApi": "/http", "AdminApi": "/admin"}
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/local/00000000-0000-4000-8000-000000000000"
_REST_PROPERTIES = {"StageName", "ApiKeySourceType", "Variables", "Auth", "GatewayResponses"}
_HTTP_PROPERTIES = {"StageVariables", "Auth", "StageName"}

Progress = Callable[[str], None]


class LocalStack:
    """A running stack. `data` keeps its table and secret between runs."""

    def __init__(
        self,
        *,
        port: int = 0,
        data: Path | None = None,
        template: Path = ROOT / "template.yaml",
        progress: Progress = lambda _: None,
        quiet: bool = True,
    ) -> None:
        self._wanted_port = port
        self._services = Services(data)
        self._progress = progress
        self._quiet = quiet
        self.template = Template(template, {"AWS::Region": REGION, "AWS::StackId": STACK_ID})
        self.functions: dict[str, Function] = {}
        self.admin_key = ""

    def __enter__(self) -> Self:
        started = time.monotonic()
        self._services.__enter__()
        try:
            self._create_resources()
            self._progress(f"DynamoDB and Secrets Manager answer at {self._services.endpoint} ({_since(started)})")
            self._start_functions()
            self._start_gateway()
            self._progress(f"The functions and the gateway are up ({_since(started)})")
            created = self.functions["KeyAdminFunction"].invoke(
                {"operation": "create_admin_key", "name": "local admin"}
            )
            self.admin_key = created["key_id"]
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(self, "_server"):
            self._server.close()
        for function in self.functions.values():
            function.close()
        self._services.__exit__(kind, error, trace)

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
        return f"http://127.0.0.1:{self.port}/rest/{self.template.resolve(self._rest_stage)}"

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/http"

    # --- resources -------------------------------------------------------------------------

    def _create_resources(self) -> None:
        template, services = self.template, self._services
        services.create_table(TABLE_NAME, template.properties("Table"))
        template.set("Table", TABLE_NAME)
        template.set("MasterSecret", services.create_secret(template.properties("MasterSecret")))
        for name, api_id in API_IDS.items():
            template.set(name, api_id)

    def _start_functions(self) -> None:
        for name in self.template.of_type("AWS::Serverless::Function"):
            self.template.set(f"{name}.Arn", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
        for name in self.template.of_type("AWS::Serverless::Function"):
            properties = self.template.properties(name)
            config = FunctionConfig(
                name=name,
                handler=properties["Handler"],
                code=self._code_of(name, properties),
                timeout_seconds=float(properties["Timeout"]),
                memory_mb=int(properties["MemorySize"]),
                environ=self._services.environ() | properties.get("Environment", {}).get("Variables", {}),
            )
            self.functions[name] = Function(config)
        for function in self.functions.values():
            function.warm()

    def _code_of(self, name: str, properties: dict[str, Any]) -> Path:
        if "InlineCode" not in properties:
            return ROOT / str(properties["CodeUri"])
        folder = ROOT / ".dev" / "inline" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.py").write_text(properties["InlineCode"])
        return folder

    # --- APIs ------------------------------------------------------------------------------

    def _start_gateway(self) -> None:
        mounts = {}
        for name in self.template.of_type("AWS::Serverless::Api"):
            properties = self._checked(name, _REST_PROPERTIES)
            self._rest_stage = properties["StageName"]
            mounts[f"/rest/{properties['StageName']}"] = self._rest_api(name, properties).handle
        for name in self.template.of_type("AWS::Serverless::HttpApi"):
            properties = self._checked(name, _HTTP_PROPERTIES)
            mounts[MOUNTS[name]] = self._http_api(name, properties).handle
        self._server = GatewayServer(self._wanted_port, mounts, quiet=self._quiet)
        self._server.start()

    def _checked(self, name: str, known: set[str]) -> dict[str, Any]:
        properties = self.template.properties(name)
        for unknown in properties.keys() - known:
            line = self.template.line_of(f"{unknown}:")
            message = f"line {line}: {name}.{unknown} is not understood by the local gateway"
            raise TemplateError(message)
        return properties

    def _rest_api(self, name: str, properties: dict[str, Any]) -> RestApi:
        stage = Stage(API_IDS[name], properties["StageName"], properties.get("Variables", {}))
        authorizers = {
            label: self._rest_authorizer(label, one) for label, one in properties["Auth"]["Authorizers"].items()
        }
        keys = [self.template.properties(one) for one in self.template.of_type("AWS::ApiGateway::ApiKey")]
        return RestApi(
            stage,
            self._integrations(name, "Api", "RestApiId", authorizers, properties["Auth"]["DefaultAuthorizer"]),
            gateway_responses=properties.get("GatewayResponses", {}),
            key_source=properties.get("ApiKeySourceType", "HEADER"),
            requires_key=properties["Auth"].get("ApiKeyRequired", False),
            keys=frozenset(one["Value"] for one in keys if one["Enabled"]),
        )

    def _http_api(self, name: str, properties: dict[str, Any]) -> HttpApi:
        stage = Stage(API_IDS[name], properties.get("StageName", "$default"), properties.get("StageVariables", {}))
        authorizers = {
            label: self._http_authorizer(label, one) for label, one in properties["Auth"]["Authorizers"].items()
        }
        default = properties["Auth"]["DefaultAuthorizer"]
        return HttpApi(stage, self._integrations(name, "HttpApi", "ApiId", authorizers, default))

    def _integrations(
        self, api: str, kind: str, reference: str, authorizers: dict[str, Authorizer], default: str
    ) -> list[Integration]:
        found = []
        for name, function in self.functions.items():
            for event in (self.template.properties(name).get("Events") or {}).values():
                properties = self.template.resolve(event["Properties"])
                if event["Type"] != kind or properties[reference] != API_IDS[api]:
                    continue
                label = properties.get("Auth", {}).get("Authorizer", default)
                authorizer = None if label == "NONE" else authorizers[label]
                method = properties.get("Method", "ANY").upper()
                found.append(Integration(method, properties.get("Path", "$default"), function, authorizer))
        return found

    def _rest_authorizer(self, label: str, properties: dict[str, Any]) -> Authorizer:
        identity = properties.get("Identity", {})
        return Authorizer(
            label,
            self._function_at(properties["FunctionArn"]),
            properties.get("FunctionPayloadType", "TOKEN"),
            _identity_sources(identity),
            int(identity.get("ReauthorizeEvery", 300)),
        )

    def _http_authorizer(self, label: str, properties: dict[str, Any]) -> Authorizer:
        identity = properties.get("Identity", {})
        if properties["AuthorizerPayloadFormatVersion"] == "1.0":
            kind = "HTTP_1"
        else:
            kind = "HTTP_2_SIMPLE" if properties.get("EnableSimpleResponses") else "HTTP_2_POLICY"
        return Authorizer(
            label,
            self._function_at(properties["FunctionArn"]),
            kind,
            _identity_sources(identity),
            int(identity.get("ReauthorizeEvery", 0)),
        )

    def _function_at(self, arn: str) -> Function:
        return self.functions[arn.rpartition(":")[2]]


def _identity_sources(identity: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    places = {"Headers": "header", "QueryStrings": "querystring", "StageVariables": "stageVariable"}
    for unknown in identity.keys() - places.keys() - {"ReauthorizeEvery"}:
        message = f"identity source {unknown} is not understood by the local gateway"
        raise TemplateError(message)
    return tuple((place, name) for source, place in places.items() for name in identity.get(source, []))


def _since(started: float) -> str:
    return f"{time.monotonic() - started:.1f} s"


def show(line: str) -> None:
    """Progress on the console."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
