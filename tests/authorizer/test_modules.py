"""The cold path stays lean: what importing the authorizer loads."""

import subprocess
import sys

from dev.services import ROOT

FORBIDDEN = [
    "boto3",
    "botocore",
    "jwt",
    "pydantic",
    "aws_lambda_powertools",
    "http.client",
    "email",
    "urllib.request",
    "dataclasses",
    "inspect",
    "asyncio",
    "cryptography.x509",
    "cryptography.hazmat.primitives.serialization",
]


def test_importing_the_authorizer_loads_nothing_that_it_does_not_need():
    """In a fresh interpreter, so that nothing else has loaded it before."""
    script = f"import sys\nimport authorizer.authorize, authorizer.answers, store.lean\nprint([one for one in {FORBIDDEN!r} if one in sys.modules])"

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
