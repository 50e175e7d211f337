"""Columns of samples from what sources give: mixed values become numbers and texts, times microseconds."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from hub.model import SAMPLE_SCHEMA
from hub.sdk.document import Window

_US = pa.timestamp("us", tz="UTC")


def make_batch(
    tags: "str | Sequence[str] | pa.Array[Any]",
    ts: Any,
    *,
    value: Any = None,
    text: Any = None,
    quality: Any = 0,
) -> pa.RecordBatch:
    """Give a `SAMPLE_SCHEMA` batch.

    `tags` is one name for all rows, or a column. `ts` is a column of instants, or of whole UTC microseconds
    since 1970. Numbers that are not finite become none. `quality` is one status for all, or a column.
    """
    arrow: Any = pa
    times: Any = ts if isinstance(ts, arrow.Array) else arrow.array(ts, arrow.int64())
    times = times.cast(arrow.int64()).view(_US) if not pa.types.is_timestamp(times.type) else times.cast(_US)
    rows = len(times)
    names: Any = arrow.repeat(arrow.scalar(tags), rows) if isinstance(tags, str) else arrow.array(tags)
    is_one = isinstance(quality, int)
    codes: Any = arrow.array(np.full(rows, quality, np.uint32) if is_one else quality, arrow.uint32())
    parts: list[Any] = [
        names,
        times,
        arrow.nulls(rows, arrow.float64()) if value is None else _finite(arrow.array(value, arrow.float64())),
        arrow.nulls(rows, arrow.string()) if text is None else arrow.array(text, arrow.string()),
        codes,
    ]
    return arrow.RecordBatch.from_arrays(parts, schema=SAMPLE_SCHEMA)


def split_values(values: list[Any]) -> "tuple[pa.Array[Any], pa.Array[Any]]":
    """Give a column of numbers and a column of texts from JSON values.

    A number is a number, a truth value 1 or 0; text is text; an object or a list becomes its JSON; null is
    neither.
    """
    arrow: Any = pa
    try:
        return arrow.array(values, arrow.float64()), arrow.nulls(len(values), arrow.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError):  # not all of them are numbers
        numbers = [float(v) if isinstance(v, int | float) else None for v in values]
        texts = [None if v is None or isinstance(v, int | float) else _write(v) for v in values]
        return arrow.array(numbers, arrow.float64()), arrow.array(texts, arrow.string())


def read_times(texts: Sequence[str]) -> "pa.Array[Any]":
    """Give UTC instants of RFC 3339 texts (`…Z` or with an offset), cut to microseconds, as a column.

    Raises `ValueError` for what is no time, or has no zone.
    """
    arrow: Any = pa
    compute: Any = pc
    column = arrow.array(texts, arrow.string())
    try:
        return compute.cast(column, arrow.timestamp("ns", tz="UTC")).cast(_US, safe=False)
    except pa.ArrowInvalid as error:
        msg = f"not all of these are times with a zone: {error}"
        raise ValueError(msg) from error


def cut_to(batch: pa.RecordBatch, window: Window) -> pa.RecordBatch:
    """Give the samples with start <= ts < end."""
    arrow: Any = pa
    compute: Any = pc
    whole: Any = batch
    ts = whole.column("ts")
    start, end = (arrow.scalar(moment, _US) for moment in (window.start, window.end))
    return batch.filter(compute.and_(compute.greater_equal(ts, start), compute.less(ts, end)))


def _finite(column: Any) -> Any:
    compute: Any = pc
    if column.null_count == 0 and bool(np.isfinite(column.to_numpy(zero_copy_only=False)).all()):
        return column
    return compute.if_else(compute.is_finite(column), column, None)


def _write(value: Any) -> str:
    if isinstance(value, dict | list):
        return orjson.dumps(cast("Any", value)).decode()
    return str(value)
