"""Keys while two master secrets are current: found by either, and an id stays taken."""

import pytest

from access.key_ids import hash_key_id
from key_admin.key_operations import prepare_key, store_key
from key_admin.models.keys import KeyInput
from key_admin.problems import Problem
from key_admin.requests import DIRECT
from key_admin.service import Service
from store.admin.audit_keys import AuditKeys
from store.boto import BotoClient
from store.master_secret import Keyring, MasterKeys
from tests.conftest import SECRET

OLD, NEW = MasterKeys(b"o" * 32, b"s" * 32, b"e" * 32), MasterKeys(b"n" * 32, b"t" * 32, b"e" * 32)
AUDIT_KEYS = AuditKeys("one", {"one": b"a" * 32})
WANTED = KeyInput.model_validate(
    {"name": "n", "key_id": "chosen", "jwt_data": {"secret": SECRET}, "grants": [{"api": "*"}]}
)


@pytest.fixture
def at(services, table, monkeypatch):
    """The service under a keyring."""
    for name, value in services.environ().items():
        monkeypatch.setenv(name, value)
    return lambda *keys: Service.of(BotoClient("dynamodb"), table, Keyring(*keys), AUDIT_KEYS)


def test_a_key_of_the_secret_before_is_found_by_its_id(at):
    store_key(at(OLD), prepare_key(at(OLD), WANTED, DIRECT))

    record, _ = at(NEW, OLD).find_by_id("chosen")

    assert record.key_hash == hash_key_id(OLD.pepper, "chosen")
    with pytest.raises(Problem):
        at(NEW).find_by_id("chosen")


def test_an_id_of_the_secret_before_is_still_taken(at):
    """A second key of the id would stand before the first one, whose tokens would verify no more."""
    store_key(at(OLD), prepare_key(at(OLD), WANTED, DIRECT))

    with pytest.raises(Problem) as raised:
        prepare_key(at(NEW, OLD), WANTED, DIRECT)

    assert raised.value.status == 409
