"""Both functions under `sam local start-lambda`: real Lambda images, on emulated data services.

Needs a Docker engine. `sam local start-api` is no use here: it serves every API of a template on
one port, where the HTTP APIs hide the REST API, and knows neither API keys nor gateway responses.
"""

import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from dev.account import REGION
from dev.deployed import SAM, build
from dev.processes import answering, free_port
from dev.services import CREDENTIALS, ROOT, Services
from dev.stack import TABLE_NAME
from dev.template import Template

HOST_AND_PORT = "host.docker.internal:4566"  # in events/env.json
_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_START_SECONDS = 120


def has_engine() -> bool:
    """Whether a Docker engine answers, not only its client."""
    try:
        _docker("info")
    except (OSError, subprocess.SubprocessError):
        return False
    return True


@contextmanager
def sam_local() -> Iterator[Any]:
    """A boto3 Lambda client of the running functions."""
    here, there = _addresses()
    with Services(host=here) as services, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _create_data(services)
        variables = (ROOT / "events" / "env.json").read_text()
        (folder / "env.json").write_text(variables.replace(HOST_AND_PORT, f"{there}:{services.port}"))
        port = free_port()
        command = [str(SAM), "local", "start-lambda", "--template", str(_built(folder)), "--port", str(port)]
        command += ["--env-vars", str(folder / "env.json"), "--skip-pull-image"]
        endpoint = f"http://127.0.0.1:{port}"
        with answering(command, endpoint, environ=_environ(), cwd=folder, ready_seconds=_START_SECONDS):
            yield boto3.client(
                "lambda",
                endpoint_url=endpoint,
                region_name=REGION,
                aws_access_key_id="local",
                aws_secret_access_key="local",  # noqa: S106 - sam local takes any
                config=Config(read_timeout=120, retries={"total_max_attempts": 1}),
            )


def _addresses() -> tuple[str, str]:
    """Where the services listen, and how a container calls that address."""
    if platform.system() != "Linux":
        return "127.0.0.1", "host.docker.internal"
    found = json.loads(_docker("network", "inspect", "bridge").stdout)[0]["IPAM"]["Config"][0]
    bridge = found.get("Gateway") or str(next(ip_network(found["Subnet"]).hosts()))
    return bridge, bridge


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which("docker") or "docker", *arguments], capture_output=True, text=True, check=True, timeout=20
    )


def _create_data(services: Services) -> None:
    template = Template(ROOT / "template.yaml", {})
    services.create_table(TABLE_NAME, template.properties("Table"))
    services.create_secret(template.properties("MasterSecret"))


def _built(folder: Path) -> Path:
    """The built template, for this machine's architecture."""
    build(folder / "build", _environ())
    template = folder / "build" / "template.yaml"
    template.write_text(template.read_text().replace("arm64", _ARCHITECTURES[platform.machine()]))
    return template


def _environ() -> dict[str, str]:
    """Without credentials: with some, SAM asks AWS who they are."""
    kept = {name: value for name, value in os.environ.items() if name not in CREDENTIALS}
    return kept | {"SAM_CLI_TELEMETRY": "0", "AWS_EC2_METADATA_DISABLED": "true", "AWS_DEFAULT_REGION": REGION}
