"""A connector in an environment of its own, read by an edge agent; both ends are killed, nothing is lost or doubled."""

import json
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.cli.scaffold import write_connector
from hub.store.database import Database
from hub.store.keys import create_key
from hub.store.upgrade import ensure_current
from tests.environments import Environment, make_environment
from tests.journeys.command import run_plantwide
from tests.journeys.serving import PATIENCE_S, Serving, serving

LINES = 60
SOURCE = """\
code: lab
kind: LIMS
connector: acme_lab
timezone: Europe/Dublin
settings: {file: "${config}/samples.jsonl", page_bytes: 1}
"""


@dataclass
class Plant:
    """A hub's folder, and elsewhere an agent's with a connector that the hub does not have."""

    folder: Path
    edge: Environment
    key: str
    port: int

    def hub(self) -> Serving:
        return self._stack.enter_context(
            serving(
                *("serve", "--port", str(self.port), "--data", self.folder / "data"),
                folder=self.folder,
                PLANTWIDE_TICK_S="1",
            )
        )

    def agent(self) -> Serving:
        return self._stack.enter_context(
            serving(
                *("agent", "--name", "edge", "--every", "0.1", "--config", self.folder / "site"),
                folder=self.folder / "site",
                command=self.edge.folder / "bin" / "plantwide",
                PLANTWIDE_HUB=f"http://127.0.0.1:{self.port}",
                PLANTWIDE_KEY=self.key,
            )
        )

    def __post_init__(self) -> None:
        self._stack = ExitStack()

    def close(self) -> None:
        self._stack.close()

    def ask(self, question: str) -> list[tuple[object, ...]]:
        """Ask the hub's store itself, from outside."""
        with closing(
            sqlite3.connect(f"file:{self.folder}/data/hub.db?mode=ro", uri=True, timeout=30)
        ) as store:
            return store.execute(question).fetchall()

    def count(self) -> int:
        (row,) = self.ask("SELECT COALESCE(SUM(documents), 0) FROM stream") or [(0,)]
        return int(str(row[0]))


def wait_for(what: Callable[[], object]) -> None:
    """Look again and again until it is so."""
    ends, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while not what():
        assert time.monotonic() < ends, "it does not come to be so"
        pause.wait(0.05)


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    edge = make_environment(tmp_path / "venv")
    write_connector("acme_lab", tmp_path)
    installed = edge.run("pip install -q ./plantwide-acme-lab", tmp_path)
    assert installed.returncode == 0, installed.stdout
    sources = tmp_path / "site" / "sources"
    sources.mkdir(parents=True)
    (sources / "lab.yaml").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "site" / "samples.jsonl").write_text(
        "".join(
            json.dumps({"id": f"S-{n}", "batch": f"B-{n % 3}", "taken": "2026-04-19T08:00:00"}) + "\n"
            for n in range(LINES)
        ),
        encoding="utf-8",
    )
    (tmp_path / "data").mkdir()
    with closing(Database.embedded(tmp_path / "data")) as store:
        ensure_current(store)
        with store.begin("test") as connection:
            key = create_key(connection, name="edge", scopes=["deliver:lab"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    return Plant(tmp_path, edge, key, port)


def test_both_ends_are_killed_and_each_document_is_stored_once(plant: Plant) -> None:
    try:
        hub, agent = plant.hub(), plant.agent()
        hub.await_line("serving on")
        for share, who in ((0.2, "agent"), (0.5, "hub")):
            wait_for(lambda share=share: plant.count() >= share * LINES)
            assert plant.count() < LINES, "it was too quick to be killed"
            if who == "agent":
                agent.end(signal.SIGKILL, group=True)
                agent = plant.agent()
            else:
                hub.end(signal.SIGKILL, group=True)
                hub = plant.hub()
                hub.await_line("serving on")
        wait_for(
            lambda: plant.ask("SELECT 1 FROM stream WHERE state = 'idle' AND last_success_at IS NOT NULL")
        )
        wait_for(lambda: not plant.ask("SELECT 1 FROM pending"))
        stored = plant.ask("SELECT source_key, COUNT(*) FROM source_record GROUP BY source_key")
        assert len(stored) == LINES
        assert {times for _, times in stored} == {1}
        assert plant.ask("SELECT COUNT(*) FROM sample") == [(LINES,)]
        assert plant.ask("SELECT COUNT(*) FROM batch") == [(3,)]
        assert "acme_lab" not in run_plantwide("connector", "list", folder=plant.folder), "the hub has it too"
    finally:
        plant.close()
