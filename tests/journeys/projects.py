"""A project folder with real connectors over files and a loopback server, and the command line that reads it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, TypeAlias

from typer.testing import CliRunner

from hub.cli import app

EXAMPLE = Path(__file__).parent / "worked_example"
Store: TypeAlias = Path | str
"""Where a command keeps its state: the data folder of an embedded hub, or the URL of a database."""


def url_of(store: Store) -> str:
    """Give the URL of the database in a store."""
    return f"sqlite:///{store / 'hub.db'}" if isinstance(store, Path) else store


@contextmanager
def serving(handler: Any) -> Iterator[str]:
    """Serve on a free port of loopback; give the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield str(server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


def files_of(folder: Path) -> Any:
    """Give a handler that serves a folder."""
    return partial(_Silent, directory=str(folder))


class Failing(BaseHTTPRequestHandler):
    """Answers the status in its path: /503/… gives 503."""

    def do_GET(self) -> None:
        status = int(self.path.split("/")[1])
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "3600")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


@dataclass(frozen=True)
class Project:
    """A project folder and the port of its laboratory's server."""

    folder: Path
    port: str

    def run(self, *words: str, store: Store) -> subprocess.CompletedProcess[str]:
        """Run a `plantwide` command to its end, in this process."""
        typed = self._type(*words, store=store)
        done = CliRunner().invoke(app, typed)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return subprocess.CompletedProcess(typed, done.exit_code, done.stdout, done.stderr)

    def run_apart(self, *words: str, store: Store) -> subprocess.CompletedProcess[str]:
        """Run a `plantwide` command to its end, in a process of its own."""
        process = self.start(*words, store=store)
        out, errors = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, out, errors)

    def start(self, *words: str, store: Store) -> "subprocess.Popen[str]":
        """Start a `plantwide` command."""
        return start_plantwide(*self._type(*words, store=store))

    def _type(self, *words: str, store: Store) -> list[str]:
        options = ["--data" if isinstance(store, Path) else "--database", str(store)]
        if words[0] in {"source", "quarantine"} and words[1] != "list":
            options += ["--config", str(self.folder), "--set", f"port={self.port}"]
        return [*words, *options]

    def dump(self, store: Store) -> str:
        """Give what `plantwide db dump --canonical` prints."""
        done = self.run("db", "dump", "--canonical", store=store)
        assert done.returncode == 0, done.stderr
        return done.stdout


def start_plantwide(*words: str, environment: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    """Start the installed command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", "from hub.cli import app; app()", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
        cwd=Path(__file__).parents[2],
    )


def write_project(folder: Path, *, batches: int) -> None:
    """Write settings, the MES's documents of some batches, laboratory answers and a press's day files."""
    (folder / "sources").mkdir(parents=True)
    record = (EXAMPLE / "mes" / "first" / "EBR-2026-0117.xml").read_text(encoding="utf-8")
    (folder / "mes").mkdir()
    for number in range(batches):
        text = record.replace("0117", f"{number:04d}").replace("1004711", str(1004000 + number))
        (folder / "mes" / f"EBR-{number:04d}.xml").write_text(text, encoding="utf-8")
    shutil.copytree(EXAMPLE / "lims", folder / "lims")
    (folder / "press").mkdir()
    for day in (1, 2, 3):
        rows = [
            f"2026-03-0{day}T{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}Z,{s % 7},{s % 11}"
            for s in range(0, 86400, 60)
        ]
        (folder / "press" / f"day{day}.csv").write_text("\n".join(["timestamp,force,speed", *rows]) + "\n")
    (folder / "sources" / "mes.yaml").write_text(
        "code: mes\nkind: MES\nconnector: b2mml\nsettings:\n  folder: ${config}/mes\n  page_size: 5\n"
    )
    lims = (EXAMPLE / "sources" / "lims.yaml").read_text(encoding="utf-8")
    (folder / "sources" / "lims.yaml").write_text(lims)
    (folder / "sources" / "press.yaml").write_text(
        "code: press\nkind: HISTORIAN\nconnector: files\nsettings:\n  root: ${config}\n  samples:\n"
        "    press:\n      files: press/*.csv\n      time: timestamp\n      tag: 'press.{column}'\n"
        "      columns:\n        - {column: force, unit: kN}\n        - {column: speed, unit: rpm}\n"
        "history: {start: 2026-03-01T00:00:00Z, window_s: 43200}\n"
    )
    (folder / "identity.yaml").write_text(
        "normalised:\n  batch:\n    - [mes:batch, lims:batch]\n  material_lot:\n"
        "    - [mes:material_lot, lims:material_lot]\n"
    )
