"""Read a template or a plan as API Gateway would, and report the mistakes that bite. Reads files only.

`nodes` and `template` read SAM and CloudFormation, YAML and JSON; `plans` reads a Terraform plan into the same shape;
`reading` makes APIs of it (`model`); `checks` is the table of what may be wrong with them.
"""
