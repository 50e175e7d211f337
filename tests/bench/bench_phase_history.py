"""Statistics of the phases of a year's batches out of a historian's whole past, against DuckDB's ASOF join.

Runs only when `PLANTWIDE_BENCH_SAMPLES` says how many samples the past has (77000000 are a year of 500 tags).
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet

from hub.insight.reads import Wanted, read_executed
from hub.resolve.context import place_batches
from hub.store.database import Database
from hub.store.lake.compaction import compact
from hub.store.lake.folding import fold
from hub.store.lake.turn import taken_turn
from hub.store.samples import put_samples, scan_samples
from tests.api.factories import add_record, add_system, add_thing
from tests.bench.bench_reads import PHASES, STATISTICS, TAGS, asof_join, run_batch
from tests.bench.historian import BEGIN, days, make_windows, names, wanted_samples
from tests.bench.laboratory import NOW
from tests.bench.ruler import Row, judge, seconds_side_by_side
from tests.bench.stores import embedded

BATCHES = 100
_RUNS = 0.8
"""The part of the time in which a batch runs."""
_SORTED = """COPY (SELECT tag, ts, value FROM read_parquet($files) ORDER BY tag, ts)
TO '{file}' (FORMAT parquet, COMPRESSION zstd)"""


def bench_phase_history(folder: Path) -> Iterator[Row]:
    """100 batches of 20 phases over the whole past, 50 of 500 tags, that at 1 Hz among them."""
    if "PLANTWIDE_BENCH_SAMPLES" not in os.environ:
        return
    samples = wanted_samples()
    each = timedelta(days=days(samples)) / BATCHES
    phase = each * _RUNS / PHASES
    begins = [BEGIN + each * number for number in range(BATCHES)]
    with embedded(folder / "store") as database:
        batches, tags = fill(database, folder, samples, (begins, phase))

        def compute() -> Any:
            with database.read() as connection:
                context = place_batches(connection, batches, now=datetime.now(UTC))
                return read_executed(connection, context, context.reached, wanted=Wanted(STATISTICS))

        def decode() -> int:
            with database.read() as connection:
                spans = [(begin, begin + phase * PHASES) for begin in begins]
                return sum(part.num_rows for part in scan_samples(connection, tags, spans))

        starts = [begin + phase * number for begin in begins for number in range(PHASES)]
        peer = asof_join(folder / "samples.parquet", starts, phase, until=names()[TAGS - 1])
        ours = compute().filter(pyarrow.compute.field("level") == "phase")  # type: ignore[attr-defined]
        assert ours.num_rows == BATCHES * PHASES * TAGS
        counted = decode()
        assert ours["count"].to_numpy().sum() == peer().column(2).to_numpy().sum() == counted
        name = f"statistics of {ours.num_rows:,} phases and tags, {counted:,} of {samples / 1e6:g} M samples"
        mine, reading = seconds_side_by_side(compute, decode, runs=3)
        yield judge(f"reading alone, of {name}", reading, "s", against=mine, at_least=0.6)
        mine, theirs = seconds_side_by_side(compute, peer, runs=3)
        yield judge(f"{name} (DuckDB ASOF)", mine, "s", against=theirs, at_most=0.15)


def fill(
    database: Database, folder: Path, samples: int, ran: tuple[list[datetime], timedelta]
) -> tuple[list[int], list[int]]:
    """Put the past into a store and beside it, sorted, into one file; give batches and the tags of their unit.

    `ran` says when batches began and how long a phase of theirs takes.
    """
    with database.begin("test") as connection:
        system = add_system(connection)
        said = {"system": system, "record": add_record(connection, system)}
        unit = add_thing(connection, "equipment", "R1", level="Unit")
        begins, phase = ran
        batches = [run_batch(connection, begin, phase, equipment_id=unit, **said) for begin in begins]
        tags = {
            name: add_thing(connection, "tag", name, equipment_id=unit if number < TAGS else None)
            for number, name in enumerate(names())
        }
    parquet: Any = pyarrow.parquet
    files: list[str] = []
    for seq, table in enumerate(make_windows(samples), start=1):
        with database.begin("test") as connection:
            put_samples(connection, "bench/backfill", seq, table, tags, now=NOW)
        files.append(str(folder / f"{seq}.parquet"))
        parquet.write_table(table.select(["tag", "ts", "value"]), files[-1])
    with taken_turn(database, owner="bench", clock=lambda: NOW) as turn:
        assert turn is not None
        fold(turn)
        compact(turn, runs=2)
    duckdb.sql(_SORTED.format(file=folder / "samples.parquet"), params={"files": files})
    return batches, list(tags.values())[:TAGS]
