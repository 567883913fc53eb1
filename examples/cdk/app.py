"""A REST and an HTTP API that Tollgate protects, in CDK. The stacks take only what Tollgate exports."""

import aws_cdk as cdk
from aws_cdk import aws_apigateway as rest
from aws_cdk import aws_apigatewayv2 as http
from aws_cdk import aws_lambda as functions
from constructs import Construct

LIMITS = {
    "Retry-After": "context.authorizer.retryAfter",
    "X-RateLimit-Limit": "context.authorizer.limit",
    "X-RateLimit-Remaining": "context.authorizer.remaining",
    "X-RateLimit-Reset": "context.authorizer.reset",
}


def uri(stack: cdk.Stack, arn: str) -> str:
    """How API Gateway names a function that it invokes."""
    return f"arn:{stack.partition}:apigateway:{stack.region}:lambda:path/2015-03-31/functions/{arn}/invocations"


def permit(stack: cdk.Stack, arn: str, api_id: str) -> None:
    """Let the API's authorizers invoke Tollgate."""
    functions.CfnPermission(
        stack,
        "Permission",
        action="lambda:InvokeFunction",
        function_name=arn,
        principal="apigateway.amazonaws.com",
        source_arn=f"arn:{stack.partition}:execute-api:{stack.region}:{stack.account}:{api_id}/authorizers/*",
    )


class OrdersRest(cdk.Stack):
    """401, 403 and 429 from the gateway itself."""

    def __init__(self, scope: Construct, name: str, tollgate: str = "tollgate") -> None:
        super().__init__(scope, name)
        arn = cdk.Fn.import_value(f"{tollgate}-AuthorizerArn")
        api = rest.CfnRestApi(
            self,
            "Api",
            name="orders",
            api_key_source_type="AUTHORIZER",
            endpoint_configuration=rest.CfnRestApi.EndpointConfigurationProperty(types=["REGIONAL"]),
        )
        permit(self, arn, api.ref)
        authorizer = rest.CfnAuthorizer(
            self,
            "Authorizer",
            rest_api_id=api.ref,
            name="Tollgate",
            type="REQUEST",
            authorizer_uri=uri(self, arn),
            identity_source="method.request.header.Authorization",
            authorizer_result_ttl_in_seconds=0,
        )
        orders = rest.CfnResource(
            self, "Orders", rest_api_id=api.ref, parent_id=api.attr_root_resource_id, path_part="orders"
        )
        method = rest.CfnMethod(
            self,
            "List",
            rest_api_id=api.ref,
            resource_id=orders.ref,
            http_method="GET",
            authorization_type="CUSTOM",
            authorizer_id=authorizer.ref,
            api_key_required=True,
            integration=rest.CfnMethod.IntegrationProperty(
                type="MOCK",
                request_templates={"application/json": '{"statusCode":200}'},
                integration_responses=[rest.CfnMethod.IntegrationResponseProperty(status_code="200")],
            ),
            method_responses=[rest.CfnMethod.MethodResponseProperty(status_code="200")],
        )
        deployment = rest.CfnDeployment(self, "Deployment", rest_api_id=api.ref)
        deployment.add_dependency(method)
        for one in self._refusals(api.ref):
            deployment.add_dependency(one)
        stage = rest.CfnStage(
            self,
            "Stage",
            rest_api_id=api.ref,
            deployment_id=deployment.ref,
            stage_name="prod",
            variables={"tollgateApi": "orders", "tollgateLimits": "429"},
        )
        plan = rest.CfnUsagePlan(
            self,
            "Plan",
            api_stages=[rest.CfnUsagePlan.ApiStageProperty(api_id=api.ref, stage=stage.ref)],
        )
        rest.CfnUsagePlanKey(
            self,
            "PlanKey",
            key_id=cdk.Fn.import_value(f"{tollgate}-UsageKeyId"),
            key_type="API_KEY",
            usage_plan_id=plan.ref,
        )

    def _refusals(self, api_id: str) -> list[rest.CfnGatewayResponse]:
        kinds = {
            "UNAUTHORIZED": (
                "401",
                '{"error":"unauthorized"}',
                {"WWW-Authenticate": "'Bearer error=\"invalid_token\"'"},
            ),
            "ACCESS_DENIED": ("403", '{"error":"$context.authorizer.reason"}', {}),
            "INVALID_API_KEY": (
                "429",
                '{"error":"$context.authorizer.reason","retry_after":$context.authorizer.retryAfterJson}',
                LIMITS,
            ),
        }
        return [
            rest.CfnGatewayResponse(
                self,
                kind,
                rest_api_id=api_id,
                response_type=kind,
                status_code=status,
                response_templates={"application/json": body},
                response_parameters={f"gatewayresponse.header.{name}": value for name, value in headers.items()},
            )
            for kind, (status, body, headers) in kinds.items()
        ]


class OrdersHttp(cdk.Stack):
    """An HTTP API whose function wears the decorator `tollgate_limits`."""

    def __init__(self, scope: Construct, name: str, tollgate: str = "tollgate") -> None:
        super().__init__(scope, name)
        arn = cdk.Fn.import_value(f"{tollgate}-AuthorizerArn")
        function_arn = cdk.CfnParameter(self, "FunctionArn").value_as_string
        api = http.CfnApi(self, "Api", name="orders", protocol_type="HTTP")
        permit(self, arn, api.ref)
        functions.CfnPermission(
            self,
            "FunctionPermission",
            action="lambda:InvokeFunction",
            function_name=function_arn,
            principal="apigateway.amazonaws.com",
            source_arn=f"arn:{self.partition}:execute-api:{self.region}:{self.account}:{api.ref}/*/*",
        )
        authorizer = http.CfnAuthorizer(
            self,
            "Authorizer",
            api_id=api.ref,
            name="Tollgate",
            authorizer_type="REQUEST",
            authorizer_payload_format_version="2.0",
            enable_simple_responses=True,
            identity_source=["$request.header.Authorization"],
            authorizer_result_ttl_in_seconds=0,
            authorizer_uri=uri(self, arn),
        )
        integration = http.CfnIntegration(
            self,
            "Integration",
            api_id=api.ref,
            integration_type="AWS_PROXY",
            integration_uri=function_arn,
            payload_format_version="2.0",
        )
        http.CfnRoute(
            self,
            "List",
            api_id=api.ref,
            route_key="GET /orders",
            authorization_type="CUSTOM",
            authorizer_id=authorizer.ref,
            target=f"integrations/{integration.ref}",
        )
        http.CfnStage(
            self,
            "Stage",
            api_id=api.ref,
            stage_name="$default",
            auto_deploy=True,
            stage_variables={"tollgateApi": "orders", "tollgateLimits": "integration"},
        )


app = cdk.App()
OrdersRest(app, "OrdersRest")
OrdersHttp(app, "OrdersHttp")
app.synth()
