"""The WebSocket APIs of a template."""

import re
from typing import Any

from dev.api_reader.reader import Reader
from dev.gateway.authorizers import Authorizer
from dev.gateway.events import Stage
from dev.gateway.websockets import SocketRoute, WebSocketApi
from dev.lambda_runtime import Function
from dev.template import TemplateError


class SocketReader(Reader):
    """Reads the APIs of AWS::ApiGatewayV2 with their routes, integrations and authorizers."""

    def api(self, name: str) -> WebSocketApi:
        properties = self.checked(name)
        if properties.get("ProtocolType") != "WEBSOCKET":
            raise self.refuse(name, "ProtocolType")
        selection = re.fullmatch(r"\$request\.body\.(\w+)", properties["RouteSelectionExpression"])
        if selection is None:
            raise self.refuse(name, "RouteSelectionExpression")
        stages = list(self.of("Stage", name).values())
        answered = {one["IntegrationId"] for one in self.of("IntegrationResponse", name).values()}
        integrations, routes, guard = self.of("Integration", name), {}, None
        for route in self.of("Route", name).values():
            target = route["Target"].rpartition("/")[2]
            used = integrations[target]
            answers = "RouteResponseSelectionExpression" in route
            is_mock = used["IntegrationType"] == "MOCK"
            if is_mock and target not in answered:
                line = self.template.line_of("MOCK")
                raise TemplateError(
                    f"line {line}: {name}: a mock integration needs an IntegrationResponse; on AWS it fails"
                )
            function = None if is_mock else self._function_in(name, used["IntegrationUri"])
            routes[route["RouteKey"]] = SocketRoute(function, answers)
            if route.get("AuthorizationType", "NONE") != "NONE":
                guard = self._authorizer(name, route)
        stage = Stage(name.lower(), stages[0]["StageName"], stages[0].get("StageVariables", {}))
        return WebSocketApi(stage, routes, guard, selected_by=selection[1])

    def _authorizer(self, api: str, route: dict[str, Any]) -> Authorizer:
        if route["AuthorizationType"] != "CUSTOM" or route["RouteKey"] != "$connect":
            raise self.refuse(api, "AuthorizationType")
        properties = self.of("Authorizer", api)[route["AuthorizerId"]]
        sources = []
        for source in properties.get("IdentitySource", []):
            found = re.fullmatch(r"route\.request\.(header|querystring)\.(.+)", source)
            if found is None:
                raise self.refuse(api, source)
            sources.append((found[1], found[2]))
        label, function = route["AuthorizerId"], self._function_in(api, properties["AuthorizerUri"])
        is_permitted = self.permits(api, label, function)
        return Authorizer(label, function, "REQUEST", tuple(sources), 0, is_permitted=is_permitted)

    def _function_in(self, api: str, uri: str) -> Function:
        """Of `arn:aws:apigateway:…/functions/ARN/invocations`."""
        return self.function_at(api, uri.rpartition("/functions/")[2].removesuffix("/invocations"))
