"""Every example is judged by its own tool, where that tool is at hand, and by the doctor."""

import os
import re
import shutil
import subprocess

import pytest

from dev.services import ROOT
from dev.terraform.plan import is_available, plan
from doctor.checks import examine
from doctor.template import Template

EXAMPLES = ROOT / "examples"
TEMPLATES = sorted(EXAMPLES.glob("*/template.yaml"))
SAM_TOOLS = ROOT / ".venv-sam" / "bin"
CDK_PYTHON = ROOT / ".venv-cdk" / "bin" / "python"
ENVIRON = os.environ | {
    "SAM_CLI_TELEMETRY": "0",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def run(*command, **options):
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=200, **{"env": ENVIRON, **options}
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.parent.name)
def test_the_doctor_finds_nothing(path):
    assert examine(Template.read(path)) == []


@pytest.mark.skipif(not (SAM_TOOLS / "sam").exists(), reason="sam is not installed: make check installs it")
@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.parent.name)
def test_sam_and_cfn_lint_find_nothing(path):
    run(
        SAM_TOOLS / "sam",
        "validate",
        "--lint",
        "--template",
        path,
        env=ENVIRON | {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"},
    )
    run(SAM_TOOLS / "cfn-lint", path)


def test_they_import_what_the_template_exports():
    exported = set(
        re.findall(r"Export: \{ Name: !Sub \"\$\{AWS::StackName\}-(\w+)\"", (ROOT / "template.yaml").read_text())
    )
    sources = [*TEMPLATES, *EXAMPLES.glob("terraform/*/main.tf"), EXAMPLES / "cdk" / "app.py"]

    for path in sources:
        imported = set(re.findall(r"(?i)\{(?:TollgateStack|var\.tollgate_stack|tollgate)\}-(\w+)", path.read_text()))
        assert "AuthorizerArn" in imported <= exported, path


def test_the_copy_of_the_decorator_is_the_decorator():
    assert (EXAMPLES / "http" / "src" / "tollgate_limits.py").read_bytes() == (
        ROOT / "integration" / "tollgate_limits.py"
    ).read_bytes()


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not on PATH")
@pytest.mark.parametrize("name", ["rest", "http"])
def test_terraform_reads_the_example_as_it_is_formatted(name):
    """`validate` needs the AWS provider from the network; `fmt` parses and judges the layout."""
    run("terraform", f"-chdir={EXAMPLES / 'terraform' / name}", "fmt", "-check", "-diff")


@pytest.mark.skipif(not is_available(), reason="terraform or .venv-terraform is not here: make test makes the latter")
@pytest.mark.parametrize("name", ["rest", "http"])
def test_terraform_plans_the_example_and_the_doctor_finds_nothing(name):
    """By a stand-in for the AWS provider."""
    variables = {"function_arn": "arn:aws:lambda:us-east-1:123456789012:function:orders"} if name == "http" else {}

    planned = plan(EXAMPLES / "terraform" / name, variables)

    assert examine(Template(planned)) == []


@pytest.mark.skipif(shutil.which("node") is None, reason="CDK needs node, which is not on PATH")
def test_the_cdk_app_makes_templates_that_the_doctor_passes(tmp_path):
    run(CDK_PYTHON, EXAMPLES / "cdk" / "app.py", env=os.environ | {"CDK_OUTDIR": str(tmp_path)}, cwd=tmp_path)

    made = sorted(tmp_path.glob("*.template.json"))
    assert [path.name.partition(".")[0] for path in made] == ["OrdersHttp", "OrdersRest"]
    for path in made:
        assert examine(Template.read(path)) == []
