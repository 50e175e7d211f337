"""Many rows in one statement, past the layers that look at each row: the way of everything written in sets.

SQLite gets tuples for its own `executemany`. PostgreSQL gets one JSON document a statement, which it takes
apart itself: one round trip, no type guessed, and nothing left behind as with temporary tables.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from sqlalchemy import Boolean, Connection, LargeBinary, Table, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import IdentifierPreparer

from hub.store.sending import send
from hub.store.tables.parts import Json, UtcDateTime

SQLITE_ROWS, POSTGRES_ROWS = 1000, 5000
_MOST_VALUES = 256
"""Rows of one statement: a third of the time of `executemany`. SQLite takes 32,766 parameters at most."""
Rows = Sequence[dict[str, Any]]
_SQLITE = sqlite.dialect()
_NAMES = orjson.OPT_NON_STR_KEYS
"""Rows read from the database have its column names for keys, a kind of text of their own."""
_QUOTE = IdentifierPreparer(_SQLITE).quote_identifier


def can_bulk(connection: Connection, table: Table) -> bool:
    """Tell whether rows of this table can go this way: JSON has no bytes."""
    return connection.dialect.name == "sqlite" or not _has_bytes(table)


def insert_rows(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows that share their keys."""
    if rows:
        names = tuple(rows[0])
        _run(connection, table, rows, names=names, sql=_insert(connection.dialect.name, table, names))


def upsert_rows(
    connection: Connection,
    table: Table,
    rows: Rows,
    *,
    keys: Sequence[str],
    unless_same: Sequence[str],
    count_version: bool,
) -> None:
    """Insert rows or update those with the same `keys`; see `hub.store.sets.upsert`."""
    if not rows:
        return
    names, dialect = tuple(rows[0]), connection.dialect.name
    # one statement may not write a row twice: the last word of each key is the one that stays
    key_of = itemgetter(*keys)
    rows = list({key_of(row): row for row in rows}.values())
    conflict = _conflict(
        dialect, table, names, keys=tuple(keys), unless_same=tuple(unless_same), count_version=count_version
    )
    _run(connection, table, rows, names=names, sql=_insert(dialect, table, names) + conflict)


def insert_or(connection: Connection, table: Table, rows: Rows, *, conflict: str) -> None:
    """Insert rows; `conflict` is the SQL for those that are there already: `ON CONFLICT …`."""
    if rows:
        names = tuple(rows[0])
        sql = f"{_insert(connection.dialect.name, table, names)} {conflict}"
        _run(connection, table, rows, names=names, sql=sql)


def insert_columns(
    connection: Connection, table: Table, columns: Mapping[str, Sequence[Any]], *, conflict: str = ""
) -> None:
    """Insert rows given as columns of what is stored: numbers, texts, and instants as `format_instants` does.

    `conflict` as for `insert_or`.
    """
    names, dialect = tuple(columns), connection.dialect.name
    rows = list(zip(*columns.values(), strict=True))
    if dialect == "sqlite":
        at = 0
        for size in _sizes(len(rows)):
            values = tuple(chain.from_iterable(rows[at : at + size]))
            connection.exec_driver_sql(_insert_many(table, names, size, conflict), values)
            at += size
        return
    if rows:
        told = orjson.dumps([dict(zip(names, row, strict=True)) for row in rows]).decode()
        send(connection, f"{_insert(dialect, table, names)} {conflict}", told)


def insert_row(connection: Connection, table: Table, row: Mapping[str, Any], *, key: str = "") -> int:
    """Insert one row, bytes too; give the `key` that the store made for it (0 when none is asked for)."""
    names, dialect = tuple(row), connection.dialect.name
    write = _WRITERS[dialect]
    values = tuple(write(table, name, value) for name, value in row.items())
    made = connection.exec_driver_sql(_insert_one(dialect, table, names, key), values)
    return int(made.scalar_one()) if key else 0


def format_instants(micros: npt.NDArray[np.int64]) -> list[str]:
    """Give instants (µs since 1970) as SQLite stores them and PostgreSQL reads them."""
    return np.datetime_as_string(micros.astype("datetime64[us]"), unit="us", timezone="UTC").tolist()


def update_rows(connection: Connection, table: Table, rows: Rows, *, keys: Sequence[str] = ("id",)) -> None:
    """Update the rows that have these `keys`; the other columns of each row are what they become."""
    if not rows:
        return
    changed = tuple(name for name in rows[0] if name not in keys)
    names = (*changed, *keys)
    sql = _update(connection.dialect.name, table, changed, tuple(keys))
    _run(connection, table, rows, names=names, sql=sql)


def delete_rows(connection: Connection, table: Table, rows: Rows) -> None:
    """Delete the rows that agree with one of these in all columns given."""
    if rows:
        names = tuple(rows[0])
        _run(connection, table, rows, names=names, sql=_delete(connection.dialect.name, table, names))


def allocate_ids(connection: Connection, table: Table, count: int) -> list[int]:
    """Give new ids for `count` rows of a table, in growing order; no other transaction gets the same."""
    if not count:
        return []
    if connection.dialect.name == "sqlite":  # a writer is alone
        last = connection.scalar(select(func.max(table.c.id)))
        return list(range(int(last or 0) + 1, int(last or 0) + 1 + count))
    first, last, drawn = connection.exec_driver_sql(_DRAW, {"name": table.name, "count": count}).one()
    # nobody else drew meanwhile, mostly: then the ends tell all
    return list(range(first, last + 1)) if last - first + 1 == count else sorted(drawn)


_DRAW = (
    # the name in a query of its own is looked up once, not for each number
    "SELECT min(id), max(id), CASE WHEN max(id) - min(id) + 1 <> count(*) THEN array_agg(id) END FROM"
    " (SELECT nextval((SELECT pg_get_serial_sequence(%(name)s, 'id'))::regclass) AS id"
    " FROM generate_series(1, %(count)s)) AS drawn"
)


def _run(connection: Connection, table: Table, rows: Rows, *, names: tuple[str, ...], sql: str) -> None:
    if connection.dialect.name == "sqlite":
        for part in _parts(rows, SQLITE_ROWS):
            columns = [_written(_writer(table, name), [row[name] for row in part]) for name in names]
            connection.exec_driver_sql(sql, list(zip(*columns, strict=True)))
        return
    for part in _parts(rows, POSTGRES_ROWS):
        send(connection, sql, orjson.dumps(part, option=_NAMES).decode())


def _parts(rows: Rows, size: int) -> Iterable[Rows]:
    return (rows[at : at + size] for at in range(0, len(rows), size))


def _written(write: Callable[[Any], Any] | None, values: list[Any]) -> list[Any]:
    """Give the values of a column as SQLite stores them; one that all rows share is written once."""
    if write is None:
        return values
    first = values[0]
    if all(value is first for value in values):
        return [write(first)] * len(values)
    return [write(value) for value in values]


@cache
def _writer(table: Table, name: str) -> Callable[[Any], Any] | None:
    """Give what turns a value of a column into what SQLite stores, or None where it is that already."""
    kind = table.c[name].type
    if isinstance(kind, Boolean):  # the driver writes True as 1 by itself
        return None
    if isinstance(kind, Json | UtcDateTime):
        return partial(kind.process_bind_param, dialect=_SQLITE)
    return kind.dialect_impl(_SQLITE).bind_processor(_SQLITE)


@cache
def _has_bytes(table: Table) -> bool:
    return any(isinstance(column.type, LargeBinary) for column in table.columns)


@cache
def _insert(dialect: str, table: Table, names: tuple[str, ...]) -> str:
    columns = ", ".join(map(_QUOTE, names))
    start = f"INSERT INTO {_QUOTE(table.name)} ({columns}) "
    if dialect == "sqlite":
        return f"{start}VALUES ({', '.join('?' * len(names))})"
    return f"{start}SELECT {columns} FROM {_rowset(table)}"  # noqa: S608 - names of our own metadata, values are bound


def _sizes(count: int) -> Iterator[int]:
    """Cut so many rows into powers of two, so that the statements for them are few and stay compiled."""
    while count:
        size = min(_MOST_VALUES, 1 << (count.bit_length() - 1))
        yield size
        count -= size


@cache
def _insert_many(table: Table, names: tuple[str, ...], rows: int, conflict: str) -> str:  # noqa: PLR0917 - in its order
    start, _, row = _insert("sqlite", table, names).partition("VALUES ")
    return f"{start}VALUES {', '.join([row] * rows)} {conflict}"


@cache
def _insert_one(dialect: str, table: Table, names: tuple[str, ...], key: str) -> str:  # noqa: PLR0917 - in its order
    columns = ", ".join(map(_QUOTE, names))
    places = ", ".join(["?" if dialect == "sqlite" else "%s"] * len(names))
    given = f" RETURNING {_QUOTE(key)}" if key else ""
    return f"INSERT INTO {_QUOTE(table.name)} ({columns}) VALUES ({places}){given}"  # noqa: S608 - names of our own metadata, values are bound


def _write_sqlite(table: Table, name: str, value: Any) -> Any:
    write = _writer(table, name)
    return value if write is None else write(value)


def _write_postgres(table: Table, name: str, value: Any) -> Any:
    """Give what psycopg binds: it knows instants, bytes and numbers by itself."""
    is_json = isinstance(table.c[name].type, Json) and value is not None
    return orjson.dumps(value).decode() if is_json else value


_WRITERS = {"sqlite": _write_sqlite, "postgresql": _write_postgres}


@cache
def _conflict(
    dialect: str,
    table: Table,
    names: tuple[str, ...],
    *,
    keys: tuple[str, ...],
    unless_same: tuple[str, ...],
    count_version: bool,
) -> str:
    name = _QUOTE(table.name)
    kept = {*keys, "version"}
    changed = [f"{_QUOTE(n)} = excluded.{_QUOTE(n)}" for n in names if n not in kept]
    if count_version:
        changed.append(f"version = {name}.version + 1")
    differs = "IS NOT" if dialect == "sqlite" else "IS DISTINCT FROM"
    guards = " OR ".join(f"{name}.{_QUOTE(n)} {differs} excluded.{_QUOTE(n)}" for n in unless_same)
    where = f" WHERE {guards}" if guards else ""
    return f" ON CONFLICT ({', '.join(map(_QUOTE, keys))}) DO UPDATE SET {', '.join(changed)}{where}"


@cache
def _update(  # noqa: PLR0917 - the parts of one statement in their order
    dialect: str, table: Table, changed: tuple[str, ...], keys: tuple[str, ...]
) -> str:
    name = _QUOTE(table.name)
    if dialect == "sqlite":
        given = ", ".join(f"{_QUOTE(n)} = ?" for n in changed)
        wanted = " AND ".join(f"{_QUOTE(k)} = ?" for k in keys)
        return f"UPDATE {name} SET {given} WHERE {wanted}"  # noqa: S608 - names of our own metadata, values are bound
    given = ", ".join(f"{_QUOTE(n)} = given.{_QUOTE(n)}" for n in changed)
    matches = " AND ".join(f"{name}.{_QUOTE(k)} = given.{_QUOTE(k)}" for k in keys)
    return f"UPDATE {name} SET {given} FROM {_rowset(table)} AS given WHERE {matches}"  # noqa: S608 - names of our own metadata, values are bound


@cache
def _delete(dialect: str, table: Table, keys: tuple[str, ...]) -> str:
    name = _QUOTE(table.name)
    if dialect == "sqlite":
        return f"DELETE FROM {name} WHERE {' AND '.join(f'{_QUOTE(k)} = ?' for k in keys)}"  # noqa: S608 - names of our own metadata, values are bound
    matches = " AND ".join(f"{name}.{_QUOTE(k)} = given.{_QUOTE(k)}" for k in keys)
    return f"DELETE FROM {name} USING {_rowset(table)} AS given WHERE {matches}"  # noqa: S608 - names of our own metadata, values are bound


def _rowset(table: Table) -> str:
    """Give the SQL that makes rows of a table's own type of the JSON document."""
    return f"json_populate_recordset(NULL::{_QUOTE(table.name)}, CAST(%(rows)s AS json))"
