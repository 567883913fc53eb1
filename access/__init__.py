"""The core: decides whether a request is allowed.

Pure: no I/O, no clock, no randomness. Callers pass `now` and key material.
Values are named tuples, because every class is built again at each cold start.
"""
