"""What a change means, and for how many keys, in words."""

from typing import Any

from cli.code.state import State

Object = dict[str, Any]
REFUSED = "refused from its next request on"


def effect_of(collection: str, address: str, before: Object, after: Object, state: State) -> str:
    """The effect of a change of a record that exists; `after` is empty where it goes."""
    if collection == "keys":
        return _say_key(before, after)
    if collection == "policies":
        return _say_policy(before, after, state.policy_users[address])
    if collection == "apis":
        names = {address, *before["gateways"], *after.get("gateways", ())}
        users = f"{_keys(state.users_of_api(names))} may call it"
        return users if after else f"{users}, by the defaults from then on"
    return "every identity of it" if collection == "issuers" else ""


def _say_key(before: Object, after: Object) -> str:
    if not after:
        return REFUSED
    if before["enabled"] == after["enabled"]:
        return ""
    return "accepted again" if after["enabled"] else REFUSED


def _say_policy(before: Object, after: Object, users: int) -> str:
    if not after or not users:
        return _uses(users)
    if before["active"] and not after["active"]:
        return f"{_keys(users)} are refused" if users > 1 else "1 key is refused"
    said = [
        words
        for members, words in (
            (("grants",), "may call something else"),
            (("rate_limits", "quotas", "counting"), "get other limits"),
            (("active",), "are accepted again"),
        )
        if any(before[member] != after[member] for member in members)
    ]
    return f"{_keys(users)}: {', '.join(said)}" if said else _uses(users)


def _uses(users: int) -> str:
    return f"{_keys(users)} use{'s' if users == 1 else ''} it"


def _keys(count: int) -> str:
    return count_of(count, "key")


def count_of(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
