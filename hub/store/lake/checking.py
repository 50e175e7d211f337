"""Checking: every sample that was put is in the frames or runs, and says what it said when it was put."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from sqlalchemy import select

from hub.store.database import Database
from hub.store.lake.frames import STORED_SCHEMA, as_run, digest_put, unpack
from hub.store.lake.periods import to_micros
from hub.store.lake.place import LakeUnreachable, TableName
from hub.store.lake.reading import read_whole
from hub.store.lake.runs import RUN_SCHEMA, Run, keep, longs, merge, order, take
from hub.store.lake.state import LakeState, read_lake
from hub.store.lake.table import overlapping
from hub.store.tables import sample_hot, sample_put

_ROWS = 5_000_000


@dataclass
class Report:
    """What was checked, and what is wrong: each fault names what, where, and what to do."""

    puts: int = 0
    samples: int = 0
    runs: int = 0
    faults: list[str] = field(default_factory=list[str])


def verify(database: Database) -> Report:
    """Check that runs are sorted and whole, and each put's samples against its count and digest."""
    report = Report()
    with database.read() as connection:
        state = read_lake(connection)
    tables: list[tuple[TableName, int]] = [("live", state.live), ("superseded", state.superseded)]
    runs: list[tuple[TableName, Run]] = [
        (table, run) for table, version in tables for run in _runs(database, table, version, report=report)
    ]
    sound = [one for one in runs if _check_run(database, *one, report=report)]
    for puts in _puts(database, state):
        _check_puts(database, puts, sound, report=report)
    return report


def _runs(database: Database, table: TableName, version: int, *, report: Report) -> Sequence[Run]:
    if version < 0:
        return ()
    try:
        return database.cellar.lake.snapshot(table, version).runs
    except LakeUnreachable as error:
        report.faults.append(str(error))
        return ()


def _check_run(database: Database, table: TableName, run: Run, *, report: Report) -> bool:
    where = f"{database.cellar.lake.place.url(table)}/{run.path}"
    report.runs += 1
    try:
        rows = read_whole(database.cellar.lake.place, table, run)
    except LakeUnreachable as error:
        report.faults.append(f"{error}; give it back from a copy")
        return False
    if rows.num_rows != run.rows:
        report.faults.append(f"{where} has {rows.num_rows} samples, its table says {run.rows}")
        return False
    found = order(longs(rows, "tag_id"), longs(rows, "ts"), longs(rows, "put"))
    if found is not None and not (found[1:] > found[:-1]).all():
        report.faults.append(f"{where} is not sorted; run `plantwide samples compact --all`")
    return True


@dataclass(frozen=True)
class _Put:
    id: int
    name: str
    first: int
    last: int
    count: int
    digest: str


def _puts(database: Database, state: LakeState) -> Iterator[list[_Put]]:
    """Give puts in their order, so many samples at a time; but for those whose samples were let go."""
    c = sample_put.c
    some: list[_Put] = []
    total = 0
    last = 0
    while True:
        with database.read() as connection:
            rows = connection.execute(
                select(c.id, c.stream, c.seq, c.first_at, c.last_at, c["count"].label("rows"), c.digest)
                .where(c.id > last)
                .order_by(c.id)
                .limit(1000)
            ).all()
        for row in rows:
            last = row.id
            if state.retained_from is not None and row.first_at < state.retained_from:
                continue
            first_at, last_at = to_micros(row.first_at), to_micros(row.last_at)
            some.append(_Put(row.id, f"{row.stream} {row.seq}", first_at, last_at, row.rows, row.digest))
            total += row.rows
            if total >= _ROWS:
                yield some
                some, total = [], 0
        if not rows:
            break
    if some:
        yield some


def _check_puts(
    database: Database, puts: Sequence[_Put], runs: Sequence[tuple[TableName, Run]], *, report: Report
) -> None:
    """Gather the samples of some puts from wherever they lie now, and judge each put."""
    low, high = puts[0].id, puts[-1].id
    start, end = min(p.first for p in puts), max(p.last for p in puts) + 1
    parts = [RUN_SCHEMA.empty_table()]
    for table, run in runs:
        if overlapping([run], start, end):
            rows = read_whole(database.cellar.lake.place, table, run)
            number = longs(rows, "put")
            parts.append(keep(rows, (number >= low) & (number <= high)).cast(RUN_SCHEMA))
    parts += _hot(database, low, high)
    joined = merge(parts)
    number = longs(joined, "put")
    order_ = np.argsort(number, kind="stable")
    joined, number = take(joined, order_), number[order_]
    for put in puts:
        one, other = np.searchsorted(number, [put.id, put.id + 1])
        mine = _once(joined.slice(int(one), int(other - one)))
        report.puts += 1
        report.samples += mine.num_rows
        if mine.num_rows != put.count:
            report.faults.append(
                f"put {put.id} ({put.name}) had {put.count} samples, {mine.num_rows} are there; restore them "
                "from a copy, or read that time from the source again"
            )
        elif digest_put(mine.select(STORED_SCHEMA.names).cast(STORED_SCHEMA)) != put.digest:
            report.faults.append(f"put {put.id} ({put.name}): its samples are not those that were put")


def _hot(database: Database, low: int, high: int) -> list[pa.Table]:
    c = sample_hot.c
    parts: list[pa.Table] = []
    with database.read() as connection:
        mark = read_lake(connection).watermark
        query = select(c.put_id, c.frame, c.files).where(c.put_id > mark, c.put_id >= low, c.put_id <= high)
        for put_id, frame, files in connection.execute(query):
            if files:
                place = database.cellar.lake.place
                parts += [read_whole(place, "live", Run(**run)).cast(RUN_SCHEMA) for run in files]
            else:
                parts.append(as_run(unpack(frame), put_id).cast(RUN_SCHEMA))
    return parts


def _once(rows: pa.Table) -> pa.Table:
    """Leave out what a compaction that was cut short has kept twice."""
    if rows.num_rows < 2:
        return rows
    tags, stamps = longs(rows, "tag_id"), longs(rows, "ts")
    same = (tags[1:] == tags[:-1]) & (stamps[1:] == stamps[:-1])
    return keep(rows, np.concatenate(([True], ~same))) if same.any() else rows
