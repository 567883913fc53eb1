"""A WebSocket API: the authorizer is asked once, on $connect; frames go to routes.

The @connections API (messages from outside to a connection) is not played.
"""

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from dev.gateway import authorizers, events
from dev.gateway.authorizers import Authorizer
from dev.gateway.events import Stage
from dev.gateway.iam import evaluate
from dev.gateway.messages import GatewayError, Request, Response
from dev.lambda_runtime import Function, FunctionError

_STATUSES = {"UNAUTHORIZED": (401, "Unauthorized"), "ACCESS_DENIED": (403, "Forbidden")}


class SocketRoute(NamedTuple):
    """What a route calls (None: a mock, which takes everything), and whether its answer goes back to the client."""

    function: Function | None
    answers: bool


class WebSocketApi:
    """Routes by key. `selected_by` is the member of a message's JSON body that names its route."""

    def __init__(
        self, stage: Stage, routes: Mapping[str, SocketRoute], authorizer: Authorizer | None, *, selected_by: str
    ) -> None:
        self.stage = stage
        self.routes = routes
        self.selected_by = selected_by
        self._authorizer = authorizer

    def handle(self, _request: Request) -> Response:
        """A request that does not ask to be upgraded."""
        return _refuse(426, "Upgrade Required", "no upgrade")

    def connect(self, request: Request) -> "Connection | Response":
        """A connection, or the answer that refuses the handshake."""
        connection_id = uuid.uuid4().hex[:16]
        try:
            context = self._authorize(request, connection_id)
        except GatewayError as error:
            status, text = _STATUSES.get(error.kind, (500, "Internal Server Error"))
            return _refuse(status, text, error.kind, error.context.get("reason") or error.detail)
        connection = Connection(self, request, connection_id, context)
        if "$connect" in self.routes:
            try:
                answer = connection.invoke("$connect", "CONNECT", None)
            except FunctionError as error:
                return _refuse(500, "Internal Server Error", "$connect failed", error.kind)
            status = int(answer.get("statusCode", 500)) if isinstance(answer, dict) else 500
            if not 200 <= status < 300:  # noqa: PLR2004 - success
                return _refuse(status, "Refused", "$connect refused")
        return connection

    def _authorize(self, request: Request, connection_id: str) -> dict[str, str] | None:
        if self._authorizer is None:
            return None
        event = events.websocket_connect(request, self.stage, connection_id)
        authorizers.identity_of(self._authorizer, request, self.stage, event["requestContext"])
        answer = authorizers.call(self._authorizer, event).body
        context = authorizers.flat_context(answer)
        verdict = evaluate(answer["policyDocument"], event["methodArn"])
        if verdict != "allow":
            raise GatewayError("ACCESS_DENIED", context=context, detail=verdict)
        return context


class Connection:
    """An open connection: every frame of it carries the context that $connect was allowed with."""

    def __init__(self, api: WebSocketApi, request: Request, connection_id: str, context: dict[str, str] | None) -> None:
        self.id = connection_id
        self._api, self._request, self._context = api, request, context

    def receive(self, text: str) -> str | None:
        """What a message is answered with, None where nothing is sent."""
        key = self._route_of(text)
        if key is None:
            return self._problem("Forbidden")
        try:
            answer = self.invoke(key, "MESSAGE", text)
        except FunctionError:
            return self._problem("Internal server error")
        if not self._api.routes[key].answers or not isinstance(answer, dict):
            return None
        return str(answer.get("body") or "") or None

    def close(self) -> None:
        """Tell $disconnect, whose failure nobody hears."""
        if "$disconnect" in self._api.routes:
            try:
                self.invoke("$disconnect", "DISCONNECT", None)
            except FunctionError:
                return

    def invoke(self, key: str, kind: str, text: str | None) -> Any:
        function = self._api.routes[key].function
        if function is None:
            return {"statusCode": 200}
        event = events.websocket_connect(self._request, self._api.stage, self.id)
        for name in ("type", "methodArn"):
            del event[name]
        context = event["requestContext"] | {"routeKey": key, "eventType": kind, "requestId": str(uuid.uuid4())}
        context["requestTimeEpoch"] = int(time.time() * 1000)
        if self._context is not None:
            context["authorizer"] = self._context
        if kind == "MESSAGE":
            context["messageId"] = str(uuid.uuid4())
            event = {"body": text}
        return function.invoke(event | {"requestContext": context, "isBase64Encoded": False})

    def _route_of(self, text: str) -> str | None:
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        named = body.get(self._api.selected_by) if isinstance(body, dict) else None
        if isinstance(named, str) and named in self._api.routes and not named.startswith("$"):
            return named
        return "$default" if "$default" in self._api.routes else None

    def _problem(self, text: str) -> str:
        return json.dumps({"message": text, "connectionId": self.id, "requestId": str(uuid.uuid4())})


def _refuse(status: int, text: str, decision: str, reason: str = "") -> Response:
    body = json.dumps({"message": text}, separators=(",", ":")).encode()
    return Response(status, (("Content-Type", "application/json"),), body, decision, reason)
