"""AWS's own DynamoDB Local in place of the emulated DynamoDB, where Java is at hand.

`make dynamodb-local` fetches it; it needs a JDK and Maven. The tests of store, gate and
authorizer run on it with `pytest --dynamodb=local`.
"""

import shutil
import sys
import tempfile
import time
from types import TracebackType
from typing import Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from dev.processes import end, free_port, spawn
from dev.services import ROOT, Services

LIBRARY = ROOT / ".dynamodb-local"
READY_SECONDS = 30


class ServicesOnDynamoDbLocal(Services):
    """The emulated services, with DynamoDB Local for DynamoDB."""

    def __init__(self, port: int = 0) -> None:
        super().__init__()
        self.dynamodb_port = port or free_port()

    @property
    def dynamodb_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.dynamodb_port}"

    def __enter__(self) -> Self:
        java = shutil.which("java")
        if java is None or not (LIBRARY / "ready").exists():
            message = "DynamoDB Local is missing: run `make dynamodb-local`, which needs Java and Maven"
            raise RuntimeError(message)
        super().__enter__()
        command = [
            *(java, f"-Djava.library.path={LIBRARY}", "-cp", f"{LIBRARY}/*"),
            "com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
            *("-inMemory", "-disableTelemetry", "-port", str(self.dynamodb_port)),
        ]
        self._java_log = tempfile.TemporaryFile()
        self._java = spawn(command, environ={"PATH": "/usr/bin:/bin"}, cwd=ROOT, output=self._java_log)
        try:
            self._wait_for_java()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end(self._java, seconds=5)
        self._java_log.close()
        super().__exit__(kind, error, trace)

    def _wait_for_java(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self._java.poll() is None:
            try:
                urlopen(self.dynamodb_endpoint, timeout=1).close()
            except HTTPError:
                return  # it answers: a GET is no request of DynamoDB
            except (URLError, OSError):
                time.sleep(0.05)
        message = "DynamoDB Local did not start"
        raise RuntimeError(message)


def main() -> None:
    """Run until interrupted; the port is the first argument."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    with ServicesOnDynamoDbLocal(port) as services:
        sys.stdout.write(f"DynamoDB Local answers at {services.dynamodb_endpoint}; end it with Ctrl-C\n")
        sys.stdout.flush()
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
