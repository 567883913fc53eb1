"""A certificate authority for an hour: TLS on this machine, in tests and benchmarks."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

LIFETIME = timedelta(hours=1)
LOOPBACK = x509.IPAddress(ip_address("127.0.0.1"))


class Authority(NamedTuple):
    """A root, in a file for clients, and what a server of 127.0.0.1 shows: chain and key in one file."""

    root: Path
    server: Path

    def server_context(self) -> ssl.SSLContext:
        """For a server that this authority vouches for."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        return context


def make_authority(folder: Path, *, host: x509.GeneralName = LOOPBACK) -> Authority:
    """A new authority, with an intermediate as AWS's endpoints have."""
    root_key, middle_key, leaf_key = (rsa.generate_private_key(65537, 2048) for _ in range(3))
    root = _certificate("root", root_key, "root", root_key, authority=True)
    middle = _certificate("middle", middle_key, "root", root_key, authority=True)
    leaf = _certificate("leaf", leaf_key, "middle", middle_key, authority=False, host=host)
    made = Authority(folder / "root.pem", folder / "server.pem")
    made.root.write_bytes(root.public_bytes(Encoding.PEM))
    key = leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    made.server.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in (leaf, middle)) + key)
    return made


def _certificate(
    name: str,
    key: rsa.RSAPrivateKey,
    issuer: str,
    issuer_key: rsa.RSAPrivateKey,
    *,
    authority: bool,
    host: x509.GeneralName = LOOPBACK,
) -> x509.Certificate:
    now = datetime.now(UTC)
    usage = dict.fromkeys(("content_commitment", "data_encipherment", "encipher_only", "decipher_only"), False)
    usage |= {"digital_signature": not authority, "key_encipherment": not authority, "key_agreement": False}
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LIFETIME)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage, key_cert_sign=authority, crl_sign=authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not authority:
        builder = builder.add_extension(x509.SubjectAlternativeName([host]), critical=False)
    return builder.sign(issuer_key, SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Tollgate {name}, for an hour")])
