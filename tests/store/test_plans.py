"""Statements that PostgreSQL shall not think about for long: the others are planned as ever."""

from collections.abc import Iterator

import pytest

from hub.store.answers import batches
from hub.store.database import Connection, Database
from hub.store.plans import joined_as_written
from tests.swift import swift


@pytest.fixture
def store(migrated_postgres_url: str) -> Iterator[Database]:
    database = swift(migrated_postgres_url)
    yield database
    database.close()


def limit(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SHOW join_collapse_limit").scalar_one())


def test_joins_are_taken_as_written_inside_and_nowhere_else(store: Database) -> None:
    with store.read() as connection:
        usual = limit(connection)
        with joined_as_written(connection):
            assert limit(connection) == 1 != usual
        assert limit(connection) == usual
        assert batches.list_phases(connection, 1) == []
        assert limit(connection) == usual
        with joined_as_written(connection):
            pass
    with store.read() as connection:
        assert limit(connection) == usual
