"""Large sets are written while Python goes on: whatever comes next sees them, or hears what became of them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import IntegrityError

from hub.store.database import Database, StoreUnreachable
from hub.store.sets import insert_all
from hub.store.tables import pending
from tests.store.test_database import end_session

MANY = 3_000


@pytest.fixture
def database(migrated_postgres_url: str) -> Iterator[Database]:
    one = Database(migrated_postgres_url)
    yield one
    one.close()


def rows(first: int = 1) -> list[dict[str, int]]:
    return [{"statement_id": number, "ticket": 1} for number in range(first, first + MANY)]


def count(connection: Connection) -> int | None:
    return connection.scalar(select(func.count()).select_from(pending))


def test_what_comes_next_sees_all_of_them(database: Database) -> None:
    with database.begin() as connection:
        insert_all(connection, pending, rows())
        insert_all(connection, pending, rows(MANY + 1))
        assert count(connection) == 2 * MANY
    with database.read() as connection:
        assert count(connection) == 2 * MANY


def write_twice(database: Database, *, then: str) -> None:
    with database.begin() as connection:
        insert_all(connection, pending, rows())
        insert_all(connection, pending, rows(MANY))  # its first row is there already
        if then:
            connection.execute(text(then))


@pytest.mark.parametrize("then", ["", "SELECT 1", "SAVEPOINT here"])
def test_a_set_that_is_refused_is_told_by_whatever_comes_next_and_nothing_is_stored(
    database: Database, then: str
) -> None:
    with pytest.raises(IntegrityError, match="pk_pending"):
        write_twice(database, then=then)
    with database.begin() as connection:
        assert count(connection) == 0
        insert_all(connection, pending, rows())
    with database.read() as connection:
        assert count(connection) == MANY


def test_a_nested_transaction_that_is_given_up_takes_back_what_was_sent_in_it(database: Database) -> None:
    with database.begin() as connection:
        insert_all(connection, pending, rows())
        nested = connection.begin_nested()
        insert_all(connection, pending, rows(MANY + 1))
        nested.rollback()
        assert count(connection) == MANY


def stop_on_the_way(database: Database) -> None:
    with database.begin() as connection:
        insert_all(connection, pending, rows())
        raise LookupError


def test_an_error_of_the_caller_stays_that_error_and_nothing_is_stored(database: Database) -> None:
    with pytest.raises(LookupError):
        stop_on_the_way(database)
    with database.read() as connection:
        assert count(connection) == 0


def write_to_a_lost_server(database: Database) -> None:
    with database.begin() as connection:
        end_session(database, connection)
        insert_all(connection, pending, rows())


def test_a_server_that_is_lost_is_told_plainly_and_found_again(database: Database) -> None:
    with pytest.raises(StoreUnreachable, match="the database does not answer"):
        write_to_a_lost_server(database)
    with database.read() as connection:
        assert count(connection) == 0
