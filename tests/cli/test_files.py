"""A wrong file names file, line, field and what is allowed; all mistakes at once, before anything is sent."""

import json

import pytest

from cli.code.files import MistakesError, read_entries
from cli.code.planner import Wishes, make_plan
from cli.code.project import NEEDS_A_PLACE, read_project
from cli.code.state import State
from cli.exits import CommandError
from cli.yaml_values import FileError, read_record

PEM = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9
q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==
-----END PUBLIC KEY-----"""
HEAD = "project: p\nstore: {file: 's/{key}'}\n"


@pytest.fixture
def folder(tmp_path):
    def write(text, name="tollgate.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return tmp_path

    return write


def mistakes_of(folder):
    with pytest.raises(MistakesError) as raised:
        read_project(folder)
    return [str(mistake) for mistake in raised.value.mistakes]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            "keys:\n  a: {policies: [x], colour: red}",
            "keys.a.colour: is not known here; known are enabled, expires_at,",
        ),
        ("keys:\n  a: {policies: x}", "keys.a.policies: must be a list"),
        ("keys:\n  a: {name: 5, policies: [x]}", "keys.a.name: must be a string; put it in quotes"),
        ("keys:\n  a: {policies: [x], enabled: yes}", "keys.a.enabled: must be true or false"),
        ("keys:\n  a: {owner: x}", "keys.a: a key needs at least one policy or grant"),
        ("keys:\n  a: {policies: [x], owner: dev_1}", "keys.a.owner: owners that begin with dev_ are"),
        ("keys:\n  a: {policies: [x], expires_at: 2027-01-01}", "keys.a.expires_at: a time is written as in RFC 3339"),
        ("keys:\n  a: {policies: [x], key_id: abc}", "keys.a.key_id: is given together with jwt_data only"),
        ("keys:\n  a: {policies: [x], tags: [a b]}", "keys.a.tags.0: has only A-Z a-z 0-9 . _ : @ / + -"),
        ("keys:\n  a: {policies: [x], metadata: {a b: c}}", "keys.a.metadata.a b: has a name of A-Z a-z 0-9 _ -"),
        ("keys:\n  a: {policies: [x], metadata: {n: 5}}", "keys.a.metadata.n: must be a string; put it in quotes"),
        ("keys:\n  a: {policies: [x], labels: {tollgate.x: y}}", "keys.a.labels.tollgate.x: names that begin with"),
        (
            "keys:\n  a: {policies: [x], jwt_data: {secret: hunter2}}",
            "keys.a.jwt_data.secret: must be a reference to a",
        ),
        (
            "keys:\n  a: {policies: [x], jwt_data: {secret: {env: A, file: b}}}",
            "keys.a.jwt_data.secret: must be a refer",
        ),
        (
            "keys:\n  a: {policies: [x], jwt_data: {algorithm: HS256}}",
            "keys.a.jwt_data: give exactly one of secret, pub",
        ),
        (
            "keys:\n  a: {policies: [x], jwt_data: {algorithm: none, generate: true}}",
            "keys.a.jwt_data.algorithm: must b",
        ),
        ("keys:\n  a: {policies: [x], jwt_data: {public_key: x}}", "keys.a.jwt_data.public_key: is not a PEM block"),
        (
            "keys:\n  a: {policies: [x], jwt_data: {jwk: {kty: EC, d: x}}}",
            "keys.a.jwt_data.jwk: holds a private key or",
        ),
        ("keys:\n  a/b: {policies: [x]}", "keys.a/b: has at most 128 characters of A-Z a-z 0-9 . _ ~ : @ + -"),
        ("keys:\n  a: {grants: [{path: /x}]}", "keys.a.grants.0.api: is missing"),
        ("keys:\n  a: {grants: [{api: x, path: x}]}", "keys.a.grants.0.path: begins with / or *"),
        ("keys:\n  a: {grants: [{api: x, path: '/{a b}'}]}", "keys.a.grants.0.path: "),
        ("keys:\n  a: {grants: [{api: x, owner: y}]}", "keys.a.grants.0.owner: only a grant on the API `admin` is"),
        ("policies:\n  p: {grants: [{api: x}]}", "policies.p.name: is missing"),
        (
            "policies:\n  p: {name: p, rate_limits: [{limit: 1, period: month}]}",
            "policies.p.rate_limits.0.period: a rate",
        ),
        (
            "policies:\n  p: {name: p, rate_limits: [{limit: -1, period: 1s}]}",
            "policies.p.rate_limits.0.limit: must be 0",
        ),
        (
            "policies:\n  p: {name: p, quotas: [{limit: 1, period: year}]}",
            "policies.p.quotas.0.period: a period is <n>s,",
        ),
        (
            "policies:\n  p: {name: p, quotas: [{limit: 1, period: 5s, anchor: calendar}]}",
            "policies.p.quotas.0.period: a calendar quota has a period of",
        ),
        (
            "policies:\n  p: {name: p, quotas: [{limit: 1, period: day}, {limit: 2, period: month}]}",
            "policies.p.quotas.1: has the `name`, `api` and `scope` of another one",
        ),
        (
            "policies:\n  p: {name: p, partitions: [x]}",
            "policies.p.partitions.0: must be grants or rate_limits or quotas",
        ),
        ("policies:\n  p: {name: p, counting: {mode: guess}}", "policies.p.counting.mode: must be exact or leased"),
        ("policies:\n  p: 5", "policies.p: must be a mapping"),
        ("policies: 5", "policies: is a mapping from ids to records"),
        ("apis:\n  a: {name: a, gateways: [x]}", "apis.a.gateways.0: is <api id>/<stage>, or <api id>/*"),
        ("issuers:\n  i: {issuer: x, audience: 5, discovery: true}", "issuers.i.audience: must be a string, or a list"),
        ("issuers:\n  i: {issuer: x, default_policies: [p]}", "issuers.i: give either jwks_uri, or discovery: true"),
        (
            "issuers:\n  i: {issuer: x, audience: a, discovery: true}",
            "issuers.i.default_policies: is missing; say which policies",
        ),
        (
            "catalogue:\n  c: {title: c, policies: [p], approval: never}",
            "catalogue.c.approval: must be manual or automatic",
        ),
        ("plans: {}", "plans: is not known here; known are project, store, policies, issuers, apis, catalogue, keys"),
        ("keys:\n  a: {policies: [x]}\n  a: {policies: [y]}", "a: stands here for the second time"),
        ("keys:\n  a: {policies: [x], policies: [y]}", "policies: stands here for the second time"),
        ("keys:\n  a: [", "is not YAML: "),
        ("keys:\n  a: *b", "*b names nothing before it"),
    ],
)
def test_a_mistake_names_file_line_field_and_what_is_allowed(folder, text, mistake):
    last = 3 + text.count("\n")

    (found, *_) = mistakes_of(folder(HEAD + text))

    file, line, message = found.split(":", 2)
    assert file == "tollgate.yaml"
    assert 3 <= int(line) <= last + 1
    assert message.strip().startswith(mistake)
    assert "hunter2" not in found


def test_a_file_is_a_mapping(folder):
    (found,) = mistakes_of(folder("- a\n"))

    assert found.startswith("tollgate.yaml:1: a file is a mapping with project, store, policies")


def test_all_mistakes_of_all_files_come_at_once(folder):
    folder("policies:\n  p:\n    name: p\n    grants:\n      - {api: x}\n      - {api: x, cost: -1}\n", "a.yaml")
    folder(
        "keys:\n  one: {policies: [p]}\n  two:\n    policies: [p]\n    tags:\n      - fine\n      - not fine\n",
        "b/c.yaml",
    )

    assert mistakes_of(folder("project: 5\n")) == [
        "a.yaml:6: policies.p.grants.1.cost: must be 0 or more",
        f"b/c.yaml:2: keys.one.store: {NEEDS_A_PLACE}",
        "b/c.yaml:7: keys.two.tags.1: has only A-Z a-z 0-9 . _ : @ / + -",
        "tollgate.yaml:1: project: must be a string; put it in quotes",
    ]


def test_a_record_stands_once_in_a_folder(folder):
    folder("policies:\n  p: {name: p}\n", "a.yaml")

    assert mistakes_of(folder(HEAD + "policies:\n  p: {name: q}\n")) == [
        "tollgate.yaml:4: policies.p: stands at a.yaml:2 already"
    ]


def test_a_folder_needs_a_name(folder):
    assert mistakes_of(folder("policies: {}\n")) == ["tollgate.yaml:1: project: is missing; give this folder a name"]


def test_scalars_are_those_of_yaml_1_2(folder):
    """YAML 1.1 would read `on` as a truth, a time as a date, and 010 as eight."""
    text = HEAD + "keys:\n  a: {policies: [on], name: 'no', expires_at: 2027-01-01T02:00:00+02:00, tags: [010, '1']}\n"

    record = read_project(folder(text)).entries["keys", "a"].record

    assert (record["policies"], record["name"], record["tags"]) == (["on"], "no", ["010", "1"])
    assert record["expires_at"] == "2027-01-01T00:00:00Z"


def test_anchors_are_followed(folder):
    text = HEAD + "policies:\n  a: {name: a, grants: &g [{api: x}]}\n  b: {name: b, grants: *g}\n"

    project = read_project(folder(text))

    assert project.entries["policies", "a"].record["grants"] == project.entries["policies", "b"].record["grants"]


def test_hidden_files_are_not_read(folder):
    folder("nonsense: 1", ".hidden.yaml")
    folder("nonsense: 1", ".git/x.yaml")

    assert read_project(folder(HEAD)).entries == {}


def test_a_folder_without_files_is_said(tmp_path):
    with pytest.raises(CommandError, match="no YAML files"):
        read_project(tmp_path)
    with pytest.raises(CommandError, match="not a folder"):
        read_project(tmp_path / "none")


def test_a_secret_that_is_missing_is_a_mistake_like_others(folder, monkeypatch):
    monkeypatch.delenv("MISSING_SECRET", raising=False)
    text = "keys:\n  a: {grants: [{api: x}], jwt_data: {secret: {env: MISSING_SECRET}}}\n"
    text += "  b: {grants: [{api: x}], jwt_data: {secret: {file: nowhere}}}\n"
    project = read_project(folder(HEAD + text))

    with pytest.raises(MistakesError) as raised:
        make_plan(project, nothing(), "http://127.0.0.1", Wishes())

    assert [str(mistake).replace(str(project.folder), "") for mistake in raised.value.mistakes] == [
        "tollgate.yaml:4: keys.a.jwt_data.secret: The environment variable MISSING_SECRET is not set.",
        "tollgate.yaml:5: keys.b.jwt_data.secret: /nowhere cannot be read: No such file or directory.",
    ]


def test_no_secret_is_in_a_plan(folder, monkeypatch):
    monkeypatch.setenv("TILL_SECRET", "an-hmac-secret-that-nobody-else-may-see-0123456789")
    text = "keys:\n  a: {grants: [{api: x}], jwt_data: {secret: {env: TILL_SECRET}}}\n"

    plan = make_plan(read_project(folder(HEAD + text)), nothing(), "http://127.0.0.1", Wishes())

    assert plan.changes[0].credential["jwt_data"] == {"secret": {"env": "TILL_SECRET"}}
    assert "nobody-else" not in json.dumps(plan._asdict(), default=str)


def nothing():
    named = {collection: {} for collection in ("policies", "issuers", "apis", "catalogue")}
    return State(named, {}, {}, 0, {}, {})


def test_lines_are_those_of_the_file_after_a_mistake_in_it(folder):
    """What can be read before the file breaks is judged, with its lines."""
    found = mistakes_of(folder(HEAD + "policies:\n  p:\n    name: p\n    colour: red\nkeys:\n  a: [\n"))

    assert found[0].startswith("tollgate.yaml:6: policies.p.colour: is not known here")
    assert "is not YAML" in found[1]


def test_deep_nesting_is_refused(folder):
    path = folder(HEAD + "policies:\n  p: " + "[" * 50 + "]" * 50 + "\n") / "tollgate.yaml"

    with pytest.raises(FileError, match="nested too deeply"):
        list(read_entries(path))


def test_a_record_for_one_request_is_yaml_or_json(tmp_path):
    path = tmp_path / "key.json"
    path.write_text('{"name": "a", "enabled": true, "grants": [{"api": "x"}]}')

    assert read_record(str(path)) == {"name": "a", "enabled": True, "grants": [{"api": "x"}]}
    path.write_text("- a")
    with pytest.raises(CommandError, match="does not hold a record"):
        read_record(str(path))


def test_public_keys_stand_inline(folder):
    block = "\n".join(f"        {line}" for line in PEM.splitlines())
    text = f"keys:\n  a:\n    policies: [x]\n    jwt_data:\n      public_key: |\n{block}\n"

    credential = read_project(folder("project: p\n" + text)).entries["keys", "a"].credential

    assert credential.algorithm == "ES256"
    assert credential.jwt_data["public_key"].strip() == PEM
