"""Join ES modules into one script, so that a page is a handful of requests.

A request for each module would start a Lambda environment for each, all at once: slow when the function is
cold, and taken from the concurrency that the account's authorizer lives on. No JavaScript is parsed: our modules
keep to the few forms of import and export below, and a test holds them to that.

Each module becomes a function that is called once, after those that it imports, and returns what it exports:

    $modules["shared/time.js"] = (() => { const { html } = $modules["shared/html.js"]; …; return { Time }; })();
"""

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_NAMES = r"\{([^}]*)\}"
_IMPORT = re.compile(rf'^import\s*(?:{_NAMES}|(\w+))\s*from\s*"(\.[^"]+)";', re.MULTILINE)
_FORWARD = re.compile(rf'^export\s*{_NAMES}\s*from\s*"(\.[^"]+)";', re.MULTILINE)
_DECLARED = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)
_DEFAULT = re.compile(r"\bexport default (?=function)")
_LISTED = re.compile(rf"\bexport\s*{_NAMES};\s*\Z")
_LATER = re.compile(r'\bimport\("\.(/[^"]+)"\)')
_COMMENT = re.compile(r"^[ \t]*(?:/\*(?:[^*]|\*(?!/))*\*/|//[^\n]*)[ \t]*\n", re.MULTILINE)
_REGISTRY = "$modules"
_HEAD = f"const {_REGISTRY} = {{}};\n"
_LOADER = "const $load = async (path) => (await import({later!r})).default[path];\n"


class Scripts(NamedTuple):
    """What the first view needs, and what later ones add to it."""

    first: str
    later: str


def join_modules(entry: str, sources: Mapping[str, str], *, first_name: str, later_name: str) -> Scripts:
    """The modules that `entry` reaches: by import in the first script, by `import()` in the later one.

    Paths are relative to the root of `sources`. Raises ValueError for a cycle, KeyError for a missing module.
    """
    first = imported(entry, sources)
    roots = [path for module in first for path in _loaded_later(module, sources[module])]
    later = [path for path in _in_order(roots, sources) if path not in first]
    loader = _LOADER.format(later=f"./{later_name}")
    return Scripts(
        _HEAD + loader + _joined(first, sources) + f"export default {_REGISTRY};\n",
        f'import {_REGISTRY} from "./{first_name}";\n' + _joined(later, sources) + f"export default {_REGISTRY};\n",
    )


def imported(entry: str, sources: Mapping[str, str]) -> list[str]:
    """The modules that run before `entry`, each after those that it imports; `entry` is the last."""
    return _in_order([entry], sources)


def _in_order(entries: Iterable[str], sources: Mapping[str, str]) -> list[str]:
    done: list[str] = []
    for entry in entries:
        _visit(entry, sources, done, ())
    return done


def _visit(path: str, sources: Mapping[str, str], done: list[str], above: tuple[str, ...]) -> None:
    if path in above:
        raise ValueError(f"{path} imports itself by way of {', '.join(above)}")
    if path in done:
        return
    specifiers = [*_IMPORT.finditer(sources[path]), *_FORWARD.finditer(sources[path])]
    for specifier in sorted(specifiers, key=re.Match.start):
        _visit(_resolve(path, specifier[specifier.re.groups]), sources, done, (*above, path))
    done.append(path)


def _loaded_later(path: str, source: str) -> list[str]:
    return [_resolve(path, f".{specifier}") for specifier in _LATER.findall(_COMMENT.sub("", source))]


def _resolve(importer: str, specifier: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(importer), specifier))


def _joined(paths: Iterable[str], sources: Mapping[str, str]) -> str:
    return "".join(_as_function(path, sources[path]) for path in paths)


def _as_function(path: str, source: str) -> str:
    """One module as a call that yields its exports."""
    exports: list[str] = []

    def take_import(found: re.Match[str]) -> str:
        names = _as_pattern(found[1]) if found[1] else f"default: {found[2]}"
        return f'const {{ {names} }} = {_REGISTRY}["{_resolve(path, found[3])}"];'

    def take_forward(found: re.Match[str]) -> str:
        exports.append(f'...(({{ {found[1]} }}) => ({{ {found[1]} }}))({_REGISTRY}["{_resolve(path, found[2])}"])')
        return ""

    def take_declared(found: re.Match[str]) -> str:
        exports.append(found[1])
        return ""

    def take_default(_found: re.Match[str]) -> str:
        exports.append("default: $default")
        return "const $default = "

    def take_listed(found: re.Match[str]) -> str:
        exports.extend(_as_members(found[1]))
        return ""

    body = _COMMENT.sub("", source)
    body = _LATER.sub(lambda found: f'$load("{_resolve(path, f".{found[1]}")}")', body)
    takers = ((_IMPORT, take_import), (_FORWARD, take_forward), (_DECLARED, take_declared))
    for form, take in (*takers, (_DEFAULT, take_default), (_LISTED, take_listed)):
        body = form.sub(take, body)
    return f'{_REGISTRY}["{path}"] = (() => {{\n{body}\nreturn {{ {", ".join(exports)} }};\n}})();\n'


def _as_pattern(names: str) -> str:
    """`a as b, c` as a destructuring pattern: `a: b, c`."""
    return re.sub(r"\s+as\s+", ": ", names)


def _as_members(names: str) -> list[str]:
    """`a as b, c` as members of an object: `b: a`, `c`."""
    pairs = (name.split(" as ") for name in names.split(",") if name.strip())
    return [f"{pair[-1].strip()}: {pair[0].strip()}" for pair in pairs]
