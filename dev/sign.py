"""Sign a token for a key, as its holder would: `python -m dev.sign KEY_ID SECRET [SECONDS]`.

A secret that the API generated is base64url: `ENCODING=base64url`, as for the programs of docs/first-token.md.
"""

import base64
import binascii
import os
import sys
import time

import jwt

_USAGE = """usage: [ENCODING=base64url] python -m dev.sign KEY_ID SECRET [SECONDS]
ENCODING is text (the default: the secret is a string) or base64url (as a generated secret is shown)"""


def main() -> int:
    """Print an HS256 token that names the key in `kid` and lives for five minutes."""
    if len(sys.argv) not in {3, 4}:
        sys.exit(_USAGE)
    key_id, secret, *rest = sys.argv[1:]
    now = int(time.time())
    claims = {"iat": now, "exp": now + int(rest[0] if rest else 300)}
    key = _read_secret(secret, os.environ.get("ENCODING") or "text")
    sys.stdout.write(jwt.encode(claims, key, algorithm="HS256", headers={"kid": key_id}) + "\n")
    return 0


def _read_secret(secret: str, encoding: str) -> bytes:
    if encoding == "text":
        return secret.encode()
    if encoding != "base64url":
        sys.exit(_USAGE)
    try:
        return base64.b64decode(secret + "=" * (-len(secret) % 4), altchars="-_", validate=True)
    except binascii.Error:
        sys.exit("SECRET is not base64url, which ENCODING says that it is; a secret of your own has ENCODING=text")


if __name__ == "__main__":
    sys.exit(main())
