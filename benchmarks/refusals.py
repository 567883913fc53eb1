"""What a refusal costs, and what the heaviest keys cost: CPU time of one, median of many."""

import time
from collections.abc import Callable
from statistics import median

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from access.credentials import CURVES, Algorithm, Credential, load_public_key
from access.keys import TokenRules
from access.tokens import MalformedToken, parse_token, verify_token

EXP = 4_102_444_800
NOW = 1_800_000_000
SECRET = bytes(range(64))
SIZE = 8_100  # of the long tokens: parts may come to 8 KB


def cpu_microseconds(work: Callable[[], object], *, seconds: float = 0.3) -> float:
    """CPU time of one call, the median over batches."""
    batches: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(batches) < 5:
        start = time.process_time_ns()
        for _ in range(10):
            work()
        batches.append((time.process_time_ns() - start) / 10_000)
    return median(batches)


def judge(text: str, credential: Credential) -> None:
    token = parse_token(text)
    if not isinstance(token, MalformedToken):
        verify_token(token, [credential], TokenRules(), now=NOW)


def signed(key: object, algorithm: str, **claims: object) -> str:
    return jwt.encode({"exp": EXP} | claims, key, algorithm=algorithm, headers={"kid": "k"})  # type: ignore[arg-type] # any


def refusals() -> dict[str, str]:
    """Tokens that an HMAC key refuses."""
    good = signed(SECRET, "HS256")
    start = good.rpartition(".")[0]
    long_claims = signed(SECRET, "HS256", x="y" * 5_800)
    return {
        "accepted, for comparison": good,
        "not three parts, 8 KB": "a" * SIZE,
        "dots, 8 KB": "." * SIZE,
        "forged, short": f"{start}.{'A' * 43}",
        "forged, 8 KB": long_claims[:-43] + "A" * 43,
        "expired": jwt.encode({"exp": 1}, SECRET, algorithm="HS256", headers={"kid": "k"}),
        "deep claims, 8 KB": signed(SECRET, "HS256", x=_nested(2_500)).replace(" ", "")[:SIZE],
        "many members, 8 KB": signed(SECRET, "HS256", **{f"m{number}": number for number in range(420)}),
        "over 8 KB": "a" * 100_000,
    }


def _nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(min(depth, 900)):
        value = [value]
    return value


def heaviest() -> dict[str, tuple[Credential, str]]:
    """Keys at the upper end of what can be registered, each with a token of its own."""
    found = {}
    for algorithm, key in (
        (Algorithm.RS256, rsa.generate_private_key(65537, 4096)),
        (Algorithm.PS512, rsa.generate_private_key(65537, 8192)),
        (Algorithm.ES256, ec.generate_private_key(CURVES["P-256"]())),
        (Algorithm.ES384, ec.generate_private_key(CURVES["P-384"]())),
        (Algorithm.ES512, ec.generate_private_key(CURVES["P-521"]())),
        (Algorithm.EDDSA, ed25519.Ed25519PrivateKey.generate()),
    ):
        maker = get_default_algorithms()[algorithm.value]
        jwk = maker.to_jwk(key.public_key(), as_dict=True)
        credential = Credential("c", algorithm, load_public_key(algorithm, jwk))
        size = f" {key.key_size}" if isinstance(key, rsa.RSAPrivateKey) else ""
        found[f"{algorithm.value}{size}"] = (credential, signed(key, algorithm.value))
    return found


def main() -> None:
    """Print both tables."""
    hmac_key = Credential("c", Algorithm.HS256, SECRET)
    print(f"{'refusal':28} {'µs of CPU':>10}")
    for name, text in refusals().items():
        print(f"{name:28} {cpu_microseconds(lambda text=text: judge(text, hmac_key)):10.1f}")
    print(f"\n{'verification by':28} {'µs of CPU':>10}")
    for name, (credential, text) in heaviest().items():
        print(f"{name:28} {cpu_microseconds(lambda text=text, one=credential: judge(text, one)):10.1f}")


if __name__ == "__main__":
    main()
