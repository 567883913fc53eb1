"""Small templates, run for real: what they say is what a client sees."""

import json
import socket

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, RejectConnection, Request, TextMessage

from dev.services import ROOT
from dev.stack import LocalStack
from dev.template import Template, TemplateError

TEMPLATES = ROOT / "tests/dev/templates"


class Client:
    """A WebSocket client by another state machine than the gateway's own socket code."""

    def __init__(self, port: int, query: str, headers: list[tuple[str, str]] | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._events = iter(())
        sent = [(name.encode(), value.encode()) for name, value in headers or []]
        handshake = Request(host="localhost", target=f"/ws{query}", extra_headers=sent)
        self._socket.sendall(self._protocol.send(handshake))

    def next(self):
        while True:
            for event in self._events:
                return event
            self._protocol.receive_data(self._socket.recv(65_536) or None)
            self._events = self._protocol.events()

    def say(self, text: str):
        self._socket.sendall(self._protocol.send(TextMessage(data=text)))
        return json.loads(self.next().data)

    def close(self):
        self._socket.sendall(self._protocol.send(CloseConnection(code=1000)))
        told = self.next()
        self._socket.close()
        return told


@pytest.fixture(scope="module")
def sockets():
    with LocalStack(template=TEMPLATES / "socket.yaml") as running:
        yield running


@pytest.mark.parametrize(
    ("query", "status"), [("", 401), ("?k=", 401), ("?k=unknown", 401), ("?k=bad", 403), ("?k=crash", 500)]
)
def test_a_handshake_is_refused_as_the_authorizer_says(sockets, query, status):
    client = Client(sockets.port, query)
    refused = client.next()
    client._socket.close()

    assert isinstance(refused, RejectConnection)
    assert refused.status_code == status


def test_frames_go_to_their_routes_with_the_context_of_the_connection(sockets):
    client = Client(sockets.port, "?k=good")
    assert isinstance(client.next(), AcceptConnection)

    assert client.say('{"action":"say"}') == {"route": "say", "who": "acme", "n": "1"}
    assert client.say("no json")["route"] == "$default"
    assert client.say('{"action":"$connect"}')["route"] == "$default"
    assert isinstance(client.close(), CloseConnection)


HEAD = "Resources:\n  Thing:\n    Type: AWS::SQS::Queue\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Resources: {}\nHooks: {}\n", "line 2: Hooks"),
        ("Resources:\n  A:\n    Type: T\n    CreationPolicy: {}\n", "line 4: A.CreationPolicy"),
        ("Resources:\n  A:\n    Condition: Nope\n    Type: T\n", "line 3: there is no condition Nope"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(tmp_path, text, told):
    (tmp_path / "t.yaml").write_text(text)

    with pytest.raises(TemplateError, match=told):
        Template(tmp_path / "t.yaml", {})


def test_a_resource_of_an_unknown_type_is_refused_with_its_line(tmp_path):
    (tmp_path / "t.yaml").write_text(HEAD)

    with pytest.raises(TemplateError, match="line 3: Thing: AWS::SQS::Queue"), LocalStack(template=tmp_path / "t.yaml"):
        pass


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("!If [Yes, a, b]", "a"),
        ("{'Fn::If': [No, a, b]}", "b"),
        ("!If [Both, a, b]", "b"),
        ("!If [Either, a, b]", "a"),
        ("!FindInMap [Sizes, small, cpu]", 1),
        ("!Join ['-', [a, !Ref P]]", "a-x"),
        ("!Sub ['${P}/${q}/${!r}', {q: 2}]", "x/2/${r}"),
        ("[a, !If [No, b, !Ref AWS::NoValue]]", ["a"]),
    ],
)
def test_intrinsic_functions_mean_what_cloudformation_says(tmp_path, expression, value):
    (tmp_path / "t.yaml").write_text(
        "Parameters: {P: {Type: String, Default: x}}\n"
        "Mappings: {Sizes: {small: {cpu: 1}}}\n"
        "Conditions:\n  Yes: !Equals [!Ref P, x]\n  No: !Not [!Condition Yes]\n"
        "  Both: !And [!Condition Yes, !Condition No]\n  Either: !Or [!Condition Yes, !Condition No]\n"
        f"Resources:\n  A:\n    Type: T\n    Properties:\n      V: {expression}\n".replace("  Yes:", '  "Yes":')
        .replace("  No:", '  "No":')
        .replace("[Yes,", '["Yes",')
        .replace("[No,", '["No",')
        .replace("Condition Yes", 'Condition "Yes"')
        .replace("Condition No", 'Condition "No"')
    )

    assert Template(tmp_path / "t.yaml", {}).properties("A")["V"] == value
