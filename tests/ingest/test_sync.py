"""One source that fails costs the others nothing, and is asked again more and more patiently."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from hub.ingest import sources as settings
from hub.ingest.runner import Desk
from hub.ingest.sources import History, Source
from hub.ingest.sync import TRIES, sync_sources
from hub.model import Record, Sample
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
)
from hub.store.database import Database

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class Good(RecordSource[Config]):
    """One sample."""

    name: ClassVar[str] = "good"
    version: ClassVar[str] = "1"
    config_class: ClassVar[type[Config]] = Config

    def check(self) -> Health:
        return Health(system="good")

    def streams(self) -> Sequence[Stream]:
        return [Stream(name="samples")]

    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        if cursor is None:
            yield Page(documents=[Document(object_type="s", key="1", payload="{}")], cursor={"n": 1})

    def parse(self, document: Document) -> list[Record | Rejected]:
        return [Sample(key=document.key, code=document.key)]


class Broken(Good):
    """Cannot even name its streams."""

    def streams(self) -> Sequence[Stream]:
        raise RuntimeError("the catalogue is gone")


class Away(Good):
    """Does not answer."""

    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        raise Unavailable("nobody answers")
        yield


class AwayOnce(Good):
    """Answers the second time."""

    tries: ClassVar[int] = 0

    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        type(self).tries += 1
        if self.tries == 1:
            raise Unavailable("just restarting", retry_after=1)
        yield from super().read(stream, cursor)


@pytest.fixture
def desk(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    kinds: dict[str, type[Connector[Config]]] = {k.__name__: k for k in (Good, Broken, Away, AwayOnce)}
    monkeypatch.setattr(settings, "load_connector", kinds.__getitem__)
    database = Database(migrated_url)
    time = [NOW]

    def sleep(seconds: float) -> None:
        time[0] += timedelta(seconds=seconds)

    yield Desk(database, clock=lambda: time[0], sleep=sleep)
    database.close()


def source(kind: type[Good]) -> Source:
    return Source(kind.__name__.lower(), "LIMS", kind.__name__, None, Config(), History(), None)


def test_a_source_that_cannot_name_its_streams_does_not_stop_the_others(desk: Desk) -> None:
    broken, good = sync_sources(desk, [source(Broken), source(Good)])
    assert "the catalogue is gone" in broken.error
    assert (good.error, good.documents) == ("", 1)


def test_a_source_that_is_away_for_a_moment_is_read_in_the_same_run(desk: Desk) -> None:
    AwayOnce.tries = 0
    (outcome,) = sync_sources(desk, [source(AwayOnce)])
    assert (outcome.error, outcome.documents) == ("", 1)
    assert desk.clock() - NOW == timedelta(seconds=1)


def test_each_failure_in_a_row_doubles_the_wait(desk: Desk) -> None:
    waits: list[float] = []
    for _ in range(3):
        before = desk.clock()
        (outcome,) = sync_sources(desk, [source(Away)])
        assert outcome.state == "waiting"
        assert outcome.retry_at is not None
        waits.append((outcome.retry_at - before).total_seconds())
    assert waits[0] == sum(2.0 * 2**n for n in range(TRIES))
    assert waits[1] > waits[0]
    assert waits[-1] <= 600
