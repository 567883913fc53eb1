"""Whom a TLS connection trusts.

Amazon's five roots vouch for AWS's services (Amazon Trust Services). Reading them takes a fraction
of what a whole bundle takes, and every cold start pays for it. Where they do not vouch, the
certificates of this machine decide, as for every other host. `AWS_CA_BUNDLE` names a file that
stands in for all of them, as it does in AWS's SDKs.
"""

import os
import ssl
from collections.abc import Mapping
from functools import lru_cache

MACHINE = ""  # the certificates of this machine
AMAZON = os.path.join(os.path.dirname(__file__), "amazon_roots.pem")  # noqa: PTH118, PTH120 - pathlib costs a cold start


def roots_for_aws(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The files of roots to try for a service of AWS, one after the other."""
    bundle = environ.get("AWS_CA_BUNDLE", "")
    return (bundle,) if bundle else (AMAZON, MACHINE)


@lru_cache(maxsize=4)
def context_of(roots: str) -> ssl.SSLContext:
    """TLS 1.2 or newer, certificate and host name verified. Made once for each file of roots.

    Raises OSError for a file that cannot be read.
    """
    made = ssl.create_default_context(cafile=roots or None)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made
