# Sound, and with everything that the doctor looks at: the example, for browsers too.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}

variable "tollgate_stack" {
  type    = string
  default = "tollgate"
}

variable "function_arn" {
  type    = string
  default = "arn:aws:lambda:us-east-1:123456789012:function:orders"
}

data "aws_partition" "here" {}

data "aws_region" "here" {}

data "aws_cloudformation_export" "authorizer" { name = "${var.tollgate_stack}-AuthorizerArn" }

resource "aws_apigatewayv2_api" "orders" {
  name          = "orders"
  protocol_type = "HTTP"
  cors_configuration {
    allow_origins  = ["*"]
    allow_headers  = ["authorization", "content-type"]
    expose_headers = ["Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"]
  }
}

resource "aws_apigatewayv2_authorizer" "tollgate" {
  name                              = "Tollgate"
  api_id                            = aws_apigatewayv2_api.orders.id
  authorizer_type                   = "REQUEST"
  authorizer_payload_format_version = "2.0"
  enable_simple_responses           = true
  identity_sources                  = ["$request.header.Authorization"]
  authorizer_result_ttl_in_seconds  = 0
  authorizer_uri                    = "arn:${data.aws_partition.here.partition}:apigateway:${data.aws_region.here.name}:lambda:path/2015-03-31/functions/${data.aws_cloudformation_export.authorizer.value}/invocations"
}

resource "aws_lambda_permission" "authorizer" {
  action        = "lambda:InvokeFunction"
  function_name = data.aws_cloudformation_export.authorizer.value
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.orders.execution_arn}/authorizers/*"
}

resource "aws_lambda_permission" "orders" {
  action        = "lambda:InvokeFunction"
  function_name = var.function_arn
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.orders.execution_arn}/*/*"
}

resource "aws_apigatewayv2_integration" "orders" {
  api_id                 = aws_apigatewayv2_api.orders.id
  integration_type       = "AWS_PROXY"
  integration_uri        = var.function_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "list" {
  api_id             = aws_apigatewayv2_api.orders.id
  route_key          = "GET /orders"
  authorization_type = "CUSTOM"
  authorizer_id      = aws_apigatewayv2_authorizer.tollgate.id
  target             = "integrations/${aws_apigatewayv2_integration.orders.id}"
}

resource "aws_apigatewayv2_stage" "default" {
  api_id          = aws_apigatewayv2_api.orders.id
  name            = "$default"
  auto_deploy     = true
  stage_variables = { tollgateApi = "orders", tollgateLimits = "integration" }
}
