"""Make the gateway's APIs of what template.yaml says of them; what is not understood is refused."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from dev.gateway.apis import HttpApi, Integration, RestApi
from dev.gateway.authorizers import Authorizer
from dev.gateway.cors import HttpCors, RestCors
from dev.gateway.events import Stage
from dev.gateway.server import Handler
from dev.gateway.websockets import SocketRoute, WebSocketApi
from dev.lambda_runtime import Function
from dev.template import Template, TemplateError

API_IDS = {"DemoRestApi": "demorest", "DemoHttpApi": "demohttp", "AdminApi": "admin"}
MOUNTS = {"AdminApi": "/admin"}
_REST, _HTTP = "AWS::Serverless::Api", "AWS::Serverless::HttpApi"
_KEY, _PLAN, _PLAN_KEY = (f"AWS::ApiGateway::{one}" for one in ("ApiKey", "UsagePlan", "UsagePlanKey"))
_V2 = "AWS::ApiGatewayV2::"
_KNOWN = {
    _REST: {"StageName", "ApiKeySourceType", "Variables", "Auth", "GatewayResponses", "Cors"},
    _HTTP: {"StageVariables", "Auth", "StageName", "CorsConfiguration"},
    f"{_V2}Api": {"Name", "ProtocolType", "RouteSelectionExpression"},
    f"{_V2}Route": {
        "ApiId",
        "RouteKey",
        "AuthorizationType",
        "AuthorizerId",
        "Target",
        "RouteResponseSelectionExpression",
    },
    f"{_V2}RouteResponse": {"ApiId", "RouteId", "RouteResponseKey"},
    f"{_V2}Integration": {"ApiId", "IntegrationType", "IntegrationUri"},
    f"{_V2}Authorizer": {"ApiId", "Name", "AuthorizerType", "AuthorizerUri", "IdentitySource"},
    f"{_V2}Stage": {"ApiId", "StageName", "AutoDeploy", "StageVariables"},
    _KEY: {"Description", "Enabled", "Value", "Name"},
    _PLAN: {"ApiStages", "Description", "UsagePlanName"},
    _PLAN_KEY: {"KeyId", "KeyType", "UsagePlanId"},
}
_AUTH = {
    "DefaultAuthorizer",
    "Authorizers",
    "ApiKeyRequired",
    "AddDefaultAuthorizerToCorsPreflight",
    "AddApiKeyRequiredToCorsPreflight",
}
_AUTHORIZER = {
    "FunctionArn",
    "FunctionPayloadType",
    "AuthorizerPayloadFormatVersion",
    "EnableSimpleResponses",
    "EnableFunctionDefaultPermissions",
    "Identity",
}
_EVENT = {"ApiId", "RestApiId", "Method", "Path", "Auth"}
API_TYPES = frozenset(_KNOWN)


class ApiReader:
    """Reads the APIs of a template whose functions run."""

    def __init__(self, template: Template, functions: Mapping[str, Function]) -> None:
        self.template, self.functions = template, functions

    def rest_stages(self) -> list[str]:
        return [str(self._checked(name)["StageName"]) for name in self.template.of_type(_REST)]

    def mounts(self) -> dict[str, Handler]:
        """Where each API answers HTTP."""
        found: dict[str, Handler] = {}
        for name in self.template.of_type(_REST):
            api = self._checked(name)
            found[f"/rest/{api['StageName']}"] = self._rest_api(name, api).handle
        for name in self.template.of_type(_HTTP):
            found[MOUNTS.get(name, "/http")] = self._http_api(name, self._checked(name)).handle
        return found | {mount: api.handle for mount, api in self.sockets().items()}

    def sockets(self) -> dict[str, WebSocketApi]:
        """Where each WebSocket API takes connections."""
        names = self.template.of_type(f"{_V2}Api")
        for second in names[1:]:
            raise self._refuse(second, "Type")
        return dict(zip(["/ws"], map(self._socket_api, names), strict=False))

    def _refuse(self, name: str, unknown: str) -> TemplateError:
        line = self.template.line_of(unknown, within=name)
        return TemplateError(f"line {line}: {name}.{unknown} is not understood by the local gateway")

    def _checked(self, name: str) -> dict[str, Any]:
        properties = self.template.properties(name)
        for unknown in sorted(properties.keys() - _KNOWN[self.template.resources[name]["Type"]]):
            raise self._refuse(name, unknown)
        for unknown in sorted((properties.get("Auth") or {}).keys() - _AUTH):
            raise self._refuse(name, unknown)
        return properties

    def _of(self, kind: str, api: str) -> dict[str, dict[str, Any]]:
        """The parts of a kind that belong to an API, by the value of their Ref."""
        found = {name.lower(): self._checked(name) for name in self.template.of_type(_V2 + kind)}
        return {name: one for name, one in found.items() if one["ApiId"] == api.lower()}

    # --- REST and HTTP ---------------------------------------------------------------------

    def _rest_api(self, name: str, properties: dict[str, Any]) -> RestApi:
        auth = properties.get("Auth", {})
        stage = Stage(_api_id(name), properties["StageName"], properties.get("Variables", {}))
        authorizers = {
            label: self._rest_authorizer(name, label, one) for label, one in self._authorizers_of(name, auth)
        }
        try:
            cors = RestCors.read(properties["Cors"], auth) if "Cors" in properties else None
        except ValueError as error:
            raise TemplateError(f"line {self.template.line_of('Cors:', within=name)}: {error}") from error
        return RestApi(
            stage,
            self._integrations(name, "Api", "RestApiId", authorizers, auth.get("DefaultAuthorizer", "NONE")),
            gateway_responses=properties.get("GatewayResponses", {}),
            key_source=properties.get("ApiKeySourceType", "HEADER"),
            requires_key=auth.get("ApiKeyRequired", False),
            keys=self._keys_in_plans(stage),
            cors=cors,
        )

    def _keys_in_plans(self, stage: Stage) -> frozenset[str]:
        """The enabled keys of the usage plans that hold this stage."""
        self.template.set("DemoRestApi.Stage", stage.name)
        plans = {name.lower(): self._checked(name) for name in self.template.of_type(_PLAN)}
        keys = {name.lower(): self._checked(name) for name in self.template.of_type(_KEY)}
        here = {"ApiId": stage.api_id, "Stage": stage.name}
        found = [self._checked(name) for name in self.template.of_type(_PLAN_KEY)]
        fitting = [keys[one["KeyId"]] for one in found if here in plans[one["UsagePlanId"]]["ApiStages"]]
        return frozenset(one["Value"] for one in fitting if one["Enabled"])

    def _http_api(self, name: str, properties: dict[str, Any]) -> HttpApi:
        auth = properties.get("Auth", {})
        stage = Stage(_api_id(name), properties.get("StageName", "$default"), properties.get("StageVariables", {}))
        authorizers = {
            label: self._http_authorizer(name, label, one) for label, one in self._authorizers_of(name, auth)
        }
        cors = HttpCors.read(properties["CorsConfiguration"]) if "CorsConfiguration" in properties else None
        default = auth.get("DefaultAuthorizer", "NONE")
        return HttpApi(stage, self._integrations(name, "HttpApi", "ApiId", authorizers, default), cors=cors)

    def _integrations(
        self, api: str, kind: str, reference: str, authorizers: dict[str, Authorizer], default: str
    ) -> list[Integration]:
        found = []
        for name, function in self.functions.items():
            for event in (self.template.properties(name).get("Events") or {}).values():
                properties = self.template.resolve(event["Properties"])
                for unknown in sorted(properties.keys() - _EVENT):
                    raise self._refuse(name, unknown)
                if event["Type"] != kind or properties.get(reference) != _api_id(api):
                    continue
                label = properties.get("Auth", {}).get("Authorizer", default)
                authorizer = None if label == "NONE" else authorizers[label]
                method = properties.get("Method", "ANY").upper()
                found.append(Integration(method, properties.get("Path", "$default"), function, authorizer))
        return found

    def _authorizers_of(self, api: str, auth: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
        for label, one in auth.get("Authorizers", {}).items():
            for unknown in sorted(one.keys() - _AUTHORIZER):
                raise self._refuse(api, unknown)
            yield label, one

    def _rest_authorizer(self, api: str, label: str, properties: dict[str, Any]) -> Authorizer:
        identity = properties.get("Identity", {})
        is_token = properties.get("FunctionPayloadType", "TOKEN") == "TOKEN"
        sources = (("header", identity.get("Header", "Authorization")),) if is_token else self._sources(api, identity)
        return Authorizer(
            label,
            self._function_at(properties["FunctionArn"]),
            "TOKEN" if is_token else "REQUEST",
            sources,
            int(identity.get("ReauthorizeEvery", 300)),
            identity.get("ValidationExpression", ""),
        )

    def _http_authorizer(self, api: str, label: str, properties: dict[str, Any]) -> Authorizer:
        identity = properties.get("Identity", {})
        if properties["AuthorizerPayloadFormatVersion"] == "1.0":
            kind = "HTTP_1"
        else:
            kind = "HTTP_2_SIMPLE" if properties.get("EnableSimpleResponses") else "HTTP_2_POLICY"
        return Authorizer(
            label,
            self._function_at(properties["FunctionArn"]),
            kind,
            self._sources(api, identity),
            int(identity.get("ReauthorizeEvery", 0)),
        )

    def _sources(self, api: str, identity: dict[str, Any]) -> tuple[tuple[str, str], ...]:
        places = {
            "Headers": "header",
            "QueryStrings": "querystring",
            "StageVariables": "stageVariable",
            "Context": "context",
        }
        for unknown in sorted(identity.keys() - places.keys() - {"ReauthorizeEvery"}):
            raise self._refuse(api, unknown)
        return tuple((place, name) for source, place in places.items() for name in identity.get(source, []))

    def _function_at(self, arn: str) -> Function:
        return self.functions[arn.rpartition(":")[2]]

    # --- WebSocket -------------------------------------------------------------------------

    def _socket_api(self, name: str) -> WebSocketApi:
        properties = self._checked(name)
        if properties.get("ProtocolType") != "WEBSOCKET":
            raise self._refuse(name, "ProtocolType")
        selection = re.fullmatch(r"\$request\.body\.(\w+)", properties["RouteSelectionExpression"])
        if selection is None:
            raise self._refuse(name, "RouteSelectionExpression")
        stages = list(self._of("Stage", name).values())
        integrations, routes, guard = self._of("Integration", name), {}, None
        for route in self._of("Route", name).values():
            used = integrations[route["Target"].rpartition("/")[2]]
            answers = "RouteResponseSelectionExpression" in route
            routes[route["RouteKey"]] = SocketRoute(self._function_in(used["IntegrationUri"]), answers)
            if route.get("AuthorizationType", "NONE") != "NONE":
                guard = self._socket_authorizer(name, route)
        stage = Stage(name.lower(), stages[0]["StageName"], stages[0].get("StageVariables", {}))
        return WebSocketApi(stage, routes, guard, selected_by=selection[1])

    def _socket_authorizer(self, api: str, route: dict[str, Any]) -> Authorizer:
        if route["AuthorizationType"] != "CUSTOM" or route["RouteKey"] != "$connect":
            raise self._refuse(api, "AuthorizationType")
        properties = self._of("Authorizer", api)[route["AuthorizerId"]]
        sources = []
        for source in properties.get("IdentitySource", []):
            found = re.fullmatch(r"route\.request\.(header|querystring)\.(.+)", source)
            if found is None:
                raise self._refuse(api, source)
            sources.append((found[1], found[2]))
        function = self._function_in(properties["AuthorizerUri"])
        return Authorizer(route["AuthorizerId"], function, "REQUEST", tuple(sources), 0)

    def _function_in(self, uri: str) -> Function:
        """Of `arn:aws:apigateway:…/functions/ARN/invocations`."""
        return self._function_at(uri.rpartition("/functions/")[2].removesuffix("/invocations"))


def _api_id(name: str) -> str:
    return API_IDS.get(name, name.lower())
