"""What a user of `make doctor` sees; what is accepted; the page that lists everything."""

import subprocess
import sys

import pytest

from dev.services import ROOT
from doctor.catalogue import catalogue
from doctor.checks import CHECKS, examine
from doctor.contract import ADDED_BY_GATEWAY, CONTEXT
from doctor.template import Template
from tests.conftest import call, sign
from tests.doctor.test_reading import SAM

OPEN = (
    SAM
    + """
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Health: { Type: HttpApi, Properties: { ApiId: !Ref Api, Method: GET, Path: /health, Auth: { Authorizer: NONE } } }
"""
)


def doctor(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "doctor", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (SAM.encode(), 0, "nothing found"),
        (SAM.replace("Every: 0", "Every: 9").encode(), 1, "remedy: set ReauthorizeEvery: 0"),
        (b"Resources: {Q: {Type: AWS::SQS::Queue}}", 0, "no API here asks Tollgate"),
        (b"x: [", 2, "neither YAML nor JSON"),
        (b"\xff\xfe", 2, "this is not UTF-8"),
        (None, 2, "No such file"),
    ],
)
def test_the_exit_code_and_the_words_say_what_is_wrong(tmp_path, content, code, said):
    path = tmp_path / "t.yaml"
    if content is not None:
        path.write_bytes(content)

    done = doctor(path)

    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_finding_names_file_line_severity_check_and_resource(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(SAM.replace("Every: 0", "Every: 9"))

    said = doctor(path).stdout

    assert f"{path}:15: error: cached-result: Api (T): results are cached" in said


@pytest.mark.parametrize("name", ["/a b/t.yaml", "/$HOME's/t.yaml"])
def test_make_takes_a_path_as_it_is(tmp_path, name):
    path = tmp_path / name.lstrip("/")
    path.parent.mkdir()
    path.write_text(SAM)
    kept = "--assume-old=requirements-dev.txt"  # the environment is not what is asked about
    shown = str(path).replace("$", "$$")  # as make reads it

    done = subprocess.run(
        ["make", "--silent", kept, "doctor", f"TEMPLATE={shown}"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.returncode) == ("nothing found\n", 0), done.stderr


def test_make_without_a_template_says_what_to_name():
    done = subprocess.run(
        ["make", "--silent", "--assume-old=requirements-dev.txt", "doctor"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "make doctor TEMPLATE=" in done.stderr


def test_what_is_meant_is_accepted_by_the_metadata_of_its_resource_with_a_reason():
    accepted = "    Metadata: { Tollgate: { Accept: { open-route: health is open } } }\n"
    by_function = OPEN.replace("  Function:\n", f"  Function:\n{accepted}")
    by_api = OPEN.replace("  Api:\n", f"  Api:\n{accepted}")
    without_reason = by_api.replace("health is open", "")

    assert [one.check for one in examine(Template(OPEN))] == ["open-route"]
    assert examine(Template(by_function)) == examine(Template(by_api)) == []
    assert [one.check for one in examine(Template(without_reason))] == ["open-route"]


def test_what_is_meant_is_accepted_by_the_command(tmp_path):
    """Of a plan, which holds no metadata, by the address of the resource."""
    path = tmp_path / "t.yaml"
    path.write_text(OPEN)

    assert doctor("--accept", "open-route", path).returncode == 0
    assert doctor("--accept", "open-route@Function", path).returncode == 0
    assert doctor("--accept", "open-route@Another", path).returncode == 1


def test_our_own_templates_pass():
    assert examine(Template.read(ROOT / "template.yaml")) == []
    assert examine(Template.read(ROOT / "dev" / "open_points" / "template.yaml")) == []


def test_the_page_lists_every_check_as_the_table_has_it():
    page = (ROOT / "docs" / "doctor.md").read_text()

    assert catalogue() in page
    assert doctor("--list").stdout == catalogue()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_check_says_what_is_wrong_and_what_to_do(check):
    """In words that other words follow: a detail, an end of line."""
    for said in (check.wrong, *check.remedy):
        assert not said.endswith((".", ":", " "))
    remedies = [said for said in check.remedy if said]
    assert len(remedies) == len(set(remedies)) > 0


def test_the_context_that_templates_may_name_is_the_one_that_integrations_are_given(stack, admin):
    token = sign(admin.create_key()["key_id"])

    given = call("GET", f"{stack.rest_url}/x", token=token).body["authorizer"]

    assert given.keys() - ADDED_BY_GATEWAY == CONTEXT
