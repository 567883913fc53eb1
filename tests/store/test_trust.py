"""TLS of the lean client: who is believed, who is not. Real handshakes on this machine."""

import socket
import ssl
import threading
from contextlib import contextmanager
from pathlib import Path

import botocore
import pytest
from cryptography import x509

from dev.authority import make_authority
from dev.services import CREDENTIALS
from store.errors import UnavailableError
from store.lean import LeanClient
from store.trust import AMAZON, MACHINE, context_of, roots_for_aws

ANSWER = b'HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"Item":{"v":{}}}   '


@contextmanager
def server(context):
    """Answers one request on each connection; the handshakes that came to an end."""
    done = []

    def serve(listener):
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(plain, server_side=True) as secure:
                    done.append(secure.version())
                    while secure.recv(65_536):
                        secure.sendall(ANSWER)
            except OSError:
                continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", done
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def ask(url, **environ):
    client = LeanClient("dynamodb", environ=CREDENTIALS | {"AWS_ENDPOINT_URL_DYNAMODB": url} | environ)
    try:
        return client.call("GetItem", {})
    finally:
        client.close()


def test_a_bundle_that_is_named_vouches(authority):
    with server(authority.server_context()) as (url, done):
        answer = ask(url, AWS_CA_BUNDLE=str(authority.root))

    assert answer == {"Item": {"v": {}}}
    assert done == ["TLSv1.3"]


def test_where_amazons_roots_do_not_vouch_the_machine_decides(authority, monkeypatch):
    """As behind a proxy that breaks TLS, whose root an operator has put into the machine's bundle."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    with server(authority.server_context()) as (url, done):
        client = LeanClient("dynamodb", environ=CREDENTIALS | {"AWS_ENDPOINT_URL_DYNAMODB": url})
        first = client.call("GetItem", {})
        client.close()
        second = client.call("GetItem", {})
        client.close()

    assert first == second == {"Item": {"v": {}}}
    assert len(done) == 2  # what did not vouch once is not asked again


@pytest.mark.parametrize("named", [True, False])
def test_a_server_that_nobody_vouches_for_is_not_spoken_to(authority, tmp_path, monkeypatch, named):
    (tmp_path / "other").mkdir()
    other = make_authority(tmp_path / "other").root
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    with server(authority.server_context()) as (url, done), pytest.raises(UnavailableError):
        ask(url, **({"AWS_CA_BUNDLE": str(other)} if named else {}))

    assert done == []


def test_a_certificate_of_another_host_is_refused(tmp_path):
    authority = make_authority(tmp_path, host=x509.DNSName("dynamodb.us-east-1.amazonaws.com"))
    with server(authority.server_context()) as (url, done), pytest.raises(UnavailableError):
        ask(url, AWS_CA_BUNDLE=str(authority.root))

    assert done == []


def test_versions_before_tls_1_2_are_not_spoken(authority):
    context = context_of(str(authority.root))

    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_bundle_that_is_not_there_decides_nothing(tmp_path, authority):
    with server(authority.server_context()) as (url, done), pytest.raises(UnavailableError):
        ask(url, AWS_CA_BUNDLE=str(tmp_path / "nothing.pem"))

    assert done == []


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # of a root that is not ours
def test_amazons_roots_are_those_that_awss_own_sdk_trusts():
    """And all of them that are Amazon's, so that none is forgotten when AWS adds one."""
    ours = set(read(Path(AMAZON)))
    trusted = read(Path(botocore.__file__).parent / "cacert.pem")
    starfield = "CN=Starfield Services Root Certificate Authority - G2"
    names = {one: one.subject.rfc4514_string() for one in trusted}
    amazons = {one for one, name in names.items() if "O=Amazon," in name or name.startswith(starfield)}

    assert len(ours) == 5
    assert ours == amazons


def test_who_is_asked_and_in_which_order():
    assert roots_for_aws({}) == (AMAZON, MACHINE)
    assert roots_for_aws({"AWS_CA_BUNDLE": "/opt/roots.pem"}) == ("/opt/roots.pem",)


def read(path):
    return x509.load_pem_x509_certificates(path.read_bytes())
