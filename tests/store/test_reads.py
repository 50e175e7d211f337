"""The log of reads: what is noted waits within bounds, is written, stays, and goes when its time is over."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError

from hub.store.answers.pages import CursorError
from hub.store.database import Database
from hub.store.reads.notebook import Notebook, Read
from hub.store.reads.reading import Wanted, count_lost, list_reads, summarise_reads
from hub.store.reads.writing import forget_reads, write_reads
from hub.store.tables import read_event

THEN = datetime(2026, 3, 10, 9, tzinfo=UTC)
DAY = timedelta(days=1)
READ = Read("read", THEN, THEN, reader="abc", actor="ann (abc)", door="rest", product="batches", status=200)


@pytest.fixture
def store(migrated_url: str) -> Iterator[Database]:
    database = Database(migrated_url)
    yield database
    database.close()


def write(store: Database, *reads: Read, keep: timedelta | None = None) -> None:
    write_reads(store, reads, node="here", keep=keep)


def count(store: Database) -> int:
    with store.read() as connection:
        return connection.scalar(select(func.count()).select_from(read_event)) or 0


@pytest.mark.parametrize(
    "statement",
    [
        update(read_event).values(actor="x"),
        update(read_event).values(kept_until=THEN),
        delete(read_event),
    ],
)
@pytest.mark.parametrize("keep", [None, timedelta(days=100_000)])
def test_a_read_stays_as_it_was_written(store: Database, statement: Any, keep: timedelta | None) -> None:
    write(store, READ, keep=keep)
    with pytest.raises(DBAPIError, match="read_event is append-only"), store.begin() as connection:
        connection.execute(statement)
    assert count(store) == 1


def test_a_read_whose_time_is_over_is_not_changed_either(store: Database) -> None:
    write(store, READ, keep=DAY)
    with pytest.raises(DBAPIError, match="append-only"), store.begin() as connection:
        connection.execute(update(read_event).values(actor="x"))


def test_no_read_takes_the_place_of_another(store: Database) -> None:
    if store.dialect != "sqlite":
        pytest.skip("only SQLite knows INSERT OR REPLACE")
    write(store, READ)
    row = {"id": 1, "kind": "read", "node": "x", "asked_at": THEN, "ended_at": THEN}
    with pytest.raises(DBAPIError, match="append-only"), store.begin() as connection:
        connection.execute(insert(read_event).prefix_with("OR REPLACE").values(row))


def test_reads_go_when_their_time_is_over_and_no_others(store: Database) -> None:
    write(store, READ, READ._replace(ended_at=datetime.now(UTC)), keep=DAY)
    write(store, READ)
    assert forget_reads(store, now=THEN) == 0
    assert forget_reads(store, now=datetime.now(UTC)) == 1
    assert forget_reads(store, now=datetime.now(UTC)) == 0
    assert count(store) == 2


def test_nothing_is_let_go_of_early_whatever_somebodys_clock_says(store: Database) -> None:
    write(store, READ._replace(ended_at=datetime.now(UTC)), keep=DAY)
    with pytest.raises(DBAPIError, match="append-only"):
        forget_reads(store, now=datetime.now(UTC) + 2 * DAY)


def test_a_notebook_has_bounds_and_counts_what_it_cannot_hold() -> None:
    notebook = Notebook(most=3)
    for number in range(5):
        notebook.note(READ._replace(rows=number))
    reads, lost = notebook.take(2)
    assert ([one.rows for one in reads], lost) == ([0, 1], 2)
    notebook.note(READ._replace(rows=5))
    notebook.give_back(reads, lost)  # what came meanwhile has its place, what was taken is first again
    reads, lost = notebook.take(10)
    assert ([one.rows for one in reads], lost) == ([1, 2, 5], 3)
    assert notebook.take(10) == ([], 0)


def test_reads_are_listed_the_newest_first_page_by_page(store: Database) -> None:
    reads = [READ._replace(asked_at=THEN + timedelta(seconds=at // 2), rows=at) for at in range(5)]
    write(store, *reads)
    found: list[int] = []
    cursor = None
    with store.read() as connection:
        while True:
            page = list_reads(connection, Wanted(), cursor=cursor, limit=2)
            found += [one["rows"] for one in page.items]
            cursor = page.next
            if cursor is None:
                break
        assert found == [4, 3, 2, 1, 0]
        with pytest.raises(CursorError):
            list_reads(connection, Wanted(), cursor="nonsense")


def test_reads_are_found_by_reader_product_door_and_time(store: Database) -> None:
    other = READ._replace(reader="def", actor="ben (def)", product="samples", door="odata")
    write(store, READ, other._replace(asked_at=THEN + DAY))
    with store.read() as connection:
        for wanted in (
            Wanted(actor="def"),
            Wanted(actor="ben (def)"),
            Wanted(product="samples"),
            Wanted(door="odata"),
            Wanted(start=THEN + DAY),
        ):
            assert [one["reader"] for one in list_reads(connection, wanted).items] == ["def"], wanted
        assert [one["reader"] for one in list_reads(connection, Wanted(end=THEN + DAY)).items] == ["abc"]


def test_a_summary_has_a_line_a_product_and_reader_and_says_what_is_missing(store: Database) -> None:
    later = READ._replace(asked_at=THEN + DAY, rows=3, size=10)
    write(
        store,
        READ._replace(rows=2, size=5),
        later,
        READ._replace(product="samples"),
        READ._replace(reader="def", actor="ben (def)"),
        READ._replace(kind="opened"),
        Read("begun", THEN, THEN, asked="*"),
        Read("lost", THEN, THEN, rows=7),
    )
    with store.read() as connection:
        found = summarise_reads(connection, Wanted())
        assert [(one["product"], one["reader"], one["reads"]) for one in found] == [
            ("batches", "abc", 2),
            ("batches", "def", 1),
            ("samples", "abc", 1),
        ]
        first = found[0]
        assert (first["rows"], first["bytes"], first["first"], first["last"]) == (5, 15, THEN, THEN + DAY)
        assert found[1]["rows"] is None
        assert [one["reader"] for one in summarise_reads(connection, Wanted(), after=("batches", "abc"))] == [
            "def",
            "abc",
        ]
        assert count_lost(connection, Wanted()) == 7
        assert count_lost(connection, Wanted(start=THEN + DAY)) == 0
