"""Paths: what a pattern covers, and which paths nothing covers.

In a pattern `*` stands for any run of characters and `{name}` for one segment that is not empty, or
for a part of one. Matching is case-sensitive, on the decoded path without the stage. It takes time
linear in the path whatever the pattern: the places that a pattern can reach are the bits of one
number, and each byte of the pattern is one step for all of them at once. UTF-8 allows that: where
one character ends and the next begins is the same in a pattern and in a path.
"""

import codecs
import re
from functools import cache, cached_property, lru_cache

_ANY_RUN = "*"
WILDCARD = re.compile(r"\*|\{[A-Za-z_][A-Za-z0-9_]*\}", re.ASCII)
_REST_OF_PATH = ((True, b""),)
_ZEROS = b"0" * 256
_SHORT_PATH = 256  # bytes; up to here one look for each byte of a pattern costs less than eight for all
_SLASH = ord("/")

MAX_DECODINGS = 3  # by us and by the servers behind; a path that is still encoded then is covered by nothing
_DOTS = (b"/../", b"/..;", b"/./", b"/.;")
_CONTROLS = bytes([*range(1, 0x20), 0x7F])
_SEGMENT_ENDS = bytes.maketrans(b"\\?#\0" + _CONTROLS, b"/;;;" + b";" * len(_CONTROLS))
_DROPPED = (b" ", b" " + _CONTROLS, b" \0" + _CONTROLS)  # by one server or another; what is left ends a segment
_LONE_PERCENT = rb"%(?![0-9A-Fa-f]{2})"
_OVERLONG = rb"(?:[\xc0\xc1]|\xe0[\x80\x81]|\xf0\x80[\x80\x81])[\x80-\xbf]"  # ASCII in more bytes than UTF-8 allows
_COMPATIBLE = {  # characters whose compatibility decomposition (NFKC) is the sign
    ".": "\u2024\ufe52\uff0e",
    "..": "\u2025\ufe30",
    "/": "\uff0f",
    "\\": "\ufe68\uff3c",
    ";": "\u037e\ufe14\ufe54\uff1b",
    "?": "\u2047\ufe16\ufe56\uff1f",
    "#": "\ufe5f\uff03",
}


class Pattern:
    """A path pattern, taken apart. Each wildcard: whether it crosses segments, and the literal after it."""

    __slots__ = ("prefix", "wildcards")

    def __init__(self, prefix: bytes, wildcards: tuple[tuple[bool, bytes], ...]) -> None:
        self.prefix = prefix
        self.wildcards = wildcards

    def covers(self, path: "Places") -> bool:
        """Whether the whole path is one that the pattern stands for."""
        if not path.raw.startswith(self.prefix):
            return False
        if not self.wildcards:
            return path.raw == self.prefix
        return self.wildcards == _REST_OF_PATH or self._reaches_the_end(path)

    def _reaches_the_end(self, path: "Places") -> bool:
        reached = 1 << len(self.prefix)
        for crosses_segments, literal in self.wildcards:
            reached = path.after_any(reached) if crosses_segments else path.after_name(reached)
            for byte in literal:
                reached = (reached & path[byte]) << 1
            if not reached:
                return False
        return bool(reached >> len(path.raw))


class Places(dict[int, int]):
    """Where each byte stands in a path: bit n for place n."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.raw = path.encode("utf-8", "surrogatepass")
        self._everywhere = (1 << len(self.raw)) - 1

    def __missing__(self, byte: int) -> int:
        self[byte] = places = self._look(byte) if len(self.raw) <= _SHORT_PATH else self._combine(byte)
        return places

    def after_any(self, reached: int) -> int:
        """Where a run of any characters can end that begins at one of the places."""
        first = reached & -reached
        return (self._everywhere << 1 | 1) ^ (first - 1)

    def after_name(self, reached: int) -> int:
        """Where a run that is not empty and holds no slash can end: an addition carries through each segment."""
        starts = reached & self._inside
        passed = ((starts + self._inside) ^ self._inside | starts) & self._inside
        return passed << 1 & ~self._continued

    def _look(self, byte: int) -> int:
        """One look at the whole path: the fastest way for few different bytes."""
        return _read_bits(self.raw, _ZEROS[:byte] + b"1" + _ZEROS[byte + 1 :])

    def _combine(self, byte: int) -> int:
        """From eight looks, whatever the number of different bytes."""
        places = self._everywhere
        for bit, plane in enumerate(self._planes):
            places &= plane[byte >> bit & 1]
        return places

    @cached_property
    def _inside(self) -> int:
        return self._everywhere ^ self[_SLASH]

    @cached_property
    def _continued(self) -> int:
        """Places in the middle of a character (RFC 3629, section 3: a byte that begins with the bits 10)."""
        return 0 if self.raw.isascii() else self._planes[7][1] & self._planes[6][0]

    @cached_property
    def _planes(self) -> list[tuple[int, int]]:
        """For each bit of a byte the places where it is 0, and where it is 1."""
        ones = [_read_bits(self.raw, table) for table in _plane_tables()]
        return [(self._everywhere ^ one, one) for one in ones]


def _read_bits(raw: bytes, digits: bytes) -> int:
    """Bit n from byte n, by a table that has `0` or `1` for each byte."""
    return int(b"0" + raw[::-1].translate(digits), 2)


@cache
def _plane_tables() -> list[bytes]:
    return [bytes(ord("1" if byte >> bit & 1 else "0") for byte in range(256)) for bit in range(8)]


@lru_cache(maxsize=1024)
def read_pattern(text: str) -> Pattern:
    """A pattern as an operator wrote it."""
    prefix, *literals = (literal.encode("utf-8", "surrogatepass") for literal in WILDCARD.split(text))
    crossing = (wildcard == _ANY_RUN for wildcard in WILDCARD.findall(text))
    return Pattern(prefix, tuple(zip(crossing, literals, strict=True)))


def has_dot_segment(path: str) -> bool:
    """Whether some server could read a segment of a decoded path as `.` or `..`.

    Servers decode once more (CVE-2021-41773), cut a segment at `;` (CVE-2020-5902) or at a control
    character, drop white space, take a backslash for a slash, and take other characters for a dot.
    """
    if path.isascii() and "." not in path and "%" not in path:
        return False
    try:
        raw = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return True  # no sequence of bytes, so no server can be sent it
    for _ in range(MAX_DECODINGS):
        if _shows_dot_segment(raw):
            return True
        decoded = decode_escapes(raw.replace(b"%u00", b"%").replace(b"%U00", b"%"))
        if decoded == raw:
            return False
        raw = decoded
    return True


def decode_escapes(raw: bytes) -> bytes:
    """Percent-decode a path once (RFC 3986, section 2.1); a percent sign that begins no escape stays.

    Rewritten as Python's own escapes, which are decoded ten times as fast as one by one.
    """
    if b"%" not in raw:
        return raw
    escapes = re.sub(_LONE_PERCENT, b"%25", raw).replace(b"\\", b"\\\\").replace(b"%", b"\\x")
    return codecs.unicode_escape_decode(escapes)[0].encode("latin-1")


def _shows_dot_segment(raw: bytes) -> bool:
    whole = b"/" + (raw if raw.isascii() else _fold(raw)) + b"/"
    readings = {whole.translate(_SEGMENT_ENDS, dropped) for dropped in _DROPPED}
    return any(dots in reading for reading in readings for dots in _DOTS)


def _fold(raw: bytes) -> bytes:
    """A path for servers that take other forms of a sign for the sign, and drop what is not UTF-8."""
    short = re.sub(_OVERLONG, lambda form: bytes([(form[0][-2] & 1) << 6 | form[0][-1] & 0x3F]), raw)
    text = short.decode("utf-8", "ignore")
    for sign, others in _COMPATIBLE.items():
        for other in others:
            text = text.replace(other, sign)
    return text.encode()
