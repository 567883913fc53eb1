"""A table in memory that understands the writes of the gate: for simulations and benchmarks."""

import re
from functools import lru_cache
from typing import Any

from store.errors import ConditionFailed, RejectedError

_ABSENT = re.compile(r"attribute_not_exists\((#\w+)\)")
_COMPARISON = re.compile(r"(#\w+) (=|<=) (:\w+)")


class MemoryTable:
    """Takes the calls of the authorizer as the store makes them; counts the writes."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.writes = 0

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation == "BatchGetItem":
            keys = {
                table: [(key["PK"]["S"], key["SK"]["S"]) for key in one["Keys"]]
                for table, one in request["RequestItems"].items()
            }
            found = {table: [self.items[key] for key in wanted if key in self.items] for table, wanted in keys.items()}
            return {"Responses": found, "UnprocessedKeys": {}}
        key = (request["Key"]["PK"]["S"], request["Key"]["SK"]["S"])
        if operation == "GetItem":
            return {"Item": self.items[key]} if key in self.items else {}
        self.writes += 1
        item = self.items.get(key, {})
        names, values = request.get("ExpressionAttributeNames", {}), request["ExpressionAttributeValues"]
        condition = request.get("ConditionExpression")
        if condition and not self._meets(condition, item, names, values):
            raise ConditionFailed(item or None)
        keys = {"PK": request["Key"]["PK"], "SK": request["Key"]["SK"]}
        self.items[key] = after = self._apply(request["UpdateExpression"], keys | item, names, values)
        return {"Attributes": after}

    @staticmethod
    def _meets(condition: str, item: dict[str, Any], names: dict[str, str], values: dict[str, Any]) -> bool:
        def compare(name: str, operator: str, value: str) -> bool:
            found, wanted = item.get(names[name]), values[value]
            if found is None or found.keys() != wanted.keys():
                return False
            if operator == "=":
                return bool(found == wanted)
            return int(found["N"]) <= int(wanted["N"])

        return bool(eval(_compiled(condition), {"absent": lambda name: names[name] not in item, "compare": compare}))  # noqa: S307 - our own expressions

    @staticmethod
    def _apply(update: str, item: dict[str, Any], names: dict[str, str], values: dict[str, Any]) -> dict[str, Any]:
        before, touched = dict(item), set[str]()
        clauses = re.split(r"\b(SET|ADD|REMOVE) ", update)[1:]
        for verb, parts in zip(clauses[::2], clauses[1::2], strict=True):
            for part in parts.strip().split(", "):
                placeholder, *rest = part.replace(" = ", " ").split(" ")
                attribute = names.get(placeholder, placeholder)
                if attribute in touched:  # as DynamoDB says, and not every emulator
                    raise RejectedError("ValidationException")
                touched.add(attribute)
                if verb == "REMOVE":
                    item.pop(attribute, None)
                elif verb == "SET":
                    item[attribute] = values[rest[0]] if rest[0][0] == ":" else before[names[rest[0]]]
                else:
                    known = int(before.get(attribute, {"N": "0"})["N"])
                    item[attribute] = {"N": str(known + int(values[rest[0]]["N"]))}
        return item


@lru_cache(maxsize=512)
def _compiled(condition: str) -> Any:
    expression = _ABSENT.sub(r"absent('\1')", condition)
    expression = _COMPARISON.sub(r"compare('\1', '\2', '\3')", expression)
    return compile(expression.replace(" AND ", " and ").replace(" OR ", " or "), "<condition>", "eval")
