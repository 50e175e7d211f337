"""A tag that cannot be read keeps its history open, with a reason, until it can."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pyarrow as pa

from hub.ingest.bridge import Bridge
from hub.ingest.runner import Desk, Visit, register
from hub.ingest.sampling import read_samples, read_tags
from hub.ingest.sources import History, Source
from hub.model import SAMPLE_SCHEMA, Tag
from hub.sdk import Config, Health, Rejected, SampleSource, Window
from hub.store.coverage import covered_spans
from hub.store.database import Database
from hub.store.quarantine import list_open

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(hours=2)


class Probe(SampleSource[Config]):
    """Two tags, one of which may be closed to us; counts what it is asked for."""

    name: ClassVar[str] = "probe"
    version: ClassVar[str] = "1"
    config_class: ClassVar[type[Config]] = Config
    closed: ClassVar[set[str]] = set()
    listed: ClassVar[tuple[str, ...]] = ("open", "secret")
    asked: ClassVar[list[str]] = []

    def check(self) -> Health:
        return Health(system="probe")

    def tags(self) -> list[Tag]:
        return [Tag.model_validate({"id": name}) for name in self.listed]

    def extent(self) -> Window:
        return Window(START, END)

    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch | Rejected]:
        for tag in tags:
            self.asked.append(tag)
            if tag in self.closed:
                yield Rejected(key=tag, where=tag, reason="closed to the user", remedy="grant HistoryRead")
                continue
            row: dict[str, Any] = {"tag": tag, "ts": window.start, "value": 1.0, "text": None, "quality": 0}
            yield pa.RecordBatch.from_pylist([row], schema=SAMPLE_SCHEMA)


def visit(database: Database) -> Visit:
    source = Source("pi", "HISTORIAN", "probe", None, Config(), History(window_s=3600), None)
    desk = Desk(database)
    return Visit(desk, source, register(desk, source), Bridge(Probe(Config())))


def test_a_closed_tag_waits_with_its_reason_and_is_read_when_it_opens(migrated_url: str) -> None:
    database = Database(migrated_url)
    Probe.closed, Probe.asked = {"secret"}, []
    tour = visit(database)
    read_tags(tour)
    assert read_samples(tour).samples == 2
    assert Probe.asked.count("secret") == 1, "a closed tag is not asked for again in the same reading"
    with database.read() as connection:
        (entry,) = list_open(connection, "pi")
        spans = covered_spans(connection, tour.system.id, ["open", "secret"])
    assert (entry["source_key"], entry["reason"], entry["remedy"]) == (
        "secret",
        "closed to the user",
        "grant HistoryRead",
    )
    assert spans == {"open": [(START, END)]}
    Probe.closed = set()
    assert read_samples(tour).samples == 2
    with database.read() as connection:
        assert list_open(connection, "pi") == []
        assert covered_spans(connection, tour.system.id, ["secret"]) == {"secret": [(START, END)]}
    database.close()


def test_a_tag_that_has_vanished_is_told_with_its_remedy_until_it_is_back(migrated_url: str) -> None:
    database = Database(migrated_url)
    Probe.closed, Probe.asked = set(), []
    tour = visit(database)
    read_tags(tour)
    Probe.listed = ("open",)
    try:
        assert read_tags(tour).rejected == 1
        assert read_tags(tour).rejected == 0, "it is told once"
        with database.read() as connection:
            (entry,) = list_open(connection, "pi")
        assert entry["reason"] == "the source pi no longer lists the tag secret"
        assert "restore it" in entry["remedy"]
        Probe.listed = ("open", "secret")
        read_tags(tour)
        with database.read() as connection:
            assert list_open(connection, "pi") == []
    finally:
        Probe.listed = ("open", "secret")
    database.close()
