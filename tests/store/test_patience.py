"""How long a statement of a read may work: it is ended, said so, and nothing of it stays on the connection."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Select, func, literal, select

from hub.store import patience
from hub.store.database import Database
from hub.store.patience import TookTooLong
from tests.api.factories import NOW, add_thing

ENDLESS = 2**31 - 1
TOO_LONG = pytest.raises(TookTooLong, match="`read_seconds`")


def count_to(last: int) -> Select[Any]:
    """Count one by one, for minutes to the last there is; neither engine knows a shorter way."""
    return select(func.count()).select_from(list_to(last).subquery())


def list_to(last: int) -> Select[Any]:
    number = select(literal(1).label("n")).cte("number", recursive=True)
    return select(number.union_all(select(number.c.n + 1).where(number.c.n < last)).c.n)


def work(database: Database, *, as_known_at: datetime | None = None) -> None:
    with database.read(as_known_at=as_known_at) as connection:
        connection.scalar(count_to(ENDLESS))


def test_a_statement_of_a_limited_read_is_ended_and_the_next_reads_on(migrated_url: str) -> None:
    database = Database(migrated_url)
    limited = database.limited(0.05)
    for _ in range(2):
        with TOO_LONG:
            work(limited)
        with limited.read() as connection:
            assert connection.scalar(count_to(10)) == 10
    with database.read() as connection:  # the same connection, which nobody limits now
        assert connection.scalar(count_to(300_000)) == 300_000
        assert read_limit(connection) in (None, "0")
    with limited.read() as connection:
        assert read_limit(connection) in (0.05, "50ms")
    with limited.begin("test") as connection:
        assert read_limit(connection) in (None, "0")
    database.close()


def read_limit(connection: Connection) -> object:
    if connection.dialect.name == "postgresql":
        return connection.exec_driver_sql("SHOW statement_timeout").scalar()
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, patience.Patient)
    return driver.seconds


def test_a_read_of_the_past_is_limited_too(migrated_url: str) -> None:
    database = Database(migrated_url)
    with database.begin("test", at=NOW) as connection:
        add_thing(connection, "person", "P-1")
    with TOO_LONG:
        work(database.limited(0.05), as_known_at=datetime.now(UTC))
    database.close()


def test_a_stream_is_ended_where_it_has_come_to(migrated_url: str) -> None:
    database = Database(migrated_url)
    numbers = list_to(ENDLESS).subquery()
    seen: list[int] = []
    with TOO_LONG:
        stream(database.limited(0.2), select(numbers.c.n).where(numbers.c.n <= 60), seen)
    assert seen == list(range(1, 51))
    database.close()


def stream(database: Database, query: Select[Any], seen: list[int]) -> None:
    with database.read() as connection, connection.execution_options(yield_per=50).execute(query) as result:
        for rows in result.partitions(50):
            seen += [row.n for row in rows]


def test_each_part_of_a_stream_has_the_whole_time(
    migrated_sqlite: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL each part is a statement of its own; SQLite works on one until the last."""
    at = 0.0
    monkeypatch.setattr(patience, "monotonic", lambda: at)
    database = Database(f"sqlite:///{migrated_sqlite}").limited(1.0)
    query = list_to(60_000)
    seen = 0
    with (
        database.read() as connection,
        connection.execution_options(yield_per=20_000).execute(query) as result,
    ):
        for rows in result.partitions(20_000):  # each is hundreds of thousands of steps
            seen += len(rows)
            at += 3600.0
    assert seen == 60_000
    database.close()
