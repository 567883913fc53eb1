"""One port, several APIs: an HTTP server that mounts them below their paths."""

import sys
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from dev.gateway import frames
from dev.gateway.messages import Request, Response
from dev.gateway.websockets import WebSocketApi

MAX_BODY_BYTES = 10 * 1024 * 1024  # API Gateway's own bound
Handler = Callable[[Request], Response]


class GatewayServer(ThreadingHTTPServer):
    """Serves the APIs mounted at path prefixes, on 127.0.0.1."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self,
        port: int,
        mounts: Mapping[str, Handler],
        sockets: Mapping[str, WebSocketApi] | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        super().__init__(("127.0.0.1", port), _GatewayHandler)
        self.mounts = mounts
        self.sockets = sockets or {}
        self.quiet = quiet

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def find(self, target: str) -> tuple[Handler, str] | None:
        """The API that a request target belongs to, and the target below its mount."""
        for mount, handler in self.mounts.items():
            if target == mount or target.startswith((f"{mount}/", f"{mount}?")):
                return handler, target.removeprefix(mount)
        return None


class _GatewayHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: GatewayServer

    def _serve(self) -> None:
        started = time.perf_counter()
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._answer(Response(413, (), b"", "refused", "body"), started)
            return
        body = self.rfile.read(int(length))
        mount = self.path.partition("?")[0].rstrip("/")
        if mount in self.server.sockets:
            api, target = self.server.sockets[mount], "/?" + self.path.partition("?")[2]
            request = Request.make(self.command, target, tuple(self.headers.items()), body, self.client_address[0])
            if frames.is_upgrade(request):
                self._serve_socket(api, request, started)
                return
        found = self.server.find(self.path)
        if found is None:
            response = Response(404, (("Content-Type", "text/plain"),), b"No API is mounted here.\n", "no API")
        elif not found[1] and self.headers.get("Sec-Fetch-Dest") == "document":
            # On AWS a page at the root of its host always has a slash to be relative to.
            response = Response(308, (("Location", f"{self.path}/"),), b"", "redirect")
        else:
            handler, target = found
            headers, mount = tuple(self.headers.items()), self.path.removesuffix(target)
            request = Request.make(self.command, target, headers, body, self.client_address[0], mount=mount)
            response = self._handle(handler, request)
        self._answer(response, started)

    def _answer(self, response: Response, started: float) -> None:
        self._send(response)
        self._tell(response, (time.perf_counter() - started) * 1000)

    def _tell(self, response: Response, milliseconds: float) -> None:
        if self.server.quiet:
            return
        words = (self.command, self.path.partition("?")[0], str(response.status), response.decision, response.reason)
        sys.stdout.write(f"{' '.join(word for word in words if word)} {milliseconds:.1f} ms\n")
        sys.stdout.flush()

    def _serve_socket(self, api: WebSocketApi, request: Request, started: float) -> None:
        self.close_connection = True
        connection = api.connect(request)
        if isinstance(connection, Response):
            self._answer(connection, started)
            return
        self._tell(Response(101, (), b"", "allow"), (time.perf_counter() - started) * 1000)
        try:
            frames.serve(request, self.rfile, self.wfile.write, connection.receive)
        except (frames.ProtocolError, OSError) as error:
            sys.stderr.write(f"gateway: WebSocket: {error}\n")
        finally:
            connection.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_TRACE = _serve

    def _handle(self, handler: Handler, request: Request) -> Response:
        try:
            return handler(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the door stays shut
            sys.stderr.write(f"gateway: {type(error).__name__}: {error}\n")
            body = b'{"message":"Internal Server Error"}'
            return Response(500, (("Content-Type", "application/json"),), body, "gateway error")

    def _send(self, response: Response) -> None:
        self.send_response_only(response.status)  # without the Server header that no API of AWS has
        self.send_header("Date", self.date_time_string())
        for name, value in response.headers:
            if name.lower() not in {"content-length", "connection", "transfer-encoding"}:
                self.send_header(name, value.replace("\r", " ").replace("\n", " "))
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class says so
        """Stay silent: one line for each request is written above."""
