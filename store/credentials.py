"""AWS credentials, from the environment or the container endpoint that it names."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from store.connection import Connection, parse_endpoint
from store.errors import UnavailableError


class Credentials(NamedTuple):
    """AWS credentials. `expires_at`: Unix seconds, None where they last as long as we do."""

    access_key: str
    secret_key: str
    token: str
    expires_at: float | None = None

    def __repr__(self) -> str:
        return "Credentials(<secret>)"


class CredentialSource:
    """Credentials from the environment, or from the container endpoint that it names."""

    def __init__(self, environ: Mapping[str, str], clock: Callable[[], float]) -> None:
        self._environ = environ
        self._clock = clock
        self._known: Credentials | None = None

    def current(self) -> Credentials:
        """Credentials that last another minute. Raises UnavailableError where there are none."""
        known = self._known
        if known is None or (known.expires_at is not None and known.expires_at - self._clock() < 60):  # noqa: PLR2004 - a minute
            known = self._known = self._read()
        return known

    def _read(self) -> Credentials:
        environ = self._environ
        if environ.get("AWS_ACCESS_KEY_ID"):
            return Credentials(
                environ["AWS_ACCESS_KEY_ID"],
                environ.get("AWS_SECRET_ACCESS_KEY", ""),
                environ.get("AWS_SESSION_TOKEN", ""),
            )
        if environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            return self._read_container(environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
        message = "no AWS credentials in the environment"
        raise UnavailableError(message)

    def _read_container(self, uri: str) -> Credentials:
        endpoint = parse_endpoint(uri)
        path = "/" + uri.partition("://")[2].partition("/")[2]
        head = f"GET {path} HTTP/1.1\r\nhost: {endpoint.host_header}\r\nconnection: close\r\n"
        token = self._container_token()
        if token:
            head += f"authorization: {token}\r\n"
        try:
            connection = Connection(endpoint)
            try:
                _, _, answer = connection.exchange(f"{head}\r\n".encode())
            finally:
                connection.close()
            found = json.loads(answer)
            expires = datetime.fromisoformat(found["Expiration"]).timestamp()
            return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["Token"], expires)
        except (OSError, ValueError, KeyError, TypeError) as error:
            message = "the container's credentials cannot be read"
            raise UnavailableError(message) from error

    def _container_token(self) -> str:
        path = self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        if path:
            with open(path, encoding="ascii") as file:  # noqa: PTH123 - pathlib costs a cold start
                return file.read().strip()
        return self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
