"""Plan Terraform configuration without an AWS account, by a stand-in for the AWS provider (`provider.py`)."""
