"""AWS Signature Version 4, as AWS documents it; tests compare it with botocore's."""

import hmac
import time
from hashlib import sha256

from store.credentials import Credentials


class Signer:
    """AWS Signature Version 4 for POST / without a query. The key of a day is kept."""

    def __init__(self, service: str, region: str) -> None:
        self._service = service
        self._region = region
        self._day_key: tuple[str, str, bytes] = ("", "", b"")

    def sign(self, headers: dict[str, str], body: bytes, credentials: Credentials, moment: float) -> dict[str, str]:
        """The headers with date, token and Authorization added; names in lower case."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))
        signed = headers | {"x-amz-date": stamp}
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        ordered = sorted(signed)
        names = ";".join(ordered)
        lines = "\n".join([f"{name}:{signed[name]}" for name in ordered])
        canonical = f"POST\n/\n\n{lines}\n\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{self._region}/{self._service}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key(credentials, stamp[:8]), text.encode(), "sha256").hex()
        signed["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        return signed

    def _key(self, credentials: Credentials, day: str) -> bytes:
        if self._day_key[:2] != (day, credentials.access_key):
            key = f"AWS4{credentials.secret_key}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day_key = (day, credentials.access_key, key)
        return self._day_key[2]
