"""What operators send, checked. Unknown members, other types and nulls are refused.

A module for each kind of record: `keys`, `policies`, `apis`, `issuers`; `rights` holds what keys
and policies share, `fields` the types of single members, `patterns` what a text may look like.
"""
