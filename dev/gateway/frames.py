"""Serve an accepted WebSocket on the socket of its HTTP request; wsproto knows the protocol."""

from collections.abc import Callable
from io import BufferedIOBase

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.events import Request as Handshake
from wsproto.utilities import ProtocolError

from dev.gateway.messages import Request

_READ_BYTES = 65_536
_BINARY_REFUSED = 1003


def is_upgrade(request: Request) -> bool:
    return (request.header("upgrade") or "").lower() == "websocket"


def serve(
    request: Request, reader: BufferedIOBase, write: Callable[[bytes], object], receive: Callable[[str], str | None]
) -> None:
    """Shake hands, then answer text messages until the client closes. Raises ProtocolError."""
    protocol = WSConnection(ConnectionType.SERVER)
    headers = [(name.encode(), value.encode()) for name, value in request.headers]
    protocol.initiate_upgrade_connection(headers, request.path)
    text = ""
    while True:
        for event in protocol.events():
            if isinstance(event, Handshake):
                write(protocol.send(AcceptConnection()))
            elif isinstance(event, TextMessage):
                text += event.data
                if event.message_finished:
                    answer, text = receive(text), ""
                    if answer is not None:
                        write(protocol.send(TextMessage(data=answer)))
            elif isinstance(event, BytesMessage):
                write(protocol.send(CloseConnection(code=_BINARY_REFUSED, reason="text only")))
                return
            elif isinstance(event, Ping):
                write(protocol.send(event.response()))
            elif isinstance(event, CloseConnection):
                write(protocol.send(event.response()))
                return
        data = reader.read1(_READ_BYTES)
        if not data:
            return
        protocol.receive_data(data)


__all__ = ["ProtocolError", "is_upgrade", "serve"]
