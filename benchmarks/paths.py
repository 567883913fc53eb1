"""What it costs to find the grant of a request: CPU time of one, with the worst patterns and paths.

Patterns have 256 characters, the most that the admin API takes. Paths are as long as API Gateway lets
through: 10,240 bytes for request line and headers together. Percent-encoded ones are measured
with the decoding that the authorizer does. The budget is 1 ms.
"""

import string
from functools import partial

from access.grants import Grant, find_grant
from access.paths import decode_escapes
from benchmarks.samples import cpu_microseconds, in_turn

MAX_PATTERN, MAX_PATH = 256, 10_240
ROUNDS = 25
SIGNS = "".join(sign for sign in string.ascii_letters + string.digits + string.punctuation if sign not in "*{}/?#%.;\\")
LETTER = "\U0001f511"  # four bytes, twelve characters when encoded
ENCODED = "%F0%9F%94%91"


def cases() -> dict[str, tuple[str, str]]:
    """A pattern, and a path as it is sent."""
    literal = (SIGNS * 3)[: MAX_PATTERN - 7]
    return {
        "usual: /v1/*": ("/v1/*", "/v1/orders/4711/items"),
        "usual: /orders/{id}": ("/orders/{id}", "/orders/4711"),
        "usual: /v1/{tenant}/*, in a path with dots": ("/v1/{tenant}/*", "/v1/acme/report.2026.json"),
        "*a*a…b": ("/" + "*a" * 127 + "b", _path("a")),
        "a long literal that repeats itself": ("/*" + "a" * 253 + "b", _path("a")),
        "a long literal of many different bytes": (f"/*{{x}}{literal}*", _path(SIGNS)),
        "the same, beside its start alone": (f"/*{{x}}{literal}!*", _path(literal)),
        "many names": ("/*" + "/{x}" * 63 + "/b", _path("/a")),
        "many names, in segments that begin with a dot": ("/*" + "/{x}" * 63 + "/b", _path("/.a")),
        "a long literal of long characters": ("/*{x}" + LETTER * 250 + "*", _path(ENCODED)),
        "the same, in a path of short ones": ("/*{x}" + LETTER * 250, _path("a")[: -250 * 12] + ENCODED * 250),
        "a path encoded once": ("/*" + "/{x}" * 63 + "/b", _path("%61%2f")),
        "a path encoded twice": ("/*" + "/{x}" * 63 + "/b", _path("%2561%2f")),
        "a path encoded three times": ("/*" + "/{x}" * 63 + "/b", _path("%252561%2f")),
        "percent signs alone": ("/*" + "/{x}" * 63 + "/b", _path("%25%2f")),
        "long dots": ("/*" + "/{x}" * 63 + "/b", _path("/.." + ENCODED)),
    }


def _path(piece: str) -> str:
    return "/" + piece * ((MAX_PATH - 1) // len(piece))


def judge(pattern: str, sent: str) -> bool:
    path = decode_escapes(sent.encode()).decode(errors="surrogateescape")
    return find_grant([Grant("orders", path=pattern)], apis=["orders"], method="GET", path=path) is not None


def main() -> None:
    """Print the table, the dearest last."""
    works = {}
    for name, (pattern, sent) in cases().items():
        assert len(pattern) <= MAX_PATTERN
        assert len(sent) <= MAX_PATH
        works[name] = partial(judge, pattern, sent)
    found = in_turn({name: partial(cpu_microseconds, work) for name, work in works.items()}, rounds=ROUNDS)
    print("finding the grant of a request, µs of CPU (budget: 1,000)")
    for name, taken in sorted(found.items(), key=lambda case: case[1].median):
        print(f"  {name:48} {taken.median:8.1f} ({taken.spread})")


if __name__ == "__main__":
    main()
