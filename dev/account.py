"""The account and the region that a local run is in."""

ACCOUNT = "123456789012"
REGION = "us-east-1"
