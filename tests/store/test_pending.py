"""What waits for resolution: what is said anew while it is looked at waits on, and lists find what they name."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from hub.store.database import Database
from hub.store.pending import is_anything_pending, mark_resolved, other_statements, pending_statements
from hub.store.sets import is_among, select_in
from hub.store.statements import Said, Told, store_documents
from hub.store.systems import ensure_system
from hub.store.tables import statement
from tests.swift import swift

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ODD = ("it's", 'a "quoted" \\ key', "ключ", "a,b", "{x}", "%s", "NULL", "")


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    one = swift(migrated_url)
    yield one
    one.close()


def say(database: Database, key: str, version: int, *, document: str = "d", text: str | None = None) -> None:
    said = Said("sample", key, {"code": text or f"{key} {version}"})
    told = Told(
        object_type="doc",
        source_key=f"{document} {key}",
        payload=f"{text or version}",
        media_type="text/plain",
        version=version,
        source_time=None,
        said=[said],
    )
    with database.begin("test") as connection:
        system = ensure_system(connection, "mes", "MES", now=NOW)
        store_documents(
            connection, system_id=system.id, stream="s", connector="t/1", documents=[told], now=NOW
        )


@pytest.mark.parametrize("text", [None, "the same words"])
def test_what_is_said_anew_while_it_is_resolved_goes_on_waiting(database: Database, text: str | None) -> None:
    for key in ("A", "B"):
        say(database, key, 1, text=text)
    with database.read() as connection:
        seen = pending_statements(connection, 10)
    say(database, "A", 2, text=text)
    with database.begin("test") as connection:
        mark_resolved(connection, seen)
    with database.read() as connection:
        assert [(s.record_key, s.version) for s in pending_statements(connection, 10)] == [("A", 2)]
        assert is_anything_pending(connection)
    with database.begin("test") as connection:
        mark_resolved(connection, pending_statements(connection, 10))
    with database.read() as connection:
        assert not is_anything_pending(connection)


def test_only_what_other_documents_say_of_a_record_is_read_again(database: Database) -> None:
    say(database, "A", 1)
    say(database, "B", 1)
    say(database, "A", 1, document="another")
    with database.read() as connection:
        first, second, other = pending_statements(connection, 10)
        records = [first.record, second.record]
        assert other_statements(connection, records, known=[first, second]) == [other]
        assert other_statements(connection, records, known=[first, second, other]) == []


def test_a_list_of_texts_or_numbers_finds_what_it_names_however_it_is_written(database: Database) -> None:
    for key in ODD[:-1]:
        say(database, key, 1)
    column = statement.c.record_key
    with database.read() as connection:
        every = {row.id: row.record_key for row in connection.execute(select(statement.c.id, column))}
        for key in ODD:
            found = select_in(connection, select(column), column, [key, "nothing"])
            assert [k for (k,) in found] == ([key] if key else [])
        ids = sorted(every)[:3] * 2 + [-1]
        found = select_in(connection, select(column), statement.c.id, ids)
        assert sorted(k for (k,) in found) == sorted(every[i] for i in sorted(every)[:3])
        none = select(column).where(is_among(connection, column, []))
        assert connection.execute(none).all() == []
