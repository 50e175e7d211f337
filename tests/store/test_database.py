"""What a person is told when the database cannot do its work."""

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select, text

from hub.store.database import Connection, Database, StoreUnreachable


@pytest.fixture
def database(migrated_postgres_url: str) -> Iterator[Database]:
    one = Database(migrated_postgres_url)
    yield one
    one.close()


def end_session(database: Database, connection: Connection) -> None:
    """Let the server end the session of a connection."""
    pid = connection.scalar(select(func.pg_backend_pid()))
    with database.begin("test") as admin:
        assert admin.scalar(select(func.pg_terminate_backend(pid, 10_000)))


def go_on_without_a_server(database: Database) -> None:
    with database.begin("test") as connection:
        end_session(database, connection)
        connection.execute(text("SELECT 1"))


def test_a_server_that_is_lost_on_the_way_is_told_plainly_and_found_again(database: Database) -> None:
    with pytest.raises(StoreUnreachable, match="the database does not answer"):
        go_on_without_a_server(database)
    with database.read() as connection:
        assert connection.scalar(text("SELECT 1")) == 1


def test_a_server_that_is_not_there_is_told_plainly() -> None:
    database = Database("postgresql+psycopg://nobody@127.0.0.1:9/nothing")
    with pytest.raises(StoreUnreachable, match=r"port 9 .*start it, or correct its address"), database.read():
        pass
