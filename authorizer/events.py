"""Read the events of API Gateway's Lambda authorizers, of every kind, into one request.

Pure. Covers REST TOKEN and REQUEST, HTTP API payload 1.0 and 2.0, and WebSocket `$connect`.
Method and path come from the ARN, which is what API Gateway itself enforces.
"""

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from access.apis import TokenPlace
from access.paths import decode_escapes

MAX_RESOURCE_LENGTH = 512  # of a policy, API Gateway's quota
MAX_EXACT_LENGTH = 1536  # of a resource and its exceptions: what an answer has room for beside the largest context
_SIGNS = "/\\.;%"  # that end a segment, make it one of dots, or begin an escape
API_NAME_VARIABLE = "tollgateApi"  # stage variable: the name of this API in grants
LIMITS_VARIABLE = "tollgateLimits"  # stage variable: "429" where the 429 channel is set up, else "integration"
RESPONSE_VARIABLE = "tollgateResponse"  # stage variable: "iam" where simple responses are off
SESSION_COOKIE = "__Host-tollgate-session"
LOCAL_SESSION_COOKIE = "tollgate-session"  # where a page on loopback is served over plain http
_LOOPBACK = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?", re.ASCII)
_BEARER = re.compile(r"bearer +", re.IGNORECASE | re.ASCII)  # at the start alone (RFC 6750, section 2.1)
_SPACE = " \t"  # around a field value (RFC 9110, section 5.5); other white space makes another credential


class Answer(Enum):
    """The shape of answer that the calling API takes."""

    REST = "rest"  # IAM policy; the error `Unauthorized` means 401
    HTTP_SIMPLE = "http_simple"  # {"isAuthorized": …}
    HTTP_POLICY = "http_policy"  # IAM policy; no way to say 401


class MalformedEventError(ValueError):
    """The event is of no kind that API Gateway sends; names the member that is wrong."""


class Arn(NamedTuple):
    """An execute-api ARN, taken apart. `path` starts with a slash and is still encoded."""

    base: str  # up to and with the stage
    api_id: str
    stage: str
    method: str
    path: str
    text: str

    def as_pattern(self) -> tuple[str, list[str]]:
        """The pattern of a policy that stands for this ARN, and the patterns of what it must not take along.

        There is no escape: a `*` that was sent becomes `?`, any one character. In a grant only wildcards
        cover a `*`, and those cover any other character too, but for the signs of paths.
        """
        pattern = self.text.replace("*", "?")
        places = [place for place, sign in enumerate(pattern) if sign == "?"] if "?" in pattern else []
        return pattern, [f"{pattern[:place]}{sign}*" for place in places for sign in _SIGNS]


class Request(NamedTuple):
    """What is decided upon, apart from the credentials that `event` still holds."""

    answer: Answer
    arn: Arn
    api_name: str  # what the API calls itself by stage variable; empty where it does not
    method: str
    path: str
    source: str  # the address that API Gateway saw; empty where the event holds none
    has_429_channel: bool  # REST: a key of no usage plan becomes a 429
    integration_refuses: bool  # HTTP: every integration answers 429 where the context names a reason
    event: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Request({self.method}, {self.arn.api_id}/{self.arn.stage}, <event>)"

    @property
    def gateways(self) -> tuple[str, str]:
        """The names under which a definition or a grant may mean the called gateway."""
        return f"{self.arn.api_id}/{self.arn.stage}", f"{self.arn.api_id}/*"

    @property
    def can_be_allowed(self) -> bool:
        """Whether an answer can allow this request and no other: a policy has to name it, within API Gateway's quota.

        Where a `*` stands beside a percent sign, it could become an escape.
        """
        if self.answer is Answer.HTTP_SIMPLE:
            return True
        pattern, exceptions = self.arn.as_pattern()
        has_room = len(pattern) <= MAX_RESOURCE_LENGTH and sum(map(len, [pattern, *exceptions])) <= MAX_EXACT_LENGTH
        return has_room and not (exceptions and "%" in self.path)


def read_event(event: Mapping[str, Any]) -> Request:
    """Turn an event into a request. Raises MalformedEventError where it cannot be one."""
    if not isinstance(event, dict):
        message = "event: must be an object"
        raise MalformedEventError(message)
    is_payload_2 = event.get("version") == "2.0"
    arn = _read_arn(_text(event, "routeArn" if is_payload_2 else "methodArn"))
    variables = _map(event, "stageVariables")
    return Request(
        answer=_answer(event, variables),
        arn=arn,
        api_name=str(variables.get(API_NAME_VARIABLE, "")),
        method=arn.method,
        path=decode_path(arn.path),
        source=_source(event, "http" if is_payload_2 else "identity"),
        has_429_channel=variables.get(LIMITS_VARIABLE) == "429",
        integration_refuses=variables.get(LIMITS_VARIABLE) == "integration",
        event=event,
    )


def read_credentials(request: Request, place: TokenPlace) -> tuple[str, ...]:
    """Every different credential that the request presents, `Bearer` taken off."""
    return tuple(dict.fromkeys(_credentials(request.event, place)))


def read_session_cookies(event: Mapping[str, Any]) -> tuple[str, ...]:
    """Every different cookie of a session that an event brings."""
    return tuple(dict.fromkeys(filter(None, _cookies(event, session_cookie_name(event)))))


def session_cookie_name(event: Mapping[str, Any]) -> str:
    """The only name under which a cookie of a session is read: another host can set any name but a `__Host-` one.

    API Gateway serves no loopback host, so the bare name is never read there.
    """
    is_local = any(_LOOPBACK.fullmatch(host) for host in _headers(event, "host"))
    return LOCAL_SESSION_COOKIE if is_local else SESSION_COOKIE


def _answer(event: Mapping[str, Any], variables: Mapping[str, str]) -> Answer:
    if event.get("version") == "2.0":
        return Answer.HTTP_POLICY if variables.get(RESPONSE_VARIABLE) == "iam" else Answer.HTTP_SIMPLE
    return Answer.HTTP_POLICY if event.get("version") == "1.0" else Answer.REST


def _read_arn(text: str) -> Arn:
    pieces = text.split(":", 5)
    tail = pieces[-1].split("/", 3)
    if len(pieces) != 6 or len(tail) < 3 or pieces[2] != "execute-api":  # noqa: PLR2004 - the parts of an ARN
        message = "methodArn: is no execute-api ARN"
        raise MalformedEventError(message)
    api_id, stage, method = tail[:3]
    path = f"/{tail[3]}" if len(tail) > 3 else "/"  # noqa: PLR2004 - the path is the fourth part
    if method.startswith("$"):  # a WebSocket route key, reached by a GET that upgrades
        method, path = "GET", f"/{method}"
    return Arn(":".join(pieces[:5]) + f":{api_id}/{stage}", api_id, stage, method, path, text)


def decode_path(path: str) -> str:
    return decode_escapes(path.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogateescape")


def _source(event: Mapping[str, Any], member: str) -> str:
    """Of the connection, never of a header, which the client may have written."""
    described = _map(event, "requestContext").get(member)
    address = described.get("sourceIp") if isinstance(described, dict) else None
    return address if isinstance(address, str) else ""


def _credentials(event: Mapping[str, Any], place: TokenPlace) -> Iterable[str]:
    if event.get("type") == "TOKEN":
        values: Iterable[str] = [_text(event, "authorizationToken")]
    else:
        values = [*_headers(event, place.header), *_query(event, place.query), *_cookies(event, place.cookie)]
    for value in values:
        text = value.strip(_SPACE)
        scheme = _BEARER.match(text)
        credential = text[scheme.end() :] if scheme else text
        if credential:
            yield credential


def _headers(event: Mapping[str, Any], name: str) -> list[str]:
    wanted = name.lower()
    return _values(event, "headers", "multiValueHeaders", lambda found: found.lower() == wanted) if name else []


def _query(event: Mapping[str, Any], name: str) -> list[str]:
    if not name:
        return []
    return _values(event, "queryStringParameters", "multiValueQueryStringParameters", lambda found: found == name)


def _values(event: Mapping[str, Any], single: str, multiple: str, is_it: Any) -> list[str]:
    listed = [value for name, values in _map(event, multiple).items() if is_it(name) for value in values]
    plain = [value for name, value in _map(event, single).items() if is_it(name)]
    return [value for value in listed + plain if isinstance(value, str)]


def _cookies(event: Mapping[str, Any], name: str) -> list[str]:
    if not name:
        return []
    texts = event.get("cookies") or [pair for header in _headers(event, "cookie") for pair in header.split(";")]
    pairs = (text.strip().partition("=") for text in texts)
    return [value for found, _, value in pairs if found == name]


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str):
        message = f"{name}: must be a text"
        raise MalformedEventError(message)
    return value


def _map(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = event.get(name) or {}
    if not isinstance(value, dict):
        message = f"{name}: must be an object"
        raise MalformedEventError(message)
    return value
