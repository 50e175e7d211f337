"""A connection that sees the past: opened for one instant, read-only, and closed with its question."""

import copy
import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection, CursorResult, Engine, event

from hub.store.attribution import format_at
from hub.store.audited import AUDITED
from hub.store.past.compiler import NotKept, PastCompiler
from hub.store.past.rows import REPLACED, has_bytes
from hub.store.patience import allowed

_WITH_BYTES = frozenset(t.name for t in AUDITED if has_bytes(t))
_LOOKED_UP = sorted({t.name for t in AUDITED} - REPLACED)
_ROWS_REMEMBERED = 64
_TELL = """SELECT set_config('plantwide.then', %s, true), set_config('plantwide.late', coalesce((
    SELECT array_agg(recorded_at)::text FROM overtaken_act WHERE recorded_at <= %s AND known_at > %s
  ), '{}'), true)"""
_CONTROL = ("BEGIN", "SET TRANSACTION", "COMMIT", "ROLLBACK")


class Past:
    """The past of a store: `read(then)` gives a connection on which every query sees what was known then."""

    def __init__(self, engine: Engine, *, begin: Callable[[Connection], None]) -> None:
        self._engine = engine
        self._begin = begin

    @contextmanager
    def read(self, then: datetime, options: Mapping[str, Any] | None = None) -> Generator[Connection]:
        """Give a read-only view of what was known at an instant, with `options`. Queries raise `NotKept`."""
        with self._opened(self._quick, then, options or {}) as connection:
            if not _was_deleted(connection, then):
                yield connection
                return
        with self._opened(self._careful, then, options or {}) as connection:
            yield connection

    @contextmanager
    def _opened(self, engine: Engine, then: datetime, options: Mapping[str, Any]) -> Generator[Connection]:
        engine.pool = self._engine.pool  # closing a store gives it a new one
        with engine.connect() as connection:
            connection.execution_options(**options)
            with allowed(connection), connection.begin():
                _tell(connection, then)
                try:
                    yield connection.execution_options(then=then)
                finally:
                    connection.info.pop("then", None)

    @cached_property
    def _quick(self) -> Engine:
        return self._derive(looks_up=True)

    @cached_property
    def _careful(self) -> Engine:
        return self._derive(looks_up=False)

    def _derive(self, *, looks_up: bool) -> Engine:
        """Give an engine over the same connections whose statements are compiled for the past."""
        with self._engine.connect():
            pass  # a dialect learns about its server from the first connection
        dialect: Any = copy.copy(self._engine.dialect)
        own: Any = dialect.statement_compiler
        members = {"looks_up": looks_up, "__doc__": own.__doc__}
        dialect.statement_compiler = type(own.__name__, (PastCompiler, own), members)
        engine = Engine(self._engine.pool, dialect, self._engine.url)
        event.listen(engine, "begin", self._begin)
        event.listen(engine, "before_cursor_execute", _refuse_what_is_lost)
        return engine


def teach_past(connection: sqlite3.Connection, info: dict[str, Any]) -> None:
    """Give an SQLite connection the functions that the SQL of the past calls."""
    connection.create_function("plantwide_then", 0, lambda: info.get("then"), deterministic=True)
    connection.create_function("plantwide_double", 2, _read_double, deterministic=True)


def then_of(connection: Connection) -> datetime | None:
    """Give the instant of which a connection shows what was known; None when it shows the present."""
    return connection.get_execution_options().get("then")


def _tell(connection: Connection, then: datetime) -> None:
    """Tell the database which instant is meant, until the end of this transaction."""
    if connection.dialect.name == "sqlite":
        connection.info["then"] = format_at(then)
        return
    stamp = format_at(then)
    _run(connection, _TELL, (stamp, stamp, stamp))


def _was_deleted(connection: Connection, then: datetime) -> bool:
    """Tell whether a row that may be looked up by its key was deleted since."""
    return _is_noted(connection, then, tables=_LOOKED_UP, condition="e.action = 'delete'")


def _is_noted(connection: Connection, then: datetime, *, tables: Sequence[str], condition: str) -> bool:
    """Tell whether the trail notes such a write of one of these tables after an instant."""
    listed = ", ".join(f"('{table}')" for table in tables)
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    query = (
        f"SELECT EXISTS (SELECT 1 FROM (VALUES {listed}) AS t WHERE EXISTS (SELECT 1 FROM audit_event AS e"  # noqa: S608 - names of our own metadata
        f" WHERE e.entity_type = t.column1 AND {condition} AND e.recorded_at > {mark}))"
    )
    return bool(_run(connection, query, (format_at(then),)).scalar())


def _run(connection: Connection, query: str, values: tuple[Any, ...]) -> CursorResult[Any]:
    """Run a statement of our own, which looks at the trail itself."""
    return connection.exec_driver_sql(query, values, execution_options={"looks_at_trail": True})


def _refuse_what_is_lost(
    connection: Connection, _cursor: Any, statement: str, _values: Any, context: Any, *_rest: Any
) -> None:
    """Let no statement pass that was not compiled for the past, nor one that needs bytes that are gone."""
    if context.execution_options.get("looks_at_trail") or statement.startswith(_CONTROL):
        return
    if context.compiled is None:
        raise NotKept("what a statement written as text reads")
    then = then_of(connection)
    needed = sorted(context.compiled.read_from & _WITH_BYTES)
    if then and needed and _is_noted(connection, then, tables=needed, condition="e.before IS NOT NULL"):
        raise NotKept(needed[0])


@lru_cache(maxsize=_ROWS_REMEMBERED)
def _parse(image: str) -> dict[str, Any]:
    return orjson.loads(image)


def _read_double(image: str | None, name: str) -> float | None:
    return None if image is None else _parse(image).get(name)
