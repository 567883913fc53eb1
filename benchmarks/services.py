"""DynamoDB and Secrets Manager in a process of their own: a table in memory that answers after a delay.

Served over TLS, as AWS serves them, with the certificate that the first argument names. What the table
holds and how long it takes to answer is told over a plain port of its own.
"""

import asyncio
import json
import ssl
import sys
from typing import Any
from zlib import crc32

from benchmarks.memory_table import MemoryTable
from store.errors import ConditionFailed
from store.table import RECORD

MASTER_SECRET = "b" * 64
FILLER = {"name": {"S": "another key"}}


class Server:
    """Answers over HTTP/1.1 with kept-alive connections. `delay` in seconds."""

    def __init__(self) -> None:
        self.table = MemoryTable()
        self.delay = 0.0
        self.calls = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                headers = {
                    name.strip().lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in head.decode().split("\r\n")[1:])
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                status, answer = self.answer(headers.get("x-amz-target", ""), json.loads(body or b"{}"))
                if self.delay and "x-amz-target" in headers:
                    await asyncio.sleep(self.delay)
                raw = json.dumps(answer).encode()
                lines = (
                    f"HTTP/1.1 {status} X",
                    "content-type: application/x-amz-json-1.0",
                    f"x-amz-crc32: {crc32(raw)}",
                    f"content-length: {len(raw)}",
                )
                writer.write("\r\n".join((*lines, "", "")).encode() + raw)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def answer(self, target: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        operation = target.partition(".")[2]
        if not target:  # our own: what to hold, and how to answer
            for item in request.get("items", []):
                self.table.items[item["PK"]["S"], item["SK"]["S"]] = item
            for number in range(request.get("fill", 0)):
                self.table.items[f"KEY#{number:043d}", RECORD] = FILLER
            self.delay = request.get("delay", self.delay)
            calls, self.calls = self.calls, 0
            return 200, {"calls": calls}
        if operation == "GetSecretValue":
            return 200, {"SecretString": json.dumps({"current": MASTER_SECRET})}
        self.calls += 1
        try:
            return 200, self.table.call(operation, request)
        except ConditionFailed as failed:
            code = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
            return 400, {"__type": code, "message": "The conditional request failed", "Item": failed.item}


async def main() -> None:
    """Serve on any two free ports, and say which: TLS, then plain."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    serve = Server().serve
    secure = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    plain = await asyncio.start_server(serve, "127.0.0.1", 0)
    sys.stdout.write(" ".join(str(one.sockets[0].getsockname()[1]) for one in (secure, plain)) + "\n")
    sys.stdout.flush()
    async with secure, plain:
        await asyncio.gather(secure.serve_forever(), plain.serve_forever())


if __name__ == "__main__":
    asyncio.run(main())
