"""Samples that an earlier version had stored are there after the upgrade, and were known when they were known."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
from sqlalchemy import column, func, insert, select, table

from hub.store.database import Database
from hub.store.lake.folding import fold
from hub.store.lake.frames import pack
from hub.store.lake.turn import taken_turn
from hub.store.samples import read_samples, sample_span
from hub.store.tables import sample_frame, sample_put, tag_latest
from hub.store.tables.parts import UtcDateTime
from hub.store.upgrade import ensure_current, upgrade

AT = datetime(2026, 3, 10, 8, tzinfo=UTC)


def seconds(count: float) -> datetime:
    return AT + timedelta(seconds=count)


def frame(values: list[float]) -> bytes:
    count = len(values)
    return pack(
        pa.table(
            {
                "ts": pa.array([seconds(at) for at in range(count)], pa.timestamp("us", tz="UTC")),
                "value": pa.array(values),
                "text": pa.nulls(count, pa.string()),
                "quality": pa.array([0] * count, pa.uint32()),
            }
        )
    )


def put_as_before(database: Database, seq: int, frames: dict[int, list[float]]) -> datetime:
    """Write frames as the version before did: one a tag and put."""
    now = seconds(100 * seq)
    with database.begin("test", at=now) as connection:
        for tag_id, values in frames.items():
            connection.execute(
                insert(sample_frame).values(
                    stream="pi/samples",
                    seq=seq,
                    tag_id=tag_id,
                    first_at=AT,
                    last_at=seconds(len(values) - 1),
                    count=len(values),
                    frame=frame(values),
                    recorded_at=now,
                )
            )
    return now


def test_frames_of_before_become_puts_with_their_place_in_time(empty: Database) -> None:
    upgrade(empty, "0010")
    with empty.begin("test", at=AT) as connection:
        tag = table(
            "tag",
            *(column(n) for n in ("id", "uid", "code", "lifecycle")),
            column("recorded_at", UtcDateTime()),
        )
        for key in (1, 2):
            row = {"id": key, "uid": f"u{key}", "code": f"T{key}", "lifecycle": "active", "recorded_at": AT}
            connection.execute(insert(tag).values(row))
            last = table(
                "tag_latest",
                *(column(n) for n in ("tag_id", "value", "quality")),
                column("ts", UtcDateTime()),
            )
            connection.execute(insert(last).values(tag_id=key, value=3.0, quality=0, ts=seconds(2)))
    then = put_as_before(empty, 1, {1: [1.0, 2.0, 3.0], 2: [5.0]})
    put_as_before(empty, 2, {1: [1.0, 9.0]})
    assert ensure_current(empty) == []
    for _ in range(2):
        with empty.read() as connection:
            assert connection.scalar(select(func.count()).select_from(sample_frame)) == 0
            assert connection.scalars(select(sample_put.c["count"]).order_by(sample_put.c.id)).all() == [4, 2]
            found = read_samples(connection, [1, 2], AT, seconds(10))
            assert found["value"].to_pylist() == [1.0, 9.0, 3.0, 5.0]
            assert sample_span(connection, [1]) == (AT, seconds(2))
            assert connection.scalars(select(tag_latest.c.first_at)).all() == [AT, AT]
        with empty.read(as_known_at=then) as connection:
            found = read_samples(connection, [1, 2], AT, seconds(10))
            assert found["value"].to_pylist() == [1.0, 2.0, 3.0, 5.0]
        if not empty.cellar.has_place:
            break
        with taken_turn(empty, owner="test", clock=lambda: AT) as turn:
            assert turn is not None
            fold(turn)
