"""Samples: compressed Arrow frames in the database, one a tag and put; the last write of an instant wins."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute
from sqlalchemy import Connection, func, select

from hub.store.sets import chunks, insert_all, upsert
from hub.store.tables import sample_frame, tag_latest

pc: Any = pyarrow.compute
"""Untyped on purpose: the stubs lack `run_end_encode` and leave most other functions partly unknown."""

STORED_SCHEMA = pa.schema(
    [
        pa.field("tag_id", pa.int64(), nullable=False),
        pa.field("ts", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("text", pa.string()),
        pa.field("quality", pa.uint32(), nullable=False),
    ]
)
_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")
_LATEST_BATCH = 500


class BadSamples(ValueError):
    """A batch of samples does not have the sample schema; the connector that made it must be mended."""


def put_samples(  # noqa: PLR0917 - stream and number are one place, table and ids one content
    connection: Connection, stream: str, seq: int, table: pa.Table, tag_ids: dict[str, int], *, now: datetime
) -> int:
    """Store samples (`SAMPLE_SCHEMA`) under a stream's sequence number; give how many rows were stored.

    A sequence already seen changes nothing. Tags that `tag_ids` does not know raise `BadSamples`.
    """
    seen = select(func.count()).where(sample_frame.c.stream == stream, sample_frame.c.seq == seq)
    if table.num_rows == 0 or connection.scalar(seen):
        return 0
    frames: list[dict[str, Any]] = []
    latest: list[dict[str, Any]] = []
    for name, part in _by_tag(table):
        if name not in tag_ids:
            raise BadSamples(f"samples of tag {name!r}, which the source does not list among its tags")
        columns = part.select(["ts", "value", "text", "quality"])
        last = columns.slice(columns.num_rows - 1).to_pylist()[0]
        frames.append(
            {
                "stream": stream,
                "seq": seq,
                "tag_id": tag_ids[name],
                "first_at": columns["ts"][0].as_py(),
                "last_at": last["ts"],
                "count": columns.num_rows,
                "frame": _pack(columns),
                "recorded_at": now,
            }
        )
        latest.append({"tag_id": tag_ids[name], **last})
    insert_all(connection, sample_frame, frames)
    _keep_latest(connection, latest)
    return sum(f["count"] for f in frames)


def read_samples(  # noqa: PLR0917 - a span is said from start to end
    connection: Connection, tag_ids: Sequence[int], start: datetime, end: datetime
) -> pa.Table:
    """Give the samples of these tags with start <= ts < end, sorted by tag and time, one a (tag, time).

    Columns: tag_id int64, ts timestamp[us, UTC], value float64, text string, quality uint32.
    """
    parts: list[pa.Table] = []
    for ids in chunks(sorted(set(tag_ids))):
        query = (
            select(sample_frame.c.tag_id, sample_frame.c.id, sample_frame.c.frame)
            .where(
                sample_frame.c.tag_id.in_(ids), sample_frame.c.last_at >= start, sample_frame.c.first_at < end
            )
            .order_by(sample_frame.c.tag_id, sample_frame.c.id)
        )
        for tag_id, frame_id, frame in connection.execute(query):
            parts.append(_within(_unpack(frame), tag_id=tag_id, frame_id=frame_id, start=start, end=end))
    if not parts:
        return STORED_SCHEMA.empty_table()
    return _newest(pa.concat_tables(parts))


def count_samples(connection: Connection) -> int:
    """Give how many samples are stored (a re-sent sample counts until it is compacted)."""
    return int(connection.scalar(select(func.coalesce(func.sum(sample_frame.c.count), 0))) or 0)


def sample_span(connection: Connection, tag_ids: Iterable[int]) -> tuple[datetime, datetime] | None:
    """Give the first and last sample time of these tags, or None."""
    query = select(func.min(sample_frame.c.first_at), func.max(sample_frame.c.last_at)).where(
        sample_frame.c.tag_id.in_(sorted(set(tag_ids)))
    )
    first, last = connection.execute(query).one()
    return (first, last) if first is not None else None


def digest_samples(connection: Connection, tag_id: int) -> tuple[int, str]:
    """Give count and SHA-256 of what a reader sees of a tag: the same data give the same digest."""
    table = read_samples(
        connection, [tag_id], datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
    )
    sha = hashlib.sha256()
    for column in ("ts", "value", "text", "quality"):
        values = table[column].combine_chunks()
        sha.update(repr(values.to_pylist()).encode() if column == "text" else b"")
        if column != "text":
            plain = values.cast(pa.int64()) if column == "ts" else values
            sha.update(plain.to_numpy(zero_copy_only=False).tobytes())
    return table.num_rows, sha.hexdigest()


def _by_tag(table: pa.Table) -> Iterable[tuple[str, pa.Table]]:
    """Cut a sample table into one sorted, duplicate-free table a tag (the later row of a time wins)."""
    numbered = table.append_column("row", pa.array(range(table.num_rows), pa.int64()))
    ordered = _sort(numbered, "tag", "ts", "row")
    runs = pc.run_end_encode(ordered["tag"].combine_chunks())
    start = 0
    for name, stop in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        part = ordered.slice(start, stop - start)
        yield name, _drop_earlier(part, ["ts"])
        start = stop


def _drop_earlier(table: pa.Table, keys: list[str]) -> pa.Table:
    """Keep the last row of each run of equal keys in a sorted table."""
    if table.num_rows < 2:
        return table
    last: Any = None
    for key in keys:
        column = table[key].combine_chunks()
        differs = pc.not_equal(column.slice(0, len(column) - 1), column.slice(1))
        last = differs if last is None else pc.or_(last, differs)
    mask = pa.concat_arrays([pc.fill_null(last, fill_value=True), pa.array([True])])
    return table if pc.all(mask).as_py() else table.filter(mask)


def _newest(table: pa.Table) -> pa.Table:
    ordered = _sort(table, "tag_id", "ts", "frame")
    return _drop_earlier(ordered, ["tag_id", "ts"]).select(STORED_SCHEMA.names).cast(STORED_SCHEMA)


def _sort(table: pa.Table, *names: str) -> pa.Table:
    """Sort by these columns in turn, each ascending."""
    return table.take(pc.sort_indices(table, sort_keys=[(name, "ascending") for name in names]))


def _within(table: pa.Table, *, tag_id: int, frame_id: int, start: datetime, end: datetime) -> pa.Table:
    kind = pa.timestamp("us", tz="UTC")
    keep = pc.and_(
        pc.greater_equal(table["ts"], pa.scalar(start, kind)), pc.less(table["ts"], pa.scalar(end, kind))
    )
    found = table.filter(keep)
    return pa.Table.from_pydict(
        {
            "tag_id": pa.repeat(pa.scalar(tag_id, pa.int64()), found.num_rows),
            **{name: found[name] for name in ("ts", "value", "text", "quality")},
            "frame": pa.repeat(pa.scalar(frame_id, pa.int64()), found.num_rows),
        }
    )


def _pack(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_OPTIONS) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue().to_pybytes()


def _unpack(frame: bytes) -> pa.Table:
    with pa.ipc.open_stream(frame) as reader:
        return reader.read_all()


def _keep_latest(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Update the last values, never backwards in time."""
    for part in chunks(rows, _LATEST_BATCH):
        ids = [r["tag_id"] for r in part]
        query = select(tag_latest.c.tag_id, tag_latest.c.ts).where(tag_latest.c.tag_id.in_(ids))
        known = {row.tag_id: row.ts for row in connection.execute(query)}
        newer = [r for r in part if r["tag_id"] not in known or r["ts"] >= known[r["tag_id"]]]
        upsert(connection, tag_latest, newer, keys=["tag_id"])
