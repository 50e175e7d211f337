"""The scribe: what was noted is in the store when the hub has ended; what could not be written is said."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.shift.scribe import Scribe
from hub.store.database import Connection, Database, StoreUnreachable
from hub.store.reads.notebook import Notebook, Read
from hub.store.reads.reading import Wanted, list_reads

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
READ = Read("read", NOW, NOW, reader="abc", actor="ann (abc)", product="batches", rows=1)


@pytest.fixture
def store(migrated_url: str) -> Iterator[Database]:
    database = Database(migrated_url)
    yield database
    database.close()


def open_scribe(store: Database, notebook: Notebook, **more: Any) -> Scribe:
    return Scribe(store, notebook, lambda: NOW, node="here", about="batches", **more)


def read_log(store: Database) -> list[tuple[str, int | None]]:
    """Kind and rows of each line, the oldest first."""
    with store.read() as connection:
        items = list_reads(connection, Wanted()).items
    return [(one["kind"], one["rows"]) for one in reversed(items)]


def test_what_was_noted_stands_between_a_beginning_and_an_end(store: Database) -> None:
    notebook = Notebook()
    scribe = open_scribe(store, notebook, keep=timedelta(days=1))
    scribe.start()
    for _ in range(3):
        notebook.note(READ)
    scribe.stop()
    assert read_log(store) == [("begun", None), *[("read", 1)] * 3, ("ended", None)]
    with store.read() as connection:
        told = list_reads(connection, Wanted()).items
    assert {(one["node"], one["kept_until"]) for one in told} == {("here", NOW + timedelta(days=1))}
    assert [one["asked"] for one in told if one["kind"] != "read"] == ["batches", "batches"]


def test_more_than_the_notebook_holds_is_counted_in_the_log(
    store: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = Notebook(most=2)
    for _ in range(5):
        notebook.note(READ)
    scribe = open_scribe(store, notebook)
    scribe.start()
    scribe.stop()
    assert ("lost", 3) in read_log(store)
    assert read_log(store).count(("read", 1)) == 2
    assert "more came than could be written" in "".join(capsys.readouterr())  # a log is on either


class Failing(Database):
    """A store that does not answer to writers for a while."""

    fails = 0

    @contextmanager
    def begin(self, *arguments: Any, **named: Any) -> Generator[Connection]:
        if self.fails:
            self.fails -= 1
            raise StoreUnreachable("the database does not answer")
        with super().begin(*arguments, **named) as connection:
            yield connection


def test_what_the_store_does_not_take_now_it_takes_later(migrated_url: str) -> None:
    store = Failing(migrated_url)
    notebook = Notebook(most=2)
    scribe = open_scribe(store, notebook)
    for _ in range(3):
        notebook.note(READ)
    store.fails = 1
    with pytest.raises(StoreUnreachable):
        scribe.write_some()
    assert scribe.write_some() == 3
    assert read_log(store) == [("read", 1), ("read", 1), ("lost", 1)]
    store.close()


def test_a_store_that_is_gone_at_the_end_does_not_keep_the_hub_from_ending(
    migrated_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Failing(migrated_url)
    notebook = Notebook()
    scribe = open_scribe(store, notebook)
    scribe.start()
    store.fails = 1_000
    notebook.note(READ)
    scribe.stop()
    assert "reads could not be written to their log" in "".join(capsys.readouterr())
    assert read_log(store) == [("begun", None)]
    store.close()
