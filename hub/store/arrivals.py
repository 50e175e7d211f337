"""What samples came, in the order in which they became visible: which tags and times, never the values.

A row is written in the transaction of the put. On PostgreSQL puts take turns from here to their commit, so
that whoever has seen a number has seen all smaller ones; else a row of a slow transaction could appear behind
a reader's back. Rows are let go after some days: they are news, not a record.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, delete, func, select
from sqlalchemy import text as sql

from hub.store.bulk import insert_row
from hub.store.locks import ARRIVALS
from hub.store.tables import sample_arrival

NEWS_KEPT = timedelta(days=3)
"""How long arrivals of samples are remembered: whoever follows them can take them up again for so long."""
_COLUMNS = 4
Spans = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Arrival:
    """A put: a row a tag with its key, the first and last time (µs), and how many samples.

    An erasure arrives too, with 0 samples: whoever has read that time reads it anew.
    """

    id: int
    recorded_at: datetime
    spans: Spans


def note_arrival(connection: Connection, spans: Spans, *, now: datetime) -> None:
    """Note that samples came: a row a tag with its key, first and last time (µs) and number, by tag."""
    if not len(spans):
        return
    if connection.dialect.name == "postgresql":
        connection.execute(sql("SELECT pg_advisory_xact_lock(:key)"), {"key": ARRIVALS})
    packed: Any = pa.compress(np.ascontiguousarray(spans.T).tobytes(), codec="zstd", asbytes=True)
    insert_row(connection, sample_arrival, {"tags": len(spans), "spans": packed, "recorded_at": now})


def read_arrivals(connection: Connection, after: int, *, limit: int) -> list[Arrival]:
    """Give the arrivals after a number, the oldest first."""
    c = sample_arrival.c
    query = select(c.id, c.recorded_at, c.tags, c.spans).where(c.id > after).order_by(c.id).limit(limit)
    return [
        Arrival(row.id, row.recorded_at, _unpack(row.spans, row.tags)) for row in connection.execute(query)
    ]


def arrival_bounds(connection: Connection) -> tuple[int, int]:
    """Give the numbers of the oldest and the newest arrival that are kept; (0, 0) when there is none."""
    oldest, newest = connection.execute(
        select(func.min(sample_arrival.c.id), func.max(sample_arrival.c.id))
    ).one()
    return int(oldest or 0), int(newest or 0)


def forget_arrivals(connection: Connection, before: datetime) -> int:
    """Let go of what came before an instant; give how many rows.

    The newest row always stays, so that numbers go on.
    """
    return connection.execute(delete(sample_arrival).where(*_old(before))).rowcount


def has_old_arrivals(connection: Connection, before: datetime) -> bool:
    """Tell whether there is anything to let go of."""
    return connection.execute(select(sample_arrival.c.id).where(*_old(before)).limit(1)).first() is not None


def _old(before: datetime) -> tuple[ColumnElement[bool], ...]:
    newest = select(func.max(sample_arrival.c.id)).scalar_subquery()
    return sample_arrival.c.recorded_at < before, sample_arrival.c.id < newest


def _unpack(packed: bytes, tags: int) -> Spans:
    raw: Any = pa.decompress(packed, decompressed_size=tags * _COLUMNS * 8, codec="zstd", asbytes=True)
    return np.frombuffer(raw, dtype=np.int64).reshape(_COLUMNS, tags).T
