"""One database behind one URL: SQLite by default (WAL, synchronous FULL), PostgreSQL for many machines."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import OperationalError

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=10000",
    "PRAGMA recursive_triggers=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-65536",
)
_POSTGRES_OPTIONS = (
    "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s -c jit=off -c timezone=UTC"
)


def _to_json(value: Any) -> str:
    return orjson.dumps(value).decode()


class StoreFull(Exception):
    """The disk of the data folder is full; free space and run again: nothing of the last step was stored."""


class StoreUnreachable(Exception):
    """The database does not answer; start it or correct its address, then run again."""


class Database:
    """A store: `begin()` for a writing transaction, `read()` for a consistent view."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _open(url)

    @classmethod
    def embedded(cls, folder: Path) -> "Database":
        """Open the embedded store of a data folder (`hub.db`)."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(f"sqlite:///{folder / 'hub.db'}")

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def begin(self) -> Generator[Connection]:
        """Give a writing transaction: it commits at the end, or changes nothing.

        Raises `StoreFull` when there is no space left, `StoreUnreachable` when nobody answers.
        """
        with (
            _said_plainly(),
            self.engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def read(self) -> Generator[Connection]:
        """Give a read-only view of one moment; raises `StoreUnreachable` when nobody answers."""
        with _said_plainly(), self.engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


@contextmanager
def _said_plainly() -> Generator[None]:
    try:
        yield
    except OperationalError as error:
        text = str(error.orig).casefold()
        if "disk is full" in text or "no space left" in text or "disk i/o error" in text:
            raise StoreFull(
                f"the store cannot write ({error.orig}); free space on the disk of the data folder and run "
                "again: nothing of the last step was stored"
            ) from error
        if error.statement is None:  # the driver could not even connect
            raise StoreUnreachable(
                f"the database does not answer ({str(error.orig).strip()}); start it, or correct its address"
            ) from error
        raise


def _open(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            url,
            connect_args={"check_same_thread": False, "timeout": 30},
            json_serializer=_to_json,
            json_deserializer=orjson.loads,
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    engine = create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        connect_args={"options": _POSTGRES_OPTIONS, "application_name": "plantwide"},
        pool_pre_ping=True,
        json_serializer=_to_json,
        json_deserializer=orjson.loads,
    )
    event.listen(engine, "begin", _begin_postgres)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's begin event below opens transactions, not the driver
    for pragma in _SQLITE_PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: upgrading a read lock later can only fail.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgres(connection: Connection) -> None:
    if not connection.get_execution_options().get("writes"):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
