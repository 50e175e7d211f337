"""One database behind one URL: SQLite by default (WAL, synchronous FULL), PostgreSQL for many machines."""

import copy
import sqlite3
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import OperationalError

from hub.store.attribution import attribute, forget, teach
from hub.store.growth import Growth
from hub.store.lake.cellar import KEY, Cellar
from hub.store.lake.place import Place
from hub.store.locks import ALONE
from hub.store.order import draw_stamp, keep_order
from hub.store.past.reading import Past, teach_past
from hub.store.patience import Patient, TookTooLong, allowed, options_of, was_ended, write_limit
from hub.store.presence import Presence
from hub.store.sending import listen
from hub.store.walls import lowered_walls, raise_walls
from hub.store.watching import Watch

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=30000",
    "PRAGMA recursive_triggers=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-65536",
)
_POSTGRES_OPTIONS = (
    "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s -c jit=off -c timezone=UTC"
)


_STATEMENTS_KEPT = 512
"""Compiled statements that an SQLite connection keeps: the walls judge each step of a new one."""
_FULL = ("disk is full", "no space left", "disk i/o error")
_DISK_FULL, _DEADLOCK = "53100", "40P01"
"""PostgreSQL's SQLSTATE; its text varies ("wrote only 4096 of 8192 bytes")."""


def _to_json(value: Any) -> str:
    return orjson.dumps(value).decode()


class StoreFull(Exception):
    """The disk under the store is full; free space and run again: nothing of the last step was stored."""


class Collided(Exception):
    """Two transactions waited for each other and PostgreSQL ended this one: nothing was stored, try again."""


class BrokenReferences(Exception):
    """A migration would leave rows that refer to nothing; nothing was changed, tell the developers."""


class StoreUnreachable(Exception):
    """The database does not answer; start it or correct its address, then run again."""


class Database:
    """A store: `begin()` for a writing transaction, `read()` for a consistent view."""

    read_seconds: float | None = None
    """How long a statement of a read may work; for ever when None."""

    def __init__(
        self, url: str, *, samples: str | Path | None = None, samples_options: Mapping[str, str] | None = None
    ) -> None:
        """Open by URL. `samples` is where cold runs lie: a folder, or an address with its options.

        Without it they lie in `samples/` beside an SQLite file; a PostgreSQL store then keeps them all hot,
        and raises `NoPlace` to whoever reads what another process has folded.
        """
        self.url = url
        self.engine = _open(url)
        root = samples if samples is not None else _beside(url)
        self.cellar = Cellar(Place(root, samples_options) if root is not None else None)
        event.listen(self.engine, "connect", self._furnish)
        self.presence = Presence(self.engine)
        self.watch = Watch(self.engine)
        self.growth = Growth()
        self.past = Past(self.engine, begin=_begin_sqlite if self.dialect == "sqlite" else _begin_postgres)

    @classmethod
    def embedded(cls, folder: Path) -> "Database":
        """Open the embedded store of a data folder (`hub.db`)."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(f"sqlite:///{folder / 'hub.db'}")

    def _furnish(self, _connection: Any, record: Any) -> None:
        record.info[KEY] = self.cellar

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def begin(
        self,
        actor: str | None = None,
        *,
        at: datetime | None = None,
        reason: str | None = None,
        alone: bool = False,
    ) -> Generator[Connection]:
        """Give a writing transaction: it commits at the end, or changes nothing.

        The audited tables can only be written with an `actor`; `at` is the instant that all its audit rows
        carry (now when None). `alone` makes one such transaction wait for another, on however many nodes.
        Raises `StoreFull` when there is no space left, `StoreUnreachable` when nobody answers, and `Collided`
        when this and another transaction waited for each other.
        """
        with (
            _said_plainly(),
            self.engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            if alone and self.dialect == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ALONE})")
            try:
                if actor is not None and self.dialect == "postgresql":
                    at = draw_stamp(connection, at or datetime.now(UTC))
                act = None if actor is None else attribute(connection, actor, at=at, reason=reason)
                yield connection
                if act is not None and self.dialect == "postgresql":
                    keep_order(connection, act.at)
            finally:
                forget(connection)

    @contextmanager
    def rebuild(self) -> Generator[Connection]:
        """Give a writing transaction for migrations: the only one in which SQLite may change its schema.

        SQLite checks the references once, before the commit; raises `BrokenReferences` when one is broken.
        """
        with (
            _said_plainly(),
            self.engine.connect().execution_options(writes=True) as connection,
            lowered_walls(connection),
            _references_unwatched(connection),
            connection.begin(),
        ):
            yield connection
            _check_references(connection)

    def limited(self, read_seconds: float | None) -> Self:
        """Give the same store with reads whose statements may work for so long; for ever with None."""
        one = copy.copy(self)
        one.read_seconds = read_seconds
        return one

    @contextmanager
    def read(self, *, as_known_at: datetime | None = None) -> Generator[Connection]:
        """Give a read-only view of one moment; raises `StoreUnreachable` when nobody answers.

        Raises `TookTooLong` when a statement works for longer than `read_seconds`.

        With `as_known_at` the same queries see what was known at that instant: all that had been committed by
        transactions stamped up to it. Queries of tables that are not under audit then raise `NotKept`.
        """
        options = options_of(self.read_seconds)
        with _said_plainly(self.read_seconds):
            if as_known_at is not None:
                with self.past.read(as_known_at, options) as connection:
                    yield connection
                return
            with self.engine.connect() as connection:
                if options:
                    connection.execution_options(**options)
                with allowed(connection), connection.begin():
                    yield connection

    def close(self) -> None:
        """Close all connections."""
        self.presence.end()
        self.watch.close()
        self.engine.dispose()


@contextmanager
def _references_unwatched(connection: Connection) -> Generator[None]:
    """Let SQLite not watch references: dropping a table counts as deleting what its rows are referred by."""
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name != "sqlite":
        yield
        return
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def _check_references(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(3)
    if broken:
        told = "; ".join(f"row {row} of {table} refers to no {target}" for table, row, target, _ in broken)
        raise BrokenReferences(f"{told}; nothing was changed, tell the developers")


@contextmanager
def _said_plainly(read_seconds: float | None = None) -> Generator[None]:
    try:
        yield
    except OperationalError as error:
        if read_seconds is not None and was_ended(error.orig):
            raise TookTooLong(read_seconds) from error
        said, state = str(error.orig).strip().partition("\n")[0], getattr(error.orig, "sqlstate", "")
        if state == _DEADLOCK:
            raise Collided(f"{said}; nothing of this transaction was stored, run it again") from error
        if state == _DISK_FULL or any(s in said.casefold() for s in _FULL):
            raise StoreFull(
                f"the store cannot write ({said}); free space on the disk of the data folder, or of the "
                "database server, and run again: nothing of the last step was stored"
            ) from error
        if error.statement is None or error.connection_invalidated:  # not even reached, or lost on the way
            raise StoreUnreachable(
                f"the database does not answer ({said}); start it, or correct its address"
            ) from error
        raise


def _beside(url: str) -> Path | None:
    """Give the folder of cold runs beside an SQLite file."""
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:")
    return Path(str(parsed.database)).parent / "samples" if is_file else None


def _open(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            url,
            connect_args={
                "check_same_thread": False,
                "timeout": 30,
                "cached_statements": _STATEMENTS_KEPT,
                "factory": Patient,
            },
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
    listen(engine)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's begin event below opens transactions, not the driver
    teach(connection, record.info)
    teach_past(connection, record.info)
    for pragma in _SQLITE_PRAGMAS:
        connection.execute(pragma)
    raise_walls(connection)


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: upgrading a read lock later can only fail.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgres(connection: Connection) -> None:
    if not connection.get_execution_options().get("writes"):
        # One message: two would cost each read another way to the server.
        limit = write_limit(connection)
        connection.exec_driver_sql(f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY{limit}")
