"""A local gateway that plays Amazon API Gateway's REST and HTTP APIs, as a template describes them.

Deny by default: whatever is not understood is an error 500 with a log line, never a way through.
"""
