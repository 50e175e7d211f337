"""A window that holds more than memory does is stored as it comes, by the hub and by an agent alike."""

import gc
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from hub.ingest import sampling
from hub.ingest.agent import Agent
from hub.ingest.runner import Desk
from hub.ingest.sources import History, Source
from hub.ingest.sync import sync_source
from hub.sdk import (
    Config,
    Connector,
    Cursor,
    Document,
    Health,
    Page,
    RecordSource,
    Rejected,
    Stream,
    Unavailable,
    Window,
)
from hub.store.coverage import covered_spans
from hub.store.identifiers import ensure_tags
from hub.store.quarantine import list_open
from hub.store.samples import read_samples
from hub.store.systems import find_system
from tests.ingest.test_sample_delivery import Line
from tests.ingest.tides import KEPT, START, Sea, Tide, TideSource, batch_of, seconds
from tests.swift import swift

HOURS = 4
BATCHES = 60


@dataclass
class Flood(Sea):
    """A sea that tells each sample in a batch of its own, counts those that somebody still holds, and may break off."""

    held: list["weakref.ref[pa.RecordBatch]"] = field(default_factory=list[Any])
    most: int = 0
    breaks_at: int | None = None
    shut: bool = False


class Flooded(Tide):
    """Reads a flood."""

    def samples(self, tags: Sequence[str], window: Window) -> Iterator[Any]:
        sea = self.sea
        assert isinstance(sea, Flood)
        for number, sample in enumerate(s for s in sea.arrived if window.start <= s[1] < window.end):
            if number == sea.breaks_at:
                raise Unavailable("the line is cut", retry_after=3600)
            batch = batch_of([sample])
            sea.held.append(weakref.ref(batch))
            yield batch
            del batch
            sea.most = max(sea.most, sum(one() is not None for one in sea.held))
        if sea.shut:
            yield Rejected(key="pressure", where="pressure", reason="closed to the user")


@dataclass(frozen=True)
class FloodSource(TideSource):
    """A source whose connector reads a flood."""

    def open(self) -> Connector[Any]:
        """Make the connector."""
        return Flooded(self.sea)


def by_the_hub(desk: Desk, source: Source) -> str:
    return sync_source(desk, source)[-1].error


def by_an_agent(desk: Desk, source: Source) -> str:
    agent = Agent(name="edge", post=Line(desk), sources=[source], clock=desk.clock)
    return agent.run_due()[-1].error


READERS = pytest.mark.parametrize("read", [by_the_hub, by_an_agent])


@pytest.fixture
def flood(monkeypatch: pytest.MonkeyPatch) -> Flood:
    monkeypatch.setattr(sampling, "PART_ROWS", 7)
    arrived = [(KEPT[n % 2], START + seconds(200 * n)) for n in range(BATCHES)]
    return Flood(now=START + timedelta(hours=HOURS), arrived=arrived)


def stands(desk: Desk, code: str) -> tuple[int, dict[str, Any], list[str]]:
    """Give how many samples count, what of which tag is covered, and the tags that wait."""
    with desk.database.begin("test") as connection:
        system = find_system(connection, code)
        assert system is not None
        ids = ensure_tags(connection, code, list(KEPT), now=desk.clock())
        count = read_samples(connection, ids.values(), START, START + timedelta(days=1)).num_rows
        return (
            count,
            covered_spans(connection, system, KEPT),
            [e["source_key"] for e in list_open(connection)],
        )


def source_of(flood: Flood) -> FloodSource:
    return FloodSource("pi", "HISTORIAN", "tide", None, Config(), History(start=START), None, flood)


@READERS
def test_of_a_large_window_no_more_is_held_than_a_part(
    migrated_url: str, flood: Flood, read: Callable[[Desk, Source], str]
) -> None:
    with closing(swift(migrated_url)) as database:
        desk = Desk(database, clock=flood)
        assert read(desk, source_of(flood)) == ""
        whole = {tag: [(START, flood.now)] for tag in KEPT}
        assert stands(desk, "pi") == (BATCHES, whole, [])
    assert flood.most <= 2 * 7


@READERS
def test_a_window_that_breaks_off_counts_in_part_and_is_read_again_without_doubling(
    migrated_url: str, flood: Flood, read: Callable[[Desk, Source], str]
) -> None:
    with closing(swift(migrated_url)) as database:
        desk = Desk(database, clock=flood)
        flood.breaks_at = 30
        assert read(desk, source_of(flood)) == "the line is cut"
        assert stands(desk, "pi") == (28, {}, [])
        flood.breaks_at = None
        flood.now += timedelta(hours=2)
        assert read(desk, source_of(flood)) == ""
        assert stands(desk, "pi") == (BATCHES, {tag: [(START, flood.now)] for tag in KEPT}, [])


@READERS
def test_a_tag_that_is_told_to_be_closed_after_other_parts_stays_open(
    migrated_url: str, flood: Flood, read: Callable[[Desk, Source], str]
) -> None:
    with closing(swift(migrated_url)) as database:
        desk = Desk(database, clock=flood)
        flood.shut = True
        assert read(desk, source_of(flood)) == ""
        assert stands(desk, "pi") == (BATCHES, {"level": [(START, flood.now)]}, ["pressure"])


# ---------------------------------------------------------------------------------------- records
class Key(str):
    """A name that can be watched."""

    __slots__ = ("__weakref__",)


class Endless(RecordSource[Config]):
    """Gives many pages of changes, and counts how many of their names somebody still holds."""

    name: ClassVar[str] = "ledger"
    version: ClassVar[str] = "1"
    config_class: ClassVar[type[Config]] = Config
    most: ClassVar[int] = 0

    def check(self) -> Health:
        return Health(system="endless")

    def streams(self) -> Sequence[Stream]:
        return [Stream(name="rows")]

    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        names: list[weakref.ref[Key]] = []
        for page in range(20):
            keys = [Key(f"k{page}-{n}") for n in range(5)]
            names += map(weakref.ref, keys)
            documents = [Document(object_type="row", key=key, payload="{}") for key in keys]
            yield Page(documents=documents, cursor={"at": page})
            del keys, documents
            gc.collect()
            type(self).most = max(self.most, sum(one() is not None for one in names))

    def parse(self, document: Document) -> Iterator[Any]:
        return iter(())


@dataclass(frozen=True)
class EndlessSource(Source):
    """A source whose connector gives many pages."""

    def open(self) -> Connector[Any]:
        """Make the connector."""
        return Endless(Config())


def test_the_names_of_changes_are_not_kept_while_a_stream_is_read(migrated_url: str) -> None:
    Endless.most = 0
    source = EndlessSource("mes", "MES", "ledger", None, Config(), History(), None)
    with closing(swift(migrated_url)) as database:
        (outcome,) = sync_source(Desk(database, clock=Sea()), source)
    assert (outcome.error, outcome.documents) == ("", 100)
    assert Endless.most <= 2 * 5
