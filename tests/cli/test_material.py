"""Secrets by reference, places for what is made, and thumbprints as the API shows them."""

import json
import os
import uuid

import pytest
from cryptography.hazmat.primitives import serialization

from cli.exits import CommandError
from cli.material import ALGORITHMS, Place, default_algorithm, generate, public_part, read_reference, thumbprint
from dev.processes import answering, free_port
from dev.services import CREDENTIALS, MINISTACK, MINISTACK_HEALTH, ROOT, ministack_environ
from key_admin.material import read_material
from key_admin.models.keys import JwtData


@pytest.fixture(scope="module")
def account():
    """Secrets Manager and Parameter Store, emulated."""
    port = free_port()
    environ = ministack_environ("127.0.0.1", port) | {"SERVICES": "secretsmanager,ssm"}
    endpoint = f"http://127.0.0.1:{port}"
    with answering([str(MINISTACK)], endpoint + MINISTACK_HEALTH, environ=environ, cwd=ROOT, status=200):
        yield endpoint


@pytest.fixture
def aws(account, monkeypatch):
    for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": account}).items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_generated_material_is_what_the_api_takes(algorithm):
    made = generate(algorithm)

    judged = read_material(JwtData.model_validate(public_part(made)))

    assert judged.algorithm.value == algorithm
    assert judged.thumbprint == thumbprint(public_part(made))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "ES384", "ES512", "EdDSA"])
def test_a_key_has_one_thumbprint_however_it_is_written(algorithm):
    pem = {"public_key": generate(algorithm)["public_key"]}
    judged = read_material(JwtData.model_validate(pem | {"algorithm": algorithm}))

    assert thumbprint({"jwk": judged.jwk}) == thumbprint(pem) == judged.thumbprint
    assert default_algorithm(pem) == default_algorithm({"jwk": judged.jwk}) == algorithm


def test_a_private_key_is_never_the_public_part():
    made = generate("ES256")

    assert serialization.load_pem_private_key(made["private_key"].encode(), None)
    assert "PRIVATE" not in json.dumps(public_part(made))


@pytest.mark.parametrize("text", ["hunter2", "vault:x", "env:", ":x", ""])
def test_what_is_no_reference_is_refused_without_showing_it(text):
    with pytest.raises(CommandError) as raised:
        read_reference(text)

    assert "hunter2" not in str(raised.value)


def test_references_lead_to_secrets(aws, monkeypatch, tmp_path):
    monkeypatch.setenv("A_SECRET", "from the environment")
    (tmp_path / "secret").write_text("from a file\n")
    name = f"test-{uuid.uuid4().hex}"
    Place("secretsmanager", name).write({"member": "from Secrets Manager"})
    Place("ssm", f"/{name}").write({"a": "b"})

    assert read_reference("env:A_SECRET") == "from the environment"
    assert read_reference("file:secret", folder=tmp_path) == "from a file"
    assert read_reference(f"secretsmanager:{name}#member") == "from Secrets Manager"
    assert json.loads(read_reference(f"ssm:/{name}")) == {"a": "b"}
    with pytest.raises(CommandError, match="has no member other"):
        read_reference(f"secretsmanager:{name}#other")
    with pytest.raises(CommandError, match="ResourceNotFoundException"):
        read_reference("secretsmanager:nothing-of-that-name")


@pytest.mark.parametrize("kind", ["file", "secretsmanager", "ssm"])
def test_a_place_keeps_what_was_put_there_last(aws, tmp_path, kind):
    name = f"/test-{uuid.uuid4().hex}" if kind == "ssm" else f"test-{uuid.uuid4().hex}"
    place = Place(kind, name, tmp_path)

    assert place.read() == {}
    for number in (1, 2):
        place.write({"key_id": f"k{number}"})
        assert place.read() == {"key_id": f"k{number}"}


def test_a_file_that_others_may_read_is_refused(tmp_path):
    place = Place("file", "p.json", tmp_path)
    place.write({"key_id": "k"})
    assert (tmp_path / "p.json").stat().st_mode & 0o777 == 0o600
    os.chmod(tmp_path / "p.json", 0o640)  # noqa: PTH101 - as a shell would

    with pytest.raises(CommandError, match="may be read by others"):
        place.read()


def test_a_place_that_holds_something_else_is_left_alone(tmp_path):
    path = tmp_path / "p.json"
    path.write_text("not json")
    path.chmod(0o600)

    with pytest.raises(CommandError, match="something else"):
        Place("file", "p.json", tmp_path).read()
