"""`make dev` that cannot start says what to do; one that runs writes a line for each request."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.conftest import call, clone_into


@pytest.fixture
def clone(tmp_path):
    return clone_into(tmp_path / "clone")


@pytest.fixture
def start(clone, tmp_path):
    """Starts `make dev` in the clone; what still runs at the end is ended. The process, and its log."""
    started = []

    def run(**settings):
        environ = {name: value for name, value in os.environ.items() if name not in {"PORT", "DATA", "VERBOSE"}}
        path = tmp_path / f"log{len(started)}"
        with path.open("wb") as log:
            command = [sys.executable, "-m", "dev"]
            started.append(subprocess.Popen(command, cwd=clone, env=environ | settings, stdout=log, stderr=log))
        return started[-1], path

    yield run

    for process in started:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_for(path, process):
    deadline = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return json.loads(path.read_text())


def refusal(started):
    """What a start that is refused writes; it ends by itself, and without a traceback."""
    process, log = started
    assert process.wait(60) == 1
    (line,) = [line for line in log.read_text().splitlines() if not line.startswith("Starting")]
    return line


def test_a_busy_port_is_named_with_a_way_out(start):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]

        line = refusal(start(PORT=str(port)))

    assert f"127.0.0.1:{port}" in line
    assert "make dev PORT=0" in line


def test_busy_services_are_named_with_a_way_out(start):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]

        line = refusal(start(PORT="0", SERVICES=f"127.0.0.1:{port}"))

    assert f"127.0.0.1:{port}" in line
    assert "SERVICES=HOST:PORT" in line


@pytest.mark.parametrize("name", ["a-file", "a-file/below"])
def test_data_that_is_no_folder_is_named_with_a_way_out(start, tmp_path, name):
    (tmp_path / "a-file").touch()

    line = refusal(start(PORT="0", DATA=str(tmp_path / name)))

    assert line.startswith(f"DATA={tmp_path / name} is not a folder")
    assert "leave DATA out" in line


def test_a_second_run_in_one_folder_is_refused_and_the_first_keeps_its_endpoints(start, clone):
    first, _ = start(PORT="0")
    endpoints = wait_for(clone / ".dev/endpoints.json", first)

    line = refusal(start(PORT="0"))

    assert f"process {first.pid}, {endpoints['admin_url']}/" in line
    assert json.loads((clone / ".dev/endpoints.json").read_text()) == endpoints


def test_a_run_that_was_killed_is_in_nobodys_way(start, clone):
    killed, _ = start(PORT="0")
    wait_for(clone / ".dev/endpoints.json", killed)
    killed.kill()
    killed.wait(30)
    (clone / ".dev/endpoints.json").unlink()

    second, _ = start(PORT="0")

    assert wait_for(clone / ".dev/endpoints.json", second)["pid"] == second.pid


@pytest.mark.parametrize("verbose", ["", "1"])
def test_a_request_is_one_line_and_the_rest_is_shown_where_it_is_asked_for(start, clone, verbose):
    process, log = start(PORT="0", VERBOSE=verbose)
    endpoints = wait_for(clone / ".dev/endpoints.json", process)
    assert call("GET", f"{endpoints['rest_url']}/refused", token="a.b.c").status == 401
    assert call("GET", f"{endpoints['admin_url']}/keys", token=endpoints["admin_key"]).status == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0

    lines = log.read_text().partition("Ctrl-C ends it.\n")[2].split("\n")
    requests = [line for line in lines if line.startswith("GET ")]
    others = [line for line in lines if line and line not in requests and line != "Ending …"]

    assert [line.rsplit(" ", 2)[0] for line in requests] == [
        "GET /rest/prod/refused 401 UNAUTHORIZED malformed_token (header is not canonical base64url)",
        "GET /admin/keys 200 allow",
    ]
    kinds = {"metric" if line.startswith('{"_aws"') else line.partition(":")[0] for line in others}
    assert kinds >= {"metric", "[ERROR] UnauthorizedError"} if verbose else not others
