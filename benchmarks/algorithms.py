"""Verification of one token for each algorithm: ours, PyJWT alone, joserfc; microseconds of CPU."""

import shutil
import subprocess
import warnings
from functools import partial

import joserfc.jwk
import joserfc.jwt
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from access.credentials import CURVE_OF, CURVES, Algorithm, Credential, load_public_key
from benchmarks.refusals import EXP, SECRET, cpu_microseconds, judge

KINDS = {"HS": joserfc.jwk.OctKey, "RS": joserfc.jwk.RSAKey, "PS": joserfc.jwk.RSAKey, "ES": joserfc.jwk.ECKey}


def main() -> None:
    """Print the table, and what OpenSSL itself takes where it is at hand."""
    warnings.simplefilter("ignore")  # joserfc prefers newer names of EdDSA
    rsa_key, ed_key = rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()
    print(f"verification, µs of CPU\n  {'algorithm':10} {'ours':>8} {'PyJWT':>8} {'joserfc':>8}  ours/PyJWT")
    for algorithm in Algorithm:
        family = algorithm.value[:2]
        curve = CURVE_OF.get(algorithm)
        key = ec.generate_private_key(CURVES[curve]()) if curve else rsa_key if family in {"RS", "PS"} else ed_key
        private = SECRET if family == "HS" else key
        token = jwt.encode({"exp": EXP}, private, algorithm=algorithm.value, headers={"kid": "k"})  # type: ignore[arg-type] # by family
        if family == "HS":
            credential, public, made = Credential("c", algorithm, SECRET), SECRET, KINDS["HS"].import_key(SECRET)
        else:
            jwk = get_default_algorithms()[algorithm.value].to_jwk(key.public_key(), as_dict=True)
            credential = Credential("c", algorithm, load_public_key(algorithm, jwk))
            public = key.public_key()
            pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            made = KINDS.get(family, joserfc.jwk.OKPKey).import_key(pem)
        ours = cpu_microseconds(partial(judge, token, credential))
        theirs = cpu_microseconds(partial(jwt.decode, token, public, algorithms=[algorithm.value]))
        others = cpu_microseconds(partial(joserfc.jwt.decode, token, made, algorithms=[algorithm.value]))
        print(f"  {algorithm.value:10} {ours:8.1f} {theirs:8.1f} {others:8.1f}  {ours / theirs:10.2f}")
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
