"""The resources and data sources of the AWS provider that a protected API is made of, as far as a plan shows them.

`name!` is required, `name?` optional, a bare name computed; after a colon its type, `=` its default.
An inner mapping is a block. After the provider's documentation (hashicorp/aws 5 and 6).
"""

from typing import Any

_API_PART = "id rest_api_id!"
_V2_PART = "id api_id!"

RESOURCES: dict[str, dict[str, Any]] = {
    "aws_api_gateway_rest_api": {
        "": "id arn root_resource_id execution_arn name! description? body? api_key_source=HEADER put_rest_api_mode=overwrite",
        "endpoint_configuration": {"": "types!:list vpc_endpoint_ids?:set"},
    },
    "aws_api_gateway_authorizer": {
        "": f"{_API_PART} arn name! type=TOKEN authorizer_uri? authorizer_credentials? identity_validation_expression? "
        "identity_source=method.request.header.Authorization authorizer_result_ttl_in_seconds:number=300"
    },
    "aws_api_gateway_resource": {"": f"{_API_PART} path parent_id! path_part!"},
    "aws_api_gateway_method": {
        "": f"{_API_PART} resource_id! http_method! authorization! authorizer_id? api_key_required?:bool"
    },
    "aws_api_gateway_method_response": {"": f"{_API_PART} resource_id! http_method! status_code!"},
    "aws_api_gateway_method_settings": {
        "": f"{_API_PART} stage_name! method_path!",
        "settings": {"": "caching_enabled?:bool cache_ttl_in_seconds?:number throttling_rate_limit=-1:number"},
    },
    "aws_api_gateway_integration": {
        "": f"{_API_PART} resource_id! http_method! type! uri? integration_http_method? request_templates?:map"
    },
    "aws_api_gateway_integration_response": {
        "": f"{_API_PART} resource_id! http_method! status_code! response_templates?:map response_parameters?:map"
    },
    "aws_api_gateway_gateway_response": {
        "": f"{_API_PART} response_type! status_code? response_templates?:map response_parameters?:map"
    },
    "aws_api_gateway_deployment": {"": f"{_API_PART} description? triggers?:map"},
    "aws_api_gateway_stage": {
        "": f"{_API_PART} arn execution_arn invoke_url deployment_id! stage_name! variables?:map "
        "cache_cluster_enabled?:bool cache_cluster_size?"
    },
    "aws_api_gateway_api_key": {"": "id arn name! value? enabled:bool=true"},
    "aws_api_gateway_usage_plan": {
        "": "id arn name! description?",
        "api_stages": {"": "api_id! stage!"},
        "throttle_settings": {"": "rate_limit?:number burst_limit?:number"},
        "quota_settings": {"": "limit!:number period!"},
    },
    "aws_api_gateway_usage_plan_key": {"": "id name value key_id! key_type! usage_plan_id!"},
    "aws_lambda_permission": {"": "id statement_id? action! function_name! principal! source_arn? source_account?"},
    "aws_lambda_function": {"": "id arn invoke_arn function_name! role! handler? runtime? filename?"},
    "aws_apigatewayv2_api": {
        "": "id arn api_endpoint execution_arn name! protocol_type! body? "
        "route_selection_expression=$request.method~$request.path",
        "cors_configuration": {"": "allow_headers?:set allow_methods?:set allow_origins?:set expose_headers?:set"},
    },
    "aws_apigatewayv2_authorizer": {
        "": f"{_V2_PART} name! authorizer_type! authorizer_uri? authorizer_credentials_arn? "
        "authorizer_payload_format_version? enable_simple_responses?:bool identity_sources?:set "
        "authorizer_result_ttl_in_seconds?:number"
    },
    "aws_apigatewayv2_route": {
        "": f"{_V2_PART} route_key! authorization_type=NONE authorizer_id? target? route_response_selection_expression?"
    },
    "aws_apigatewayv2_route_response": {"": f"{_V2_PART} route_id! route_response_key!"},
    "aws_apigatewayv2_integration": {
        "": f"{_V2_PART} integration_type! integration_uri? integration_subtype? integration_method? payload_format_version=1.0 "
        "request_templates?:map template_selection_expression?"
    },
    "aws_apigatewayv2_integration_response": {"": f"{_V2_PART} integration_id! integration_response_key!"},
    "aws_apigatewayv2_stage": {
        "": f"{_V2_PART} arn execution_arn invoke_url name! auto_deploy?:bool stage_variables?:map"
    },
}

DATA: dict[str, dict[str, Any]] = {
    "aws_region": {"": "id name? region? description"},
    "aws_partition": {"": "id partition dns_suffix"},
    "aws_caller_identity": {"": "id account_id arn"},
    "aws_cloudformation_export": {"": "id name! value exporting_stack_id"},
}
ACCOUNT = "123456789012"
VALUES: dict[str, dict[str, str]] = {
    "aws_region": {"id": "us-east-1", "name": "us-east-1", "region": "us-east-1", "description": "N. Virginia"},
    "aws_partition": {"id": "aws", "partition": "aws", "dns_suffix": "amazonaws.com"},
    "aws_caller_identity": {"id": ACCOUNT, "account_id": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:user/deployer"},
}
EXPORTS = {
    "AuthorizerArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:tollgate-AuthorizerFunction",
    "UsageKeyId": "u5ag3k3y1d",
    "KeyAdminFunctionName": "tollgate-KeyAdminFunction",
}
