"""Sign a token for a key, as its holder would: `python -m dev.sign KEY_ID SECRET [SECONDS]`."""

import sys
import time

import jwt


def main() -> int:
    """Print an HS256 token that names the key in `kid` and lives for five minutes."""
    if len(sys.argv) not in {3, 4}:
        sys.exit("usage: python -m dev.sign KEY_ID SECRET [SECONDS]")
    key_id, secret, *rest = sys.argv[1:]
    now = int(time.time())
    claims = {"iat": now, "exp": now + int(rest[0] if rest else 300)}
    sys.stdout.write(jwt.encode(claims, secret, algorithm="HS256", headers={"kid": key_id}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
