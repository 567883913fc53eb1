"""Evaluate the policy that an authorizer returned, as API Gateway does."""

import re
from typing import Any

MAX_RESOURCE_CHARACTERS = 512


class PolicyError(Exception):
    """The policy is malformed, or uses an element that is not understood."""


def evaluate(document: Any, arn: str) -> str:
    """Whether a policy says "allow", "explicit deny" or "implicit deny" to an invocation of an ARN."""
    if not isinstance(document, dict) or not isinstance(document.get("Statement"), list | dict):
        message = "policyDocument has no Statement"
        raise PolicyError(message)
    statements = document["Statement"]
    effects = {
        statement["Effect"]
        for statement in (statements if isinstance(statements, list) else [statements])
        if _covers(statement, arn)
    }
    if "Deny" in effects:
        return "explicit deny"
    return "allow" if "Allow" in effects else "implicit deny"


def _covers(statement: Any, arn: str) -> bool:
    if not isinstance(statement, dict) or set(statement) - {"Sid", "Effect", "Action", "Resource"}:
        message = "a statement holds an element that is not understood"
        raise PolicyError(message)
    if statement.get("Effect") not in {"Allow", "Deny"}:
        message = "a statement has no Effect"
        raise PolicyError(message)
    actions, resources = _texts(statement, "Action"), _texts(statement, "Resource")
    if any(len(resource) > MAX_RESOURCE_CHARACTERS for resource in resources):
        message = f"a Resource is longer than {MAX_RESOURCE_CHARACTERS} characters"
        raise PolicyError(message)
    invokes = any(matches(action.lower(), "execute-api:invoke") for action in actions)
    return invokes and any(matches(resource, arn) for resource in resources)


def matches(pattern: str, text: str) -> bool:
    """`*` is any run of characters, `?` any one; everything else is literal."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _texts(statement: dict[str, Any], name: str) -> list[str]:
    value = statement.get(name)
    listed = value if isinstance(value, list) else [value]
    texts = [one for one in listed if isinstance(one, str)]
    if not texts or len(texts) != len(listed):
        message = f"a statement has no {name}"
        raise PolicyError(message)
    return texts
