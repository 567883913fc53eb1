"""The OpenAPI document: operations, and the schemas of answers."""
