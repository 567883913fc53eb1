"""The lean client beside boto3: the same signatures, answers and errors; and what it does when things break."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from dev.services import CREDENTIALS
from store.boto import BotoClient
from store.connection import Connection
from store.credentials import Credentials
from store.errors import ConditionFailed, RejectedError, ThrottledError, TransactionCancelled, UnavailableError
from store.lean import Budget, LeanClient, endpoint_of
from store.signing import Signer


@pytest.fixture(params=["lean", "boto"])
def client(request, services, monkeypatch):
    for name, value in services.environ().items():
        monkeypatch.setenv(name, value)
    if request.param == "boto":
        yield BotoClient("dynamodb")
        return
    lean = LeanClient("dynamodb")
    yield lean
    lean.close()


@pytest.mark.parametrize("token", ["", "session/token=="])
@pytest.mark.parametrize("body", [b"{}", '{"text":"\u00fc"}'.encode()])
def test_signatures_are_botocores(token, body):
    moment = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "host": "dynamodb.eu-west-1.amazonaws.com",
        "x-amz-target": "DynamoDB_20120810.GetItem",
    }
    request = AWSRequest("POST", "https://dynamodb.eu-west-1.amazonaws.com/", data=body, headers=headers)
    request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
    signer = SigV4Auth(BotoCredentials("AKID", "secret", token or None), "dynamodb", "eu-west-1")
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)

    signed = Signer("dynamodb", "eu-west-1").sign(
        headers, body, Credentials("AKID", "secret", token), moment.timestamp()
    )

    assert signed["authorization"].endswith(f"Signature={expected}")


def test_both_clients_read_what_they_wrote(client, table):
    item = {"PK": {"S": "KEY#\u00fc"}, "SK": {"S": "GATE"}, "v": {"N": "1"}}
    client.call("PutItem", {"TableName": table, "Item": item})

    found = client.call(
        "GetItem", {"TableName": table, "Key": {"PK": item["PK"], "SK": item["SK"]}, "ConsistentRead": True}
    )

    assert found["Item"] == item


def test_both_clients_tell_what_a_failed_condition_found(client, table):
    key = {"PK": {"S": "a"}, "SK": {"S": "b"}}
    client.call("PutItem", {"TableName": table, "Item": key | {"v": {"N": "2"}}})
    request = {
        "TableName": table,
        "Key": key,
        "ConditionExpression": "v = :v",
        "UpdateExpression": "SET v = :v",
        "ExpressionAttributeValues": {":v": {"N": "1"}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }

    with pytest.raises(ConditionFailed) as raised:
        client.call("UpdateItem", request)

    assert raised.value.item is not None
    assert raised.value.item["v"] == {"N": "2"}


def test_both_clients_tell_the_reasons_of_a_cancelled_transaction(client, table):
    item = {"PK": {"S": "t"}, "SK": {"S": "t"}}
    put = {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(PK)"}}
    client.call("TransactWriteItems", {"TransactItems": [put]})

    with pytest.raises(TransactionCancelled) as raised:
        client.call("TransactWriteItems", {"TransactItems": [put]})

    assert raised.value.codes == ("ConditionalCheckFailed",)


def test_both_clients_reject_alike(client):
    with pytest.raises(RejectedError):
        client.call("GetItem", {"TableName": "no-such-table", "Key": {"PK": {"S": "a"}, "SK": {"S": "b"}}})


@contextmanager
def faulty_server(behave: Callable[[socket.socket, int], None]) -> Iterator[tuple[LeanClient, list[int]]]:
    """A server that treats each connection as told, and a client of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        seen: list[int] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                seen.append(len(seen))
                with connection:
                    connection.settimeout(5)
                    try:
                        connection.recv(65536)
                        behave(connection, seen[-1])
                    except OSError:
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        client = LeanClient("dynamodb", environ=CREDENTIALS | {"AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{port}"})
        yield client, seen
        client.close()
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def answer(status: int, body: object, *, headers: str = "") -> bytes:
    raw = json.dumps(body).encode()
    return f"HTTP/1.1 {status} X\r\n{headers}Connection: close\r\nContent-Length: {len(raw)}\r\n\r\n".encode() + raw


THROTTLE = answer(400, {"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"})


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (THROTTLE, ThrottledError),
        (answer(500, {"__type": "x#InternalServerError"}), UnavailableError),
        (answer(503, {"__type": "x#UnheardOf"}), UnavailableError),
        (answer(500, {}), UnavailableError),
        (answer(200, {})[:-5], UnavailableError),
        (answer(200, {"a": 1}, headers="x-amz-crc32: 1\r\n"), UnavailableError),
        (answer(200, {"a": 1}, headers="x-amz-crc32: none\r\n"), UnavailableError),
        (answer(200, []), UnavailableError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope", UnavailableError),
        (b"not HTTP at all\r\n\r\n", UnavailableError),
        (b"", UnavailableError),
    ],
)
def test_a_passing_fault_is_retried_and_a_lasting_one_is_told(broken, error):
    with faulty_server(
        lambda connection, number: connection.sendall(broken if number == 0 else answer(200, {"ok": 1}))
    ) as (client, seen):
        assert client.call("GetItem", {}) == {"ok": 1}
        assert len(seen) == 2

    with faulty_server(lambda connection, _: connection.sendall(broken)) as (client, seen):
        with pytest.raises(error):
            client.call("GetItem", {})
        assert len(seen) <= 3


def test_a_connection_that_was_closed_meanwhile_is_opened_anew():
    with faulty_server(
        lambda connection, _: connection.sendall(answer(200, {}).replace(b"Connection: close\r\n", b""))
    ) as (client, seen):
        for _ in range(3):
            client.call("GetItem", {})

    assert len(seen) == 3


def test_a_request_whose_time_is_spent_makes_no_further_call():
    budget = Budget()
    with faulty_server(lambda connection, _: connection.sendall(answer(200, {}))) as (client, seen):
        client._budget = budget
        budget.start()
        assert client.call("GetItem", {}) == {}
        budget.start(0)
        with pytest.raises(UnavailableError):
            client.call("GetItem", {})

    assert len(seen) == 1


def test_an_answer_that_trickles_is_given_up_when_the_time_is_spent():
    """However often the other side sends a byte in time."""
    done = threading.Event()

    def trickle(connection: socket.socket, _: int) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not done.wait(0.02):
            connection.sendall(b" ")

    with faulty_server(trickle) as (client, seen):
        client._budget = Budget()
        client._budget.start(0.3)
        with pytest.raises(UnavailableError):
            client.call("GetItem", {})
        done.set()

    assert len(seen) == 1


def test_a_server_that_never_answers_is_given_up():
    silent = threading.Event()
    with faulty_server(lambda *_: silent.wait(4) and None) as (client, _):
        with pytest.raises(UnavailableError):
            client.call("GetItem", {})
        silent.set()


def chunk(size: int) -> bytes:
    return f"{size:x}\r\n".encode() + b" " * size + b"\r\n"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def exchange(parts: list[bytes], *, max_bytes: int) -> tuple[int, dict[str, str], bytes]:
    """What a connection reads of an answer that comes in parts."""

    def send(connection: socket.socket, _: int) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(0.05)

    with faulty_server(send) as (client, _), closing(Connection(client._endpoint, max_bytes=max_bytes)) as connection:
        return connection.exchange(b"request")


@pytest.mark.parametrize(
    "parts",
    [
        [answer(200, "x" * 1000)],
        [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000],
        [CHUNKED, b"fffffff\r\n"],
        [CHUNKED, chunk(600), chunk(600), b"0\r\n\r\n"],
    ],
    ids=["body", "head", "chunk", "chunks"],
)
def test_an_answer_that_is_too_large_is_given_up(parts):
    with pytest.raises(ConnectionError, match="too large"):
        exchange(parts, max_bytes=1000)


def test_an_answer_in_chunks_is_read_whole():
    status, _, body = exchange([CHUNKED, chunk(600), chunk(400), b"0\r\n\r\n"], max_bytes=2000)

    assert (status, body) == (200, b" " * 1000)


@pytest.mark.parametrize(
    ("environ", "endpoint"),
    [
        ({"AWS_REGION": "eu-west-1"}, (True, "dynamodb.eu-west-1.amazonaws.com", 443)),
        ({"AWS_REGION": "cn-north-1"}, (True, "dynamodb.cn-north-1.amazonaws.com.cn", 443)),
        ({"AWS_REGION": "x", "AWS_ENDPOINT_URL": "http://h:8000/p"}, (False, "h", 8000)),
        (
            {"AWS_REGION": "x", "AWS_ENDPOINT_URL": "http://h", "AWS_ENDPOINT_URL_DYNAMODB": "https://d"},
            (True, "d", 443),
        ),
        (
            {"AWS_REGION": "x", "AWS_ENDPOINT_URL": "http://h", "AWS_ENDPOINT_URL_EVENTBRIDGE": "http://e"},
            (False, "h", 80),
        ),
    ],
)
def test_a_service_answers_in_its_region_unless_a_variable_says_where(environ, endpoint):
    assert endpoint_of("dynamodb", environ) == endpoint
