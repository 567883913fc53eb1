"""Whether requests can meet a limit that names an API: whether some grant is about that API, too.

An API has several names: the id of its definition, `<api id>/<stage>` and `<api id>/*`. Only what
definitions say is known here, not the name that an API gives itself by a stage variable.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from access.apis import ApiDefinition
from access.gate import Limit
from access.grants import ADMIN_API, ANY, Grant

Definitions = Mapping[str, ApiDefinition]  # by each of their names


def reachable_limits(
    limits: Collection[Limit], grants: Iterable[Grant], load: Callable[[Collection[str]], Definitions]
) -> set[Limit]:
    """The limits that a request may be counted in. `load` finds the definitions of names, where they matter."""
    granted = {grant.api for grant in grants if grant.cost}
    plain = {limit for limit in limits if _is_plainly_met(limit.api, granted)}
    open_ = [limit for limit in limits if limit not in plain]
    if not open_ or not granted:
        return plain
    names = granted | {limit.api for limit in open_}
    known = load(names | {_every_stage(name) for name in names if "/" in name})
    return plain | {limit for limit in open_ if any(_meet(limit.api, api, known) for api in granted)}


def names_of(api: str, definitions: Iterable[ApiDefinition]) -> set[str]:
    """Every name of the API that has one name: of each definition that knows it, and of the stage itself."""
    names = {api, _every_stage(api)} if "/" in api else {api}
    for definition in definitions:
        known = {definition.api_id, *definition.gateways, *map(_every_stage, definition.gateways)}
        names |= known if api in known else set()
    return names


def _is_plainly_met(api: str, granted: Collection[str]) -> bool:
    if not api:
        return bool(granted)
    return api in granted or (ANY in granted and api != ADMIN_API)


def _meet(name: str, other: str, known: Definitions) -> bool:
    """Whether one API may have both names."""
    return _is_also(name, other, known) or _is_also(other, name, known)


def _is_also(name: str, other: str, known: Definitions) -> bool:
    """Whether the API of a name, a stage or the id of a definition, has another name, too."""
    if _is_stage(name):
        return other in _names_of_stage(name, known)
    definition = None if _is_every_stage(name) else known.get(name)
    return definition is not None and other in map(_every_stage, definition.gateways)


def _names_of_stage(stage: str, known: Definitions) -> set[str]:
    """Every name of a stage; of two definitions the one that names the stage itself is its own."""
    every = _every_stage(stage)
    definition = known.get(stage) or known.get(every)
    return {stage, every, definition.api_id} if definition else {stage, every}


def _is_stage(name: str) -> bool:
    return "/" in name and not _is_every_stage(name)


def _is_every_stage(name: str) -> bool:
    return name.endswith("/*")


def _every_stage(gateway: str) -> str:
    """`<api id>/*`, of a name of one of its stages or of all."""
    return f"{gateway.partition('/')[0]}/*"
