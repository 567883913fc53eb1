"""Secrets by reference, and what a key's material is known by.

A reference says where a secret is: `env:NAME`, `file:PATH`, `secretsmanager:ARN`, `ssm:NAME`,
`keyring:NAME`, or `-` for standard input. No secret is ever an argument: it would stand in the
list of processes and in the shell's history.
"""

import hashlib
import json
import os
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from cli.exits import CommandError, ExitCode
from cli.private_files import read_private, write_private

RSA_BITS = 2048
SECRET_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
CURVES: Mapping[str, Callable[[], ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}
ALGORITHMS = (*SECRET_BYTES, "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", *CURVES, "EdDSA")
_REQUIRED = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "oct": ("k", "kty")}
_OF_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
Object = dict[str, Any]


# --- references ----------------------------------------------------------------------------


def read_reference(text: str, *, folder: Path = Path()) -> str:
    """The secret that a reference leads to. Raises a CommandError that names the reference, never the secret."""
    if text == "-":
        return sys.stdin.read().rstrip("\r\n")
    kind, colon, name = text.partition(":")
    if not colon or kind not in _READERS or not name:
        kinds = ", ".join(f"{known}:…" for known in _READERS)
        raise CommandError(f"A secret is given as {kinds}, or - for standard input.", ExitCode.INVALID)
    secret = _READERS[kind](name, folder)
    if not secret:
        raise CommandError(f"{text} holds nothing.", ExitCode.INVALID)
    return secret


def _read_environment(name: str, _folder: Path) -> str:
    if name not in os.environ:
        raise CommandError(f"The environment variable {name} is not set.", ExitCode.INVALID)
    return os.environ[name]


def _read_file(name: str, folder: Path) -> str:
    try:
        return (folder / name).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "it is not UTF-8")
        raise CommandError(f"{folder / name} cannot be read: {reason}.", ExitCode.INVALID) from None


def _read_keyring(name: str, _folder: Path) -> str:
    try:
        import keyring  # noqa: PLC0415 - an extra
    except ImportError:
        raise CommandError("keyring:… needs the extra `keyring`.") from None
    return keyring.get_password("tollgate", name) or ""


def _read_secrets_manager(name: str, _folder: Path) -> str:
    """`ARN`, or `ARN#member` of a secret that is a JSON object."""
    arn, _, member = name.partition("#")
    text = str(_call_aws("secretsmanager", "get_secret_value", SecretId=arn).get("SecretString") or "")
    if not member:
        return text
    try:
        return str(json.loads(text)[member])
    except (ValueError, KeyError, TypeError):
        raise CommandError(f"secretsmanager:{arn} has no member {member}.", ExitCode.INVALID) from None


def _read_parameter(name: str, _folder: Path) -> str:
    return str(_call_aws("ssm", "get_parameter", Name=name, WithDecryption=True)["Parameter"]["Value"])


_READERS: Mapping[str, Callable[[str, Path], str]] = {
    "env": _read_environment,
    "file": _read_file,
    "secretsmanager": _read_secrets_manager,
    "ssm": _read_parameter,
    "keyring": _read_keyring,
}


def _call_aws(service: str, operation: str, **parameters: Any) -> Object:
    """One call of AWS. Raises a CommandError, whose message has no secret."""
    try:
        import boto3  # noqa: PLC0415 - an extra
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ImportError:
        raise CommandError(f"{service}:… needs the extra `aws`.") from None
    try:
        client: Any = boto3.client(service)  # type: ignore[call-overload] # the name is one of two
        answer: Object = getattr(client, operation)(**parameters)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        raise AwsError(f"{service} refuses {operation}: {code}.", code) from None
    except BotoCoreError as error:
        raise CommandError(f"{service} does not answer: {type(error).__name__}.", ExitCode.UNAVAILABLE) from None
    return answer


class AwsError(CommandError):
    """AWS answered with an error; `reason` is its code."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


# --- places for what is made ---------------------------------------------------------------


class Place:
    """Where what was made for a key is put: its id, and its secret or private key, as JSON."""

    def __init__(self, kind: str, name: str, folder: Path = Path()) -> None:
        self._kind = kind
        self._name = name
        self._folder = folder

    @classmethod
    def of(cls, text: str) -> "Place":
        """The place that `file:PATH`, `secretsmanager:NAME` or `ssm:NAME` names."""
        kind, colon, name = text.partition(":")
        if not colon or not name or kind not in {"file", "secretsmanager", "ssm"}:
            message = "A place is given as file:PATH, secretsmanager:NAME or ssm:NAME."
            raise CommandError(message, ExitCode.INVALID)
        return cls(kind, name)

    def __str__(self) -> str:
        return f"{self._kind}:{self._name}"

    def read(self) -> Object:
        """What is there; nothing where nothing was put yet."""
        try:
            text = self._read()
        except AwsError as error:
            if error.reason in {"ResourceNotFoundException", "ParameterNotFound"}:
                return {}
            raise
        try:
            value = json.loads(text or "{}")
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise CommandError(f"{self} holds something else than what was put there for a key.")
        return value

    def write(self, value: Object) -> None:
        text = json.dumps(value, indent=2)
        if self._kind == "file":
            write_private(self._path, text + "\n")
        elif self._kind == "ssm":
            _call_aws("ssm", "put_parameter", Name=self._name, Value=text, Type="SecureString", Overwrite=True)
        else:
            self._write_secret(text)

    @property
    def _path(self) -> Path:
        return (self._folder / self._name).expanduser()

    def _read(self) -> str | None:
        if self._kind == "file":
            return read_private(self._path)
        return _READERS[self._kind](self._name, self._folder)

    def _write_secret(self, text: str) -> None:
        try:
            _call_aws("secretsmanager", "put_secret_value", SecretId=self._name, SecretString=text)
        except AwsError as error:
            if error.reason != "ResourceNotFoundException":
                raise
            _call_aws("secretsmanager", "create_secret", Name=self._name, SecretString=text)


# --- material ------------------------------------------------------------------------------


def generate(algorithm: str) -> Object:
    """A new secret or key pair, as `jwt_data` shows it: the private half is made here and leaves this machine never."""
    if algorithm in SECRET_BYTES:
        secret = urlsafe_b64encode(os.urandom(SECRET_BYTES[algorithm])).rstrip(b"=").decode()
        return {"algorithm": algorithm, "secret": secret, "encoding": "base64url"}
    private = _generate_private_key(algorithm)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {"algorithm": algorithm, "private_key": pem.decode(), "public_key": public.decode()}


def public_part(material: Mapping[str, Any]) -> Object:
    """What the API is given of material: all but a private key."""
    return {name: value for name, value in material.items() if name != "private_key"}


def thumbprint(material: Mapping[str, Any]) -> str:
    """The thumbprint (RFC 7638) of a secret, a PEM or a JWK, as the API shows it. ValueError where it is none."""
    jwk = _jwk_of(material)
    members = {name: jwk[name] for name in _REQUIRED[jwk["kty"]]}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def default_algorithm(material: Mapping[str, Any]) -> str:
    """The algorithm that the API chooses where none is named."""
    if "secret" in material or material.get("generate"):
        return "HS256"
    jwk = _jwk_of(material)
    named = material.get("jwk", {}).get("alg")
    return named or {"RSA": "RS256", "OKP": "EdDSA", "oct": "HS256"}.get(jwk["kty"]) or _OF_CURVE[jwk["crv"]]


def _generate_private_key(
    algorithm: str,
) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey:
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm]())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)


def _jwk_of(material: Mapping[str, Any]) -> Object:
    """Material as a JWK in its one canonical form. ValueError where it is none that the API takes."""
    if "secret" in material:
        text = str(material["secret"])
        is_encoded = material.get("encoding") == "base64url"
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4)) if is_encoded else text.encode()
        return {"kty": "oct", "k": urlsafe_b64encode(raw).rstrip(b"=").decode()}
    key = _load_pem(str(material["public_key"])) if "public_key" in material else _load_jwk(material["jwk"])
    for kind, algorithm in _KINDS.values():
        if isinstance(key, kind):
            jwk: Object = algorithm.to_jwk(key, as_dict=True)
            return jwk
    raise ValueError("is not an RSA, EC or Ed25519 public key")


def _load_pem(pem: str) -> object:
    text = pem.encode()
    try:
        if b"BEGIN CERTIFICATE" in text:
            return x509.load_pem_x509_certificate(text).public_key()
        return serialization.load_pem_public_key(text)
    except Exception:  # noqa: BLE001 - cryptography raises many kinds, all mean the same here
        raise ValueError("is not a PEM block of a public key or a certificate") from None


def _load_jwk(jwk: Mapping[str, Any]) -> object:
    try:
        _, algorithm = _KINDS[str(jwk.get("kty"))]
        return algorithm.from_jwk(dict(jwk))
    except Exception:  # noqa: BLE001 - PyJWT and cryptography raise many kinds
        raise ValueError("is not a JWK of type RSA, EC or OKP") from None


_KINDS: Mapping[str, tuple[Any, Any]] = {
    "RSA": (rsa.RSAPublicKey, RSAAlgorithm),
    "EC": (ec.EllipticCurvePublicKey, ECAlgorithm),
    "OKP": (ed25519.Ed25519PublicKey, OKPAlgorithm),
}
