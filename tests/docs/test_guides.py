"""The guides tell the truth: their programs are run against the running stack, their links exist."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from benchmarks import cost
from dev.services import ROOT
from dev.stack import LocalStack
from tests.conftest import SECRET, Admin, call
from tests.docs.conftest import DOCS, commands_of

GUIDES = sorted(DOCS.glob("*.md"))
HERE = [
    "run-locally.md",
    "first-token.md",
    "protect-your-api.md",
    "doctor.md",
    "migrate-from-tyk.md",
    "migrate-from-usage-plans.md",
    "cli.md",
]
PROGRAMS = {
    "python": ("token.py", [sys.executable]),
    "javascript": ("token.js", ["node"]),
    "bash": ("token.sh", ["bash", "-eu"]),
    "go": ("main.go", ["go", "run"]),
    "java": ("Token.java", ["java"]),
}


@pytest.mark.parametrize("language", PROGRAMS)
def test_every_first_token_is_accepted(stack, admin, tmp_path, language):
    name, command = PROGRAMS[language]
    if shutil.which(command[0]) is None or (language == "bash" and shutil.which("openssl") is None):
        pytest.skip(f"the tools of {language} are not on PATH")
    found = re.search(rf"```{language}\n(.*?)```", (DOCS / "first-token.md").read_text(), re.DOTALL)
    assert found is not None
    (tmp_path / name).write_text(found[1])
    key = admin.create_key()
    environ = os.environ | {"KEY_ID": key["key_id"], "SECRET": SECRET}

    done = subprocess.run(
        [*command, name], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=120
    )

    assert done.returncode == 0, done.stderr
    assert call("GET", f"{stack.rest_url}/x", token=done.stdout.strip()).status == 200


@pytest.fixture(scope="module")
def environ():
    """As `make dev` tells a reader, of a stack of his own: a guide leaves behind what it makes."""
    with LocalStack() as running:
        yield {
            "ADMIN": running.admin_url,
            "KEY": running.admin_key,
            "REST": running.rest_url,
            "HTTP": running.http_url,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{running.port}",
        }


@pytest.mark.parametrize("guide", HERE)
def test_the_commands_of_a_guide_work_one_after_the_other(guide, shell, environ):
    script = "\n".join(commands_of(guide))

    told = shell(script, environ)

    assert '"status":4' not in told.replace(" ", "")  # an import tells item by item


def test_a_clients_secret_is_rotated_and_an_id_replaced_as_operate_says(shell, environ):
    admin = Admin(environ["ADMIN"], environ["KEY"])
    opaque = admin("POST", "/keys", {"name": "opaque", "grants": [{"api": "*"}]}).body
    hashes = {"KEY_HASH": admin.create_key()["key_hash"], "OPAQUE_KEY_HASH": opaque["key_hash"]}
    script = "\n".join(one for one in commands_of("operate.md") if "curl " in one)

    shown = shell(script, environ | hashes)

    assert '"secret"' in shown
    assert '"key_id"' in shown


def console_blocks(guide):
    return re.findall(r"```console\n(.*?)```", (DOCS / guide).read_text(), re.DOTALL)


def test_only_the_first_deployment_asks_for_parameters():
    """`--guided` proposes the template's defaults: a restored table would be given up in passing."""
    commands = "\n".join(block for path in GUIDES for block in console_blocks(path.name))

    assert commands.count("sam deploy --guided") == 1
    (first, *_) = console_blocks("deploy.md")
    assert "sam deploy --guided" in first


@pytest.mark.parametrize(("guide", "parameter"), [("operate.md", "RestoredTableName="), ("deploy.md", "LogOneIn=")])
def test_a_parameter_that_is_changed_is_saved(guide, parameter):
    (block,) = [one for one in console_blocks(guide) if parameter in one]

    assert all("--save-params" in line for line in block.splitlines() if "--parameter-overrides" in line)


def test_a_restore_builds_what_it_deploys():
    """Without a build SAM ships the raw tree; after an example's build, plain `sam deploy` would ship the example."""
    (block,) = [one for one in console_blocks("operate.md") if "RestoredTableName=" in one]

    assert block.index("$ sam build\n") < block.index("$ sam deploy ")


def test_an_example_is_built_where_it_lies(tmp_path):
    """And not into the project's own .aws-sam/build, which plain `sam deploy` ships as the stack tollgate."""
    sam = ROOT / ".venv-sam" / "bin" / "sam"
    if not sam.exists() or shutil.which("python3.13") is None:
        pytest.skip("needs sam and python3.13")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (block,) = [one for one in console_blocks("protect-your-api.md") if "sam build" in one]
    built = "\n".join(line.removeprefix("$ ") for line in block.splitlines() if "sam deploy" not in line)
    environ = os.environ | {"PATH": f"{sam.parent}:{os.environ['PATH']}", "SAM_CLI_TELEMETRY": "0"}

    done = subprocess.run(
        ["bash", "-eu", "-c", built], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "examples/http/.aws-sam/build/Orders/tollgate_limits.py").exists()
    assert not (tmp_path / ".aws-sam").exists()


def test_the_costs_of_logs_and_metrics_are_those_that_are_reckoned():
    text = (DOCS / "operate.md").read_text()
    own, platform = cost.line_bytes(), cost.platform_bytes()

    assert f"({own} + {platform}) bytes" in text
    assert f"| {cost.logs():.3f} |" in text
    assert f"({cost.logs(0.01):.3f} at `LogOneIn=100`)" in text
    assert f"custom metrics {cost.METRICS * cost.METRIC:.2f}" in text


def test_every_command_of_a_guide_is_run_by_some_test():
    """Those of `operate.md` and `deploy.md` that speak to AWS, by make test-stack."""
    with_commands = {path.name for path in GUIDES if "```sh\n" in path.read_text()}

    assert with_commands == {*HERE, "operate.md", "deploy.md"}


def test_the_decorated_handler_of_the_guide_answers(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "integration")
    found = re.search(r"```python\n(.*?)```", (DOCS / "protect-your-api.md").read_text(), re.DOTALL)
    names = {}
    exec(found[1], names)  # noqa: S102 - our own guide

    limited = {
        "version": "2.0",
        "requestContext": {"authorizer": {"lambda": {"reason": "rate_limited", "retryAfter": 3}}},
    }
    assert names["handler"](limited, None)["statusCode"] == 429
    assert names["handler"]({"version": "2.0", "requestContext": {}}, None) == {"statusCode": 200, "body": "hello"}


def test_every_parameter_and_output_stands_in_the_guide_and_no_other():
    template = (ROOT / "template.yaml").read_text()
    parameters, outputs = (
        set(re.findall(r"^  (\w+):$", template.partition(f"\n{name}:\n")[2].partition("\n\n")[0], re.MULTILINE))
        for name in ("Parameters", "Outputs")
    )
    guide = (DOCS / "deploy.md").read_text()
    listed = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?`) \|", guide, re.MULTILINE))))

    assert listed == parameters
    assert all(f"`{name}`" in guide or name.startswith("Demo") for name in outputs)


def test_every_alarm_of_the_template_is_explained_and_no_other():
    alarms = set(re.findall(r"^  (\w+Alarm):$", (ROOT / "template.yaml").read_text(), re.MULTILINE))

    assert set(re.findall(r"`(\w+Alarm)`", (DOCS / "operate.md").read_text())) == alarms


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_every_link_and_named_file_exists(path):
    text = path.read_text()

    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text):
        aimed = path.parent / target if target else path
        assert aimed.exists(), target
        assert not anchor or anchor in anchors_of(aimed), anchor
    for name in re.findall(r"`((?:tests|docs|store|access|examples|events|integration|doctor|cli)/[\w./-]+)`", text):
        assert list(ROOT.glob(f"{name}*")), name


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_every_make_target_exists(path):
    makefile = (ROOT / "Makefile").read_text()

    for target in re.findall(r"(?:`|\$ |^)make ([a-z-]+)", path.read_text(), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def anchors_of(path):
    """Of headings, as they are rendered."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in headings}


def test_the_index_names_every_guide():
    index = (DOCS / "README.md").read_text()

    assert all(f"({path.name})" in index for path in GUIDES if path.name not in {"README.md", "benchmarks.md"})
