"""The REST and HTTP APIs of a template."""

from collections.abc import Iterable
from typing import Any

from dev.api_reader.reader import KEY, PLAN, PLAN_KEY, Reader, api_id_of
from dev.gateway import gateway_responses
from dev.gateway.apis import HttpApi, Integration, RestApi
from dev.gateway.authorizers import HTTP_PATIENCE_SECONDS, Authorizer
from dev.gateway.cors import HttpCors, RestCors
from dev.gateway.events import Stage
from dev.gateway.usage_plans import Plan, Plans
from dev.template import TemplateError

_MAX_TTL_SECONDS = 3600
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


class RestAndHttpReader(Reader):
    """Reads the APIs of AWS::Serverless with the events of functions that are their routes."""

    def rest_api(self, name: str) -> RestApi:
        properties = self.checked(name)
        auth = properties.get("Auth", {})
        stage = Stage(api_id_of(name), properties["StageName"], properties.get("Variables", {}))
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
            raise self.refuse(name, unknown)
        return RestApi(
            stage,
            self._integrations(name, "Api", "RestApiId", authorizers, auth),
            gateway_responses=responses,
            key_source=properties.get("ApiKeySourceType", "HEADER"),
            plans=Plans(self._keys_in_plans(name, stage)),
            cors=cors,
        )

    def http_api(self, name: str) -> HttpApi:
        properties = self.checked(name)
        auth = properties.get("Auth", {})
        stage = Stage(api_id_of(name), properties.get("StageName", "$default"), properties.get("StageVariables", {}))
        authorizers = {
            label: self._http_authorizer(name, label, one) for label, one in self._authorizers_of(name, auth)
        }
        cors = HttpCors.read(properties["CorsConfiguration"]) if "CorsConfiguration" in properties else None
        return HttpApi(stage, self._integrations(name, "HttpApi", "ApiId", authorizers, auth), cors=cors)

    def _keys_in_plans(self, name: str, stage: Stage) -> dict[str, Plan]:
        """The enabled keys of the usage plans that hold this stage."""
        self.template.set(f"{name}.Stage", stage.name)
        plans = {name.lower(): self.checked(name) for name in self.template.of_type(PLAN)}
        keys = {name.lower(): self.checked(name) for name in self.template.of_type(KEY)}
        here = {"ApiId": stage.api_id, "Stage": stage.name}
        found = [self.checked(name) for name in self.template.of_type(PLAN_KEY)]
        fitting = [(keys[one["KeyId"]], plans[one["UsagePlanId"]]) for one in found]
        return {
            key["Value"]: Plan.read(plan.get("Throttle", {}), plan.get("Quota", {}))
            for key, plan in fitting
            if key.get("Enabled") and here in plan["ApiStages"]
        }

    def _integrations(
        self, api: str, kind: str, reference: str, authorizers: dict[str, Authorizer], auth: dict[str, Any]
    ) -> list[Integration]:
        found = []
        for name, function in self.functions.items():
            for event in (self.template.properties(name).get("Events") or {}).values():
                if event["Type"] not in {"Api", "HttpApi"}:
                    raise self.refuse(name, f"Type: {event['Type']}")
                properties = self.template.resolve(event["Properties"])
                own = properties.get("Auth", {})
                for unknown in sorted((properties.keys() - _EVENT) | (own.keys() - _EVENT_AUTH)):
                    raise self.refuse(name, unknown)
                if event["Type"] != kind or properties.get(reference) != api_id_of(api):
                    continue
                label = own.get("Authorizer", auth.get("DefaultAuthorizer", "NONE"))
                if label != "NONE" and label not in authorizers:
                    raise self.refuse(name if "Authorizer" in own else api, f"Authorizer: {label}")
                method, path = properties.get("Method", "ANY").upper(), properties.get("Path", "$default")
                requires_key = own.get("ApiKeyRequired", auth.get("ApiKeyRequired", False))
                found.append(Integration(method, path, function, authorizers.get(label), requires_key))
        return found

    def _authorizers_of(self, api: str, auth: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
        for label, one in auth.get("Authorizers", {}).items():
            for unknown in sorted(one.keys() - _AUTHORIZER):
                raise self.refuse(api, unknown)
            yield label, one

    def _rest_authorizer(self, api: str, label: str, properties: dict[str, Any]) -> Authorizer:
        identity = properties.get("Identity", {})
        is_token = properties.get("FunctionPayloadType", "TOKEN") == "TOKEN"
        sources = (("header", identity.get("Header", "Authorization")),) if is_token else self._sources(api, identity)
        return Authorizer(
            label,
            self.function_at(api, properties["FunctionArn"]),
            "TOKEN" if is_token else "REQUEST",
            sources,
            self._ttl(api, identity, sources, default=300),
            identity.get("ValidationExpression", ""),
            undocumented=self.undocumented,
        )

    def _http_authorizer(self, api: str, label: str, properties: dict[str, Any]) -> Authorizer:
        identity = properties.get("Identity", {})
        if properties["AuthorizerPayloadFormatVersion"] == "1.0":
            kind = "HTTP_1"
        else:
            kind = "HTTP_2_SIMPLE" if properties.get("EnableSimpleResponses") else "HTTP_2_POLICY"
        sources, function = self._sources(api, identity), self.function_at(api, properties["FunctionArn"])
        is_permitted = properties.get("EnableFunctionDefaultPermissions") or self.permits(api, label, function)
        return Authorizer(
            label,
            function,
            kind,
            sources,
            self._ttl(api, identity, sources, default=0),
            is_permitted=bool(is_permitted),
            patience_seconds=HTTP_PATIENCE_SECONDS,
            undocumented=self.undocumented,
        )

    def _ttl(self, api: str, identity: dict[str, Any], sources: tuple[tuple[str, str], ...], *, default: int) -> int:
        """Seconds. A cached answer needs an identity that it is for: without one it would be everybody's."""
        seconds = int(identity.get("ReauthorizeEvery", default))
        if not 0 <= seconds <= _MAX_TTL_SECONDS or (seconds and not sources):
            raise self.refuse(api, "ReauthorizeEvery" if "ReauthorizeEvery" in identity else "Authorizers")
        return seconds

    def _sources(self, api: str, identity: dict[str, Any]) -> tuple[tuple[str, str], ...]:
        places = {
            "Headers": "header",
            "QueryStrings": "querystring",
            "StageVariables": "stageVariable",
            "Context": "context",
        }
        for unknown in sorted(identity.keys() - places.keys() - {"ReauthorizeEvery"}):
            raise self.refuse(api, unknown)
        return tuple((place, name) for source, place in places.items() for name in identity.get(source, []))
