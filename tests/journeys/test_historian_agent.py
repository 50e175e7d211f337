"""A historian behind a wall: an agent beside it delivers, both ends are killed, and the hub has what it holds."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.ingest.runner import Desk
from hub.ingest.sources import load_project
from hub.ingest.sync import sync_source
from hub.store.coverage import covered_spans
from hub.store.database import Database
from hub.store.identifiers import ensure_tags
from hub.store.keys import create_key
from hub.store.samples import digest_samples
from hub.store.systems import find_system
from hub.store.tables import statement, stream
from tests.conftest import _copied
from tests.connectors.opcua.conftest import run_server
from tests.connectors.opcua.server import COUNT, NAMES, START
from tests.journeys.serving import PATIENCE_S, Serving, serving

END = START + timedelta(seconds=COUNT)
TAGS = tuple(f"ns=2;s={name}" for name in NAMES)
ROWS = COUNT * len(NAMES)
SOURCE = """\
code: {code}
kind: HISTORIAN
connector: opcua
settings: {{endpoint: "{url}", insecure: true, security: {{policy: "None"}}, root: "ns=2;s=BR1"}}
history: {{start: "2026-03-01T00:00:00Z", window_s: {window_s}, settle_s: {settle_s}}}
"""
KNOWN = """\
code: pi
tags:
  equipment_scheme: mes:equipment
  rules: [{pattern: 'ns=2;s=(?P<unit>BR1)\\.(?P<what>TEMP|AGIT)', equipment: '{unit}', property: '{what}'}]
"""


@dataclass
class Plant:
    """A hub's folder and store, and elsewhere an agent's folder beside a historian."""

    folder: Path
    url: str
    key: str
    port: int
    stack: ExitStack = field(default_factory=ExitStack)

    def hub(self) -> Serving:
        store = ("--data", str(self.folder)) if self.url.startswith("sqlite") else ("--database", self.url)
        hub = self.stack.enter_context(
            serving(
                *("serve", "--port", str(self.port), "--config", self.folder / "hub", *store),
                folder=self.folder,
                PLANTWIDE_TICK_S="1",
            )
        )
        hub.await_line("serving on")
        return hub

    def agent(self) -> Serving:
        return self.stack.enter_context(
            serving(
                *("agent", "--name", "edge", "--every", "0.1", "--config", self.folder / "site"),
                folder=self.folder / "site",
                PLANTWIDE_HUB=f"http://127.0.0.1:{self.port}",
                PLANTWIDE_KEY=self.key,
            )
        )

    def streams(self) -> dict[str, Any]:
        """Ask the hub's store itself how the source's streams stand."""
        with closing(Database(self.url)) as database, database.read() as connection:
            rows = connection.execute(
                select(stream).where(stream.c.source_system_id == find_system(connection, "pi"))
            )
            return {row.name: row for row in rows}

    def count(self) -> int:
        found = self.streams().get("samples")
        return found.samples if found else 0


def wait_for(what: Callable[[], object]) -> None:
    """Look again and again until it is so."""
    ends, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while not what():
        assert time.monotonic() < ends, "it does not come to be so"
        pause.wait(0.05)


def write_source(folder: Path, code: str, url: str, *, window_s: int) -> None:
    """Write the settings of the historian; this server cannot say how far it goes, so what is newer has not settled."""
    settle_s = (datetime.now(UTC) - END).total_seconds() - 1
    (folder / "sources").mkdir(parents=True)
    told = SOURCE.format(code=code, url=url, window_s=window_s, settle_s=settle_s)
    (folder / "sources" / f"{code}.yaml").write_text(told, encoding="utf-8")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.nightly)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a migrated database; on PostgreSQL by night, by day without processes (test_sample_delivery)."""
    with _copied(request, request.param, tmp_path) as url:
        yield url


@pytest.fixture
def plant(url: str, tmp_path: Path) -> Iterator[Plant]:
    with ExitStack() as stack:
        historian = stack.enter_context(run_server())
        write_source(tmp_path / "site", "pi", historian, window_s=40)
        write_source(tmp_path / "own", "own", historian, window_s=86_400)
        (tmp_path / "hub" / "delivered").mkdir(parents=True)
        (tmp_path / "hub" / "delivered" / "pi.yaml").write_text(KNOWN, encoding="utf-8")
        with closing(Database(url)) as store, store.begin("test") as connection:
            key = create_key(connection, name="edge", scopes=["deliver:pi"])
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        yield Plant(tmp_path, url, key, port, stack)


def test_both_ends_are_killed_and_the_hub_has_what_it_would_have_read_itself(plant: Plant) -> None:
    hub, agent = plant.hub(), plant.agent()
    for share, who in ((0.2, "agent"), (0.5, "hub")):
        wait_for(lambda share=share: plant.count() >= share * ROWS)
        assert plant.count() < ROWS, "it was too quick to be killed"
        if who == "agent":
            agent.end(signal.SIGKILL, group=True)
            agent = plant.agent()
        else:
            hub.end(signal.SIGKILL, group=True)
            hub = plant.hub()
    wait_for(lambda: (found := plant.streams()["samples"]).state == "idle" and found.last_success_at)
    agent.end(signal.SIGTERM, group=True)
    hub.end(signal.SIGTERM, group=True)

    with closing(Database(plant.url)) as database:
        own = load_project(plant.folder / "own").source("own")
        assert [outcome.error for outcome in sync_source(Desk(database), own)] == ["", ""]
        with database.begin("test") as connection:
            stood: dict[str, Any] = {}
            for code in ("pi", "own"):
                ids = ensure_tags(connection, code, TAGS, now=END)
                stood[code] = [digest_samples(connection, ids[tag]) for tag in TAGS]
                system = find_system(connection, code)
                assert system is not None
                spans = covered_spans(connection, system, TAGS)
                assert all(len(spans[tag]) == 1 for tag in TAGS)
                assert all(spans[tag][0][0] == START <= END <= spans[tag][0][1] for tag in TAGS)
            assert stood["pi"] == stood["own"]
            assert [rows for rows, _ in stood["pi"]] == [COUNT] * len(NAMES)
            said = connection.execute(
                select(statement.c.record_key, statement.c.body).where(
                    statement.c.source_system_id == find_system(connection, "pi"), statement.c.is_live
                )
            )
            mapped = {row.record_key.rpartition(".")[2] for row in said if row.body.get("equipment")}
    assert mapped == {"TEMP", "AGIT"}, "the hub's own map says where two of them are"
