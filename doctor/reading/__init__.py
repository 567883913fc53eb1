"""Make APIs of what a template says: `sam` of AWS::Serverless, `plain` of CloudFormation and Terraform.

`definitions` reads OpenAPI inside either, `common` what all of them have.
"""

from doctor.model import Stack
from doctor.reading import plain, sam
from doctor.template import Template


def read_stack(template: Template) -> Stack:
    """The template with every API of it."""
    return Stack(template, (*sam.apis(template), *plain.apis(template)))
