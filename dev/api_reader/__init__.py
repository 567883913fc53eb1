"""Make the gateway's APIs of what template.yaml says of them; what is not understood is refused."""

from collections.abc import Mapping
from urllib.parse import quote

from dev.api_reader.reader import HTTP, REST, V2
from dev.api_reader.rest_and_http import RestAndHttpReader
from dev.api_reader.sockets import SocketReader
from dev.gateway.authorizers import ResultCache, Undocumented
from dev.gateway.events import Stage
from dev.gateway.messages import Request, Response
from dev.gateway.server import Handler
from dev.gateway.websockets import WebSocketApi
from dev.lambda_runtime import Function
from dev.template import Template, TemplateError

MOUNTS = {"AdminApi": "/admin"}


class ApiReader:
    """Reads the APIs of a template whose functions run, and says where each answers."""

    def __init__(self, template: Template, functions: Mapping[str, Function], undocumented: Undocumented) -> None:
        self._template = template
        self._apis = RestAndHttpReader(template, functions, undocumented)
        self._sockets = SocketReader(template, functions, undocumented)

    def rest_stages(self) -> list[str]:
        return [str(self._apis.checked(name)["StageName"]) for name in self._template.of_type(REST)]

    def http_mount(self, name: str) -> str:
        """Where an HTTP API answers; a stage with a name is part of its URL."""
        stage = str(self._apis.checked(name).get("StageName", "$default"))
        return MOUNTS.get(name, "/http") + ("" if stage == "$default" else f"/{stage}")

    def mounts(self) -> dict[str, Handler]:
        """Where each API answers HTTP, and where its result cache is flushed by AWS's own operations."""
        found: dict[str, Handler] = {}
        for name in self._template.of_type(REST):
            rest = self._apis.rest_api(name)
            self._mount(found, name, f"/rest/{rest.stage.name}", rest.handle)
            found[f"/restapis/{_cache_path(rest.stage)}"] = _flush(rest.cache, 202)  # FlushStageAuthorizersCache
        for name in self._template.of_type(HTTP):
            http = self._apis.http_api(name)
            self._mount(found, name, self.http_mount(name), http.handle)
            found[f"/v2/apis/{_cache_path(http.stage)}"] = _flush(http.cache, 204)  # ResetAuthorizersCache
        return found | {mount: api.handle for mount, api in self.sockets().items()}

    def sockets(self) -> dict[str, WebSocketApi]:
        """Where each WebSocket API takes connections."""
        names = self._template.of_type(f"{V2}Api")
        if len(names) > 1:
            raise self._sockets.refuse(names[1], "Type")
        return {"/ws": self._sockets.api(names[0])} if names else {}

    def _mount(self, mounts: dict[str, Handler], name: str, place: str, handler: Handler) -> None:
        if place in mounts:
            line = self._template.line_of("Type:", within=name)
            raise TemplateError(f"line {line}: {name}: another API answers at {place}; the local gateway takes one")
        mounts[place] = handler


def _cache_path(stage: Stage) -> str:
    return f"{stage.api_id}/stages/{quote(stage.name)}/cache/authorizers"


def _flush(cache: ResultCache, status: int) -> Handler:
    def flush(request: Request) -> Response:
        if request.method != "DELETE":
            return Response(405, (), b"", "no such operation")
        cache.flush()
        return Response(status, (), b"", "flushed")

    return flush
