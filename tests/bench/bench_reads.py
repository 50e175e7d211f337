"""Reads that are worked out: statistics of phases and grids, against reading alone, DuckDB and PostgreSQL.

`PLANTWIDE_BENCH_READS` multiplies the number of batches (20 by default).
"""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet
import pytest
from sqlalchemy.engine import make_url

from hub.insight.courses import to_micros
from hub.insight.grid import make_grid
from hub.insight.reads import Wanted, read_executed, read_grid
from hub.model import SAMPLE_SCHEMA
from hub.resolve.context import place_batches
from hub.store.answers.tag_kinds import read_kinds
from hub.store.database import Connection, Database
from hub.store.lake.folding import fold
from hub.store.lake.turn import taken_turn
from hub.store.samples import put_samples, read_samples
from tests.api.factories import add_fact, add_record, add_system, add_thing
from tests.bench.ruler import Row, judge, seconds_side_by_side
from tests.bench.stores import embedded
from tests.databases import fresh_postgres

BATCHES = int(20 * float(os.environ.get("PLANTWIDE_BENCH_READS", "1")))
PHASES, TAGS, SAMPLES = 20, 50, 75
START = datetime(2026, 1, 1, tzinfo=UTC)
PHASE = timedelta(minutes=15)
STATISTICS = ("count", "mean", "min", "max", "time_mean")
_ASOF = """SELECT p.id, s.tag, count(*), avg(s.value), min(s.value), max(s.value)
FROM samples s ASOF JOIN phases p ON s.ts >= p.start
WHERE s.ts < p."end" GROUP BY ALL"""
_LAST = """SELECT tag, date_bin('1 minute', ts, 'epoch'), (array_agg(value ORDER BY ts DESC))[1]
FROM sample WHERE ts >= %s AND ts < %s GROUP BY 1, 2"""


def make_batch(number: int, rng: np.random.Generator) -> pa.Table:
    """Give the samples of all tags over one batch, at irregular instants."""
    each = PHASES * SAMPLES
    begin = to_micros(START + PHASE * PHASES * number)
    step = PHASE * PHASES / each // timedelta(microseconds=1)
    stamps = np.tile(begin + np.arange(each) * step, TAGS) + rng.integers(0, step, each * TAGS)
    return pa.table(
        {
            "tag": pa.array(np.repeat([f"T{tag:02}" for tag in range(TAGS)], each)),
            "ts": pa.array(stamps, pa.timestamp("us", tz="UTC")),
            "value": pa.array(np.round(37 + rng.standard_normal(each * TAGS) / 10, 3)),
            "text": pa.nulls(each * TAGS, pa.string()),
            "quality": pa.array(np.zeros(each * TAGS, np.uint32)),
        },
        schema=SAMPLE_SCHEMA,
    )


def fill(database: Database, folder: Path) -> tuple[list[int], dict[str, int]]:
    """Put batches with phases and samples into a store, folded, and beside it as one sorted Parquet file."""
    rng = np.random.default_rng(7)
    with database.begin("test") as connection:
        system = add_system(connection)
        said = {"system": system, "record": add_record(connection, system)}
        unit = add_thing(connection, "equipment", "R1", level="Unit")
        tags = {
            f"T{n:02}": add_thing(connection, "tag", f"T{n:02}", equipment_id=unit, property=f"p{n}")
            for n in range(TAGS)
        }
        begins = [START + PHASE * PHASES * number for number in range(BATCHES)]
        batches = [run_batch(connection, begin, PHASE, equipment_id=unit, **said) for begin in begins]
    parts: list[pa.Table] = []
    for number in range(BATCHES):
        table = make_batch(number, rng)
        parts.append(table)
        with database.begin("test") as connection:
            put_samples(connection, "bench", number, table, tags, now=START)
    with taken_turn(database, owner="bench", clock=lambda: datetime.now(UTC)) as turn:
        assert turn is not None
        fold(turn)
    whole = pa.concat_tables(parts).sort_by([("tag", "ascending"), ("ts", "ascending")])
    parquet: Any = pyarrow.parquet
    parquet.write_table(whole.select(["tag", "ts", "value"]), folder / "samples.parquet", compression="zstd")
    return batches, tags


def run_batch(connection: Connection, begin: datetime, phase: timedelta, **place: int) -> int:
    """Say that a batch ran its phases one after another, each so long; give the batch."""
    batch = add_thing(connection, "batch", f"B {begin:%Y-%m-%d %H:%M}", kind="batch")
    told: dict[str, Any] = {"batch_id": batch, "level": "phase", "occurrence": 1, **place}
    for number in range(PHASES):
        start = begin + phase * number
        times: dict[str, Any] = {"actual_start": start, "actual_end": start + phase}
        add_fact(connection, "segment_response", name=f"P{number}", **told, **times)
    return batch


def bench_phase_statistics(folder: Path) -> Iterator[Row]:
    """Statistics of every phase of every batch and tag, against reading the samples and DuckDB's ASOF join."""
    with embedded(folder / "store") as database:
        batches, tags = fill(database, folder)

        def compute() -> Any:
            with database.read() as connection:
                context = place_batches(connection, batches, now=datetime.now(UTC))
                return read_executed(connection, context, context.reached, wanted=Wanted(STATISTICS))

        def decode() -> int:
            with database.read() as connection:
                span = PHASE * PHASES
                spans = [(START + span * n, START + span * (n + 1)) for n in range(BATCHES)]
                return sum(read_samples(connection, list(tags.values()), *one).num_rows for one in spans)

        starts = [START + PHASE * number for number in range(BATCHES * PHASES)]
        peer = asof_join(folder / "samples.parquet", starts, PHASE)
        assert decode() == BATCHES * PHASES * SAMPLES * TAGS
        ours = compute().filter(pa.compute.field("level") == "phase")  # type: ignore[attr-defined]
        assert ours.num_rows == peer().num_rows == BATCHES * PHASES * TAGS
        means = sorted(round(value, 6) for value in ours["mean"].to_pylist())
        assert means == pytest.approx(
            sorted(round(value, 6) for value in peer().column(3).to_pylist()), abs=1e-6
        )
        mine, reading = seconds_side_by_side(compute, decode, runs=3)
        name = f"statistics of {ours.num_rows:,} phases and tags"
        yield judge(f"reading alone, of {name}", reading, "s", against=mine, at_least=0.6)
        mine, theirs = seconds_side_by_side(compute, peer, runs=3)
        yield judge(f"{name} (DuckDB ASOF)", mine, "s", against=theirs, at_most=0.15)


def asof_join(
    file: Path, starts: list[datetime], phase: timedelta, *, until: str | None = None
) -> Callable[[], Any]:
    """Give the question as DuckDB answers it, of phases of one length, over one sorted Parquet file.

    `until` is the name of the last tag that is asked for, if not all are.
    """
    phases = pa.table({"id": list(range(len(starts))), "start": starts, "end": [at + phase for at in starts]})
    connection = duckdb.connect()
    connection.register("phases", phases)
    samples = connection.read_parquet(str(file))
    (samples if until is None else samples.filter(f"tag <= '{until}'")).create_view("samples")
    return lambda: connection.sql(_ASOF).to_arrow_table()


def bench_grid(folder: Path) -> Iterator[Row]:
    """All tags at every minute of all batches, against PostgreSQL's last value of each minute."""
    server = os.environ.get("PLANTWIDE_TEST_POSTGRES")
    with embedded(folder / "store") as database:
        _, tags = fill(database, folder)
        end = START + PHASE * PHASES * BATCHES
        grid = make_grid(to_micros(START), to_micros(end), 60_000_000)

        def compute() -> Any:
            with database.read() as connection:
                kinds = list(read_kinds(connection, tags.values()).values())
                return read_grid(connection, kinds, grid, method="stepped")

        name = f"{len(tags)} tags at {len(grid):,} minutes"
        if not server:
            mine, _ = seconds_side_by_side(compute, compute, runs=2)
            yield judge(name, mine, "s")
            return
        with fresh_postgres(make_url(server)) as url:
            plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
            with psycopg.connect(plain, autocommit=True) as peer:
                load(peer, folder / "samples.parquet")

                def ask() -> Any:
                    return peer.execute(_LAST, (START, end)).fetchall()

                mine, theirs = seconds_side_by_side(compute, ask, runs=3)
        yield judge(f"{name} (PostgreSQL)", mine, "s", against=theirs, at_most=0.25)


def load(peer: psycopg.Connection[Any], file: Path) -> None:
    """Put the samples into a table with its primary key."""
    parquet: Any = pyarrow.parquet
    table = parquet.read_table(file)
    peer.execute("CREATE TABLE sample (tag text, ts timestamptz, value float8)")
    with peer.cursor().copy("COPY sample FROM STDIN") as copy:
        for row in zip(*(table[name].to_pylist() for name in ("tag", "ts", "value")), strict=True):
            copy.write_row(row)
    peer.execute("ALTER TABLE sample ADD PRIMARY KEY (tag, ts)")
    peer.execute("ANALYZE sample")
