# Sound: two APIs by one module, each with routes by for_each; what they refer to crosses the module's border.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}

data "aws_cloudformation_export" "authorizer" { name = "tollgate-AuthorizerArn" }

module "api" {
  for_each       = toset(["orders", "bills"])
  source         = "./protected"
  name           = each.key
  authorizer_arn = data.aws_cloudformation_export.authorizer.value
}

resource "aws_lambda_permission" "authorizer" {
  for_each      = module.api
  action        = "lambda:InvokeFunction"
  function_name = data.aws_cloudformation_export.authorizer.value
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${module.api[each.key].execution_arn}/authorizers/*"
}
