"""AWS's own DynamoDB Local in place of the emulated DynamoDB, where Java is at hand.

`make dynamodb-local` fetches it; it needs a JDK and Maven. The tests of store, gate and
authorizer run on it with `pytest --dynamodb=local`.
"""

import shutil
import sys
import time
from contextlib import ExitStack

from dev.processes import answering, free_port
from dev.services import ROOT, Services

LIBRARY = ROOT / ".dynamodb-local"


class ServicesOnDynamoDbLocal(Services):
    """The emulated services, with DynamoDB Local for DynamoDB."""

    def __init__(self, port: int = 0) -> None:
        super().__init__()
        self.dynamodb_port = port or free_port()

    @property
    def dynamodb_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.dynamodb_port}"

    def _start(self, opened: ExitStack) -> None:
        java = shutil.which("java")
        if java is None or not (LIBRARY / "ready").exists():
            message = "DynamoDB Local is missing: run `make dynamodb-local`, which needs Java and Maven"
            raise RuntimeError(message)
        super()._start(opened)
        command = [
            *(java, f"-Djava.library.path={LIBRARY}", "-cp", f"{LIBRARY}/*"),
            "com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
            *("-inMemory", "-disableTelemetry", "-port", str(self.dynamodb_port)),
        ]
        environ = {"PATH": "/usr/bin:/bin"}
        opened.enter_context(answering(command, self.dynamodb_endpoint, environ=environ, cwd=ROOT))


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
