"""The events that API Gateway sends: to authorizers and to proxy integrations."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from dev.account import ACCOUNT, REGION
from dev.gateway.messages import Request


class Route(NamedTuple):
    """A route that matched: its template, and the values of its path parameters."""

    key: str  # REST: the resource path; HTTP: "GET /x" or "$default"
    parameters: dict[str, str]


class Stage(NamedTuple):
    """An API and the stage of it that is served."""

    api_id: str
    name: str
    variables: Mapping[str, str]

    @property
    def arn(self) -> str:
        return f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{self.api_id}/{self.name}"

    @property
    def domain(self) -> str:
        return f"{self.api_id}.execute-api.{REGION}.amazonaws.com"

    def method_arn(self, request: Request) -> str:
        return f"{self.arn}/{request.method}/{request.path.removeprefix('/')}"


def rest_token(request: Request, stage: Stage, token: str) -> dict[str, Any]:
    return {"type": "TOKEN", "authorizationToken": token, "methodArn": stage.method_arn(request)}


def rest_request(request: Request, stage: Stage, route: Route) -> dict[str, Any]:
    event = rest_proxy(request, stage, route, None)
    for name in ("body", "isBase64Encoded"):
        del event[name]
    return {"type": "REQUEST", "methodArn": stage.method_arn(request)} | event


def http_request(request: Request, stage: Stage, route: Route, identity: list[str], version: str) -> dict[str, Any]:
    if version == "1.0":
        return _http_request_1(request, stage, route, ",".join(identity))
    event = http_proxy(request, stage, route, None)
    for name in ("body", "isBase64Encoded"):
        event.pop(name, None)
    arn = stage.method_arn(request)
    return event | {"type": "REQUEST", "routeArn": arn, "identitySource": identity or None}


def _http_request_1(request: Request, stage: Stage, route: Route, identity: str) -> dict[str, Any]:
    """Like a REST API's, but for the names of the route, the path, and maps that are empty instead of null."""
    resource = route.key.rpartition(" ")[2]
    event = rest_request(request, stage, Route(resource, route.parameters))
    event["requestContext"] |= {"resourceId": route.key, "path": _staged_path(request, stage)}
    maps = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables")
    event |= {name: event[name] or {} for name in maps}
    return {"version": "1.0", "identitySource": identity, "authorizationToken": identity} | event


def _staged_path(request: Request, stage: Stage) -> str:
    """The path with the stage before it, which `$default` is not."""
    return request.path if stage.name == "$default" else f"/{stage.name}{request.path}"


def websocket_connect(request: Request, stage: Stage, connection_id: str) -> dict[str, Any]:
    return {
        "type": "REQUEST",
        "methodArn": f"{stage.arn}/$connect",
        **_multi_maps(request),
        "stageVariables": dict(stage.variables),
        "requestContext": {
            "routeKey": "$connect",
            "eventType": "CONNECT",
            "messageDirection": "IN",
            "stage": stage.name,
            "connectedAt": _epoch_ms(request),
            "requestTimeEpoch": _epoch_ms(request),
            "requestTime": _time(request),
            "identity": {"sourceIp": request.source_ip},
            "requestId": request.request_id,
            "domainName": stage.domain,
            "connectionId": connection_id,
            "apiId": stage.api_id,
        },
    }


def rest_proxy(request: Request, stage: Stage, route: Route, authorizer: Mapping[str, Any] | None) -> dict[str, Any]:
    body, is_encoded = _body(request)
    context: dict[str, Any] = {
        "resourceId": "05c7jb",
        "resourcePath": route.key,
        "httpMethod": request.method,
        "path": _staged_path(request, stage),
        "stage": stage.name,
        "accountId": ACCOUNT,
        "apiId": stage.api_id,
        "protocol": "HTTP/1.1",
        "requestId": request.request_id,
        "extendedRequestId": request.request_id,
        "requestTime": _time(request),
        "requestTimeEpoch": _epoch_ms(request),
        "domainName": stage.domain,
        "domainPrefix": stage.api_id,
        "identity": dict.fromkeys(("accountId", "apiKey", "caller", "user", "userArn", "accessKey"))
        | {"sourceIp": request.source_ip, "userAgent": request.header("user-agent")},
    }
    if authorizer is not None:
        context["authorizer"] = dict(authorizer)
    return {
        "resource": route.key,
        "path": request.path,
        "httpMethod": request.method,
        **_multi_maps(request),
        "pathParameters": route.parameters or None,
        "stageVariables": dict(stage.variables) or None,
        "requestContext": context,
        "body": body,
        "isBase64Encoded": is_encoded,
    }


def http_proxy(request: Request, stage: Stage, route: Route, authorizer: Mapping[str, Any] | None) -> dict[str, Any]:
    body, is_encoded = _body(request)
    headers = _lists((name.lower(), value) for name, value in request.headers)
    cookies = headers.pop("cookie", [])
    optional = {
        "cookies": [one.strip() for value in cookies for one in value.split(";")],
        "queryStringParameters": _joined(_lists(request.parameters)),
        "pathParameters": route.parameters,
        "stageVariables": dict(stage.variables),
        "body": body,
    }
    return {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": _staged_path(request, stage),
        "rawQueryString": request.query,
        "headers": _joined(headers),
        "requestContext": _http_context(request, stage, route, authorizer),
        "isBase64Encoded": is_encoded,
        **{name: value for name, value in optional.items() if value},
    }


def _http_context(request: Request, stage: Stage, route: Route, authorizer: Mapping[str, Any] | None) -> dict[str, Any]:
    context: dict[str, Any] = {
        "accountId": ACCOUNT,
        "apiId": stage.api_id,
        "domainName": stage.domain,
        "domainPrefix": stage.api_id,
        "http": {
            "method": request.method,
            "path": _staged_path(request, stage),
            "protocol": "HTTP/1.1",
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent") or "",
        },
        "requestId": request.request_id,
        "routeKey": route.key,
        "stage": stage.name,
        "time": _time(request),
        "timeEpoch": _epoch_ms(request),
    }
    return context if authorizer is None else context | {"authorizer": {"lambda": dict(authorizer)}}


def _multi_maps(request: Request) -> dict[str, Any]:
    headers, query = _lists(request.headers), _lists(request.parameters)
    return {
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
    }


def _lists(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _joined(lists: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: ",".join(values) for name, values in lists.items()}


def _time(request: Request) -> str:
    return datetime.fromtimestamp(request.received_at, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def _epoch_ms(request: Request) -> int:
    return int(request.received_at * 1000)


def _body(request: Request) -> tuple[str | None, bool]:
    if not request.body:
        return None, False
    try:
        return request.body.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(request.body).decode(), True
