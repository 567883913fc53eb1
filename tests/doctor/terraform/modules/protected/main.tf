terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}

variable "name" { type = string }

variable "authorizer_arn" { type = string }

data "aws_partition" "here" {}

data "aws_region" "here" {}


resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_authorizer" "tollgate" {
  name                              = "Tollgate"
  api_id                            = aws_apigatewayv2_api.this.id
  authorizer_type                   = "REQUEST"
  authorizer_payload_format_version = "2.0"
  enable_simple_responses           = true
  identity_sources                  = ["$request.header.Authorization"]
  authorizer_result_ttl_in_seconds  = 0
  authorizer_uri                    = "arn:${data.aws_partition.here.partition}:apigateway:${data.aws_region.here.name}:lambda:path/2015-03-31/functions/${var.authorizer_arn}/invocations"
}

resource "aws_apigatewayv2_integration" "this" {
  api_id           = aws_apigatewayv2_api.this.id
  integration_type = "HTTP_PROXY"
  integration_uri  = "https://example.com"
}

resource "aws_apigatewayv2_route" "this" {
  for_each           = toset(["GET /", "POST /"])
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.key
  authorization_type = "CUSTOM"
  authorizer_id      = aws_apigatewayv2_authorizer.tollgate.id
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
}

resource "aws_apigatewayv2_stage" "default" {
  api_id          = aws_apigatewayv2_api.this.id
  name            = "$default"
  auto_deploy     = true
  stage_variables = { tollgateApi = var.name }
}

output "execution_arn" { value = aws_apigatewayv2_api.this.execution_arn }
