"""Answers of DuckDB past SQLAlchemy: in columns, without a Python object a value, or in plain rows."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

_arrow: Any = pa


def read_batches(connection: Any, query: Any, schema: Any, *, rows: int) -> Iterator[Any]:
    """Give the answer to a query over the star's files as Arrow record batches of a schema, at least one."""
    compiled = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    given = compiled.construct_params()
    values = [_bind(compiled, name, given[name]) for name in compiled.positiontup or ()]
    driver: Any = connection.connection.driver_connection
    reader = driver.base.cursor().sql(str(compiled), params=values).to_arrow_reader(rows)
    is_empty = True
    for batch in reader:
        is_empty = False
        named = _arrow.Table.from_batches([batch]).rename_columns(schema.names)
        yield from named.cast(schema).to_batches()
    if is_empty:
        yield _arrow.RecordBatch.from_pylist([], schema=schema)


def read_plain(connection: Any, query: Any) -> list[tuple[Any, ...]]:
    """Give the rows of a query over the star's files as its driver does: times are UTC and do not say so."""
    rows: list[tuple[Any, ...]] = connection.execute(query).cursor.fetchall()
    return rows


def _bind(compiled: Any, name: str, value: Any) -> Any:
    write = compiled.binds[name].type.dialect_impl(compiled.dialect).bind_processor(compiled.dialect)
    return value if write is None else write(value)
