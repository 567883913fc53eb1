# Sound, and with everything that the doctor looks at.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}

data "aws_partition" "here" {}

data "aws_region" "here" {}

data "aws_cloudformation_export" "authorizer" { name = "tollgate-AuthorizerArn" }

resource "aws_apigatewayv2_api" "live" {
  name                       = "live"
  protocol_type              = "WEBSOCKET"
  route_selection_expression = "$request.body.action"
}

resource "aws_apigatewayv2_authorizer" "tollgate" {
  name             = "Tollgate"
  api_id           = aws_apigatewayv2_api.live.id
  authorizer_type  = "REQUEST"
  identity_sources = ["route.request.header.Authorization"]
  authorizer_uri   = "arn:${data.aws_partition.here.partition}:apigateway:${data.aws_region.here.name}:lambda:path/2015-03-31/functions/${data.aws_cloudformation_export.authorizer.value}/invocations"
}

resource "aws_lambda_permission" "authorizer" {
  action        = "lambda:InvokeFunction"
  function_name = data.aws_cloudformation_export.authorizer.value
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.live.execution_arn}/authorizers/*"
}

resource "aws_apigatewayv2_integration" "mock" {
  api_id                        = aws_apigatewayv2_api.live.id
  integration_type              = "MOCK"
  template_selection_expression = "200"
  request_templates             = { "200" = jsonencode({ statusCode = 200 }) }
}

resource "aws_apigatewayv2_integration_response" "mock" {
  api_id                   = aws_apigatewayv2_api.live.id
  integration_id           = aws_apigatewayv2_integration.mock.id
  integration_response_key = "$default"
}

resource "aws_apigatewayv2_route" "connect" {
  api_id                              = aws_apigatewayv2_api.live.id
  route_key                           = "$connect"
  authorization_type                  = "CUSTOM"
  authorizer_id                       = aws_apigatewayv2_authorizer.tollgate.id
  route_response_selection_expression = "$default"
  target                              = "integrations/${aws_apigatewayv2_integration.mock.id}"
}

resource "aws_apigatewayv2_route_response" "connect" {
  api_id             = aws_apigatewayv2_api.live.id
  route_id           = aws_apigatewayv2_route.connect.id
  route_response_key = "$default"
}

resource "aws_apigatewayv2_stage" "prod" {
  api_id          = aws_apigatewayv2_api.live.id
  name            = "prod"
  auto_deploy     = true
  stage_variables = { tollgateApi = "live" }
}
