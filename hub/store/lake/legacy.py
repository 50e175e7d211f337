"""Frames of earlier versions, one a tag and put: each put's become one hot frame, in the order they came."""

from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, delete, func, insert, select

from hub.store.database import Database
from hub.store.lake.frames import STORED_SCHEMA, digest_put, pack, unpack
from hub.store.lake.periods import from_micros
from hub.store.lake.runs import longs, merge
from hub.store.sets import select_in
from hub.store.tables import audit_event, sample_frame, sample_hot, sample_put, tag_latest

_PUTS = 200
_ACTOR = "hub.store"
_REASON = "frames of an earlier version taken up"


def take_up_frames(database: Database) -> int:
    """Turn the frames of earlier versions into puts, some at a time; give how many puts there were.

    A put keeps the instant at which it was known, which the trail of its frames tells.
    """
    done = 0
    while True:
        with database.begin(_ACTOR, reason=_REASON) as connection:
            some = _next_puts(connection)
            for stream, seq in some:
                _take_up(connection, stream, seq)
        if not some:
            return done
        done += len(some)


def has_frames(connection: Connection) -> bool:
    """Tell whether there are frames of earlier versions."""
    return connection.execute(select(sample_frame.c.id).limit(1)).first() is not None


def _next_puts(connection: Connection) -> list[tuple[str, int]]:
    c = sample_frame.c
    query = select(c.stream, c.seq).group_by(c.stream, c.seq).order_by(func.max(c.id)).limit(_PUTS)
    return [(row.stream, row.seq) for row in connection.execute(query)]


def _take_up(connection: Connection, stream: str, seq: int) -> None:
    c = sample_frame.c
    mine = (c.stream == stream) & (c.seq == seq)
    rows = connection.execute(select(c.id, c.tag_id, c.frame, c.recorded_at).where(mine)).all()
    table = merge([_with_tag(unpack(row.frame), row.tag_id) for row in rows])
    stamps = longs(table, "ts")
    span = {"first_at": from_micros(stamps.min()), "last_at": from_micros(stamps.max())}
    put: dict[str, Any] = {
        "stream": stream,
        "seq": seq,
        **span,
        "count": table.num_rows,
        "digest": digest_put(table),
        "received_at": rows[0].recorded_at,
        "recorded_at": _known_at(connection, [row.id for row in rows]) or rows[0].recorded_at,
    }
    key: Any = connection.execute(insert(sample_put).values(put)).inserted_primary_key
    hot = {"put_id": int(key[0]), **span, "count": table.num_rows, "frame": pack(table), "files": None}
    connection.execute(insert(sample_hot).values(hot))
    connection.execute(delete(sample_frame).where(mine))
    begins = tag_latest.c.first_at
    for tag_id, first in zip(*_firsts(table), strict=True):
        earlier = begins.is_(None) | (begins > from_micros(first))
        connection.execute(
            tag_latest.update()
            .where(tag_latest.c.tag_id == tag_id, earlier)
            .values(first_at=from_micros(first))
        )


def _known_at(connection: Connection, frame_ids: list[int]) -> datetime | None:
    e = audit_event.c
    query = select(e.recorded_at).where(e.entity_type == sample_frame.name, e.action == "insert")
    return min(
        (row.recorded_at for row in select_in(connection, query, e.entity_id, frame_ids)), default=None
    )


def _with_tag(table: pa.Table, tag_id: int) -> pa.Table:
    tags = pa.repeat(pa.scalar(tag_id, pa.int64()), table.num_rows)
    return table.add_column(0, "tag_id", tags).cast(STORED_SCHEMA)


def _firsts(table: pa.Table) -> tuple[list[int], list[int]]:
    tags, stamps = longs(table, "tag_id").tolist(), longs(table, "ts").tolist()
    found: dict[int, int] = {}
    for tag, stamp in zip(tags, stamps, strict=True):
        found.setdefault(tag, stamp)
    return list(found), list(found.values())
