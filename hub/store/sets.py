"""Sets, never rows: write and look up many rows with few statements, the same on both engines."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

import orjson
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Row,
    Select,
    String,
    Table,
    TypeDecorator,
    any_,
    bindparam,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from hub.store.bulk import allocate_ids, can_bulk, insert_rows, upsert_rows

T = TypeVar("T")
AnySelect: TypeAlias = Select[*tuple[Any, ...]]
"""A query for columns of whatever number and types."""
AnyRow: TypeAlias = Row[*tuple[Any, ...]]
"""A row of such a query."""

CHUNK = 1000
_AT_ONCE = 10_000
"""Values of one question that is asked with a list as its one parameter."""


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Cut into lists of at most `size`."""
    source = iter(items)
    while part := list(islice(source, size)):
        yield part


def select_in(  # noqa: PLR0917 - the order is that of the SQL: this query, where this column is in these values
    connection: Connection, query: AnySelect, column: ColumnElement[Any], values: Iterable[Any]
) -> list[AnyRow]:
    """Give the rows of `query` whose `column` is one of `values`, however many those are.

    A query that is kept and asked again (a constant, or one of a cached function) is put together once.
    """
    return [
        row
        for part, given in _parts_in(connection, query, column, values)
        for row in connection.execute(part, given).all()
    ]


def select_dicts_in(  # noqa: PLR0917 - as select_in
    connection: Connection, query: AnySelect, column: ColumnElement[Any], values: Iterable[Any]
) -> list[dict[str, Any]]:
    """Give the same rows as `select_in`, as dictionaries by column name."""
    found: list[dict[str, Any]] = []
    for part, given in _parts_in(connection, query, column, values):
        result = connection.execute(part, given)
        names = list(map(str, result.keys()))  # a column's own name is slow as a key
        found += [dict(zip(names, row, strict=True)) for row in result.all()]
    return found


def is_among(
    connection: Connection, column: ColumnElement[Any], values: Sequence[int | str]
) -> ColumnElement[bool]:
    """Give the condition that a column is one of these numbers or texts, as one parameter however many.

    A parameter for each of a thousand values costs more than the rows that they find: each is written into
    the statement, parsed and planned. The past is asked in that way all the same, because SQLite takes a
    condition with a query in it into no half of a union.
    """
    if connection.get_execution_options().get("then") is not None:
        return column.in_(values)
    if connection.dialect.name == "sqlite":
        return _is_listed(column, literal(orjson.dumps(values).decode()))
    return column == any_(literal(list(values), _Listed(column.type)))


def _is_listed(column: ColumnElement[Any], given: ColumnElement[str]) -> ColumnElement[bool]:
    return column.in_(select(func.json_each(given).table_valued("value").c.value))


def _parts_in(  # noqa: PLR0917 - as select_in
    connection: Connection, query: AnySelect, column: ColumnElement[Any], values: Iterable[Any]
) -> Iterator[tuple[AnySelect, dict[str, Any]]]:
    """Cut into queries that no engine's limit of parameters refuses, each with its parameters."""
    ordered = sorted(set(values))
    if not ordered:
        return
    if not isinstance(ordered[0], int | str) or connection.get_execution_options().get("then") is not None:
        yield from ((query.where(column.in_(part)), {}) for part in chunks(ordered))
        return
    is_sqlite = connection.dialect.name == "sqlite"
    narrowed = _narrow(query, column, is_sqlite=is_sqlite)
    for part in chunks(ordered, _AT_ONCE):
        yield narrowed, {_GIVEN: orjson.dumps(part).decode() if is_sqlite else part}


class _Listed(TypeDecorator[list[Any]]):
    """An array that is written by us: PostgreSQL's driver looks at every text for what must be quoted."""

    impl = ARRAY
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """Give what writes the values."""
        return _write_array


def _write_array(values: Sequence[int | str]) -> str:
    """Give values as PostgreSQL reads an array.

    PostgreSQL's documentation, "Arrays", 8.15.6: inside quotes only the quote and the backslash are escaped.
    """
    if not values or not isinstance(values[0], str):
        return "{" + ",".join(map(str, values)) + "}"
    texts = '","'.join(map(str, values))
    if "\\" in texts or texts.count('"') != 2 * (len(values) - 1):
        texts = '","'.join(str(v).replace("\\", "\\\\").replace('"', '\\"') for v in values)
    return f'{{"{texts}"}}'


_GIVEN = "given_values"
_narrowed: WeakKeyDictionary[AnySelect, dict[tuple[ColumnElement[Any], bool], AnySelect]] = (
    WeakKeyDictionary()
)


def _narrow(query: AnySelect, column: ColumnElement[Any], *, is_sqlite: bool) -> AnySelect:
    """Give a query with the condition that a column is among the values given when it is asked.

    It is put together once as long as the query itself lives: what SQLAlchemy finds out about a statement
    (its key, how it compiles) it keeps with the statement.
    """
    known = _narrowed.setdefault(query, {})
    place = (column, is_sqlite)
    if place not in known:
        among = (
            _is_listed(column, bindparam(_GIVEN, type_=String()))
            if is_sqlite
            else column == any_(bindparam(_GIVEN, type_=_Listed(column.type)))
        )
        known[place] = query.where(among)
    return known[place]


def insert_all(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that share their keys."""
    if can_bulk(connection, table):
        insert_rows(connection, table, rows)
        return
    for part in chunks(rows):
        connection.execute(insert(table), part)


def insert_returning_ids(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert rows and give their new ids in the order of the rows."""
    ids = allocate_ids(connection, table, len(rows))
    insert_rows(connection, table, [{"id": i, **row} for i, row in zip(ids, rows, strict=True)])
    return ids


def insert_unless_there(
    connection: Connection, table: Table, row: dict[str, Any], *, keys: Sequence[str]
) -> int | None:
    """Insert a row and give its new id; None when one with the same `keys` is there, or just being added."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(**row)
    once = statement.on_conflict_do_nothing(index_elements=[_column(table, k) for k in keys])
    return connection.scalar(once.returning(table.c.id))


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    *,
    keys: Sequence[str],
    unless_same: Sequence[str] = (),
    count_version: bool = False,
) -> None:
    """Insert rows or update those with the same `keys`.

    A row whose `unless_same` columns agree stays untouched. `count_version` adds one to `version` at each
    change.
    """
    upsert_rows(connection, table, rows, keys=keys, unless_same=unless_same, count_version=count_version)


def _column(table: Table, name: str) -> Column[Any]:
    return table.c[name]
