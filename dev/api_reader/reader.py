"""What a template says, as far as the local gateway understands it; anything else is refused by its line."""

from collections.abc import Mapping
from typing import Any

from dev.account import ACCOUNT, REGION
from dev.gateway.authorizers import Undocumented
from dev.gateway.iam import matches
from dev.lambda_runtime import Function
from dev.template import Template, TemplateError

API_IDS = {"DemoRestApi": "demorest", "DemoHttpApi": "demohttp", "AdminApi": "admin"}
REST, HTTP, V2 = "AWS::Serverless::Api", "AWS::Serverless::HttpApi", "AWS::ApiGatewayV2::"
KEY, PLAN, PLAN_KEY = (f"AWS::ApiGateway::{one}" for one in ("ApiKey", "UsagePlan", "UsagePlanKey"))
_PERMISSION = "AWS::Lambda::Permission"
_KNOWN = {
    REST: {
        "StageName",
        "ApiKeySourceType",
        "Variables",
        "Auth",
        "GatewayResponses",
        "Cors",
        "EndpointConfiguration",
        "OpenApiVersion",
    },
    HTTP: {"StageVariables", "Auth", "StageName", "CorsConfiguration"},
    f"{V2}Api": {"Name", "ProtocolType", "RouteSelectionExpression"},
    f"{V2}Route": {
        "ApiId",
        "RouteKey",
        "AuthorizationType",
        "AuthorizerId",
        "Target",
        "RouteResponseSelectionExpression",
    },
    f"{V2}RouteResponse": {"ApiId", "RouteId", "RouteResponseKey"},
    f"{V2}IntegrationResponse": {"ApiId", "IntegrationId", "IntegrationResponseKey"},
    f"{V2}Integration": {
        "ApiId",
        "IntegrationType",
        "IntegrationUri",
        "TemplateSelectionExpression",
        "RequestTemplates",
    },
    f"{V2}Authorizer": {"ApiId", "Name", "AuthorizerType", "AuthorizerUri", "IdentitySource"},
    f"{V2}Stage": {"ApiId", "StageName", "AutoDeploy", "StageVariables"},
    KEY: {"Description", "Enabled", "Value", "Name"},
    PLAN: {"ApiStages", "Description", "UsagePlanName", "Throttle", "Quota"},
    PLAN_KEY: {"KeyId", "KeyType", "UsagePlanId"},
    _PERMISSION: {"Action", "FunctionName", "Principal", "SourceArn"},
}
_AUTH = {
    "DefaultAuthorizer",
    "Authorizers",
    "ApiKeyRequired",
    "AddDefaultAuthorizerToCorsPreflight",
    "AddApiKeyRequiredToCorsPreflight",
}
API_TYPES = frozenset(_KNOWN)


class Reader:
    """Reads the properties of a template's resources, and finds the functions that they name."""

    def __init__(self, template: Template, functions: Mapping[str, Function], undocumented: Undocumented) -> None:
        self.template, self.functions, self.undocumented = template, functions, undocumented

    def checked(self, name: str) -> dict[str, Any]:
        """The properties of a resource. Raises TemplateError where one is not understood."""
        properties = self.template.properties(name)
        for unknown in sorted(properties.keys() - _KNOWN[self.template.resources[name]["Type"]]):
            raise self.refuse(name, unknown)
        for unknown in sorted((properties.get("Auth") or {}).keys() - _AUTH):
            raise self.refuse(name, unknown)
        return properties

    def of(self, kind: str, api: str) -> dict[str, dict[str, Any]]:
        """The parts of a kind that belong to an API, by the value of their Ref."""
        found = {name.lower(): self.checked(name) for name in self.template.of_type(V2 + kind)}
        return {name: one for name, one in found.items() if one["ApiId"] == api.lower()}

    def function_at(self, api: str, arn: str) -> Function:
        """The function that an API invokes. Raises TemplateError where the template has none of this name."""
        found = self.functions.get(_function_name(arn))
        if found is None:
            raise self.refuse(api, "FunctionArn" if api in self.template.of_type(REST, HTTP) else "Uri")
        return found

    def permits(self, api: str, label: str, function: Function) -> bool:
        """Whether a permission of the template lets API Gateway invoke the authorizer."""
        caller = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api_id_of(api)}/authorizers/{label}"
        return any(
            one["Principal"] == "apigateway.amazonaws.com"
            and _function_name(one["FunctionName"]).lower() == function.config.name.lower()
            and matches(one.get("SourceArn", "*"), caller)
            for one in map(self.checked, self.template.of_type(_PERMISSION))
        )

    def refuse(self, name: str, unknown: str) -> TemplateError:
        """What to raise where a part of a resource is not understood."""
        line = self.template.line_of(unknown, within=name)
        return TemplateError(f"line {line}: {name}.{unknown} is not understood by the local gateway")


def api_id_of(name: str) -> str:
    return API_IDS.get(name, name.lower())


def _function_name(arn: str) -> str:
    """Of an ARN with or without an alias, or of the name itself."""
    pieces = arn.split(":")
    return pieces[6] if len(pieces) > 6 else arn  # noqa: PLR2004 - arn:aws:lambda:region:account:function:name:alias
