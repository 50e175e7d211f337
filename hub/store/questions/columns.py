"""Questions answered in columns: Arrow batches out of the rows of the database, without documents between."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute
from sqlalchemy import Boolean, ColumnElement, Connection, Float, Integer, String, select, type_coerce

from hub.store.questions.collections import Collection, find_collection
from hub.store.questions.paging import order_query
from hub.store.questions.question import Question, rank, refuse_unknown
from hub.store.star.arrow import read_batches
from hub.store.tables.parts import UtcDateTime

ROWS = 16_384
"""Rows of one batch."""
_FIRST = ("value", "code", "id")
"""The parts of a member that stand under its own name; the others have theirs behind it."""
_TIME: Any = pa.timestamp("us", tz="UTC")
_pc: Any = pyarrow.compute
_arrow: Any = pa


@dataclass(frozen=True)
class Flat:
    """A column of a flat row, with the member of the document that it is a part of."""

    name: str
    member: str
    column: ColumnElement[Any]
    type: Any

    @property
    def is_instant(self) -> bool:
        """Whether it is a time."""
        return bool(self.type == _TIME)


@cache
def flat_columns(name: str) -> tuple[Flat, ...]:
    """Give the flat columns of a collection, such as `actual_size`, `actual_size_unit`, `product_uid`."""
    found: list[Flat] = []
    for slot in find_collection(name).reading.slots:
        own = next((key for key in _FIRST if key in slot.keys), None)
        for column, key in zip(slot.columns, slot.keys or ("",), strict=True):
            plain = not slot.keys or key == own
            flat = slot.name if plain else f"{slot.name}_{key}"
            found.append(Flat(flat, slot.name, column, _arrow_type(column.type)))
    return tuple(found)


def schema_of(collection: Collection, names: tuple[str, ...] = ()) -> Any:
    """Give the Arrow schema of a collection's flat rows. Raises `FilterError`."""
    fields: Any = [(one.name, one.type) for one in _chosen(collection, names)]
    schema: Any = pa.schema(fields)
    return schema


def stream_columns(connection: Connection, question: Question, *, limit: int | None = None) -> Iterator[Any]:
    """Give an answer as Arrow record batches, at least one. Names select members or flat columns.

    Raises `FilterError`.
    """
    chosen = _chosen(question.collection, question.select)
    reading = question.collection.reading.narrow({one.member for one in chosen})
    is_sqlite = connection.dialect.name == "sqlite"
    # SQLite keeps times as text: Arrow reads that by the column, a result processor value by value.
    columns = [
        (type_coerce(one.column, String) if one.is_instant and is_sqlite else one.column).label(f"c{at}")
        for at, one in enumerate(chosen)
    ]
    query = select(*columns).select_from(reading.source).where(*question.conditions(connection))
    query = order_query(query, rank(connection, question)).limit(limit)
    schema = schema_of(question.collection, question.select)
    if connection.dialect.name == "duckdb":
        yield from read_batches(connection, query, schema, rows=ROWS)
        return
    is_empty = True
    with connection.execution_options(yield_per=ROWS).execute(query) as result:
        for rows in result.partitions(ROWS):
            is_empty = False
            yield _batch(rows, schema)
    if is_empty:
        yield _batch([], schema)


def _batch(rows: Any, schema: Any) -> Any:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [_array(list(column), field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.record_batch(arrays, schema=schema)


def _array(values: list[Any], kind: Any) -> Any:
    if kind == _TIME and any(isinstance(value, str) for value in values):
        return _pc.cast(_arrow.array(values, pa.string()), _TIME)
    return _arrow.array(values, kind)


def _chosen(collection: Collection, names: tuple[str, ...]) -> list[Flat]:
    columns = flat_columns(collection.name)
    if not names:
        return list(columns)
    refuse_unknown(names, sorted({one.name for one in columns} | {one.member for one in columns}))
    wanted = set(names)
    return [one for one in columns if one.name in wanted or one.member in wanted]


def _arrow_type(kind: Any) -> Any:
    match kind:
        case UtcDateTime():
            return _TIME
        case Boolean():
            return pa.bool_()
        case Float():
            return pa.float64()
        case Integer():
            return pa.int64()
        case _:
            return pa.string()
