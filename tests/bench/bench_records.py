"""Records: provenance and resolution against bare upserts, bare upserts against the driver, and saying it again."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, Table, delete, select
from sqlalchemy.orm import Session, registry

from hub.resolve.resolution import prepare, resolve
from hub.store.database import Database
from hub.store.sets import upsert
from hub.store.tables import FACT_TABLES
from tests.bench.laboratory import NOW, PAGE, TESTS, write_batches, write_samples
from tests.bench.ruler import Row, judge, seconds, seconds_side_by_side
from tests.bench.stores import every_store, in_one_transaction, register_laboratory, store_page, store_pages

DOCUMENTS, BATCHES = 1_000, 200
RECORDS = DOCUMENTS * (1 + TESTS)
KEYS = ("source_system_id", "source_key")
Rows = list[dict[str, Any]]


def bench_records(folder: Path) -> Iterator[Row]:
    """10,000 laboratory records of 1,000 documents: stored, resolved, against the same rows merely upserted."""
    documents = list(write_samples(DOCUMENTS, batches=BATCHES))
    with every_store(folder) as stores:
        for name, database in stores:
            prepare(database, now=NOW)
            system = register_laboratory(database)
            store_pages(database, system, list(write_batches(BATCHES)))
            resolve(database)
            start = perf_counter()
            store_pages(database, system, documents)
            stored = perf_counter()
            resolve(database)
            whole, storing = perf_counter() - start, stored - start
            facts = {k: read_rows(database, FACT_TABLES[k], "same_as_id") for k in ("sample", "test_result")}
            bare = median(_time_bare(database, facts) for _ in range(3))
            rates = RECORDS / whole, RECORDS / bare
            yield judge(
                f"records with provenance and resolution, {name}",
                rates[0],
                "/s",
                against=rates[1],
                at_least=0.4,
            )
            yield judge(f"records with provenance only, {name}", RECORDS / storing, "/s", against=rates[1])
            page = documents[:PAGE]
            again = seconds(lambda d=database, s=system, p=page: store_page(d, s, p), runs=15)
            yield judge(f"page of {PAGE} documents that are there, {name}", again * 1e3, "ms")


def bench_upsert(folder: Path) -> Iterator[Row]:
    """10,000 result rows through `upsert`, inserted and updated, against the driver's own executemany."""
    with every_store(folder) as stores:
        for name, database in stores:
            system = register_laboratory(database)
            store_pages(database, system, list(write_samples(DOCUMENTS, batches=BATCHES)))
            resolve(database)
            table = FACT_TABLES["test_result"]
            rows = read_rows(database, table, "id", "same_as_id")
            if name == "SQLite":
                yield from _against_driver(database, table, rows, folder)
            else:
                yield from _against_orm(database, table, rows)


def _against_driver(database: Database, table: Table, rows: Rows, folder: Path) -> Iterator[Row]:
    text, parameters = catch_statement(database, table, rows)
    ours = in_one_transaction(database, lambda c: upsert(c, table, rows, keys=KEYS))

    def driver(connection: Connection) -> None:
        connection.connection.driver_connection.executemany(text, parameters)  # type: ignore[union-attr]

    one, other = seconds_side_by_side(ours, in_one_transaction(database, driver), runs=9)
    figures = len(rows) / one, len(rows) / other
    yield judge(
        "bare upsert, SQLite, against the driver", figures[0], "rows/s", against=figures[1], at_least=0.8
    )


def _against_orm(database: Database, table: Table, rows: Rows) -> Iterator[Row]:
    part = rows[:500]  # of the slow one enough to tell its rate
    ours = in_one_transaction(database, lambda c: upsert(c, table, rows, keys=KEYS))
    one, other = seconds_side_by_side(
        ours, in_one_transaction(database, lambda c: _upsert_by_orm(c, table, part)), runs=3
    )
    figures = len(rows) / one, len(part) / other
    yield judge(
        "bare upsert, PostgreSQL, against row-by-row ORM",
        figures[0],
        "rows/s",
        against=figures[1],
        at_least=60,
    )


def _time_bare(database: Database, facts: dict[str, Rows]) -> float:
    """Empty the tables, then upsert the rows in one transaction each kind, as a bare loader would."""
    with database.begin("test") as connection:
        for kind in ("test_result", "sample"):
            connection.execute(delete(FACT_TABLES[kind]))
    start = perf_counter()
    with database.begin("test") as connection:
        for kind, rows in facts.items():
            upsert(connection, FACT_TABLES[kind], rows, keys=KEYS)
    return perf_counter() - start


def read_rows(database: Database, table: Table, *left_out: str) -> Rows:
    """Give a table's rows as they can be written again."""
    names = [c for c in table.c if c.name not in left_out]
    with database.read() as connection:
        return [dict(row) for row in connection.execute(select(*names)).mappings()]


def catch_statement(database: Database, table: Table, rows: Rows) -> tuple[str, Sequence[Any]]:
    """Give the SQL and the bound rows that `upsert` hands to the driver."""
    from sqlalchemy import event

    caught: list[tuple[str, Sequence[Any]]] = []

    def catch(_connection: Any, _cursor: Any, text: str, parameters: Any, *_rest: Any) -> None:
        if text.startswith("INSERT"):
            caught.append((text, parameters))

    event.listen(database.engine, "before_cursor_execute", catch)
    try:
        with database.begin("test") as connection:
            upsert(connection, table, rows, keys=KEYS)
    finally:
        event.remove(database.engine, "before_cursor_execute", catch)
    return caught[0][0], [row for _, part in caught for row in part]


def _upsert_by_orm(connection: Connection, table: Table, rows: Rows) -> None:
    class Result:
        """A row as an object."""

    mapper = registry()
    mapper.map_imperatively(Result, table)
    with Session(bind=connection) as session:
        for row in rows:
            query = select(Result).where(*(table.c[key] == row[key] for key in KEYS))
            found = session.scalars(query).one_or_none() or Result()
            for name, value in row.items():
                setattr(found, name, value)
            session.add(found)
            session.flush()
    mapper.dispose()
