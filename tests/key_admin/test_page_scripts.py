"""What the pages compute by themselves, run by Node: the first tokens that they show, the material that they recognize."""

import base64
import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
import time
from functools import partial

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from dev.services import ROOT
from key_admin.openapi.operations import OPERATIONS
from key_admin.pages import WEB, read_modules

NODE = shutil.which("node")
SECRET = "a-secret-that-is-long-enough-for-HS256-for-HS384-and-for-HS512-as-well"
PRIVATE_KEYS = {
    "RS256": partial(rsa.generate_private_key, 65537, 2048),
    "PS384": partial(rsa.generate_private_key, 65537, 2048),
    "ES256": partial(ec.generate_private_key, ec.SECP256R1()),
    "ES384": partial(ec.generate_private_key, ec.SECP384R1()),
    "ES512": partial(ec.generate_private_key, ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}
TOOLS = {"Python": sys.executable, "Node": NODE, "openssl": "openssl", "Go": "go", "Java": "java"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs lines of JavaScript beside the shared modules of the pages; the answer is what they return."""
    if NODE is None:
        pytest.skip("Node is not on this machine")
    home = tmp_path_factory.mktemp("web")
    shutil.copytree(WEB, home, dirs_exist_ok=True)
    (home / "package.json").write_text('{"type": "module"}')

    def evaluate(lines, **given):
        script = home / "run.js"
        script.write_text(f"const given = {json.dumps(given)};\n{lines}\n")
        done = subprocess.run([NODE, script], capture_output=True, text=True, check=True, timeout=60)
        return json.loads(done.stdout)

    return evaluate


# --- first tokens ------------------------------------------------------------------------------

SHOW = """
import { LANGUAGES, programOf, settingsOf } from "./shared/first_token.js";
const language = LANGUAGES.find(({ name }) => name === given.language);
const { material } = given;
console.log(JSON.stringify({ program: programOf(language.name, material), settings: settingsOf(material), ...language }));
"""


def token_of(shown, tmp_path):
    """Do what the page says: settings, program, command; the token is what it prints."""
    (tmp_path / shown["file"]).write_text(shown["program"])
    interpreter = shown["run"].replace("python3", sys.executable)
    command = f"{shown['settings']}\n{interpreter}"
    environ = {name: os.environ[name] for name in ("PATH", "HOME")}
    done = subprocess.run(
        ["bash", "-ec", command], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def need(language):
    if shutil.which(str(TOOLS[language])) is None:
        pytest.skip(f"{language} is not on this machine")


@pytest.mark.parametrize("language", TOOLS)
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("is_encoded", [False, True])
def test_a_first_token_of_a_secret_verifies(run, tmp_path, language, algorithm, is_encoded):
    need(language)
    raw = os.urandom(65) if is_encoded else SECRET.encode()
    secret = base64.urlsafe_b64encode(raw).rstrip(b"=").decode() if is_encoded else SECRET
    material = {"algorithm": algorithm, "keyId": "key-1", "secret": secret, "isEncoded": is_encoded}

    token = token_of(run(SHOW, language=language, material=material), tmp_path)

    assert jwt.get_unverified_header(token) == {"alg": algorithm, "typ": "JWT", "kid": "key-1"}
    assert 0 < jwt.decode(token, raw, algorithms=[algorithm])["exp"] - time.time() <= 60


@pytest.mark.parametrize("language", TOOLS)
@pytest.mark.parametrize("algorithm", PRIVATE_KEYS)
def test_a_first_token_of_a_key_pair_verifies(run, tmp_path, language, algorithm):
    need(language)
    private = PRIVATE_KEYS[algorithm]()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    material = {"algorithm": algorithm, "keyId": "key-1", "secret": "", "isEncoded": False, "privateKey": pem}

    token = token_of(run(SHOW, language=language, material=material), tmp_path)

    assert jwt.get_unverified_header(token)["kid"] == "key-1"
    assert jwt.decode(token, private.public_key(), algorithms=[algorithm])


@pytest.mark.parametrize(
    ("language", "block"),
    [("Python", "python"), ("Node", "javascript"), ("openssl", "bash"), ("Go", "go"), ("Java", "java")],
)
def test_the_first_token_of_a_secret_is_that_of_the_guide(run, language, block):
    guide = (ROOT / "docs/first-token.md").read_text()
    material = {"algorithm": "HS256", "keyId": "key-1", "secret": SECRET, "isEncoded": False}

    shown = run(SHOW, language=language, material=material)

    assert shown["program"] == re.findall(rf"```{block}\n(.*?)```", guide, re.DOTALL)[0]


# --- material ----------------------------------------------------------------------------------

RECOGNIZE = """
import { recognize, thumbprintOf } from "./shared/material.js";
const known = recognize(given.text);
console.log(JSON.stringify({ ...known, thumbprint: known.jwk ? await thumbprintOf(known.jwk) : "" }));
"""


def public_pem(private, encoding=serialization.PublicFormat.SubjectPublicKeyInfo):
    return private.public_key().public_bytes(serialization.Encoding.PEM, encoding).decode()


def certificate_of(private):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder(name, name, private.public_key(), 7, start, start + dt.timedelta(days=365))
    return builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("make", "words", "algorithm"),
    [
        (PRIVATE_KEYS["RS256"], "An RSA public key of 2048 bits.", "RS256"),
        (PRIVATE_KEYS["ES256"], "An EC public key on P-256.", "ES256"),
        (PRIVATE_KEYS["ES384"], "An EC public key on P-384.", "ES384"),
        (PRIVATE_KEYS["ES512"], "An EC public key on P-521.", "ES512"),
        (PRIVATE_KEYS["EdDSA"], "An Ed25519 public key.", "EdDSA"),
    ],
)
def test_a_public_key_is_named_and_its_thumbprint_is_the_one_that_the_server_stores(run, admin, make, words, algorithm):
    pem = public_pem(make())

    known = run(RECOGNIZE, text=pem)

    stored = admin.create_key(name="recognized", jwt_data={"public_key": pem})["credentials"][0]
    assert (known["kind"], known["words"], known["algorithm"]) == ("public", words, algorithm)
    assert (stored["algorithm"], stored["thumbprint"]) == (algorithm, known["thumbprint"])


def test_certificates_and_other_encodings_lead_to_the_same_key(run):
    private = PRIVATE_KEYS["RS256"]()
    jwk = json.dumps(json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key())))
    texts = [public_pem(private), public_pem(private, serialization.PublicFormat.PKCS1), certificate_of(private), jwk]

    known = [run(RECOGNIZE, text=text) for text in texts]

    assert [each["kind"] for each in known] == ["public", "public", "certificate", "jwk"]
    assert len({each["thumbprint"] for each in known}) == 1
    assert known[2]["words"].startswith("A certificate until 2027-01-01")


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL", "OpenSSH"])
def test_a_private_key_is_known_for_one(run, form):
    pem = PRIVATE_KEYS["ES256"]().private_bytes(
        serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), serialization.NoEncryption()
    )

    assert run(RECOGNIZE, text=pem.decode())["kind"] == "private"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "hello",
        "{}",
        '{"keys": []}',
        '{"kty": "RSA", "n": 7, "e": null}',
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
    ],
)
def test_what_is_no_key_is_said_so_and_breaks_nothing(run, text):
    assert run(RECOGNIZE, text=text)["kind"] in {"empty", "unknown", "jwk"}


# --- the whole API on the page -----------------------------------------------------------------

# By other ways: a link to the reference; import and lists cover the lookup of an id, which no operator has at hand.
NOT_ON_A_PAGE = {"health", "look_up_key", "read_problem", "read_self"}
NOT_ON_A_PAGE |= {"list_identities", "read_identity", "change_identity", "reset_identity", "read_usage_of_identity"}
REQUEST = re.compile(r'api\s*\.(get|post|put|patch|delete)\(\s*[`"]([^`"?]+)[`"]')
BY_KIND = re.compile(r'path: "(\w+)"')


def requests_of_the_pages():
    """Method and path of what the modules of the dashboard ask for, ids as `{}`."""
    found = set()
    for path, source in read_modules("dashboard").items():
        if not path.startswith(("dashboard/", "shared/")):
            continue
        found |= {(method.upper(), re.sub(r"\$\{[^}]*\}", "{}", target)) for method, target in REQUEST.findall(source)}
    return found


def test_every_operation_that_an_operator_needs_is_on_a_page():
    records = {BY_KIND.search(source)[1] for source in read_modules("dashboard").values() if BY_KIND.search(source)}
    asked = requests_of_the_pages() | {("PATCH", "keys/{}"), ("DELETE", "keys/{}")}
    asked |= {(method, f"{kind}/{{}}") for kind in records for method in ("GET", "PUT", "DELETE")}
    asked |= {("GET", kind) for kind in records}

    offered = {
        (operation.method, re.sub(r"\{\w+\}", "{}", operation.path.lstrip("/"))): operation.id
        for operation in OPERATIONS
        if operation.id not in NOT_ON_A_PAGE
    }

    assert {name for place, name in offered.items() if place not in asked} == set()
