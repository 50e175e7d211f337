"""Sorted runs: samples in the order of tag, time and put; merged, cut and written as Parquet.

Sorting is one stable argsort over one 64-bit key where tags and times fit into it: runs that are sorted
already merge in linear time (a window function in SQL costs twenty times as much).
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from hub.store.lake.periods import Stamps, from_micros
from hub.store.lake.place import Place, TableName

arrow: Any = pa
pc: Any = pyarrow.compute
"""Both untyped on purpose: the stubs leave most functions partly unknown."""
RUN_SCHEMA = pa.schema(
    [
        pa.field("tag_id", pa.int64(), nullable=False),
        pa.field("ts", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("text", pa.string()),
        pa.field("quality", pa.int64(), nullable=False),
        pa.field("put", pa.int64(), nullable=False),
    ]
)
"""A row of a run. Delta knows no unsigned numbers, so quality is wider than it needs to be."""
ROW_GROUP = 65_536
"""Rows decoded at least for one tag: small enough for a day of it, large enough for a year of all."""
HOURLY_GROUP = 8_192
_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "row_group_size": ROW_GROUP,
    "use_dictionary": ["tag_id", "value", "text", "quality", "put"],
    "column_encoding": {"ts": "DELTA_BINARY_PACKED"},
    "write_statistics": ["tag_id", "ts", "text", "quality", "put"],
}
_HOURLY: dict[str, Any] = {"compression": "zstd", "row_group_size": HOURLY_GROUP}
_WHOLE: dict[int, Any] = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}
_STRETCH = 8
"""Rows that a stretch has to have on average, for sorting stretches to be quicker than sorting rows."""
Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Run:
    """A Parquet file of a table: where, how large, and between which tags and times its rows lie."""

    path: str
    period: str
    rows: int
    size: int
    first: int
    last: int
    low: int
    high: int

    def as_json(self) -> dict[str, Any]:
        """Give it as it is kept beside a put."""
        return asdict(self)


def longs(table: pa.Table, name: str) -> Longs:
    """Give a column of whole numbers or times as 64-bit numbers, without a copy where there is one chunk."""
    column: Any = table[name]
    chunk = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return chunk.view(pa.int64()).to_numpy(zero_copy_only=False)


def order(tags: Longs, stamps: Stamps, puts: Longs | None = None) -> Longs | None:
    """Give the order of rows by tag, time and put (as they come, without puts); None if they are in it."""
    if len(tags) < 2:
        return None
    if puts is None and _is_ordered(tags, stamps):
        return None
    key = _key(tags, stamps)
    if key is None:
        return np.lexsort((stamps, tags) if puts is None else (puts, stamps, tags))
    found = np.argsort(key, kind="stable")
    if puts is not None:
        there = key[found]
        if np.any(there[1:] == there[:-1]):  # seldom: only then does it matter which write was the later one
            found = np.lexsort((puts, key))
    return found


def _is_ordered(tags: Longs, stamps: Stamps) -> bool:
    later = (tags[1:] > tags[:-1]) | ((tags[1:] == tags[:-1]) & (stamps[1:] >= stamps[:-1]))
    return bool(later.all())


def _key(tags: Longs, stamps: Stamps) -> Longs | None:
    """Give one number for tag and time that sorts as both do; None when they do not fit."""
    low, base = int(tags.min()), int(stamps.min())
    width = int(stamps.max()) - base + 1
    if (int(tags.max()) - low + 1) * width >= 1 << 62:
        return None
    return (tags - low) * width + (stamps - base)


def same_as_next(tags: Longs, stamps: Stamps) -> Mask:
    """Tell of each sorted row whether the next one is of the same tag and time: then that one counts."""
    same = np.zeros(len(tags), np.bool_)
    if len(tags) > 1:
        same[:-1] = (tags[1:] == tags[:-1]) & (stamps[1:] == stamps[:-1])
    return same


def merge(parts: Sequence[pa.Table]) -> pa.Table:
    """Join sorted parts into one that is sorted by tag, time and put (as given where they have no puts)."""
    if len(parts) == 1:
        return parts[0]
    joined = pa.concat_tables(parts).combine_chunks()
    tags, stamps = longs(joined, "tag_id"), longs(joined, "ts")
    rows = _order_stretches(tags, stamps)
    if rows is None:
        puts = longs(joined, "put") if "put" in joined.column_names else None
        rows = order(tags, stamps, puts)
    return joined if rows is None else take(joined, rows)


def _order_stretches(tags: Longs, stamps: Stamps) -> Longs | None:
    """Give the order of rows by tag and time where whole stretches follow each other; None where they mix.

    What a source tells of a tag from put to put mostly goes on where it stopped, so that there are a
    thousand times fewer stretches to sort than samples. Of two rows of the same time only their puts tell the
    order, so they are never of one stretch: parts come in any order, a Delta log names its newest run first.
    """
    turns = (tags[1:] != tags[:-1]) | (stamps[1:] <= stamps[:-1])
    edges = np.concatenate(([0], np.flatnonzero(turns) + 1, [len(tags)]))
    starts, lengths = edges[:-1], np.diff(edges)
    if len(starts) * _STRETCH > len(tags):
        return None
    found = np.lexsort((stamps[starts], tags[starts]))
    starts, lengths = starts[found], lengths[found]
    ends = starts + lengths - 1
    follows = (tags[starts[1:]] > tags[ends[:-1]]) | (stamps[starts[1:]] > stamps[ends[:-1]])
    if not follows.all():
        return None
    return np.repeat(starts - (np.cumsum(lengths) - lengths), lengths) + np.arange(len(tags))


def newest(table: pa.Table) -> pa.Table:
    """Keep the newest write of each tag and time of a sorted table."""
    same = same_as_next(longs(table, "tag_id"), longs(table, "ts"))
    return keep(table, ~same) if same.any() else table


def take(table: pa.Table, rows: Longs) -> pa.Table:
    """Give these rows in this order."""
    columns = [_take(table[name], rows) for name in table.column_names]
    return pa.table(columns, schema=table.schema)


def _take(column: Any, rows: Any) -> Any:
    """Give these rows of a column; plain numbers and columns without anything need no look at each null."""
    if column.null_count == len(column):
        return arrow.nulls(len(rows), column.type)
    if column.null_count or not (pa.types.is_primitive(column.type) and column.type.bit_width >= 8):
        return pc.take(column, arrow.array(rows))
    chunk = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    numbers: Any = chunk.view(_WHOLE[column.type.bit_width]).to_numpy()[rows]
    return arrow.Array.from_buffers(column.type, len(rows), [None, arrow.py_buffer(numbers)])


def keep(table: pa.Table, mask: Mask) -> pa.Table:
    """Give the rows of a mask."""
    return table if mask.all() else pc.filter(table, pa.array(mask))


def cut(table: pa.Table, tags: Longs, spans: Sequence[tuple[int, int]]) -> pa.Table:
    """Give the rows of a sorted table that are of these (sorted) tags and in these times."""
    if not table.num_rows:
        return table
    there, stamps = longs(table, "tag_id"), longs(table, "ts" if "ts" in table.column_names else "hour")
    lows, highs = np.searchsorted(there, tags, "left"), np.searchsorted(there, tags, "right")
    found: list[tuple[int, int]] = []
    for low, high in zip(lows.tolist(), highs.tolist(), strict=True):
        if low == high:
            continue
        mine = stamps[low:high]
        for start, end in spans:
            one, other = np.searchsorted(mine, [start, end])
            if one < other:
                found.append((low + int(one), low + int(other)))
    return _slices(table, found)


def _slices(table: pa.Table, found: Sequence[tuple[int, int]]) -> pa.Table:
    joined: list[list[int]] = []
    for one, other in found:
        if joined and joined[-1][1] == one:
            joined[-1][1] = other
        else:
            joined.append([one, other])
    if not joined:
        return table.slice(0, 0)
    parts = [table.slice(one, other - one) for one, other in joined]
    return parts[0] if len(parts) == 1 else pa.concat_tables(parts).combine_chunks()


def write_run(place: Place, table: TableName, rows: pa.Table, *, period: str) -> Run:
    """Write sorted rows of one period as a file that nobody refers to yet."""
    path = f"period={period}/{uuid.uuid4()}.parquet"
    size = place.write(table, path, rows, **_OPTIONS)
    tags, stamps = longs(rows, "tag_id"), longs(rows, "ts")
    return Run(
        path=path,
        period=period,
        rows=rows.num_rows,
        size=size,
        first=int(stamps.min()),
        last=int(stamps.max()),
        low=int(tags.min()),
        high=int(tags.max()),
    )


def write_hourly(place: Place, run: Run, rows: pa.Table) -> Run:
    """Write the roll-up of a run under the run's own name: by it both find each other."""
    size = place.write("hourly", run.path, rows, **_HOURLY)
    hours = longs(rows, "hour")
    first, last = int(hours.min()), int(hours.max())
    return replace(run, rows=rows.num_rows, size=size, first=first, last=last)


def describe(run: Run, stamp: str) -> str:
    """Give the statistics of a run as a Delta log keeps them; readers leave out files by them.

    `stamp` is the name of its column of times.
    """
    times = {"first": from_micros(run.first), "last": from_micros(run.last)}
    shown: Mapping[str, str] = {k: v.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for k, v in times.items()}
    return json.dumps(
        {
            "numRecords": run.rows,
            "minValues": {"tag_id": run.low, stamp: shown["first"]},
            "maxValues": {"tag_id": run.high, stamp: shown["last"]},
            "nullCount": {"tag_id": 0, stamp: 0},
        }
    )
