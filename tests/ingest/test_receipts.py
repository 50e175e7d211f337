"""What a reading leaves on record of itself: how far each stream had come, and by what mapping it was read."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub.ingest.runner import Desk
from hub.ingest.sync import sync_source
from hub.sdk import Config, Unavailable
from hub.store.marks import EVERY
from hub.store.tables import mapping, reading_mark, source_record, stream
from tests.ingest.ledgers import START, Ledger, source_of
from tests.ingest.test_runner import Clock
from tests.swift import swift

ROWS = [(1, "a", {"n": 1}), (2, "b", {"n": 2})]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(migrated_url: str, clock: Clock) -> Iterator[Desk]:
    database = swift(migrated_url)
    yield Desk(database, clock=clock, sleep=clock.sleep)
    database.close()


def marks(desk: Desk) -> list[Any]:
    with desk.database.read() as connection:
        return list(connection.execute(select(reading_mark).order_by(reading_mark.c.id)))


def test_the_end_of_a_stream_is_marked_when_documents_came_and_then_once_an_hour(
    desk: Desk, clock: Clock
) -> None:
    ledger = Ledger([*ROWS])
    sync_source(desk, source_of(ledger))
    for _ in range(5):
        clock.sleep(60)
        sync_source(desk, source_of(ledger))
    assert [(m.stream, m.kind, m.state, m.means) for m in marks(desk)] == [("rows", "records", "idle", None)]
    clock.sleep(EVERY.total_seconds())
    sync_source(desk, source_of(ledger))
    assert len(marks(desk)) == 2
    ledger.rows.append((3, "c", {"n": 3}))
    clock.sleep(60)
    sync_source(desk, source_of(ledger))
    assert [m.marked_at for m in marks(desk)][-1] == clock.now


def test_a_source_that_gives_a_full_list_is_marked_as_giving_that_means(desk: Desk) -> None:
    sync_source(desk, source_of(Ledger([*ROWS], snapshot=True)))
    assert [m.means for m in marks(desk)] == ["snapshot"]


def test_a_failure_is_marked_at_once_and_so_is_its_end(desk: Desk, clock: Clock) -> None:
    ledger = Ledger([*ROWS])
    sync_source(desk, source_of(ledger))
    ledger.fails_with = Unavailable("the lift is out of order", retry_after=3600)
    for _ in range(3):
        clock.sleep(60)
        sync_source(desk, source_of(ledger))
    ledger.fails_with = None
    clock.sleep(60)
    sync_source(desk, source_of(ledger))
    assert [(m.state, m.error is not None) for m in marks(desk)] == [
        ("idle", False),
        ("waiting", True),
        ("idle", False),
    ]
    assert "lift" in marks(desk)[1].error


def test_streams_count_what_came_again(desk: Desk) -> None:
    ledger = Ledger([*ROWS], page=5)
    sync_source(desk, source_of(ledger))
    sync_source(desk, source_of(ledger))  # the ledger goes on at its last second: one row comes again
    with desk.database.read() as connection:
        counted = connection.execute(select(stream.c.documents, stream.c.unchanged, stream.c.stale)).one()
    assert tuple(counted) == (2, 1, 0)


def test_another_mapping_is_another_version_and_both_can_be_looked_up(desk: Desk) -> None:
    one = source_of(Ledger([*ROWS]))
    sync_source(desk, one)
    other = replace(one, config=Config(units={"LTR": "L"}), ledger=Ledger([*ROWS, (3, "c", {"n": 3})]))
    sync_source(desk, other)
    columns = source_record.c
    with desk.database.read() as connection:
        by_key = dict(connection.execute(select(columns.source_key, columns.mapping_version)).all())
        kept = dict(connection.execute(select(mapping.c.mapping_version, mapping.c.content)).all())
    assert by_key["a"] == by_key["b"] != by_key["c"]
    assert all(version.startswith("ledger/1#") for version in by_key.values())
    assert kept == {by_key["a"]: {}, by_key["c"]: {"units": {"LTR": "L"}}}


def test_reading_again_by_the_same_mapping_adds_none(desk: Desk) -> None:
    for _ in range(3):
        sync_source(desk, source_of(Ledger([*ROWS])))
    with desk.database.read() as connection:
        assert len(connection.execute(select(mapping)).all()) == 1
    assert START + timedelta(days=1) == marks(desk)[0].marked_at
