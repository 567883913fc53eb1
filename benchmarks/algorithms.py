"""Verification of one token for each algorithm: ours, PyJWT, joserfc, aws-jwt-verify; microseconds of CPU."""

import json
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import joserfc.jwk
import joserfc.jwt
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from access.credentials import CURVE_OF, CURVES, Algorithm, Credential, load_public_key
from benchmarks.refusals import EXP, SECRET, judge
from benchmarks.samples import Samples, cpu_microseconds, in_turn
from dev.services import ROOT

ROUNDS = 25
ISSUER = "https://issuer.example"
JOSERFC: dict[str, Any] = {"RS": joserfc.jwk.RSAKey, "PS": joserfc.jwk.RSAKey, "ES": joserfc.jwk.ECKey}
NODE_MODULES = ROOT / ".node" / "node_modules"
NODE_FAMILIES = ("RS", "ES", "Ed")  # what aws-jwt-verify verifies


class Signed(NamedTuple):
    """A token, and the key that verifies it: as bytes or object, and as a JWK where there is one."""

    token: str
    key: Any
    jwk: dict[str, Any]


def signed(algorithm: Algorithm) -> Signed:
    """A token by a fresh key."""
    family, curve = algorithm.value[:2], CURVE_OF.get(algorithm)
    private: Any = SECRET
    if family in {"RS", "PS"}:
        private = rsa.generate_private_key(65537, 2048)
    elif family != "HS":
        private = ec.generate_private_key(CURVES[curve]()) if curve else ed25519.Ed25519PrivateKey.generate()
    claims = {"exp": EXP, "iss": ISSUER}
    token = jwt.encode(claims, private, algorithm=algorithm.value, headers={"kid": "k"})
    if family == "HS":
        return Signed(token, SECRET, {})
    public = private.public_key()
    return Signed(token, public, get_default_algorithms()[algorithm.value].to_jwk(public, as_dict=True))


class Node:
    """A process of Node that measures aws-jwt-verify on request."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@contextmanager
def node(tokens: dict[Algorithm, Signed]) -> Iterator[Node | None]:
    """Node, warm for these tokens; None where it, or the library, is not at hand."""
    executable = shutil.which("node")
    if executable is None or not NODE_MODULES.is_dir():
        yield None
        return
    orders = [
        {
            "algorithm": one.value,
            "token": made.token,
            "jwk": made.jwk | {"kid": "k", "use": "sig", "alg": one.value},
            "issuer": ISSUER,
        }
        for one, made in tokens.items()
        if one.value.startswith(NODE_FAMILIES)
    ]
    command = [executable, str(ROOT / "benchmarks" / "node" / "verify.cjs")]
    environ = os.environ | {"NODE_PATH": str(NODE_MODULES)}
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        running = Node(process)
        running.ask(json.dumps(orders))
        yield running


def measure(algorithm: Algorithm, made: Signed, running: Node | None) -> dict[str, Samples]:
    """What each library takes for a token."""
    family = algorithm.value[:2]
    if family == "HS":
        credential, known = Credential("c", algorithm, SECRET), joserfc.jwk.OctKey.import_key(SECRET)
    else:
        credential = Credential("c", algorithm, load_public_key(algorithm, made.jwk))
        pem = made.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        known = JOSERFC.get(family, joserfc.jwk.OKPKey).import_key(pem)
    names = [algorithm.value]
    cases: dict[str, Callable[[], float]] = {
        "ours": partial(cpu_microseconds, partial(judge, made.token, credential)),
        "PyJWT": partial(cpu_microseconds, partial(jwt.decode, made.token, made.key, algorithms=names)),
        "joserfc": partial(cpu_microseconds, partial(joserfc.jwt.decode, made.token, known, algorithms=names)),
    }
    if running is not None and family in NODE_FAMILIES:
        cases["node"] = lambda: float(running.ask(algorithm.value))
    return in_turn(cases, rounds=ROUNDS)


def main() -> None:
    """Print the table, and what OpenSSL itself takes where it is at hand."""
    warnings.simplefilter("ignore")  # joserfc prefers newer names of EdDSA
    tokens = {algorithm: signed(algorithm) for algorithm in Algorithm}
    print("verification of one token, µs of CPU (node: aws-jwt-verify, where it is at hand)")
    print(f"  {'':6} {'ours':>7} {'spread':>12} {'PyJWT':>7} {'joserfc':>8} {'node':>7}   ours/PyJWT  ours/node")
    with node(tokens) as running:
        for algorithm, made in tokens.items():
            found = measure(algorithm, made, running)
            ours, other = found["ours"], found.get("node")
            print(
                f"  {algorithm.value:6} {ours.median:7.1f} {ours.spread:>12} {found['PyJWT'].median:7.1f}"
                f" {found['joserfc'].median:8.1f} {f'{other.median:.1f}' if other else '-':>7}"
                f"   {ours.over(found['PyJWT']):10.2f}  {f'{ours.over(other):.2f}' if other else '-':>9}"
            )
    _openssl()


def _openssl() -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        print("  openssl is not on this machine")
        return
    names = ["rsa2048", "ecdsap256", "ecdsap384", "ecdsap521", "ed25519"]
    done = subprocess.run(
        [openssl, "speed", "-mr", "-seconds", "1", *names], capture_output=True, text=True, check=False
    )
    print("  openssl speed, the same primitives (µs a verification):")
    for line in done.stdout.splitlines():
        if line.startswith(("+F2", "+F4", "+F6")):
            fields = line.split(":")
            speed = float(fields[-1])  # seconds a verification, or verifications a second
            print(f"    {fields[2]:>5} bits  {1e6 * speed if speed < 1 else 1e6 / speed:8.1f}")


if __name__ == "__main__":
    main()
