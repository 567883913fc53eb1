"""An OpenID Connect provider on this machine: discovery, a key set, keys that rotate, outages."""

import json
import ssl
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm


class Provider(ThreadingHTTPServer):
    """Answers like a provider; `fault` makes it fail."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
            self.url = f"https://127.0.0.1:{self.server_port}"
        self.jwks_uri = f"{self.url}/jwks"
        self.keys: dict[str, tuple[str, object]] = {}
        self.fault = ""
        self.fetches = 0  # of the key set
        self.requests = 0
        self.add("first")
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def add(self, key_id: str, algorithm: str = "RS256") -> None:
        made = (
            rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else ec.generate_private_key(ec.SECP256R1())
        )
        self.keys[key_id] = (algorithm, made)

    def remove(self, key_id: str) -> None:
        del self.keys[key_id]

    def token(self, identity: str = "ada", *, key_id: str = "", signed_by: str = "", **claims: object) -> str:
        name = key_id or next(reversed(self.keys))
        algorithm, key = self.keys[signed_by or name]
        body = {"iss": self.url, "sub": identity, "aud": "orders", "exp": int(time.time()) + 60} | claims
        return jwt.encode(body, key, algorithm=algorithm, headers={"kid": name})

    def key_set(self) -> dict[str, object]:
        found = []
        for key_id, (algorithm, key) in self.keys.items():
            to_jwk = RSAAlgorithm.to_jwk if algorithm == "RS256" else ECAlgorithm.to_jwk
            found.append(json.loads(to_jwk(key.public_key())) | {"kid": key_id, "use": "sig", "alg": algorithm})
        return {"keys": [*found, {"kty": "oct", "k": "AAAA"}, {"kty": "unheard-of"}]}


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        provider = self.server
        provider.requests += 1
        provider.fetches += self.path == "/jwks"
        if provider.fault == "down":
            self._send(503, b"down")
        elif provider.fault == "redirect":
            self._send(302, b"", location=f"{provider.url}/elsewhere")
        elif provider.fault == "huge":
            self._send(200, b'{"keys":[' + b" " * 2_000_000 + b"]}")
        elif provider.fault == "slow":
            time.sleep(3)
        elif provider.fault == "drip":
            self._drip(b" ", every=0.2)
        elif provider.fault == "endless":
            self._drip(b"4000\r\n" + b" " * 0x4000 + b"\r\n", every=0, **{"Transfer-Encoding": "chunked"})
        elif provider.fault == "nonsense":
            self._send(200, b"<html>")
        elif self.path == "/.well-known/openid-configuration":
            issuer = "https://somebody.else" if provider.fault == "impostor" else provider.url
            self._send(200, json.dumps({"issuer": issuer, "jwks_uri": provider.jwks_uri}).encode())
        elif self.path == "/jwks":
            self._send(200, json.dumps(provider.key_set()).encode())
        else:
            self._send(404, b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class says so
        """Stay silent."""

    def _drip(self, piece: bytes, *, every: float, **headers: str) -> None:
        """Send pieces until the other side has had enough."""
        self.send_response(200)
        for name, value in (headers or {"Content-Length": "100000"}).items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):
            while True:
                self.wfile.write(piece)
                time.sleep(every)

    def _send(self, status: int, body: bytes, *, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
