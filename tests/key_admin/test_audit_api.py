"""The audit log over HTTP: under which key an entry is, what a rotation leaves whole, what a request may ask for."""

import json
import re
import subprocess
import sys

import pytest

from dev.services import ROOT
from key_admin.time_left import LEAST_MS
from tests.conftest import SECRET
from tests.key_admin.conftest import Context

KEY = {"name": "n", "jwt_data": {"secret": SECRET}, "grants": [{"api": "*"}]}
OLD, NEW = "c" * 64, "n" * 64  # OLD is what the function begins with


def create(function):
    return function("POST", "/keys", KEY)[1]["key_hash"]


def rename(function, key_hash, name):
    assert function("PATCH", f"/keys/{key_hash}", {"name": name})[0] == 200


def entries_of(function, key_hash):
    return function("GET", f"/audit?key_hash={key_hash}")[1]["items"]


def verified(function):
    return function("GET", "/audit/verify")[1]


def test_an_entry_names_its_key_and_what_it_follows(function):
    key_hash = create(function)
    rename(function, key_hash, "m")

    first, second = entries_of(function, key_hash)

    assert first["audit_key"] == second["audit_key"] != ""
    assert (first["previous"], first["previous_hash"]) == ("", "")
    assert second["previous"] == f"{first['at']}#{first['id']}"
    assert second["previous_hash"] == first["hash"]


def rotated_as_documented(secret):
    """What the program in docs/operate.md makes of a master secret."""
    program = re.search(r"python3 -c '(.*?)' > rotated\.json", (ROOT / "docs" / "operate.md").read_text(), re.DOTALL)
    given = json.dumps(secret)
    done = subprocess.run([sys.executable, "-c", program[1]], input=given, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_rotation_of_the_master_secret_leaves_the_log_whole(function):
    """As docs/operate.md says, twice, until nothing but `audit` is left of the first secret."""
    key_hash, secret = create(function), {"current": OLD}
    for number in range(2):
        secret = rotated_as_documented(secret)
        function.store_secret(**secret)
        rename(function, key_hash, f"after rotation {number}")
        del secret["previous"]
    function.store_secret(**secret)

    assert (secret["audit"], OLD in secret["current"]) == (OLD, False)
    assert len({entry["audit_key"] for entry in entries_of(function, key_hash)}) == 1
    assert verified(function) == {"checked": 4, "intact": True, "faults": []}


def test_a_former_audit_key_verifies_until_it_is_dropped(function):
    key_hash = create(function)
    function.store_secret(current=OLD, audit=[NEW, OLD])
    rename(function, key_hash, "m")

    assert len({entry["audit_key"] for entry in entries_of(function, key_hash)}) == 2
    assert verified(function)["intact"]
    function.store_secret(current=OLD, audit=NEW)
    (fault,) = [fault for fault in verified(function)["faults"] if fault["resource"] == f"/keys/{key_hash}"]
    assert (fault["id"], fault["reason"]) == (entries_of(function, key_hash)[0]["id"], "unknown_key")


def test_an_audit_key_that_is_none_stops_every_change(function):
    """Rather than to write entries that nobody can verify."""
    function.store_secret(current=OLD, audit="too short")

    assert function("POST", "/keys", KEY)[0] == 500
    function.store_secret(current=OLD)
    assert function.made_keys() == []


def test_a_resource_is_named_once(function):
    status, problem = function("GET", "/audit?key_hash=a&resource=/policies/b")

    assert (status, problem["errors"][0]["field"]) == (400, "resource")


@pytest.mark.parametrize("resource", ["/keys/" + "x" * 3000, "%C3%A9" * 120, "/", "%00"])
def test_a_resource_that_nobody_has_has_no_entries(function, resource):
    assert function("GET", f"/audit?resource={resource}") == (200, {"items": [], "next": None})


def test_a_verification_ends_before_the_function_does(function):
    for _ in range(3):
        create(function)

    status, problem = function("GET", "/audit/verify", context=Context(LEAST_MS, LEAST_MS - 1))

    assert (status, problem["errors"][0]["field"]) == (400, "from")
