"""Sets, never rows: write and look up many rows with few statements, the same on both engines."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, Table, insert
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")
AnySelect: TypeAlias = Select[*tuple[Any, ...]]
"""A query for columns of whatever number and types."""
AnyRow: TypeAlias = Row[*tuple[Any, ...]]
"""A row of such a query."""

CHUNK = 1000


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Cut into lists of at most `size`."""
    source = iter(items)
    while part := list(islice(source, size)):
        yield part


def select_in(  # noqa: PLR0917 - the order is that of the SQL: this query, where this column is in these values
    connection: Connection, query: AnySelect, column: ColumnElement[Any], values: Iterable[Any]
) -> list[AnyRow]:
    """Give the rows of `query` whose `column` is one of `values`, however many those are."""
    return [row for part in _parts_in(query, column, values) for row in connection.execute(part).all()]


def select_dicts_in(  # noqa: PLR0917 - as select_in
    connection: Connection, query: AnySelect, column: ColumnElement[Any], values: Iterable[Any]
) -> list[dict[str, Any]]:
    """Give the same rows as `select_in`, as dictionaries by column name."""
    return [
        dict(row)
        for part in _parts_in(query, column, values)
        for row in connection.execute(part).mappings().all()
    ]


def _parts_in(query: AnySelect, column: ColumnElement[Any], values: Iterable[Any]) -> Iterator[AnySelect]:
    """Cut into queries that no engine's limit of parameters refuses."""
    for part in chunks(sorted(set(values))):
        yield query.where(column.in_(part))


def insert_all(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that share their keys."""
    for part in chunks(rows):
        connection.execute(insert(table), part)


def insert_returning_ids(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert rows and give their new ids in the order of the rows."""
    ids: list[int] = []
    for part in chunks(rows):
        statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
        ids.extend(connection.scalars(statement, part))
    return ids


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
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    changed: dict[str, Any] = {
        name: statement.excluded[name] for name in rows[0] if name not in keys and name != "version"
    }
    if count_version:
        changed["version"] = table.c.version + 1
    differs: ColumnElement[bool] | None = None
    for name in unless_same:
        one = table.c[name].is_distinct_from(statement.excluded[name])
        differs = one if differs is None else differs | one
    statement = statement.on_conflict_do_update(
        index_elements=[_column(table, k) for k in keys], set_=changed, where=differs
    )
    for part in chunks(rows):
        connection.execute(statement, part)


def _column(table: Table, name: str) -> Column[Any]:
    return table.c[name]
