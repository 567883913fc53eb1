"""Read and verify a JSON Web Token, strictly.

Pure: no I/O, no clock. `parse_token` makes an UnverifiedToken of a text; it becomes a
VerifiedToken by passing through `verify_token`, and by no other road. What was parsed is
what is used: header and claims are read once. Follows RFC 7515, 7519 and 8725.
"""

import re
from binascii import a2b_base64
from collections.abc import Sequence
from typing import Any, NamedTuple

from access.credentials import Credential, algorithm_named, verify_in_vain, verify_signature
from access.decisions import Reason
from access.keys import TokenRules
from access.strict_json import read_object

MAX_TOKEN_BYTES = 8 * 1024  # below the 10,240 bytes that API Gateway takes for all headers
MAX_TIME = 253_402_300_799  # 9999-12-31T23:59:59Z
_TOKEN = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)", re.ASCII)
_TO_BASE64 = bytes.maketrans(b"-_", b"+/")
_PADDING = (b"", b"", b"==", b"=")  # by the characters beyond a multiple of four
_LAST = ("", "", "AQgw", "AEIMQUYcgkosw048")  # the last character whose bits all belong to a byte (RFC 4648, 3.5)
_REFUSED_HEADERS = frozenset({"crit", "b64", "enc", "zip"})  # RFC 7515 4.1.11, RFC 7797, JWE
_TYPES = frozenset({"jwt", "at+jwt"})  # RFC 7519 5.1, RFC 9068


class UnverifiedToken(NamedTuple):
    """A well-formed token that nobody has vouched for yet."""

    algorithm: str
    key_id: str | None  # the header `kid`; None where it is absent
    typ: str | None
    claims: dict[str, Any]
    signing_input: bytes
    signature: bytes

    def __repr__(self) -> str:
        return f"UnverifiedToken({self.algorithm!r}, <secret>)"


class VerifiedToken(NamedTuple):
    """A token whose signature and claims were right at the time given."""

    claims: dict[str, Any]
    credential_id: str


class MalformedToken(NamedTuple):
    """Not a token that we read. `detail` is for the log and holds nothing of the token."""

    detail: str


class RejectedToken(NamedTuple):
    """A token that is not believed. `detail` names the check that failed, for the log, and no value of the token."""

    reason: Reason
    detail: str = ""


class _Malformed(Exception):  # noqa: N818 - never leaves this module
    pass


def looks_like_token(text: str) -> bool:
    """Whether a credential is meant as a JWT rather than as an opaque key id."""
    return "." in text


def parse_token(text: str) -> UnverifiedToken | MalformedToken:
    """Read a token in compact serialization; everything but the one right form is refused."""
    if len(text) > MAX_TOKEN_BYTES:
        return MalformedToken("longer than 8 KB")
    parts = _TOKEN.fullmatch(text)
    if parts is None:
        return MalformedToken("not three base64url parts")
    try:
        header = _read_part(parts[1], "header")
        claims = _read_part(parts[2], "payload")
        _check_header(header)
        return UnverifiedToken(
            algorithm=header["alg"],
            key_id=header.get("kid"),
            typ=header.get("typ"),
            claims=claims,
            signing_input=text[: parts.end(2)].encode("ascii"),
            signature=_decode(parts[3], "signature"),
        )
    except _Malformed as error:
        return MalformedToken(str(error))


def verify_token(
    token: UnverifiedToken, credentials: Sequence[Credential], rules: TokenRules, *, now: int
) -> VerifiedToken | RejectedToken:
    """Check the signature with the credentials of the token's algorithm, then the claims.

    `now` is in Unix seconds. Returns the first check that fails.
    """
    current = [one for one in credentials if one.expires_at is None or now < one.expires_at]
    matching = [one for one in current if one.algorithm.value == token.algorithm]
    if not matching:
        verify_in_vain(algorithm_named(token.algorithm), token.signing_input, token.signature)
        return RejectedToken(Reason.UNSUPPORTED_ALGORITHM, _describe_algorithms(current))
    signer = next((one for one in matching if verify_signature(one, token.signing_input, token.signature)), None)
    if signer is None:
        return RejectedToken(Reason.INVALID_SIGNATURE, f"checked by {len(matching)} of {matching[0].algorithm.value}")
    return _check_claims(token, rules, now) or VerifiedToken(token.claims, signer.credential_id)


# --- reading -------------------------------------------------------------------------------


def _read_part(part: str, name: str) -> dict[str, Any]:
    try:
        return read_object(_decode(part, name).decode("utf-8"))
    except UnicodeDecodeError as error:
        message = f"{name} is not UTF-8"
        raise _Malformed(message) from error
    except ValueError as error:
        message = f"{name} {error}"
        raise _Malformed(message) from error


def _decode(part: str, name: str) -> bytes:
    """Decode base64url without padding (RFC 7515, section 2), in its one canonical text."""
    beyond = len(part) % 4
    if beyond and part[-1] not in _LAST[beyond]:
        message = f"{name} is not canonical base64url"
        raise _Malformed(message)
    return a2b_base64(part.encode("ascii").translate(_TO_BASE64) + _PADDING[beyond])


def _check_header(header: dict[str, Any]) -> None:
    refused = _REFUSED_HEADERS & header.keys()
    if refused:
        message = f"header has {min(refused)}"
        raise _Malformed(message)
    if not isinstance(header.get("alg"), str):
        message = "header has no alg that is a text"
        raise _Malformed(message)
    for name in ("kid", "typ", "cty"):
        if name in header and not isinstance(header[name], str):
            message = f"header has a {name} that is no text"
            raise _Malformed(message)


# --- claims --------------------------------------------------------------------------------


def _check_claims(token: UnverifiedToken, rules: TokenRules, now: int) -> RejectedToken | None:
    times = {name: _time(token.claims, name) for name in ("exp", "nbf", "iat")}
    if not (all(value is not False for value in times.values()) and _has_texts(token.claims)):
        return _reject(_describe_type(token.claims))
    if not _has_known_type(token.typ, rules):
        return _reject(f"typ is not {rules.typ or 'JWT or at+jwt'}")
    return _check_times(times, rules, now) or _check_parties(token.claims, rules)


def _check_times(times: dict[str, float | None], rules: TokenRules, now: int) -> RejectedToken | None:
    expires, not_before, issued = times["exp"], times["nbf"], times["iat"]
    leeway = rules.leeway_seconds
    if expires is None and rules.require_exp:
        return _reject("exp is missing")
    if expires is not None and now >= expires + leeway:
        detail = f"exp was {_whole(now - expires)} s ago, the leeway is {leeway} s"
        return RejectedToken(Reason.TOKEN_EXPIRED, detail)
    if (not_before is not None and now + leeway < not_before) or (issued is not None and now + leeway < issued):
        return RejectedToken(Reason.TOKEN_NOT_YET_VALID, _describe_start(times, leeway, now))
    if not _lives_short_enough(expires, issued, rules, now):
        start = "now, as iat is missing" if issued is None else "iat"
        return _reject(f"exp is not within {rules.max_lifetime_seconds} s of {start}")
    return None


def _check_parties(claims: dict[str, Any], rules: TokenRules) -> RejectedToken | None:
    if not _names_issuer(claims, rules):
        return _reject("iss is missing" if "iss" not in claims else "iss is not an issuer of the key")
    if not _names_audience(claims, rules):
        return _reject("aud is missing" if "aud" not in claims else "aud names no audience of the key")
    return None


def _reject(detail: str) -> RejectedToken:
    return RejectedToken(Reason.INVALID_CLAIMS, detail)


def _whole(seconds: float) -> int:
    """Rounded up."""
    return int(-(-seconds // 1))


def _describe_algorithms(credentials: Sequence[Credential]) -> str:
    """Those that a token may have; what it has is not repeated."""
    names = " or ".join(sorted({credential.algorithm.value for credential in credentials}))
    return f"alg is not {names}" if names else "no credential for it is in force"


def _describe_start(times: dict[str, float | None], leeway: int, now: int) -> str:
    name = "nbf" if (times["nbf"] or 0) > now + leeway else "iat"
    return f"{name} is {_whole((times[name] or 0) - now)} s ahead, the leeway is {leeway} s"


def _describe_type(claims: dict[str, Any]) -> str:
    """The first claim that is not of its type."""
    for name in ("exp", "nbf", "iat"):
        if _time(claims, name) is False:
            return f"{name} is not a number from 0 to {MAX_TIME}"
    name = next((name for name in ("iss", "sub", "jti") if not isinstance(claims.get(name, ""), str)), "")
    return f"{name} is not a string" if name else "aud is not a string or a list of strings"


def _time(claims: dict[str, Any], name: str) -> float | bool | None:
    """A NumericDate (RFC 7519, section 2): None where absent, False where it is none."""
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value if 0 <= value <= MAX_TIME else False


def _has_texts(claims: dict[str, Any]) -> bool:
    """Whether the claims that are texts are texts (RFC 7519, section 4.1)."""
    audience = claims.get("aud", "")
    audiences = audience if isinstance(audience, list) else [audience]
    return all(isinstance(one, str) for one in (*audiences, *(claims.get(name, "") for name in ("iss", "sub", "jti"))))


def _has_known_type(typ: str | None, rules: TokenRules) -> bool:
    """RFC 8725, section 3.11; a typ without a slash stands for application/typ."""
    short = None if typ is None else typ.lower().removeprefix("application/")
    if rules.typ:
        return short == rules.typ.lower().removeprefix("application/")
    return short is None or short in _TYPES


def _lives_short_enough(expires: float | None, issued: float | None, rules: TokenRules, now: int) -> bool:
    if rules.max_lifetime_seconds is None:
        return True
    start = now if issued is None else issued
    return expires is not None and expires - start <= rules.max_lifetime_seconds


def _names_issuer(claims: dict[str, Any], rules: TokenRules) -> bool:
    return not rules.issuers or claims.get("iss") in rules.issuers


def _names_audience(claims: dict[str, Any], rules: TokenRules) -> bool:
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    return not rules.audiences or any(one in rules.audiences for one in named)
