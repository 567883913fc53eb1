# A REST API that Tollgate protects, with 401, 403 and 429.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}

variable "tollgate_stack" {
  type    = string
  default = "tollgate"
}

data "aws_partition" "here" {}

data "aws_region" "here" {}

data "aws_cloudformation_export" "authorizer" { name = "${var.tollgate_stack}-AuthorizerArn" }

data "aws_cloudformation_export" "usage_key" { name = "${var.tollgate_stack}-UsageKeyId" }

resource "aws_api_gateway_rest_api" "orders" {
  name           = "orders"
  api_key_source = "AUTHORIZER"
  endpoint_configuration { types = ["REGIONAL"] }
}

resource "aws_api_gateway_authorizer" "tollgate" {
  name                             = "Tollgate"
  rest_api_id                      = aws_api_gateway_rest_api.orders.id
  type                             = "REQUEST"
  identity_source                  = "method.request.header.Authorization"
  authorizer_result_ttl_in_seconds = 0
  authorizer_uri                   = "arn:${data.aws_partition.here.partition}:apigateway:${data.aws_region.here.name}:lambda:path/2015-03-31/functions/${data.aws_cloudformation_export.authorizer.value}/invocations"
}

resource "aws_lambda_permission" "authorizer" {
  action        = "lambda:InvokeFunction"
  function_name = data.aws_cloudformation_export.authorizer.value
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.orders.execution_arn}/authorizers/*"
}

resource "aws_api_gateway_resource" "orders" {
  rest_api_id = aws_api_gateway_rest_api.orders.id
  parent_id   = aws_api_gateway_rest_api.orders.root_resource_id
  path_part   = "orders"
}

resource "aws_api_gateway_method" "list" {
  rest_api_id      = aws_api_gateway_rest_api.orders.id
  resource_id      = aws_api_gateway_resource.orders.id
  http_method      = "GET"
  authorization    = "CUSTOM"
  authorizer_id    = aws_api_gateway_authorizer.tollgate.id
  api_key_required = true # without it a limited request would pass
}

resource "aws_api_gateway_integration" "list" {
  rest_api_id       = aws_api_gateway_rest_api.orders.id
  resource_id       = aws_api_gateway_resource.orders.id
  http_method       = aws_api_gateway_method.list.http_method
  type              = "MOCK"
  request_templates = { "application/json" = jsonencode({ statusCode = 200 }) }
}

resource "aws_api_gateway_method_response" "ok" {
  rest_api_id = aws_api_gateway_rest_api.orders.id
  resource_id = aws_api_gateway_resource.orders.id
  http_method = aws_api_gateway_method.list.http_method
  status_code = "200"
}

resource "aws_api_gateway_integration_response" "ok" {
  rest_api_id = aws_api_gateway_rest_api.orders.id
  resource_id = aws_api_gateway_resource.orders.id
  http_method = aws_api_gateway_integration.list.http_method
  status_code = aws_api_gateway_method_response.ok.status_code
}

locals {
  responses = {
    UNAUTHORIZED  = { status = "401", body = "{\"error\":\"unauthorized\"}", headers = { "WWW-Authenticate" = "'Bearer error=\"invalid_token\"'" } }
    ACCESS_DENIED = { status = "403", body = "{\"error\":\"$context.authorizer.reason\"}", headers = {} }
    INVALID_API_KEY = {
      status = "429"
      body   = "{\"error\":\"$context.authorizer.reason\",\"retry_after\":$context.authorizer.retryAfterJson}"
      headers = {
        "Retry-After"           = "context.authorizer.retryAfter"
        "X-RateLimit-Limit"     = "context.authorizer.limit"
        "X-RateLimit-Remaining" = "context.authorizer.remaining"
        "X-RateLimit-Reset"     = "context.authorizer.reset"
      }
    }
  }
}

resource "aws_api_gateway_gateway_response" "refusal" {
  for_each            = local.responses
  rest_api_id         = aws_api_gateway_rest_api.orders.id
  response_type       = each.key
  status_code         = each.value.status
  response_templates  = { "application/json" = each.value.body }
  response_parameters = { for name, value in each.value.headers : "gatewayresponse.header.${name}" => value }
}

resource "aws_api_gateway_deployment" "orders" {
  rest_api_id = aws_api_gateway_rest_api.orders.id
  triggers    = { content = filesha1("${path.module}/main.tf") }
  depends_on  = [aws_api_gateway_integration_response.ok, aws_api_gateway_gateway_response.refusal]
  lifecycle { create_before_destroy = true }
}

resource "aws_api_gateway_stage" "prod" {
  rest_api_id   = aws_api_gateway_rest_api.orders.id
  deployment_id = aws_api_gateway_deployment.orders.id
  stage_name    = "prod"
  variables     = { tollgateApi = "orders", tollgateLimits = "429" }
}

resource "aws_api_gateway_usage_plan" "tollgate" {
  name = "tollgate"
  api_stages {
    api_id = aws_api_gateway_rest_api.orders.id
    stage  = aws_api_gateway_stage.prod.stage_name
  }
}

resource "aws_api_gateway_usage_plan_key" "tollgate" {
  key_id        = data.aws_cloudformation_export.usage_key.value
  key_type      = "API_KEY"
  usage_plan_id = aws_api_gateway_usage_plan.tollgate.id
}
