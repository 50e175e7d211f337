"""Stores for benchmarks: an embedded one always, PostgreSQL when `PLANTWIDE_TEST_POSTGRES` names a server."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from hub.store.audited import AUDITED
from hub.store.database import Database
from hub.store.statements import Stored, Told, store_documents
from hub.store.systems import System, ensure_system
from hub.store.upgrade import upgrade
from tests.bench.laboratory import NOW, PAGE, SOURCE
from tests.databases import fresh_postgres


@contextmanager
def embedded(folder: Path) -> Iterator[Database]:
    """Give an empty SQLite store, as durable as a hub's."""
    folder.mkdir(parents=True, exist_ok=True)
    yield from _opened(f"sqlite:///{folder / 'hub.db'}")


@contextmanager
def every_store(folder: Path) -> Iterator[list[tuple[str, Database]]]:
    """Give (name, empty store) for each engine at hand."""
    with embedded(folder) as first:
        server = os.environ.get("PLANTWIDE_TEST_POSTGRES")
        if not server:
            yield [("SQLite", first)]
            return
        with fresh_postgres(make_url(server)) as url:
            database = Database(url)
            upgrade(database)
            try:
                yield [("SQLite", first), ("PostgreSQL", database)]
            finally:
                database.close()


def cut_trail(database: Database) -> None:
    """Take the audit triggers out of a store, which no hub could do, to measure what they cost."""
    with database.rebuild() as connection:
        if database.dialect == "sqlite":
            named = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit%'"
            for (name,) in connection.exec_driver_sql(named).all():
                connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
            return
        for table in AUDITED:
            connection.exec_driver_sql(f"ALTER TABLE {table.name} DISABLE TRIGGER USER")


def register_laboratory(database: Database) -> System:
    """Make the laboratory known."""
    with database.begin("test") as connection:
        return ensure_system(connection, SOURCE, "LIMS", now=NOW)


def store_pages(database: Database, system: System, documents: list[Told]) -> list[Stored]:
    """Store documents as a stream does: a page a transaction."""
    return [store_page(database, system, documents[at : at + PAGE]) for at in range(0, len(documents), PAGE)]


def store_page(database: Database, system: System, page: list[Told]) -> Stored:
    """Store one page in one transaction."""
    with database.begin("test") as connection:
        return store_documents(
            connection, system_id=system.id, stream="bench", connector="bench/1", documents=page, now=NOW
        )


def in_one_transaction(database: Database, action: Callable[[Any], object]) -> Callable[[], None]:
    """Give an action on a connection as one that commits."""

    def run() -> None:
        with database.begin("test") as connection:
            action(connection)

    return run


def _opened(url: str) -> Iterator[Database]:
    database = Database(url)
    upgrade(database)
    try:
        yield database
    finally:
        database.close()
