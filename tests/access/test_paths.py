"""Path patterns beside a naive reference, and paths that some server could read as another one."""

import random
import unicodedata
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.grants import Grant, find_grant
from access.paths import WILDCARD, Places, decode_escapes, has_dot_segment, read_pattern

CASES = 100_000


def covers(pattern: str, path: str) -> bool:
    return read_pattern(pattern).covers(Places(path))


def covers_naively(pieces: tuple[str, ...], path: str, piece: int = 0, place: int = 0) -> bool:
    """By the definition: every number of characters is tried for each wildcard."""
    if piece == len(pieces):
        return place == len(path)
    if pieces[piece] == "*":
        ends = range(place, len(path) + 1)
    elif pieces[piece].startswith("{"):
        slash = path.find("/", place)
        ends = range(place + 1, (len(path) if slash < 0 else slash) + 1)
    else:
        return path.startswith(pieces[piece], place) and covers_naively(pieces, path, piece + 1, place + 1)
    return any(covers_naively(pieces, path, piece + 1, end) for end in ends)


def pieces_of(pattern: str) -> tuple[str, ...]:
    """Wildcards, and single characters."""
    literals, wildcards = WILDCARD.split(pattern), WILDCARD.findall(pattern)
    return (
        *literals[0],
        *(piece for pair in zip(wildcards, literals[1:], strict=True) for piece in (pair[0], *pair[1])),
    )


SIGNS, WEIGHTS = ["a", "b", "\u00e9", "/", "*", "{x}", "/{x}"], [4, 1, 1, 4, 2, 1, 2]
FILLINGS = {"*": ["", "a", "/", "b/a", "aa", "\u00e9"], "{x}": ["a", "b", "\u00e9", "a\u00e9", "ab"]}


def random_case(source: random.Random) -> tuple[str, str]:
    """A pattern, and a path that it stands for, half of the time with one character changed."""
    pattern = "/" + "".join(source.choices(SIGNS, WEIGHTS, k=source.randrange(8)))
    path = "".join(source.choice(FILLINGS.get(piece, [piece])) for piece in pieces_of(pattern))
    place = source.randrange(2 * len(path) + 2)
    changed = path[:place] + source.choice(["", "a", "b", "/", "\u00e9"]) + path[place + 1 :]
    return pattern, path if place > len(path) else changed


def test_patterns_cover_what_the_definition_says():
    """100,000 cases of patterns that mix both wildcards."""
    seed = random.randrange(2**32)
    source = random.Random(seed)
    wrong, covered = [], 0
    for _ in range(CASES):
        pattern, path = random_case(source)
        expected = covers_naively(pieces_of(pattern), path)
        covered += expected
        if covers(pattern, path) != expected:
            wrong.append((pattern, path))

    assert wrong == [], f"with the seed {seed}"
    assert CASES / 4 < covered < CASES * 3 / 4


@pytest.mark.parametrize("padding", [0, 300], ids=["short", "long"])
@given(
    st.lists(st.sampled_from([*"ab/*.%", "{x}", "é", "\udcff"]), max_size=12).map("".join),
    st.text(alphabet="ab/.%*é\udcff", max_size=12),
)
def test_a_long_path_is_matched_as_a_short_one_is(padding, pattern, path):
    """Above 256 bytes the places are found in another way."""
    filling = "/c" * padding

    assert covers(filling + pattern, filling + path) == covers_naively(pieces_of(pattern), path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/*a*a*a*a*a*a*a*ab", "/" + "a" * 150),
        ("/a/*/b/*/c/*/d/*/e", "/a" + "/b/c/d" * 230),
        ("/*" + "a*" * 126 + "b", "/" + "a" * 10_000),
        ("/*" + "/{x}" * 60 + "/b*", "/a" * 5_000),
        ("/*{x}" + "a" * 250 + "b", "/" + "a" * 10_000),
    ],
)
def test_an_attack_on_the_time_of_matching_is_answered_at_once(pattern, path):
    """Each ran for seconds up to years while patterns were regular expressions; `benchmarks/paths.py` measures."""
    assert find_grant([Grant("orders", path=pattern)], apis=["orders"], method="GET", path=path) is None


def is_covered_by_nothing(path: str) -> bool:
    return find_grant([Grant("orders")], apis=["orders"], method="GET", path=path) is None


DOTS = [
    *(
        "..",
        ".",
        "..;",
        "..;x",
        "..;x=1;y",
        ".;x",
        "..\x00",
        "..\x00x",
        "..\x00.html",
        ".\x00",
        "..\n",
        "..\r\n",
        "..\x7f",
    ),
    *(".. ", "..\t", "..  \t", " ..", "\t..", "\x00..", ".\t.", ". .", "..\tx", "..?x", "..#x", " ..;x", "\t..\x00x"),
    *(
        "%2e%2e",
        "%2E%2E",
        ".%2e",
        "%2e.",
        "%2e",
        "%2e%2e;x",
        "%2e%2e%3bx",
        "..%3bx",
        "..%00",
        "..%00x",
        "..%20",
        "..%09",
    ),
    *("%252e%252e", "%25252e", "..%253bx", "%%32%65%%32%65", "%u002e%u002e", "%U002E.", "..%3fx", "..%23"),
    *(
        "\uff0e\uff0e",
        ".\uff0e",
        "\u2025",
        "\ufe30",
        "\u2024\u2024",
        "\ufe52.",
        "..\uff1bx",
        "..\u037ex",
        "%ef%bc%8e%ef%bc%8e",
        "%e2%80%a5",
    ),
    *("\udcc0\udcae\udcc0\udcae", "\udce0\udc80\udcae.", "\udcf0\udc80\udc80\udcae.", "%c0%ae%c0%ae", "\udcc0.\udcc0."),
    *(".\udcff.", "..\udcff", "..\udcc0\udc80x"),
]
SLASHES = [
    "/",
    "\\",
    "%2f",
    "%2F",
    "%5c",
    "%252f",
    "\uff0f",
    "\uff3c",
    "\ufe68",
    "\udcc0\udcaf",
    "\udcc1\udc9c",
    "%c0%af",
    "\udce0\udc81\udc9c",
]


@pytest.mark.parametrize("segment", DOTS, ids=ascii)
def test_a_path_with_a_segment_that_some_server_reads_as_dots_is_covered_by_nothing(segment):
    places = ("/a/{}/b", "/{}/b", "/a/{}", "/{}", "{}/a", "/a/b/{}/../c", "/a//{}//b", "/a;x/{};y/b")

    assert [place for place in places if not is_covered_by_nothing(place.format(segment))] == []


@pytest.mark.parametrize("slash", SLASHES, ids=ascii)
def test_a_segment_ends_at_whatever_some_server_takes_for_a_slash(slash):
    around = (
        f"/a{slash}..{slash}b",
        f"/a{slash}../b",
        f"/a/..{slash}b",
        f"/a/..{slash}",
        f"/a{slash}..",
        f"/a{slash}.;x",
    )

    assert [path for path in around if not is_covered_by_nothing(path)] == []


@pytest.mark.parametrize("path", ["/a/%2525252e", "/a/%2525252541/b", "/\ud800/a", "/a/..\ud800"], ids=ascii)
def test_a_path_that_no_server_can_be_sent_or_that_is_encoded_without_end_is_covered_by_nothing(path):
    assert is_covered_by_nothing(path)


@pytest.mark.parametrize(
    "segment",
    [
        *(
            "..a",
            "a..",
            "a..b",
            "...",
            "....",
            ".well-known",
            ".a",
            "a.",
            "..a;x",
            "a;x=..",
            "a;..",
            ";..",
            "a.b",
            ".git",
        ),
        *("a b", "a\nb", " .a", ".. x", "..+", "..,", "..:", "..=", "v1.0", "100%", "50%25", "%", "%zz", "%2", "a%20b"),
        *("a%2fb", "a%252fb", "%2e%2ea", "…", "é..", "..é", "日本.", "a\\b", "\udcff", "~", "*", "-", "_", "%c3%a9"),
    ],
    ids=ascii,
)
def test_a_path_whose_segments_only_hold_dots_is_covered(segment):
    for path in (f"/a/{segment}/b", f"/{segment}", f"/{segment}/"):
        assert not is_covered_by_nothing(path), path


def test_every_character_that_normalizes_to_a_sign_is_taken_for_it():
    """Whatever Unicode's compatibility decomposition (NFKC) makes of a path, no dot segment comes of it."""
    alike = [
        chr(code) for code in range(0x80, 0x110000) if set(unicodedata.normalize("NFKC", chr(code))) <= set("./\\;?#")
    ]
    missed = [
        f"U+{ord(character):04X}"
        for character in alike
        for path in (f"/{character}", f"/{character}{character}", f"/..{character}", f"/a{character}../b")
        if has_dot_segment(unicodedata.normalize("NFKC", path)) and not has_dot_segment(path)
    ]

    assert len(alike) > 15
    assert missed == []


@given(
    st.lists(
        st.sampled_from([".", "..", "a", ";", " ", "\t", "\x00", "/", "\\", "%2e", "%2f", "%25", "2e", "\uff0e"]),
        max_size=7,
    )
)
def test_what_a_server_makes_of_a_path_that_is_covered_holds_no_dot_segment(pieces):
    """Servers that decode up to twice more, drop white space or cut at `;` and NUL, in any order of the two."""
    path = "/" + "".join(pieces)
    if has_dot_segment(path):
        return

    read = path
    for _ in range(3):
        for cut in (read, "".join(read.split(" ")), "".join(read.split("\t"))):
            segments = cut.replace("\\", "/").split("/")
            assert not {segment.split(sign)[0] for segment in segments for sign in ";\x00"} & {".", ".."}
        read = unquote_to_bytes(read.encode()).decode(errors="ignore")


@given(st.binary(max_size=30), st.sampled_from(["", "%", "%2", "%zz", "\\", "\\x41", "\n", "+"]))
def test_percent_decoding_is_that_of_the_standard_library(raw, piece):
    for sent in (raw, piece.encode() + raw, quote(raw).encode() + piece.encode(), b"%" + raw):
        assert decode_escapes(sent) == unquote_to_bytes(sent)
