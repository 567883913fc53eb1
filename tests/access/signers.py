"""A key and a signer for each of the 13 algorithms, by an independent library."""

import json
import time
from functools import cache

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from access.credentials import CURVE_OF, CURVES, Algorithm, Credential, load_public_key

ALGORITHMS = tuple(Algorithm)
SECRET = bytes(range(64))


@cache
def private_key(family: str, curve: str = ""):
    if family == "RSA":
        return rsa.generate_private_key(65537, 2048)
    if family == "EC":
        return ec.generate_private_key(CURVES[curve]())
    return ed25519.Ed25519PrivateKey.generate()


def signing_key(algorithm: Algorithm):
    if algorithm.value.startswith("HS"):
        return SECRET
    if algorithm in CURVE_OF:
        return private_key("EC", CURVE_OF[algorithm])
    return private_key("OKP" if algorithm is Algorithm.EDDSA else "RSA")


def public_jwk(algorithm: Algorithm) -> dict[str, str]:
    text = get_default_algorithms()[algorithm.value].to_jwk(signing_key(algorithm).public_key())
    return json.loads(text)


def credential_of(algorithm: Algorithm) -> Credential:
    if algorithm.value.startswith("HS"):
        return Credential("c", algorithm, SECRET)
    return Credential("c", algorithm, load_public_key(algorithm, public_jwk(algorithm)))


def sign(algorithm: Algorithm, *, headers=None, **claims) -> str:
    body = {"exp": int(time.time()) + 600} | claims
    return jwt.encode(body, signing_key(algorithm), algorithm=algorithm.value, headers={"kid": "k"} | (headers or {}))
