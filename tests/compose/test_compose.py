"""docker-compose.yml is well formed, consistent, and each command line of ours works without Docker."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.compose.services import FILE, ROOT, Here, find_free_port, list_our_services, read_services

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


@pytest.mark.parametrize("name", [name for name in list_our_services() if name != "demo"])
def test_a_service_becomes_healthy_and_ends_when_asked(name: str, tmp_path: Path, postgres_url: str) -> None:
    """That the demo does so is told in `tests/journeys/test_demo_command.py`, with what it came to."""
    service = read_services()[name]
    plain = make_url(postgres_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with Here(tmp_path, plain, find_free_port()).healthy(service):
        pass
