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
from tests.conftest import SECRET, Admin, call, clone_into
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
_PROGRAM = re.compile(r"## [^\n]*: `([^`]*)`\n\nRun it by `([^`]*)`\.\n\n```\w+\n(.*?)```", re.DOTALL)
PROGRAMS = {file: (command, text) for file, command, text in _PROGRAM.findall((DOCS / "first-token.md").read_text())}
OWN = {"algorithm": "HS256", "secret": SECRET}
GENERATED = {"algorithm": "HS256", "generate": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The project's folder as a reader has it who saved every program of the guide there."""
    root = clone_into(tmp_path_factory.mktemp("root"))
    for name, (_, text) in PROGRAMS.items():
        (root / name).write_text(text)
    return root


def run_in(folder, command, **environ):
    words = [sys.executable if word == "python3" else word for word in command]
    done = subprocess.run(
        words, cwd=folder, env=os.environ | environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def settings_of(key, jwt_data):
    """What the guide puts into the environment: the secret as it was sent, or as it was shown."""
    material = key.get("jwt_data") or jwt_data
    return {"KEY_ID": key["key_id"], "SECRET": material["secret"], "ENCODING": material.get("encoding", "text")}


def test_the_guide_has_five_programs():
    assert [command.split()[0] for command, _ in PROGRAMS.values()] == ["python3", "node", "bash", "go", "java"]


@pytest.mark.parametrize("jwt_data", [OWN, GENERATED], ids=["own", "generated"])
@pytest.mark.parametrize("file", PROGRAMS)
def test_every_first_token_is_accepted(stack, admin, folder, file, jwt_data):
    command, _ = PROGRAMS[file]
    tools = {command.split()[0], "openssl" if file.endswith(".sh") else "python3"}
    if any(shutil.which(tool) is None for tool in tools):
        pytest.skip(f"the tools of {file} are not on PATH")
    key = admin.create_key(jwt_data=jwt_data)

    token = run_in(folder, command.split(), **settings_of(key, jwt_data))

    assert call("GET", f"{stack.rest_url}/x", token=token).status == 200


@pytest.mark.parametrize("jwt_data", [OWN, GENERATED], ids=["own", "generated"])
def test_beside_the_programs_of_the_guide_the_project_still_starts(stack, admin, folder, jwt_data):
    """A file named as a module of Python, `token.py`, once ended `make dev` and `dev.sign`."""
    key = admin.create_key(jwt_data=jwt_data)
    settings = settings_of(key, jwt_data)

    run_in(folder, ["python3", "-c", "import dev.__main__, cli.main, doctor.__main__"])
    command = ["python3", "-m", "dev.sign", settings["KEY_ID"], settings["SECRET"]]
    token = run_in(folder, command, ENCODING=settings["ENCODING"])

    assert call("GET", f"{stack.rest_url}/x", token=token).status == 200


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


@pytest.mark.parametrize("path", [*GUIDES, ROOT / "README.md"], ids=lambda path: path.name)
def test_a_command_that_is_refused_shows_why(path):
    """`curl -f` alone says the status and hides the problem that the answer describes."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", path.read_text(), re.DOTALL))

    assert set(re.findall(r"curl -\S+(?: --\S+)?", blocks)) <= {"curl -sS --fail-with-body"}


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
