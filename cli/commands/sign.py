"""`tollgate sign`: a token from a private key or a secret on this machine. Nothing is sent."""

import binascii
import json
import time
from base64 import b64decode
from typing import Annotated, Any

import jwt
import typer

from cli.exits import CommandError, ExitCode
from cli.material import ALGORITHMS, SECRET_BYTES, Place, read_reference


def sign(
    key_id: Annotated[str, typer.Argument(metavar="[KEY_ID]", show_default=False, help="The `kid`.")] = "",
    store: Annotated[
        str,
        typer.Option("--from", metavar="PLACE", help="What `--store` wrote: file:PATH, secretsmanager:NAME, ssm:NAME."),
    ] = "",
    private_key: Annotated[str, typer.Option(metavar="FILE", help="A private key, PEM.")] = "",
    secret_from: Annotated[
        str, typer.Option(metavar="REFERENCE", help="A secret: env:NAME, file:PATH, keyring:NAME, or -.")
    ] = "",
    encoding: Annotated[
        str, typer.Option(metavar="NAME", help="Of --secret-from: text, or base64url as a generated secret is shown.")
    ] = "text",
    algorithm: Annotated[str, typer.Option(metavar="NAME", help=f"One of {', '.join(ALGORITHMS)}.")] = "",
    seconds: Annotated[int, typer.Option("--seconds", min=1, help="How long it is valid.")] = 300,
    issuer: Annotated[str, typer.Option(help="The claim `iss`.")] = "",
    audience: Annotated[str, typer.Option(help="The claim `aud`.")] = "",
    claim: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A claim; JSON where it is JSON, else a string.")
    ] = None,
) -> None:
    """Sign a token on this machine, and print it."""
    kept = Place.of(store).read() if store else {}
    material = kept.get("jwt_data") or {}
    kid = key_id or kept.get("key_id", "")
    if not kid:
        raise CommandError("Which key? Give its id, or --from.", ExitCode.INVALID)
    name, secret = _signer(material, private_key, secret_from, encoding)
    now = int(time.time())
    claims: dict[str, Any] = {"iat": now, "exp": now + seconds}
    claims |= {member: value for member, value in (("iss", issuer), ("aud", audience)) if value}
    claims |= dict(map(_claim, claim or []))
    try:
        token = jwt.encode(claims, secret, algorithm=algorithm or name, headers={"kid": kid})
    except Exception as error:  # noqa: BLE001 - PyJWT and cryptography raise many kinds
        message = f"The token cannot be signed with {algorithm or name}: {type(error).__name__}; check --algorithm."
        raise CommandError(message, ExitCode.INVALID) from None
    typer.echo(token)


def add_to(app: typer.Typer) -> None:
    app.command()(sign)


def _signer(material: dict[str, str], private_key: str, secret_from: str, encoding: str) -> tuple[str, Any]:
    """The algorithm that suits, and what signs."""
    if private_key:
        return _default_of(pem := read_reference(f"file:{private_key}")), pem
    if secret_from:
        return "HS256", _decode(read_reference(secret_from), encoding)
    if "private_key" in material:
        return material["algorithm"], material["private_key"]
    if "secret" in material:
        return material["algorithm"], _decode(material["secret"], material.get("encoding", "text"))
    raise CommandError("What signs? Give --private-key, --secret-from, or --from.", ExitCode.INVALID)


def _decode(secret: str, encoding: str) -> bytes:
    if encoding == "text":
        return secret.encode()
    if encoding != "base64url":
        raise CommandError(f"--encoding is text or base64url, not {encoding!r}.", ExitCode.INVALID)
    try:
        return b64decode(secret + "=" * (-len(secret) % 4), altchars="-_", validate=True)
    except binascii.Error:
        message = "The secret is not base64url, as its encoding says; a secret of your own has --encoding text."
        raise CommandError(message, ExitCode.INVALID) from None


def _default_of(pem: str) -> str:
    """The algorithm of a private key, where none is named."""
    for name in ("RS256", "ES256", "ES384", "ES512", "EdDSA"):
        if name not in SECRET_BYTES and _suits(name, pem):
            return name
    raise CommandError("The file holds no private key for a JWT.", ExitCode.INVALID)


def _suits(name: str, pem: str) -> bool:
    try:
        jwt.encode({}, pem, algorithm=name)
    except Exception:  # noqa: BLE001 - PyJWT and cryptography raise many kinds
        return False
    return True


def _claim(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CommandError(f"{text!r} is not NAME=VALUE.", ExitCode.INVALID)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
