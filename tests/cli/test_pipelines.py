"""The examples of pipelines: YAML whose commands are the command's own, and which store no key."""

import re

import pytest
import typer
import yaml

from cli.main import app
from dev.services import ROOT

FOLDER = ROOT / "examples/ci"
COMMANDS = typer.main.get_command(app).commands


def scripts_of(value):
    """Every string of a pipeline."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for member in value for text in scripts_of(member)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", ["github-actions.yml", "buildspec.yml"])
def test_a_pipeline_runs_plan_then_applies_that_plan(name):
    text = "\n".join(scripts_of(yaml.safe_load((FOLDER / name).read_text())))

    runs = re.findall(r"tollgate (plan|apply) (.*?)(?: \||$|;)", text, re.MULTILINE)

    assert [verb for verb, _ in runs] == ["plan", "apply"]
    for verb, arguments in runs:
        options = {option for parameter in COMMANDS[verb].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", arguments)) <= options
    assert "keys.plan" in runs[0][1]
    assert "keys.plan" in runs[1][1]


def test_github_opens_a_role_by_oidc_and_stores_no_key():
    text = (FOLDER / "github-actions.yml").read_text()

    assert yaml.safe_load(text)["permissions"]["id-token"] == "write"
    assert "role-to-assume" in text
    assert "secrets." not in text.replace("secretsmanager", "")
    assert "::add-mask::" in text
