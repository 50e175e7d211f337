"""Frames: the sorted samples of one put, as compressed Arrow."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from hub.model import SAMPLE_SCHEMA
from hub.store.lake.runs import Longs, keep, longs, order, same_as_next, take

pc: Any = pyarrow.compute
"""Untyped on purpose: the stubs lack functions and leave most others partly unknown."""
FIELDS: dict[str, Any] = {
    "tag_id": pa.field("tag_id", pa.int64(), nullable=False),
    "ts": pa.field("ts", pa.timestamp("us", tz="UTC"), nullable=False),
    "value": pa.field("value", pa.float64()),
    "text": pa.field("text", pa.string()),
    "quality": pa.field("quality", pa.uint32(), nullable=False),
    "put": pa.field("put", pa.int64(), nullable=False),
}
"""What readers get, by name."""
STORED_SCHEMA = pa.schema([field for name, field in FIELDS.items() if name != "put"])
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
"""A frame lives for a minute: LZ4 makes it a fifth larger than zstd does, in a third of the time. One thread,
because handing out five columns of one put costs more than it saves."""


class BadSamples(ValueError):
    """A batch of samples does not have the sample schema; the connector that made it must be mended."""


def arrange(table: pa.Table, tag_ids: Mapping[str, int]) -> pa.Table:
    """Give samples (`SAMPLE_SCHEMA`) by tag id, sorted by tag and time; of two of one time the later row.

    Raises `BadSamples` for another schema, for tags that `tag_ids` does not know, and for nulls where there
    may be none.
    """
    if not table.schema.equals(SAMPLE_SCHEMA):
        raise BadSamples(f"the columns {table.column_names} are not those of samples, or not of their types")
    # sources mostly tell a tag's samples together: fewer texts to look up
    stretches: Any = pc.run_end_encode(table["tag"].combine_chunks())
    names = pc.dictionary_encode(stretches.values)
    known: list[str | None] = names.dictionary.to_pylist()
    for name in known:
        if name not in tag_ids:
            raise BadSamples(f"samples of tag {name!r}, which the source does not list among its tags")
    for name in ("tag", "ts", "quality"):
        if table[name].null_count:
            raise BadSamples(f"samples without {name}; each needs a tag, a time and a quality")
    ids = np.array([tag_ids[str(name)] for name in known], np.int64)
    lengths = stretches.run_ends.to_numpy().copy()
    lengths[1:] -= lengths[:-1].copy()
    tags = np.repeat(ids[names.indices.to_numpy(zero_copy_only=False)], lengths)
    columns: list[Any] = [pa.array(tags), *(table[name] for name in STORED_SCHEMA.names[1:])]
    plain = pa.table(columns, schema=STORED_SCHEMA).combine_chunks()
    found = order(tags, longs(plain, "ts"))
    if found is not None:
        plain = take(plain, found)
    same = same_as_next(longs(plain, "tag_id"), longs(plain, "ts"))
    return keep(plain, ~same) if same.any() else plain


def spans_of(arranged: pa.Table) -> Longs:
    """Give a row a tag with its key, first and last time (µs) and number of samples, by tag."""
    tags, stamps = longs(arranged, "tag_id"), longs(arranged, "ts")
    edges = np.concatenate(([0], np.flatnonzero(tags[1:] != tags[:-1]) + 1, [len(tags)]))
    starts, after = edges[:-1], edges[1:]
    return np.stack((tags[starts], stamps[starts], stamps[after - 1], after - starts), axis=1)


def pack(table: pa.Table) -> bytes:
    """Give a table as a compressed Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_OPTIONS) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue().to_pybytes()


def unpack(frame: bytes) -> pa.Table:
    """Give the table of a frame."""
    with pa.ipc.open_stream(frame) as reader:
        return reader.read_all()


def as_run(table: pa.Table, put_id: int) -> pa.Table:
    """Give a frame's samples with the put they came by, as runs hold them."""
    put = pa.repeat(pa.scalar(put_id, pa.int64()), table.num_rows)
    return table.append_column("put", put)


def digest_put(table: pa.Table) -> str:
    """Give the SHA-256 of arranged samples, whatever they were compressed to or stored among.

    It goes over ids, times, values (a missing one as NaN), qualities, and texts with their lengths.
    """
    sha = hashlib.sha256()
    for name in ("tag_id", "ts"):
        sha.update(np.ascontiguousarray(longs(table, name)).data)
    value = table["value"]  # to_numpy gives NaN for null
    sha.update(np.ascontiguousarray(value.to_numpy()).data)
    sha.update(np.ascontiguousarray(table["quality"].cast(pa.uint32()).to_numpy()).data)
    text = table["text"]
    if text.null_count < len(text):
        told: list[str | None] = text.to_pylist()
        lengths: Longs = np.array([-1 if t is None else len(t.encode()) for t in told], np.int64)
        sha.update(lengths.data)
        sha.update("".join(t for t in told if t).encode())
    return sha.hexdigest()
