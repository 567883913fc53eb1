"""The command by itself: help and tables in 80 columns, exit codes by class, profiles, and no secret anywhere."""

import json
import os
import pty
import re
import select
import stat
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from zipfile import ZipFile

import jwt
import pytest
import typer

from cli.exits import ExitCode
from cli.main import app
from dev.services import ROOT
from tests.cli.conftest import COMMAND
from tests.conftest import SECRET, call, sign

COMMANDS = typer.main.get_command(app)
KEY = {"name": "till", "grants": [{"api": "*"}]}


def paths(command=COMMANDS, path=()):
    """Every command, by the words that lead to it."""
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from paths(below, (*path, name))


@pytest.mark.parametrize("path", list(paths()), ids=" ".join)
def test_help_fits_80_columns(tollgate, path):
    ended = tollgate(*path, "--help")

    assert ended.code == 0
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "…" not in ended.out.replace("TEMPLATE…", "")


def in_a_terminal(tollgate, *arguments):
    """What a terminal of 80 columns shows."""
    main, child = pty.openpty()
    environment = tollgate.environment(TERM="xterm-256color") | {"COLUMNS": "80", "LINES": "24"}
    environment.pop("NO_COLOR")
    running = subprocess.Popen([*COMMAND, *arguments], stdin=child, stdout=child, stderr=child, env=environment)
    os.close(child)
    shown, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([main], [], [], 0.1)[0]:
            try:
                shown += os.read(main, 65536)
            except OSError:
                break
        elif running.poll() is not None:
            break
    running.wait(timeout=10)
    os.close(main)
    return shown.decode()


def without_escapes(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_tables_fit_80_columns_and_show_whole_hashes(tollgate, operator):
    key = operator(
        "POST", "/keys", KEY | {"name": "a name that is long enough to need a second line " * 2, "owner": "o" * 60}
    ).body

    shown = in_a_terminal(tollgate, "keys", "list")

    assert "\x1b[" in shown, "colour on a terminal"
    lines = [line.rsplit("\r", 1)[-1] for line in without_escapes(shown).replace("\r\n", "\n").splitlines()]
    assert max(map(len, lines)) <= 80
    assert any(key["key_hash"] in line for line in lines)


def test_there_is_no_colour_in_a_pipe(tollgate, operator):
    operator("POST", "/keys", KEY)

    ended = tollgate("keys", "list", COLUMNS="", NO_COLOR="")

    assert "\x1b" not in ended.out + ended.err
    assert "enabled" in ended.out


def test_what_the_api_shows_is_text_and_never_moves_the_cursor(tollgate, operator):
    key = operator("POST", "/keys", KEY | {"name": "[red]a\u009b2Jb[/red]"}).body

    shown = tollgate("keys", "show", key["key_hash"]).out

    assert "[red]a\ufffd2Jb[/red]" in shown


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["keys", "list"], ExitCode.DONE),
        (["nonsense"], ExitCode.USAGE),
        (["keys", "list", "--nonsense"], ExitCode.USAGE),
        (["keys", "show"], ExitCode.USAGE),
        (["keys", "show", "x" * 43], ExitCode.NOT_FOUND),
        (["keys", "create", "--name", "n"], ExitCode.INVALID),
        (["keys", "create", "--name", "n", "--policy", "none"], ExitCode.INVALID),
        (["keys", "create", "--name", "n", "--policy", "p", "--secret-from", "hunter2"], ExitCode.INVALID),
        (["policies", "show", "none"], ExitCode.NOT_FOUND),
        (["policies", "put", "p", "-f", "/nowhere"], ExitCode.INVALID),
        (["plan", "/nowhere"], ExitCode.NOT_FOUND),
        (["audit", "verify"], ExitCode.DONE),
        (["--profile", "none", "keys", "list"], ExitCode.NOT_FOUND),
        (["explain", "GET", "/x"], ExitCode.INVALID),
        (["sign"], ExitCode.INVALID),
        (["doctor", "/nowhere"], ExitCode.INVALID),
        (["doctor", str(ROOT / "template.yaml")], ExitCode.DONE),
        (["--version"], ExitCode.DONE),
        (["schema"], ExitCode.DONE),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else value.name,
)
def test_the_exit_code_says_the_class_of_the_outcome(tollgate, arguments, code):
    ended = tollgate(*arguments)

    assert ended.code == code, ended.err
    assert "Traceback" not in ended.err


def test_an_error_says_what_the_api_said_field_by_field(tollgate):
    ended = tollgate("keys", "create", "--name", "n", "--policy", "none", "--tag", "a b")

    assert "tags.0: has only A-Z a-z 0-9" in ended.err


@pytest.mark.parametrize(
    ("environment", "code", "message"),
    [
        ({"TOLLGATE_KEY": "tg_wrong"}, ExitCode.NOT_ALLOWED, "refuses this key"),
        ({"TOLLGATE_KEY": ""}, ExitCode.NOT_ALLOWED, "There is no key for"),
        ({"TOLLGATE_URL": ""}, ExitCode.INVALID, "Which admin API?"),
        ({"TOLLGATE_URL": "http://example.com/admin"}, ExitCode.INVALID, "is not an https URL"),
        ({"TOLLGATE_URL": "ftp://127.0.0.1/"}, ExitCode.INVALID, "is not an https URL"),
    ],
)
def test_without_a_key_and_a_safe_url_nothing_is_sent(tollgate, environment, code, message):
    ended = tollgate("keys", "list", **environment)

    assert ended.code == code
    assert message in ended.err.replace("\n", " ")


def test_a_server_that_does_not_answer_is_said_after_some_tries(tollgate):
    ended = tollgate("keys", "list", TOLLGATE_URL="http://127.0.0.1:9")

    assert ended.code == ExitCode.UNAVAILABLE
    assert "No answer from http://127.0.0.1:9" in ended.err


def test_keys_are_made_changed_rotated_and_removed(tollgate, operator, tmp_path):
    operator("PUT", "/policies/gold", {"name": "Gold", "grants": [{"api": "*"}]})
    place = tmp_path / "made.json"
    made = tollgate(
        "keys", "create", "--name", "c", "--policy", "gold", "--owner", "acme", "--label", "team=mobile",
        "--secret-from", "env:TILL_SECRET", "--key-id", "command-1", "--json", TILL_SECRET=SECRET,
    )  # fmt: skip
    key_hash = json.loads(made.out)["key_hash"]

    assert tollgate("keys", "disable", key_hash).code == 0
    assert not operator("GET", f"/keys/{key_hash}").body["enabled"]
    assert tollgate("keys", "enable", key_hash).code == 0
    rotated = tollgate("keys", "rotate", key_hash, "--algorithm", "ES256", "--generate", "--store", f"file:{place}")
    assert rotated.code == 0
    assert "PRIVATE KEY" not in rotated.out + rotated.err
    assert "PRIVATE KEY" in json.loads(place.read_text())["jwt_data"]["private_key"]
    assert "ES256" in tollgate("keys", "show", key_hash).out
    assert tollgate("keys", "reset", key_hash).code == 0
    assert tollgate("keys", "usage", key_hash, "--json").code == 0
    listed = tollgate("keys", "list", "--label", "team:mobile", "--json").out
    assert [json.loads(line)["key_hash"] for line in listed.splitlines()] == [key_hash]
    assert tollgate("keys", "delete", key_hash, stdin="n\n").code == 1
    assert "--yes" in tollgate("keys", "delete", key_hash).err
    assert tollgate("keys", "delete", key_hash, "--yes").code == 0
    assert operator("GET", f"/keys/{key_hash}").status == 404


def test_a_secret_from_standard_input_is_the_keys(tollgate, empty):
    made = tollgate(
        "keys", "create", "-f", ROOT / "tests/cli/key.yaml", "--secret-from", "-", "--json", stdin=SECRET + "\n"
    )

    assert made.code == 0, made.err
    token = sign(json.loads(made.out)["key_id"], secret=SECRET)
    assert call("GET", f"{empty.rest_url}/x", token=token).status == 200


def test_import_says_what_became_of_each_item(tollgate, tmp_path):
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"items": [KEY, {"name": "no rights"}]}))

    ended = tollgate("keys", "import", path, "--json")

    assert ended.code == ExitCode.INCOMPLETE
    assert [json.loads(line)["status"] for line in ended.out.splitlines()] == [201, 400]


@pytest.mark.parametrize("kind", ["policies", "apis"])
def test_named_records_are_put_listed_shown_and_removed(tollgate, tmp_path, kind):
    path = tmp_path / "record.yaml"
    path.write_text("name: R\n" + ("grants: [{api: '*'}]\n" if kind == "policies" else "gateways: [aaaa/prod]\n"))

    assert tollgate(kind, "put", "r", "-f", path).code == 0
    assert '"name": "R"' in tollgate(kind, "show", "r", "--json").out
    assert " R " in tollgate(kind, "list").out
    assert tollgate(kind, "delete", "r", "--yes").code == 0
    assert tollgate(kind, "show", "r").code == ExitCode.NOT_FOUND


def test_the_audit_log_is_shown_and_verified(tollgate, operator):
    operator("POST", "/keys", KEY)

    assert "key.create" in tollgate("audit", "list").out
    assert "as they were written" in tollgate("audit", "verify").err


def test_login_keeps_a_key_in_a_file_of_its_owner(tollgate):
    """Where there is no keyring; and the key goes to the URL that it was kept for, and to no other."""
    no_environment = {"TOLLGATE_URL": "", "TOLLGATE_KEY": "", "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}

    ended = tollgate("login", "--url", tollgate.url, stdin=tollgate.key + "\n", **no_environment)

    assert ended.code == 0, ended.err
    kept = tollgate.home / "keys/default"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert tollgate.key not in ended.out + ended.err
    assert tollgate("keys", "list", **no_environment).code == 0
    elsewhere = no_environment | {"TOLLGATE_URL": "https://elsewhere.example"}
    assert tollgate("keys", "list", **elsewhere).code == ExitCode.NOT_ALLOWED
    assert "* " in tollgate("profiles", "list", **no_environment).out
    kept.chmod(0o644)
    assert "chmod 600" in tollgate("keys", "list", **no_environment).err
    kept.chmod(0o600)
    assert tollgate("logout", **no_environment).code == 0
    assert not kept.exists()


def test_login_keeps_a_key_in_the_keyring_where_there_is_one(tollgate, tmp_path):
    keyring = {
        "TOLLGATE_URL": "",
        "TOLLGATE_KEY": "",
        "PYTHON_KEYRING_BACKEND": "tests.cli.keyring_file.FileKeyring",
        "KEYRING_FILE": str(tmp_path / "keyring.json"),
    }

    assert tollgate("--profile", "here", "login", "--url", tollgate.url, stdin=tollgate.key, **keyring).code == 0

    assert json.loads((tmp_path / "keyring.json").read_text()) == {"tollgate/here": tollgate.key}
    assert not (tollgate.home / "keys").exists()
    assert tollgate("keys", "list", **keyring).code == 0
    assert tollgate("--profile", "here", "logout", **keyring).code == 0
    assert json.loads((tmp_path / "keyring.json").read_text()) == {}


def test_login_keeps_no_key_that_does_not_work(tollgate):
    ended = tollgate("login", "--url", tollgate.url, stdin="tg_wrong", TOLLGATE_URL="", TOLLGATE_KEY="")

    assert ended.code == ExitCode.NOT_ALLOWED
    assert not tollgate.home.exists()


def test_a_token_is_signed_with_a_key_of_this_machine(tollgate, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET)

    token = tollgate(
        "sign", "till-1", "--secret-from", f"file:{secret}", "--algorithm", "HS384", "--claim", "n=5"
    ).out.strip()

    assert jwt.get_unverified_header(token) == {"alg": "HS384", "typ": "JWT", "kid": "till-1"}
    assert jwt.decode(token, SECRET, algorithms=["HS384"])["n"] == 5


@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_a_generated_secret_signs_by_its_encoding(tollgate, tmp_path, algorithm):
    """It is bytes, shown as base64url; as a string it would sign tokens that nobody accepts."""
    raw = os.urandom(64)
    secret = tmp_path / "secret"
    secret.write_text(urlsafe_b64encode(raw).rstrip(b"=").decode())
    command = ("sign", "till-1", "--secret-from", f"file:{secret}", "--algorithm", algorithm)

    token = tollgate(*command, "--encoding", "base64url").out.strip()

    assert jwt.decode(token, raw, algorithms=[algorithm])


@pytest.mark.parametrize(("encoding", "wrong"), [("hex", "text or base64url"), ("base64url", "is not base64url")])
def test_an_encoding_that_does_not_fit_is_refused(tollgate, tmp_path, encoding, wrong):
    secret = tmp_path / "secret"
    secret.write_text("not base64url!")

    ended = tollgate("sign", "till-1", "--secret-from", f"file:{secret}", "--encoding", encoding)

    assert (ended.code, wrong in ended.err) == (ExitCode.INVALID, True)


def test_no_secret_stands_among_the_arguments_or_in_what_is_shown(tollgate):
    """Every option that leads to a secret takes a reference, and an error names that alone."""
    for path in paths():
        command = COMMANDS
        for word in path:
            command = command.commands[word]
        names = {option for parameter in command.params for option in parameter.opts}
        assert not names & {"--secret", "--key", "--password", "--token", "--credential"}

    ended = tollgate("keys", "create", "--name", "n", "--secret-from", "env:NOT_SET")
    assert (ended.code, "NOT_SET is not set" in ended.err) == (ExitCode.INVALID, True)


def test_shells_complete_commands(tollgate):
    ended = tollgate(_TOLLGATE_COMPLETE="complete_bash", COMP_WORDS="tollgate keys r", COMP_CWORD="2")

    assert ended.out.split() == ["rotate", "replace", "reset"]


def test_the_package_holds_the_command_and_nothing_of_the_functions(tmp_path):
    """What `pipx install .` installs."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]

    subprocess.run([*pip, "--wheel-dir", tmp_path, ROOT], check=True, timeout=120)

    (wheel,) = tmp_path.glob("tollgate-*.whl")
    names = ZipFile(wheel).namelist()
    assert {"cli/main.py", "cli/schemas/tollgate.schema.json", "doctor/__main__.py"} <= set(names)
    assert {name.partition("/")[0] for name in names} == {"cli", "doctor", names[-1].partition("/")[0]}
    (entry_points,) = [name for name in names if name.endswith("entry_points.txt")]
    assert "tollgate = cli.main:main" in ZipFile(wheel).read(entry_points).decode()
