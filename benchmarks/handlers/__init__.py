"""Handlers that the authorizer is compared with."""
