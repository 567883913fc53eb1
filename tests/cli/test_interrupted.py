"""`apply` may end at any moment: running it again ends where one whole run would have, and makes no key twice."""

import json
import random
import re
import subprocess
import time
import uuid

import pytest

from cli.material import thumbprint
from tests.cli.conftest import edit

KILLS = 20


def all_keys(operator):
    keys, cursor = [], ""
    while cursor is not None:
        page = operator("GET", f"/keys?limit=200{f'&cursor={cursor}' if cursor else ''}").body
        keys, cursor = [*keys, *page["items"]], page["next"]
    return [key for key in keys if key["labels"]]


def count_of(folder):
    return sum(1 for _ in folder.iterdir())


def kill_after(running, folder, more):
    """Kill it once it has put so many more secrets into their places, a moment later; False where it ended first."""
    before, deadline = count_of(folder), time.monotonic() + 60
    while running.poll() is None and count_of(folder) < before + more:
        assert time.monotonic() < deadline, "apply makes no progress"
        time.sleep(0.002)
    time.sleep(random.uniform(0, 0.1))
    was_running = running.poll() is None
    running.kill()
    running.wait()
    return was_running


@pytest.mark.timeout(900)  # twenty runs, on whatever machine
def test_apply_that_is_killed_twenty_times_makes_no_key_twice(tollgate, operator, company):
    seed = random.randrange(10**9)
    random.seed(seed)
    secrets = company / "secrets"
    secrets.mkdir()

    kills = sum(
        kill_after(tollgate.start("apply", "--yes", company), secrets, random.randint(1, 9)) for _ in range(KILLS)
    )
    made_before = len(all_keys(operator))
    ended = tollgate("apply", "--yes", company)

    assert kills == KILLS, f"seed {seed}: it ended before it could be killed so often"
    assert 0 < made_before < 200, f"seed {seed}"
    assert ended.code == 0, f"seed {seed}: {ended.err}"
    keys = all_keys(operator)
    assert len(keys) == len({key["labels"]["tollgate.key"] for key in keys}) == 200, f"seed {seed}"
    assert tollgate("plan", company).code == 0
    for key in keys:
        check_place(operator, key, secrets / f"{key['labels']['tollgate.key']}.json")
    for name in ("policies", "apis", "issuers", "keys/storefront", "keys/payments"):
        (company / f"{name}.yaml").unlink()
    assert tollgate("apply", "--yes", "--prune", company).code == 0
    assert all_keys(operator) == []


def test_apply_that_is_asked_to_end_says_what_is_done_and_how_to_go_on(tollgate, operator, company):
    (company / "secrets").mkdir()
    running = tollgate.start("apply", "--yes", company, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while count_of(company / "secrets") < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)

    running.terminate()
    said = running.communicate(timeout=30)[1].decode()

    assert running.returncode == 8
    assert re.search(r"\d+ of 208 changes are made\.", said)
    assert "may be done" in said
    assert "Run the same command again to go on" in said
    for name in ("policies", "apis", "issuers", "keys/storefront", "keys/payments"):
        (company / f"{name}.yaml").unlink()
    assert tollgate("apply", "--yes", "--prune", company).code == 0
    assert all_keys(operator) == []


def check_place(operator, key, path):
    """What lies in the place of a key is what the server knows of it."""
    assert "tollgate.pending" not in key["labels"]
    if not path.exists():
        assert int(key["labels"]["tollgate.key"].removeprefix("partner-")) <= 10, "only public keys need no place"
        return
    kept = json.loads(path.read_text())
    assert operator("POST", "/keys/lookup", {"key_id": kept["key_id"]}).body["key_hash"] == key["key_hash"]
    if "jwt_data" in kept:
        material = {name: value for name, value in kept["jwt_data"].items() if name != "private_key"}
        assert thumbprint(material) == key["credentials"][0]["thumbprint"]


@pytest.fixture
def one_key(tmp_path):
    """A project of one opaque key."""
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "tollgate.yaml").write_text(
        "project: one\nstore: {file: 'secrets/{key}.json'}\nkeys:\n  till: {grants: [{api: '*'}]}\n"
    )
    return folder


@pytest.fixture
def half_made(tollgate, operator, one_key):
    """The key, as it is when the run ended between its making and the keeping of its id."""
    (change,) = json.loads(tollgate("plan", "--json", one_key).out)["changes"]
    request = uuid.uuid4().hex
    body = change["body"] | {"labels": change["body"]["labels"] | {"tollgate.pending": request}}
    made = operator("POST", "/keys", body, headers={"Idempotency-Key": request})
    assert made.status == 201, made.text
    yield made.body["key_hash"]
    operator("DELETE", f"/keys/{made.body['key_hash']}")


def test_the_id_of_a_half_made_key_reaches_its_place(tollgate, operator, one_key, half_made):
    plan = tollgate("plan", one_key)

    ended = tollgate("apply", "--yes", one_key)

    assert "~ key till is finished" in plan.out
    assert ended.code == 0, ended.err
    kept = json.loads((one_key / "secrets/till.json").read_text())
    found = operator("POST", "/keys/lookup", {"key_id": kept["key_id"]}).body
    assert found["key_hash"] == kept["key_hash"] == half_made
    assert found["labels"] == {"tollgate.project": "one", "tollgate.key": "till"}
    assert tollgate("plan", one_key).code == 0


def test_a_half_made_key_that_the_files_change_gets_a_new_id(tollgate, operator, one_key, half_made):
    edit(one_key / "tollgate.yaml", "till: {grants", "till: {owner: acme, grants")

    ended = tollgate("apply", "--yes", one_key)

    assert ended.code == 0, ended.err
    kept = json.loads((one_key / "secrets/till.json").read_text())
    found = operator("POST", "/keys/lookup", {"key_id": kept["key_id"]}).body
    assert (found["key_hash"], found["owner"]) == (half_made, "acme")


def test_a_place_that_cannot_be_used_shows_before_a_key_is_made(tollgate, operator, one_key):
    (one_key / "secrets").write_text("a file where a folder should be")

    ended = tollgate("apply", "--yes", one_key)

    assert ended.code == 8
    assert "secrets/till.json cannot be read" in ended.err
    assert all_keys(operator) == []
