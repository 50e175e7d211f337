"""The sample store with history in it: filled, folded, compacted, and asked what plants ask.

Wall time on a busy machine says little, so that ratios in one run stand where there is something to stand
against; else processor time is named beside it.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, select
from sqlalchemy.engine import make_url

from hub.insight.reads import read_grid
from hub.store.answers.tag_kinds import read_kinds
from hub.store.answers.tags import list_latest
from hub.store.answers.trend import read_trend
from hub.store.database import Database
from hub.store.identifiers import ensure_tags
from hub.store.lake.compaction import compact
from hub.store.lake.folding import fold
from hub.store.lake.frames import arrange, as_run
from hub.store.lake.hours import read_hours
from hub.store.lake.periods import to_micros
from hub.store.lake.runs import RUN_SCHEMA, longs
from hub.store.lake.survey import survey
from hub.store.lake.turn import taken_turn
from hub.store.samples import put_samples, read_samples, scan_samples
from hub.store.tables import ENTITY_TABLES
from tests.bench.bench_samples import make_samples
from tests.bench.historian import BEGIN, FAST, days, make_windows, names, wanted_samples
from tests.bench.laboratory import NOW
from tests.bench.ruler import Row, judge, seconds, seconds_side_by_side
from tests.bench.stores import embedded
from tests.databases import fresh_postgres

_COPIED = 2_000_000
"""So many samples go to PostgreSQL for comparison."""
_MINUTE = 60_000_000
_EACH_MINUTE = """SELECT count(*) FROM (
    SELECT DISTINCT ON (tag_id, date_bin('1 minute', ts, %(start)s)) tag_id, ts, value
    FROM sample WHERE ts >= %(start)s AND ts < %(end)s
    ORDER BY tag_id, date_bin('1 minute', ts, %(start)s), ts DESC
) AS minutes"""
"""What PostgreSQL is asked: the last sample of each tag and minute that has one, counted, not sent."""


def clock() -> datetime:
    return NOW


def tend(database: Database, *, runs: int = 2) -> None:
    """Fold and compact all."""
    with taken_turn(database, owner="bench", clock=clock) as turn:
        assert turn is not None
        fold(turn)
        compact(turn, runs=runs)


def known_tags(database: Database, listed: list[str]) -> dict[str, int]:
    with database.begin("test") as connection:
        return ensure_tags(connection, "bench", listed, now=NOW)


def bench_history(folder: Path) -> Iterator[Row]:
    """Fill a store with a historian's past, then ask it; PostgreSQL beside it when there is one."""
    samples = wanted_samples()
    label = f"{samples / 1e6:g} M"
    with embedded(folder) as database:
        tags = known_tags(database, names())
        with taken_turn(database, owner="bench", clock=clock) as turn:
            assert turn is not None
            fold(turn)  # makes the tables
        yield from _fill(database, tags, samples, folder, label)
        yield from _ask(database, tags, samples, label)


def _fill(database: Database, tags: dict[str, int], samples: int, folder: Path, label: str) -> Iterator[Row]:
    ours = raw = 0.0
    cpu = rows = 0
    copied: list[pa.Table] = []
    for seq, table in enumerate(make_windows(samples), start=1):
        began, used = time.perf_counter(), time.process_time()
        with database.begin("test") as connection:
            rows += put_samples(connection, "bench/backfill", seq, table, tags, now=NOW)
        ours += time.perf_counter() - began
        cpu += time.process_time() - used
        run = as_run(arrange(table, tags), 1).cast(RUN_SCHEMA)
        began = time.perf_counter()
        pq.write_table(run, folder / "raw.parquet", compression="zstd")
        raw += time.perf_counter() - began
        if sum(t.num_rows for t in copied) < _COPIED:
            copied.append(run)
    began, used = time.perf_counter(), time.process_time()
    tend(database)
    tending = time.perf_counter() - began
    cpu_tending = time.process_time() - used
    yield judge(f"back-fill, {label}", rows / ours, "rows/s", against=rows / raw, at_least=0.4)
    yield judge(f"back-fill, {label}, processor", cpu / rows * 1e6, "µs/row")
    yield judge(f"fold, compact and roll up after it, {label}", rows / tending, "rows/s")
    yield judge(f"the same, {label}, processor", cpu_tending / rows * 1e6, "µs/row")
    held = survey(database)
    yield judge(f"bytes a sample, {label}", held.live_bytes / held.cold, "B", at_most=5.0)
    both = (held.live_bytes + held.hourly_bytes) / held.cold
    yield judge(f"bytes a sample with roll-up, {label}", both, "B", at_most=6.0)
    server = os.environ.get("PLANTWIDE_TEST_POSTGRES")
    if server:
        rate, size = _copy(server, pa.concat_tables(copied).slice(0, _COPIED))
        yield judge(
            f"back-fill against COPY, {label}", rows / (ours + tending), "rows/s", against=rate, at_least=8
        )
        yield judge("bytes a sample, PostgreSQL with its key", size, "B")


def _copy(server: str, table: pa.Table) -> tuple[float, float]:
    """COPY samples into a table with their primary key; give rows a second and bytes a row."""
    with fresh_postgres(make_url(server)) as url, psycopg.connect(url.replace("+psycopg", "")) as connection:
        rate = table.num_rows / _copy_into(connection, table)
        size: Any = connection.execute("SELECT pg_total_relation_size('sample')").fetchone()
        return rate, size[0] / table.num_rows


def _copy_into(connection: psycopg.Connection[Any], table: pa.Table) -> float:
    """COPY samples into a new table with their primary key; give the seconds that it took."""
    connection.execute(
        "CREATE TABLE sample (tag_id bigint, ts timestamptz, value float8, text text, quality bigint, "
        "PRIMARY KEY (tag_id, ts))"
    )
    connection.commit()
    columns = [table[name].to_pylist() for name in ("tag_id", "ts", "value", "text", "quality")]
    rows = list(zip(*columns, strict=True))
    began = time.perf_counter()
    with connection.cursor().copy("COPY sample FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int8", "timestamptz", "float8", "text", "int8"])
        for row in rows:
            copy.write_row(row)
    connection.commit()
    return time.perf_counter() - began


def _timed(action: Callable[[], object], runs: int = 7) -> tuple[float, float]:
    """Give milliseconds of wall and of processor time."""
    used = time.process_time()
    wall = seconds(action, runs=runs)
    return wall * 1e3, (time.process_time() - used) / (runs + 1) * 1e3


def _ask(database: Database, tags: dict[str, int], samples: int, label: str) -> Iterator[Row]:
    last = days(samples)
    middle = BEGIN + timedelta(days=last // 2)
    day = timedelta(days=1)
    every = list(tags.values())
    with database.read() as connection:

        def tag_day() -> int:
            return read_samples(connection, [tags["T003"]], middle, middle + day).num_rows

        wall, cpu = _timed(tag_day, 15)
        yield judge(f"one tag, one day, {label}", wall, "ms", at_most=4)
        yield judge(f"one tag, one day, {label}, processor", cpu, "ms")
        span = min(14, last)

        yield from _compare_grids(connection, every[1:201], span, label)

        def trend() -> int:
            span = BEGIN, BEGIN + timedelta(days=last)
            return read_hours(connection, [tags[FAST]], *span, columns=("min", "max"))[0].num_rows

        wall, cpu = _timed(trend, 7)
        yield judge(f"trend of the 1 Hz tag over {last} days, {label}", wall, "ms", at_most=10)
        yield judge(f"the same, {label}, processor", cpu, "ms")
        window = BEGIN, BEGIN + timedelta(days=last)
        wall, cpu = _timed(lambda: read_trend(connection, tags[FAST], window, points=1_000), 7)
        yield judge(f"the same thinned to 1,000 points as the API does, {label}", wall, "ms")
        yield judge(f"that, {label}, processor", cpu, "ms")
        spans = _phases(last)
        chosen = every[10:60]
        hull = [(spans[0][0], spans[-1][1])]
        ours, limit = seconds_side_by_side(
            lambda: _statistics(connection, chosen, spans),
            lambda: [p.num_rows for p in scan_samples(connection, chosen, hull, columns=("value",))],
            runs=3,
        )
        yield judge(f"statistics of 2,000 phases, 50 tags, {label}", limit, "s", against=ours, at_least=0.6)
        thing = ENTITY_TABLES["tag"]
        uids = list(connection.scalars(select(thing.c.uid).where(thing.c.id.in_(every))))
        assert len(list_latest(connection, uids)) == len(every)
        wall, _ = _timed(lambda: list_latest(connection, uids), 15)
        yield judge("last values of 500 tags", wall, "ms", at_most=1)


def _compare_grids(connection: Connection, tags: list[int], days: int, label: str) -> Iterator[Row]:
    """The last observation of each minute as the API gives it; the same rows in PostgreSQL beside it."""
    found = read_kinds(connection, tags)
    kinds, until = list(found.values()), BEGIN + timedelta(days=days)
    instants = np.arange(to_micros(BEGIN), to_micros(until), _MINUTE)

    def grid() -> pa.Table:
        return read_grid(connection, kinds, instants, method="stepped")

    wall, cpu = _timed(grid, 3)
    name = f"200 tags, {days} days, last observation each minute, {label}"
    yield judge(name, wall, "ms")
    yield judge(f"the same, {label}, processor", cpu, "ms")
    server = os.environ.get("PLANTWIDE_TEST_POSTGRES")
    if not server:
        return
    with fresh_postgres(make_url(server)) as url, psycopg.connect(url.replace("+psycopg", "")) as peer:
        _copy_into(peer, read_samples(connection, tags, BEGIN, until))
        peer.execute("ANALYZE sample")
        ours, theirs = seconds_side_by_side(
            grid, lambda: peer.execute(_EACH_MINUTE, {"start": BEGIN, "end": until}).fetchone(), runs=3
        )
    yield judge(f"{name}, against PostgreSQL", ours * 1e3, "ms", against=theirs * 1e3, at_most=0.25)


def _phases(last: int) -> list[tuple[datetime, datetime]]:
    """Give 2,000 phases one after another over all days."""
    step = timedelta(days=last) / 2_000
    return [(BEGIN + step * at, BEGIN + step * (at + 1)) for at in range(2_000)]


def _statistics(connection: Any, tags: list[int], spans: list[tuple[datetime, datetime]]) -> int:
    """Count, mean, least and greatest of each tag in each phase."""
    edges = np.array([to_micros(start) for start, _ in spans] + [to_micros(spans[-1][1])])
    groups = 0
    for piece in scan_samples(connection, tags, [(spans[0][0], spans[-1][1])], columns=("value",)):
        there, stamps = longs(piece, "tag_id"), longs(piece, "ts")
        values = piece["value"].combine_chunks().to_numpy(zero_copy_only=False)
        phase = np.searchsorted(edges, stamps, "right")
        fresh = np.flatnonzero(
            np.concatenate(([True], (there[1:] != there[:-1]) | (phase[1:] != phase[:-1])))
        )
        np.add.reduceat(values, fresh)
        np.minimum.reduceat(values, fresh)
        np.maximum.reduceat(values, fresh)
        groups += len(fresh)
    return groups


def bench_sustained(folder: Path) -> Iterator[Row]:
    """Puts of 10,000 samples with folds, compactions and reads between them, all in: one core."""
    puts = 300
    tables = [make_samples(number) for number in range(puts)]
    with embedded(folder) as database:
        tags = known_tags(database, [f"T{tag}" for tag in range(50)])
        began, used = time.perf_counter(), time.process_time()
        for seq, table in enumerate(tables, start=1):
            with database.begin("test") as connection:
                put_samples(connection, "bench/live", seq, table, tags, now=NOW)
            if seq % 100 == 0:
                with taken_turn(database, owner="bench", clock=clock) as turn:
                    assert turn is not None
                    fold(turn)
                    compact(turn, runs=3)
            if seq % 20 == 0:
                with database.read() as connection:
                    read_samples(connection, [tags["T7"]], NOW, NOW + timedelta(hours=1))
        wall, cpu = time.perf_counter() - began, time.process_time() - used
        rows = sum(table.num_rows for table in tables)
        yield judge("sustained, all in", rows / wall, "rows/s", at_least=0.7e6)
        yield judge("sustained, all in, processor", cpu / rows * 1e6, "µs/row", at_most=1.0)
        began = time.perf_counter()
        with database.begin("test") as connection:
            put_samples(connection, "bench/again", 1, tables[0], tags, now=NOW)
        tend(database)
        yield judge("told again by another stream, compacted", time.perf_counter() - began, "s")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
