"""Make the gateway's APIs of what template.yaml says of them; what is not understood is refused."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from dev.gateway import gateway_responses
from dev.gateway.apis import HttpApi, Integration, RestApi
from dev.gateway.authorizers import HTTP_PATIENCE_SECONDS, Authorizer, ResultCache, Undocumented
from dev.gateway.cors import HttpCors, RestCors
from dev.gateway.events import ACCOUNT, REGION, Stage
from dev.gateway.iam import matches
from dev.gateway.messages import Request, Response
from dev.gateway.server import Handler
from dev.gateway.usage_plans import Plan, Plans
from dev.gateway.websockets import SocketRoute, WebSocketApi
from dev.lambda_runtime import Function
from dev.template import Template, TemplateError

API_IDS = {"DemoRestApi": "demorest", "DemoHttpApi": "demohttp", "AdminApi": "admin"}
MOUNTS = {"AdminApi": "/admin"}
_REST, HTTP = "AWS::Serverless::Api", "AWS::Serverless::HttpApi"
_KEY, _PLAN, _PLAN_KEY = (f"AWS::ApiGateway::{one}" for one in ("ApiKey", "UsagePlan", "UsagePlanKey"))
_PERMISSION = "AWS::Lambda::Permission"
_V2 = "AWS::ApiGatewayV2::"
_MAX_TTL_SECONDS = 3600
_KNOWN = {
    _REST: {"StageName", "ApiKeySourceType", "Variables", "Auth", "GatewayResponses", "Cors"},
    HTTP: {"StageVariables", "Auth", "StageName", "CorsConfiguration"},
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
    f"{_V2}Integration": {
        "ApiId",
        "IntegrationType",
        "IntegrationUri",
        "TemplateSelectionExpression",
        "RequestTemplates",
    },
    f"{_V2}Authorizer": {"ApiId", "Name", "AuthorizerType", "AuthorizerUri", "IdentitySource"},
    f"{_V2}Stage": {"ApiId", "StageName", "AutoDeploy", "StageVariables"},
    _KEY: {"Description", "Enabled", "Value", "Name"},
    _PLAN: {"ApiStages", "Description", "UsagePlanName", "Throttle", "Quota"},
    _PLAN_KEY: {"KeyId", "KeyType", "UsagePlanId"},
    _PERMISSION: {"Action", "FunctionName", "Principal", "SourceArn"},
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
_EVENT_AUTH = {"Authorizer", "ApiKeyRequired"}
API_TYPES = frozenset(_KNOWN)


class ApiReader:
    """Reads the APIs of a template whose functions run."""

    def __init__(self, template: Template, functions: Mapping[str, Function], undocumented: Undocumented) -> None:
        self.template, self.functions, self._undocumented = template, functions, undocumented

    def rest_stages(self) -> list[str]:
        return [str(self._checked(name)["StageName"]) for name in self.template.of_type(_REST)]

    def http_mount(self, name: str) -> str:
        """Where an HTTP API answers; a stage with a name is part of its URL."""
        stage = str(self._checked(name).get("StageName", "$default"))
        return MOUNTS.get(name, "/http") + ("" if stage == "$default" else f"/{stage}")

    def mounts(self) -> dict[str, Handler]:
        """Where each API answers HTTP, and where its result cache is flushed by AWS's own operations."""
        found: dict[str, Handler] = {}
        for name in self.template.of_type(_REST):
            rest = self._rest_api(name, self._checked(name))
            self._mount(found, name, f"/rest/{rest.stage.name}", rest.handle)
            found[f"/restapis/{_cache_path(rest.stage)}"] = _flush(rest.cache, 202)  # FlushStageAuthorizersCache
        for name in self.template.of_type(HTTP):
            http = self._http_api(name, self._checked(name))
            self._mount(found, name, self.http_mount(name), http.handle)
            found[f"/v2/apis/{_cache_path(http.stage)}"] = _flush(http.cache, 204)  # ResetAuthorizersCache
        return found | {mount: api.handle for mount, api in self.sockets().items()}

    def _mount(self, mounts: dict[str, Handler], name: str, place: str, handler: Handler) -> None:
        if place in mounts:
            line = self.template.line_of("Type:", within=name)
            message = f"line {line}: {name}: another API answers at {place}; the local gateway takes one"
            raise TemplateError(message)
        mounts[place] = handler

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
        responses = properties.get("GatewayResponses", {})
        unknown = gateway_responses.unknown_in(responses)
        if unknown:
            raise self._refuse(name, unknown)
        return RestApi(
            stage,
            self._integrations(name, "Api", "RestApiId", authorizers, auth),
            gateway_responses=responses,
            key_source=properties.get("ApiKeySourceType", "HEADER"),
            plans=Plans(self._keys_in_plans(name, stage)),
            cors=cors,
        )

    def _keys_in_plans(self, name: str, stage: Stage) -> dict[str, Plan]:
        """The enabled keys of the usage plans that hold this stage."""
        self.template.set(f"{name}.Stage", stage.name)
        plans = {name.lower(): self._checked(name) for name in self.template.of_type(_PLAN)}
        keys = {name.lower(): self._checked(name) for name in self.template.of_type(_KEY)}
        here = {"ApiId": stage.api_id, "Stage": stage.name}
        found = [self._checked(name) for name in self.template.of_type(_PLAN_KEY)]
        fitting = [(keys[one["KeyId"]], plans[one["UsagePlanId"]]) for one in found]
        return {
            key["Value"]: Plan.read(plan.get("Throttle", {}), plan.get("Quota", {}))
            for key, plan in fitting
            if key.get("Enabled") and here in plan["ApiStages"]
        }

    def _http_api(self, name: str, properties: dict[str, Any]) -> HttpApi:
        auth = properties.get("Auth", {})
        stage = Stage(_api_id(name), properties.get("StageName", "$default"), properties.get("StageVariables", {}))
        authorizers = {
            label: self._http_authorizer(name, label, one) for label, one in self._authorizers_of(name, auth)
        }
        cors = HttpCors.read(properties["CorsConfiguration"]) if "CorsConfiguration" in properties else None
        return HttpApi(stage, self._integrations(name, "HttpApi", "ApiId", authorizers, auth), cors=cors)

    def _integrations(
        self, api: str, kind: str, reference: str, authorizers: dict[str, Authorizer], auth: dict[str, Any]
    ) -> list[Integration]:
        found = []
        for name, function in self.functions.items():
            for event in (self.template.properties(name).get("Events") or {}).values():
                if event["Type"] not in {"Api", "HttpApi"}:
                    raise self._refuse(name, f"Type: {event['Type']}")
                properties = self.template.resolve(event["Properties"])
                own = properties.get("Auth", {})
                for unknown in sorted((properties.keys() - _EVENT) | (own.keys() - _EVENT_AUTH)):
                    raise self._refuse(name, unknown)
                if event["Type"] != kind or properties.get(reference) != _api_id(api):
                    continue
                label = own.get("Authorizer", auth.get("DefaultAuthorizer", "NONE"))
                if label != "NONE" and label not in authorizers:
                    raise self._refuse(name if "Authorizer" in own else api, f"Authorizer: {label}")
                method, path = properties.get("Method", "ANY").upper(), properties.get("Path", "$default")
                requires_key = own.get("ApiKeyRequired", auth.get("ApiKeyRequired", False))
                found.append(Integration(method, path, function, authorizers.get(label), requires_key))
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
            self._function_at(api, properties["FunctionArn"]),
            "TOKEN" if is_token else "REQUEST",
            sources,
            self._ttl(api, identity, sources, default=300),
            identity.get("ValidationExpression", ""),
            undocumented=self._undocumented,
        )

    def _http_authorizer(self, api: str, label: str, properties: dict[str, Any]) -> Authorizer:
        identity = properties.get("Identity", {})
        if properties["AuthorizerPayloadFormatVersion"] == "1.0":
            kind = "HTTP_1"
        else:
            kind = "HTTP_2_SIMPLE" if properties.get("EnableSimpleResponses") else "HTTP_2_POLICY"
        sources, function = self._sources(api, identity), self._function_at(api, properties["FunctionArn"])
        is_permitted = properties.get("EnableFunctionDefaultPermissions") or self._permits(api, label, function)
        return Authorizer(
            label,
            function,
            kind,
            sources,
            self._ttl(api, identity, sources, default=0),
            is_permitted=bool(is_permitted),
            patience_seconds=HTTP_PATIENCE_SECONDS,
            undocumented=self._undocumented,
        )

    def _ttl(self, api: str, identity: dict[str, Any], sources: tuple[tuple[str, str], ...], *, default: int) -> int:
        """Seconds. A cached answer needs an identity that it is for: without one it would be everybody's."""
        seconds = int(identity.get("ReauthorizeEvery", default))
        if not 0 <= seconds <= _MAX_TTL_SECONDS or (seconds and not sources):
            raise self._refuse(api, "ReauthorizeEvery" if "ReauthorizeEvery" in identity else "Authorizers")
        return seconds

    def _permits(self, api: str, label: str, function: Function) -> bool:
        """Whether a permission of the template lets API Gateway invoke the authorizer."""
        caller = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{_api_id(api)}/authorizers/{label}"
        return any(
            one["Principal"] == "apigateway.amazonaws.com"
            and _function_name(one["FunctionName"]).lower() == function.config.name.lower()
            and matches(one.get("SourceArn", "*"), caller)
            for one in map(self._checked, self.template.of_type(_PERMISSION))
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

    def _function_at(self, api: str, arn: str) -> Function:
        found = self.functions.get(_function_name(arn))
        if found is None:
            raise self._refuse(api, "FunctionArn" if api in self.template.of_type(_REST, HTTP) else "Uri")
        return found

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
            is_mock = used["IntegrationType"] == "MOCK"
            function = None if is_mock else self._function_in(name, used["IntegrationUri"])
            routes[route["RouteKey"]] = SocketRoute(function, answers)
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
        label, function = route["AuthorizerId"], self._function_in(api, properties["AuthorizerUri"])
        is_permitted = self._permits(api, label, function)
        return Authorizer(label, function, "REQUEST", tuple(sources), 0, is_permitted=is_permitted)

    def _function_in(self, api: str, uri: str) -> Function:
        """Of `arn:aws:apigateway:…/functions/ARN/invocations`."""
        return self._function_at(api, uri.rpartition("/functions/")[2].removesuffix("/invocations"))


def _cache_path(stage: Stage) -> str:
    return f"{stage.api_id}/stages/{quote(stage.name)}/cache/authorizers"


def _flush(cache: ResultCache, status: int) -> Handler:
    def flush(request: Request) -> Response:
        if request.method != "DELETE":
            return Response(405, (), b"", "no such operation")
        cache.flush()
        return Response(status, (), b"", "flushed")

    return flush


def _function_name(arn: str) -> str:
    """Of an ARN with or without an alias, or of the name itself."""
    pieces = arn.split(":")
    return pieces[6] if len(pieces) > 6 else arn  # noqa: PLR2004 - arn:aws:lambda:region:account:function:name:alias


def _api_id(name: str) -> str:
    return API_IDS.get(name, name.lower())
