"""docker-compose.yml is well formed, consistent, and each command line of ours works without Docker."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from tests.compose.services import FILE, ROOT, Here, find_free_port, list_our_services, read_services

PATIENCE_S = 240
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_file_keeps_the_compose_specification() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", FILE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_hub_knows_the_database_by_the_names_it_was_made_with() -> None:
    services = read_services()
    made = services["db"]["environment"]
    url = make_url(services["hub"]["environment"]["PLANTWIDE_DATABASE"])
    assert (url.host, url.username, url.password, url.database) == (
        "db",
        made["POSTGRES_USER"],
        made["POSTGRES_PASSWORD"],
        made["POSTGRES_DB"],
    )


def test_nothing_is_published_beyond_this_machine_by_default() -> None:
    ports = [port for service in read_services().values() for port in service.get("ports", [])]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert ports


def test_every_file_the_image_copies_exists() -> None:
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        assert [name for name in line.split() if not (ROOT / name).exists()] == []


def test_the_image_ends_in_the_command_that_the_hub_is_given() -> None:
    (entry,), (default,) = (
        re.findall(rf"^{word} (\[.+\])$", DOCKERFILE, re.MULTILINE) for word in ("ENTRYPOINT", "CMD")
    )
    assert json.loads(entry) == ["plantwide"]
    assert json.loads(default) == read_services()["hub"]["command"]


@pytest.mark.parametrize("name", list_our_services())
def test_a_service_becomes_healthy_and_ends_when_asked(name: str, tmp_path: Path, postgres_url: str) -> None:
    service = read_services()[name]
    plain = make_url(postgres_url).set(drivername="postgresql").render_as_string(hide_password=False)
    here = Here(tmp_path, plain, find_free_port())
    process = here.start(service)
    try:
        wait_until_healthy(process, here, service)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    finally:
        process.kill()
        process.wait()
    output = here.log.read_text(encoding="utf-8")
    assert "Traceback" not in output, output
    assert process.returncode in {0, 128 + signal.SIGTERM, -signal.SIGTERM}, output


def wait_until_healthy(process: subprocess.Popen[str], here: Here, service: dict[str, Any]) -> None:
    """Ask the health check until it is content; an early end of the process is the failure it is."""
    for _ in range(PATIENCE_S * 2):
        if here.is_healthy(service):
            return
        try:
            process.wait(timeout=0.4)
        except subprocess.TimeoutExpired:
            continue
        output = here.log.read_text(encoding="utf-8")
        pytest.fail(f"ended with {process.returncode} before it was healthy:\n{output}", pytrace=False)
    pytest.fail("did not become healthy", pytrace=False)
