"""The commands of `docs/audit.md`, typed one after another as the page tells them."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import URL, make_url
from typer.testing import CliRunner

from hub.cli import app
from hub.shift.settings import Settings
from hub.shift.sinks import open_sinks
from tests.databases import fresh_postgres
from tests.shift.test_sinks import webhook

PAGE = Path(__file__).resolve().parents[2] / "docs" / "audit.md"
Shell = Callable[[str], str]


def read_blocks(language: str) -> list[str]:
    """Give the page's blocks of a language: `sh` is SQLite's story, `bash` PostgreSQL's."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Run a line as a shell in an empty folder does, the hub's commands in this process; give what they print."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("PLANTWIDE_") and "TEST" not in name]:
        monkeypatch.delenv(name)

    def run(line: str) -> str:
        command, _, remark = line.partition("  # ")
        wanted = int(remark.removeprefix("status ") or 0)
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            monkeypatch.setenv(name, value)
            return ""
        if command.startswith("plantwide "):
            done = CliRunner().invoke(app, shlex.split(os.path.expandvars(command))[1:])
            status, said = done.exit_code, done.output
        else:
            process = subprocess.run(["bash", "-euc", command], capture_output=True, text=True, check=False)
            status, said = process.returncode, process.stdout + process.stderr
        assert status == wanted, f"{line}\n{said}"
        return said

    return run


@contextmanager
def syslog() -> Iterator[tuple[str, socket.socket]]:
    """A syslog on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(30)
        yield f"udp://127.0.0.1:{server.getsockname()[1]}", server


@pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl, the second opinion on a signature, is not here"
)
def test_the_pages_story_goes_as_it_is_told(shell: Shell) -> None:
    said: dict[str, str] = {}
    key_id = ""
    with syslog() as (udp, messages), webhook(200) as (address, posted):
        for line in "".join(read_blocks("sh")).splitlines():
            here = line.replace("udp://siem.example:514", udp).replace(
                "https://heads.example/plantwide", address
            )
            said[line] = shell(here.replace("KEY_ID", key_id))
            found = re.search(r"^key id (\w+)$", said[line], re.MULTILINE)
            key_id = found[1] if found else key_id
        taken = [json.loads(messages.recv(4096).decode().partition(" - ")[2]) for _ in range(2)]
    assert [one["kind"] for one in taken] == ["key", "head"]
    assert [one["kind"] for one in posted[:2]] == ["key", "head"]
    assert "sequence number 0: audit row 1" in said["plantwide audit verify --data damaged  # status 1"]
    assert "guard_audit_event_update is missing" in said["plantwide audit verify --data damaged  # status 1"]
    lost = "plantwide audit verify --data restored --heads elsewhere/heads.jsonl  # status 1"
    assert "1 were cut off" in said[lost]
    assert "nobody signed for this key" in said["plantwide audit key --lost --data restored"]
    assert "(the whole trail)" in said["python3 -I trail.verify.py trail.jsonl --heads elsewhere/heads.jsonl"]


def test_the_settings_on_the_page_are_settings() -> None:
    (block,) = read_blocks("toml")
    given = tomllib.loads(block)
    names = [sink.name for sink in open_sinks(Settings(**given))]
    host = urlsplit(given["heads_webhook"]).hostname
    assert names == [given["heads_file"], f"syslog {given['heads_syslog']}", f"webhook on {host}"]


@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="PostgreSQL's pg_dump is not here")
def test_a_dump_of_postgresql_is_restored_with_its_trail_and_triggers(
    shell: Shell, postgres_server: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"plantwide_app_{os.getpid()}"
    said = ""
    try:
        with fresh_postgres(postgres_server) as owner, fresh_postgres(postgres_server) as restored:
            for name, url in {"OWNER_URL": owner, "RESTORED_URL": restored}.items():
                plain = make_url(url).set(drivername="postgresql")
                monkeypatch.setenv(name, plain.render_as_string(hide_password=False))
            monkeypatch.setenv("PLANTWIDE_AUDIT_KEY", "audit.pem")
            for line in "".join(read_blocks("bash")).splitlines():
                said = shell(line.replace("plantwide_app", role))
    finally:
        admin = postgres_server.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))
    assert "1 heads in the store" in said
    assert "all is well" in said
