"""The cold path stays lean: importing the authorizer loads these modules and no other.

Every module is paid for at each cold start. Whoever adds one here has measured it with `make bench`.
"""

import subprocess
import sys

from dev.services import ROOT

OURS = {
    *("access", "access.apis", "access.credentials", "access.decisions", "access.gate", "access.gate.decide"),
    *("access.gate.expressions", "access.gate.layout", "access.gate.quota", "access.gate.rate", "access.gate.usage"),
    *("access.grants", "access.key_ids", "access.keys", "access.leases", "access.limits", "access.paths"),
    *("access.policies", "access.strict_json", "access.tokens"),
    *("authorizer", "authorizer.answers", "authorizer.authorize", "authorizer.counting", "authorizer.environment"),
    *("authorizer.events", "authorizer.log", "authorizer.memory"),
    *(
        "store",
        "store.attributes",
        "store.client",
        "store.connection",
        "store.credentials",
        "store.errors",
        "store.keys",
        "store.lean",
        "store.master_secret",
    ),
    *("store.sealing", "store.signing", "store.table", "store.trust"),
}
INSTALLED = {
    *("_cffi_backend", "_openssl", "_openssl.lib"),
    *("cryptography", "cryptography.__about__", "cryptography.exceptions", "cryptography.utils"),
    *("cryptography.hazmat", "cryptography.hazmat._oid", "cryptography.hazmat.bindings"),
    *("cryptography.hazmat.bindings._rust", "cryptography.hazmat.primitives"),
    *("cryptography.hazmat.primitives._asymmetric", "cryptography.hazmat.primitives._serialization"),
    *("cryptography.hazmat.primitives.asymmetric", "cryptography.hazmat.primitives.asymmetric.ec"),
    *("cryptography.hazmat.primitives.asymmetric.ed25519", "cryptography.hazmat.primitives.asymmetric.padding"),
    *("cryptography.hazmat.primitives.asymmetric.rsa", "cryptography.hazmat.primitives.asymmetric.utils"),
    *("cryptography.hazmat.primitives.hashes",),
}
STANDARD = {  # the top-level ones; which parts they have differs between versions of Python
    *("__future__", "array", "base64", "binascii", "bisect", "collections", "contextlib", "copyreg", "datetime"),
    *("enum", "errno", "functools", "hashlib", "hmac", "itertools", "json", "keyword", "math", "operator", "random"),
    *("re", "reprlib", "select", "selectors", "socket", "ssl", "string", "struct", "threading", "types", "typing"),
    *("warnings", "zlib"),
}
SCRIPT = """
import sys
before = set(sys.modules)
import authorizer.authorize, authorizer.answers, authorizer.environment, authorizer.log
print(*(set(sys.modules) - before))
"""


def test_importing_the_authorizer_loads_these_modules_and_no_other():
    """In a fresh interpreter, so that nothing else has loaded them before."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True)

    loaded = set(done.stdout.split())
    standard = {name for name in loaded if name.partition(".")[0] in sys.stdlib_module_names}
    assert {name.partition(".")[0] for name in standard if not name.startswith("_") or name == "__future__"} <= STANDARD
    assert loaded - standard == OURS | INSTALLED
