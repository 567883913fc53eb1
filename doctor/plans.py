"""A Terraform plan (`terraform show -json FILE`) in CloudFormation's shape, so that both are judged by the same checks.

A plan is read rather than configuration: it knows what variables, `for_each`, modules and data sources come to. Values
that are known after apply alone are None; what they refer to stands in the configuration that the plan repeats.
A local value (`local.x`) is opaque there.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from doctor.nodes import EMPTY, Node, TemplateError, entries, items, parse, text_of

Properties = Mapping[str, "str | tuple[str, Properties]"]

_REST = {"rest_api_id": "RestApiId"}
_V2 = {"api_id": "ApiId"}
# Of each type its name in CloudFormation and those of its attributes; a block has attributes of its own.
_TYPES: Mapping[str, tuple[str, Properties]] = {
    "aws_api_gateway_rest_api": ("AWS::ApiGateway::RestApi", {"api_key_source": "ApiKeySourceType", "body": "Body"}),
    "aws_api_gateway_authorizer": (
        "AWS::ApiGateway::Authorizer",
        _REST
        | {
            "type": "Type",
            "authorizer_uri": "AuthorizerUri",
            "authorizer_credentials": "AuthorizerCredentials",
            "identity_source": "IdentitySource",
            "identity_validation_expression": "IdentityValidationExpression",
            "authorizer_result_ttl_in_seconds": "AuthorizerResultTtlInSeconds",
        },
    ),
    "aws_api_gateway_method": (
        "AWS::ApiGateway::Method",
        _REST
        | {
            "http_method": "HttpMethod",
            "authorization": "AuthorizationType",
            "authorizer_id": "AuthorizerId",
            "api_key_required": "ApiKeyRequired",
        },
    ),
    "aws_api_gateway_integration_response": (
        "Terraform::IntegrationResponse",  # in CloudFormation a part of the method
        _REST | {"http_method": "HttpMethod", "response_parameters": "ResponseParameters"},
    ),
    "aws_api_gateway_integration": ("Terraform::Integration", _REST | {"http_method": "HttpMethod"}),
    "aws_api_gateway_method_settings": (
        "Terraform::MethodSettings",  # in CloudFormation a part of the stage
        _REST | {"stage_name": "StageName", "settings": ("MethodSettings", {"caching_enabled": "CachingEnabled"})},
    ),
    "aws_api_gateway_gateway_response": (
        "AWS::ApiGateway::GatewayResponse",
        _REST
        | {
            "response_type": "ResponseType",
            "status_code": "StatusCode",
            "response_templates": "ResponseTemplates",
            "response_parameters": "ResponseParameters",
        },
    ),
    "aws_api_gateway_deployment": ("AWS::ApiGateway::Deployment", _REST | {"triggers": "Triggers"}),
    "aws_api_gateway_stage": (
        "AWS::ApiGateway::Stage",
        _REST
        | {"stage_name": "StageName", "variables": "Variables", "deployment_id": "DeploymentId"}
        | {"cache_cluster_enabled": "CacheClusterEnabled"},
    ),
    "aws_api_gateway_api_key": ("AWS::ApiGateway::ApiKey", {"value": "Value"}),
    "aws_api_gateway_usage_plan": (
        "AWS::ApiGateway::UsagePlan",
        {
            "api_stages": ("ApiStages", {"api_id": "ApiId", "stage": "Stage"}),
            "throttle_settings": ("Throttle", {"rate_limit": "RateLimit"}),
            "quota_settings": ("Quota", {"limit": "Limit"}),
        },
    ),
    "aws_api_gateway_usage_plan_key": (
        "AWS::ApiGateway::UsagePlanKey",
        {"key_id": "KeyId", "usage_plan_id": "UsagePlanId"},
    ),
    "aws_lambda_permission": (
        "AWS::Lambda::Permission",
        {
            "function_name": "FunctionName",
            "principal": "Principal",
            "source_arn": "SourceArn",
            "source_account": "SourceAccount",
        },
    ),
    "aws_lambda_function": ("AWS::Lambda::Function", {"handler": "Handler", "runtime": "Runtime"}),
    "aws_apigatewayv2_api": (
        "AWS::ApiGatewayV2::Api",
        {
            "protocol_type": "ProtocolType",
            "body": "Body",
            "cors_configuration": (
                "CorsConfiguration",
                {"allow_headers": "AllowHeaders", "allow_origins": "AllowOrigins", "expose_headers": "ExposeHeaders"},
            ),
        },
    ),
    "aws_apigatewayv2_authorizer": (
        "AWS::ApiGatewayV2::Authorizer",
        _V2
        | {
            "authorizer_type": "AuthorizerType",
            "authorizer_uri": "AuthorizerUri",
            "authorizer_credentials_arn": "AuthorizerCredentialsArn",
            "authorizer_payload_format_version": "AuthorizerPayloadFormatVersion",
            "authorizer_result_ttl_in_seconds": "AuthorizerResultTtlInSeconds",
            "enable_simple_responses": "EnableSimpleResponses",
            "identity_sources": "IdentitySource",
        },
    ),
    "aws_apigatewayv2_route": (
        "AWS::ApiGatewayV2::Route",
        _V2
        | {"route_key": "RouteKey", "authorization_type": "AuthorizationType", "authorizer_id": "AuthorizerId"}
        | {"target": "Target"},
    ),
    "aws_apigatewayv2_integration": (
        "AWS::ApiGatewayV2::Integration",
        _V2
        | {"integration_type": "IntegrationType", "integration_uri": "IntegrationUri"}
        | {"integration_subtype": "IntegrationSubtype"},
    ),
    "aws_apigatewayv2_integration_response": (
        "AWS::ApiGatewayV2::IntegrationResponse",
        _V2 | {"integration_id": "IntegrationId"},
    ),
    "aws_apigatewayv2_deployment": ("AWS::ApiGatewayV2::Deployment", _V2 | {"triggers": "Triggers"}),
    "aws_apigatewayv2_stage": (
        "AWS::ApiGatewayV2::Stage",
        _V2 | {"name": "StageName", "stage_variables": "StageVariables", "auto_deploy": "AutoDeploy"},
    ),
}
_SINGLE_BLOCKS = {"CorsConfiguration", "Throttle", "Quota"}  # lists of one in Terraform
_ADDRESS = re.compile(r"((?:data\.)?[A-Za-z_][\w-]*\.[A-Za-z_][\w-]*)(\[[^\]]+\])?")
_OUTPUT = re.compile(r"module\.([\w-]+)(?:\[[^\]]+\])?(?:\.([\w-]+))?")
_STACK_OUTPUT = re.compile(r'outputs\["(\w+)"\]|outputs\.(\w+)')


def is_plan(root: Node) -> bool:
    return root.get("planned_values") is not None and root.get("configuration") is not None


def resources(root: Node) -> Node:
    """The planned resources, by address, as CloudFormation would have them."""
    planned = root.get("planned_values", "root_module") or EMPTY
    module = _Module(root.get("configuration", "root_module") or EMPTY, planned, _data_of(root))
    return Node(dict(module.resources()), root.line)


def _data_of(root: Node) -> dict[str, Node]:
    """The values of every data source that was read, by address."""
    read: dict[str, Node] = {}
    modules = [root.get("prior_state", "values", "root_module"), root.get("planned_values", "root_module")]
    while modules:
        module = modules.pop()
        modules += items(module and module.get("child_modules"))
        for resource in items(module and module.get("resources")):
            if text_of(resource.get("mode")) == "data":
                read[text_of(resource.get("address"))] = resource.get("values") or EMPTY
    return read


@dataclass(slots=True)
class _Module:
    """A module as it is configured, what is planned of it, and the call that gives its variables."""

    configuration: Node
    planned: Node
    data: dict[str, Node]
    address: str = ""
    caller: "_Module | None" = None
    call: Node = EMPTY
    children: list["_Module"] = field(init=False)

    def __post_init__(self) -> None:
        self.children = [self._child(planned) for planned in items(self.planned.get("child_modules"))]

    def _child(self, planned: Node) -> "_Module":
        address = text_of(planned.get("address"))
        call = self.configuration.get("module_calls", self._called(address)) or EMPTY
        return _Module(call.get("module") or EMPTY, planned, self.data, address, self, call)

    def _called(self, address: str) -> str:
        own = address.removeprefix(f"{self.address}.") if self.address else address
        return own.removeprefix("module.").partition("[")[0]

    def resources(self) -> Iterator[tuple[str, Node]]:
        configured = {
            text_of(resource.get("address")): resource for resource in items(self.configuration.get("resources"))
        }
        for planned in items(self.planned.get("resources")):
            kind = text_of(planned.get("type"))
            if kind in _TYPES and text_of(planned.get("mode")) == "managed":
                own = configured.get(f"{kind}.{text_of(planned.get('name'))}", EMPTY)
                yield text_of(planned.get("address")), self._resource(kind, planned, own)
        for child in self.children:
            yield from child.resources()

    def _resource(self, kind: str, planned: Node, configured: Node) -> Node:
        name, properties = _TYPES[kind]
        line, index = planned.line, text_of(planned.get("index"))
        values, expressions = planned.get("values") or EMPTY, configured.get("expressions") or EMPTY
        depends = [self._names(dependency.text, index) for dependency in items(configured.get("depends_on"))]
        resource = {
            "Type": Node(name, line),
            "Properties": self._properties(properties, values, expressions, index),
            "DependsOn": Node([Node(awaited, line) for names in depends for awaited in names], line),
        }
        return Node(resource, line)

    def _properties(self, known: Properties, values: Node, expressions: Node, index: str) -> Node:
        properties: dict[str, Node] = {}
        for attribute, named in known.items():
            value, expression = values.get(attribute), expressions.get(attribute)
            if isinstance(named, tuple):
                blocks = self._blocks(named[1], value, expression, index)
                if blocks:
                    name = named[0]
                    properties[name] = blocks[0] if name in _SINGLE_BLOCKS else Node(blocks, blocks[0].line)
                continue
            is_unknown = value is None and expression is not None  # what is known to be null stands there as null
            if is_unknown or (value is not None and value.value is not None):
                node = value or Node(None, values.line)
                names = self._names_of(expression, index)
                properties[named] = _definition(node) if named == "Body" else node._replace(names=names)
        return Node(properties, values.line)

    def _blocks(self, known: Properties, values: Node | None, expressions: Node | None, index: str) -> list[Node]:
        """Each block that is planned, with what it was configured by: its own, or the one that all were made of."""
        configured = items(expressions)
        found = []
        for place, value in enumerate(items(values)):
            own = configured[place] if place < len(configured) else (configured[0] if configured else EMPTY)
            if isinstance(value.value, dict):
                found.append(self._properties(known, value, own, index))
        return found

    def _names_of(self, expression: Node | None, index: str) -> frozenset[str]:
        """What an expression refers to, at any depth."""
        if expression is None or not isinstance(expression.value, dict | list):
            return frozenset()
        if isinstance(expression.value, list):
            return frozenset().union(*(self._names_of(part, index) for part in expression.value))
        references = [reference.text for reference in items(expression.get("references"))]
        exact = [
            reference for reference in references if not any(other.startswith(f"{reference}[") for other in references)
        ]
        nested = (self._names_of(inner, index) for name, inner in expression.entries() if name != "references")
        return frozenset().union(*(self._names(reference, index) for reference in exact), *nested)

    def _names(self, reference: str, index: str) -> frozenset[str]:
        """The resources and exports that a reference means, as seen in this module."""
        head, _, rest = reference.partition(".")
        if head == "var":
            variable = rest.partition(".")[0].partition("[")[0]
            given = self.call.get("expressions", variable)
            return self.caller._names_of(given, index) if self.caller else frozenset()  # noqa: SLF001 - its own kind
        if head in {"each", "count", "path", "terraform", "self", "local"}:
            return frozenset()
        if head == "module":
            return self._output(reference, index)
        match = _ADDRESS.match(reference)
        if match is None:
            return frozenset()
        return self._source(match[1], reference) if head == "data" else self._instances(match[1], match[2] or "", index)

    def _output(self, reference: str, index: str) -> frozenset[str]:
        """What an output of a module is made of; of a module as a whole, what all of them are."""
        match = _OUTPUT.match(reference)
        called = [child for child in self.children if match and self._called(child.address) == match[1]]
        same_key = [child for child in called if child.address.endswith((f'["{index}"]', f"[{index}]"))]
        names: frozenset[str] = frozenset()
        for child in same_key or called:
            for name, output in entries(child.configuration, "outputs"):
                if match and match[2] in {None, name}:
                    names |= child._names_of(output.get("expression"), "")  # noqa: SLF001 - its own kind
        return names

    def _source(self, address: str, reference: str) -> frozenset[str]:
        """A data source; of an export, or of a stack's output, what is imported."""
        kind = address.split(".")[1]
        full = f"{self.address}.{address}" if self.address else address
        name = text_of(self.data.get(full, EMPTY).get("name"))
        if kind == "aws_cloudformation_export" and name:
            return frozenset({f"import {name}"})
        output = _STACK_OUTPUT.search(reference)
        if kind == "aws_cloudformation_stack" and output:
            return frozenset({f"import {name}-{output[1] or output[2]}"})
        return frozenset({f"data.{kind}"})

    def _instances(self, address: str, chosen: str, index: str) -> frozenset[str]:
        """The planned instances of a resource: the chosen one, else the one of the same key, else all."""
        full = f"{self.address}.{address}" if self.address else address
        here = [text_of(resource.get("address")) for resource in items(self.planned.get("resources"))]
        for wanted in (f"{full}{chosen}", f'{full}["{index}"]', f"{full}[{index}]"):
            if wanted in here:
                return frozenset({wanted})
        return frozenset(instance for instance in here if instance.startswith(f"{full}["))


def _definition(body: Node) -> Node:
    """The OpenAPI definition in a string; what is known after apply alone, or cannot be read, stays None."""
    try:
        return _on_line(parse(body.text), body.line) if body.text else body
    except TemplateError:
        return body._replace(value=None)


def _on_line(node: Node, line: int) -> Node:
    value = node.value
    if isinstance(value, dict):
        value = {name: _on_line(inner, line) for name, inner in value.items()}
    elif isinstance(value, list):
        value = [_on_line(inner, line) for inner in value]
    return node._replace(value=value, line=line)
