"""Tables on their way out: Arrow, Parquet or CSV by the Accept header, JSON while they are small."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet
from fastapi import Request, Response

from hub.api.answer import answer
from hub.api.problems import Problem
from hub.api.slips import Counted, with_rows

ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
CSV = "text/csv"
FORMATS = (ARROW, PARQUET, CSV)

_csv: Any = pyarrow.csv
_parquet: Any = pyarrow.parquet
_pc: Any = pyarrow.compute
_types: Any = pa.types


def wants_columns(request: Request) -> str | None:
    """Give the first format for columns that a request accepts; None when it takes JSON."""
    accepted = request.headers.get("accept", "")
    return next((media for media in FORMATS if media in accepted), None)


def answer_table(
    request: Request,
    table: pa.Table,
    *,
    most: int,
    about: Mapping[str, Any],
    nested: Iterable[str] = (),
    nested_as: str = "statistics",
) -> Response:
    """Give a table in the format that is accepted; as JSON `about` with the rows under `items`.

    In JSON the columns `nested` stand in a member of their own. Raises `Problem` when JSON would have more
    than `most` rows.
    """
    if media := wants_columns(request):
        return with_rows(Counted(_write(table, media), media_type=media), table.num_rows)
    if table.num_rows > most:
        raise Problem(
            "too-much-asked",
            f"This is more than {most} rows of JSON. Ask with `Accept: {ARROW}` (or {PARQUET}, {CSV}), for "
            "less time, fewer tags or longer windows.",
        )
    inner = set(nested)
    items: list[dict[str, Any]] = []
    for row in table.to_pylist():
        plain = {name: value for name, value in row.items() if name not in inner}
        items.append({**plain, nested_as: {n: row[n] for n in row if n in inner}} if inner else plain)
    return answer({**about, "items": items})


def _write(table: pa.Table, media: str) -> bytes:
    sink = pa.BufferOutputStream()
    if media == ARROW:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    elif media == PARQUET:
        _parquet.write_table(table, sink, compression="zstd")
    else:
        _csv.write_csv(plain_times(table), sink)
    return sink.getvalue().to_pybytes()


def plain_times(table: pa.Table) -> pa.Table:
    """Give times as text in RFC 3339, which CSV readers know."""
    fields: list[Any] = list(table.schema)
    for number, field in enumerate(fields):
        if _types.is_timestamp(field.type):
            naive = _pc.cast(table[field.name], pa.timestamp("us"))
            text = _pc.strftime(naive, format="%Y-%m-%dT%H:%M:%SZ")
            table = table.set_column(number, field.name, text)
    return table
