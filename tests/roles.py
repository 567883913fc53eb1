"""Play IAM for a function of template.yaml: refuse what its role does not allow.

Emulators of DynamoDB judge no permissions, and none of them knows dynamodb:LeadingKeys. Follows
"Using IAM policy conditions for fine-grained access control" of the DynamoDB developer guide:
LeadingKeys are the partition keys that a request names, all of which must match one pattern. A
transaction needs the permission of each of its parts.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from dev.gateway.iam import matches
from dev.services import ROOT
from dev.template import Template
from store.client import Client

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/"
PARTS = {"Update": "UpdateItem", "Put": "PutItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
VALUES = {"AWS::Region": "us-east-1", "MasterSecret": "secret", "Table.Arn": f"{ARN}*"}


class AccessDeniedError(Exception):
    """The role does not allow a call. No StoreError, so that nothing takes it for a weakness of the service."""


class Access(NamedTuple):
    """What a call asks of a table."""

    action: str
    table: str
    leading_keys: frozenset[str]


class Role:
    """The statements of a function's role, and what was asked of them."""

    def __init__(self, function: str) -> None:
        template = Template(ROOT / "template.yaml", VALUES)
        (policy,) = template.resources[function]["Properties"]["Policies"]
        self.statements: list[dict[str, Any]] = template.resolve(policy)["Statement"]

    def patterns(self, action: str) -> set[str]:
        """The partitions that an action of DynamoDB may name."""
        allowing = [one for one in self.statements if _names(one, action)]
        return {pattern for one in allowing for pattern in _leading_keys(one)}

    def allows(self, access: Access) -> bool:
        return any(_covers(statement, access) for statement in self.statements)


class RoleClient:
    """A client that makes the calls which a role allows, and notes them."""

    def __init__(self, client: Client, role: Role) -> None:
        self._client = client
        self._role = role
        self.made: set[Access] = set()

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        for access in accesses_of(operation, request):
            if not self._role.allows(access):
                raise AccessDeniedError(access)
            self.made.add(access)
        return self._client.call(operation, request)


def accesses_of(operation: str, request: dict[str, Any]) -> Iterator[Access]:
    """What an operation asks for, as IAM sees it."""
    if operation == "TransactWriteItems":
        for action in request["TransactItems"]:
            ((part, inner),) = action.items()
            yield _access(PARTS[part], inner["TableName"], [inner.get("Key") or inner["Item"]])
    elif operation == "BatchGetItem":
        for table, wanted in request["RequestItems"].items():
            yield _access(operation, table, wanted["Keys"])
    elif operation == "Query":
        yield Access(operation, request["TableName"], frozenset({request["ExpressionAttributeValues"][":pk"]["S"]}))
    else:
        yield _access(operation, request["TableName"], [request.get("Key") or request["Item"]])


def _access(action: str, table: str, keys: list[dict[str, Any]]) -> Access:
    return Access(action, table, frozenset(key["PK"]["S"] for key in keys))


def _covers(statement: dict[str, Any], access: Access) -> bool:
    assert statement["Effect"] == "Allow"
    return (
        _names(statement, access.action)
        and matches(statement["Resource"], ARN + access.table)
        and all(any(matches(pattern, key) for pattern in _leading_keys(statement)) for key in access.leading_keys)
    )


def _names(statement: dict[str, Any], action: str) -> bool:
    listed = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    return any(matches(one.lower(), f"dynamodb:{action}".lower()) for one in listed)


def _leading_keys(statement: dict[str, Any]) -> list[str]:
    """The patterns of a statement; without a condition every key matches. Other conditions are not understood."""
    if "Condition" not in statement:
        return ["*"]
    ((operator, condition),) = statement["Condition"].items()
    ((key, patterns),) = condition.items()
    assert (operator, key) == ("ForAllValues:StringLike", "dynamodb:LeadingKeys")
    return list(patterns)
