"""From an edge node through a broker into the store: what is told while the hub is away is stored when it is back."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hub.ingest.bridge import Bridge
from hub.ingest.live import Orders, Pace, follow
from hub.ingest.runner import Desk, Outcome, Visit, register
from hub.ingest.sources import History, Source
from hub.store.database import Database
from hub.store.identifiers import ensure_tags
from hub.store.samples import read_samples
from tests.connectors.broker import Mosquitto
from tests.connectors.sparkplug.edge_node import EdgeNode
from tests.connectors.sparkplug.test_sparkplug_conformance import make_sparkplug
from tests.swift import swift

TAG = "Site1/USP-A/BR-2001:STEP"
BEGINNING = datetime.fromisoformat("2020-01-01T00:00:00+00:00")


@pytest.fixture
def database(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    copied = tmp_path / "hub.db"
    copied.write_bytes(migrated_sqlite.read_bytes())
    opened = swift(f"sqlite:///{copied}")
    yield opened
    opened.close()


class Hub:
    """A hub that follows the source in a thread."""

    def __init__(self, database: Database, source: Source) -> None:
        self.bell = threading.Condition()
        self.desk = Desk(database, progress=self._ring)
        self.source = source
        self.system = register(self.desk, source)
        self.orders = Orders()
        self._pool = ThreadPoolExecutor(1)

    def begin(self) -> "Future[Outcome]":
        self.orders = Orders()
        return self._pool.submit(self._follow, self.orders)

    def stored(self) -> set[float]:
        """Give the steps that are stored."""
        with self.desk.begin() as connection:
            ids = ensure_tags(connection, "edge", [TAG], now=self.desk.clock())
            ever = (BEGINNING, self.desk.clock() + timedelta(days=1))
            return {
                -row["value"]
                for row in read_samples(connection, [ids[TAG]], *ever).to_pylist()
                if row["value"] is not None
            }

    def until(self, steps: set[float]) -> None:
        with self.bell:
            assert self.bell.wait_for(lambda: steps <= self.stored(), 30), (steps, self.stored())

    def _follow(self, orders: Orders) -> Outcome:
        with Bridge(self.source.open()) as bridge:
            return follow(Visit(self.desk, self.source, self.system, bridge), orders, Pace(flush_s=0))

    def _ring(self, _: Outcome) -> None:
        with self.bell:
            self.bell.notify_all()


def test_what_is_told_while_the_hub_is_away_is_stored_when_it_is_back(
    sparkplug_broker: Mosquitto, edge: EdgeNode, database: Database
) -> None:
    quick = make_sparkplug(sparkplug_broker, client_id="hub-stores").config
    patient = quick.broker.model_copy(update={"keepalive_s": 20})  # a busy machine is no cut line
    config = quick.model_copy(update={"broker": patient})
    hub = Hub(database, Source("edge", "HISTORIAN", "sparkplug", None, config, History(), None))
    first = hub.begin()
    hub.until({0.0})  # the birth that the hub asked for
    edge.tell()
    edge.tell()
    hub.until({0.0, 1.0, 2.0})
    hub.orders.end()
    assert first.result(30).error == ""
    edge.tell()  # while nobody listens
    edge.tell()
    second = hub.begin()
    hub.until({0.0, 1.0, 2.0, 3.0, 4.0})
    hub.orders.end()
    assert second.result(30).error == ""
