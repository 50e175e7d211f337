"""The sample store: a durable put against the least that durability costs, and a put that says nothing new."""

import os
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import pyarrow as pa

from hub.model import SAMPLE_SCHEMA
from hub.store.identifiers import ensure_tags
from hub.store.samples import put_samples
from tests.bench.laboratory import NOW
from tests.bench.ruler import Row, judge, seconds, seconds_side_by_side
from tests.bench.stores import embedded, in_one_transaction

ROWS, TAGS, COMMITS = 10_000, 50, 2_000
STREAM = "bench/samples"


def make_samples(number: int, rows: int = ROWS, tags: int = TAGS) -> pa.Table:
    """Give samples of all tags for the `number`-th stretch of time, one a second."""
    rng = np.random.default_rng(number)
    each = rows // tags
    start = int((NOW + timedelta(seconds=each * number)).timestamp() * 1e6)
    stamps = np.tile(start + np.arange(each, dtype=np.int64) * 1_000_000, tags)
    return pa.table(
        {
            "tag": pa.array(np.repeat([f"T{tag}" for tag in range(tags)], each)),
            "ts": pa.array(stamps, pa.timestamp("us", tz="UTC")),
            "value": pa.array(np.round(37 + rng.standard_normal(each * tags) / 10, 3)),
            "text": pa.nulls(each * tags, pa.string()),
            "quality": pa.array(np.zeros(each * tags, np.uint32)),
        },
        schema=SAMPLE_SCHEMA,
    )


def bench_durable_put(folder: Path) -> Iterator[Row]:
    """10,000 samples of 50 tags in a transaction of their own, against one zstd Arrow frame and fdatasync."""
    tables = [make_samples(number) for number in range(16)]
    with embedded(folder) as database:
        with database.begin("test") as connection:
            ids = ensure_tags(connection, "bench", [f"T{tag}" for tag in range(TAGS)], now=NOW)
        sequence, frames = count(1), count()

        def put() -> None:
            seq = next(sequence)
            with database.begin("test") as connection:
                put_samples(connection, STREAM, seq, tables[seq % 16], ids, now=NOW)

        def write_raw() -> None:
            number = next(frames)
            with (folder / f"{number}.arrow").open("wb") as file:
                options = pa.ipc.IpcWriteOptions(compression="zstd")
                with pa.ipc.new_stream(file, SAMPLE_SCHEMA, options=options) as writer:
                    writer.write_table(tables[number % 16])
                file.flush()
                os.fdatasync(file.fileno())

        ours, raw = seconds_side_by_side(put, write_raw, runs=25)
        yield judge("durable put of 10k samples", ours * 1e3, "ms", against=raw * 1e3, at_most=2.5)
        again = in_one_transaction(database, lambda c: put_samples(c, STREAM, 1, tables[1], ids, now=NOW))
        yield judge("put of samples that are there", seconds(again, runs=25) * 1e3, "ms", at_most=2)


def bench_many_puts(folder: Path) -> Iterator[Row]:
    """The last 100 of 2,000 small durable puts (500 samples) against the first 100: it must stay flat."""
    with embedded(folder) as database:
        with database.begin("test") as connection:
            ids = ensure_tags(connection, "bench", [f"T{tag}" for tag in range(10)], now=NOW)
        times: list[float] = []
        for number in range(COMMITS):
            table = make_samples(number, 500, 10)
            start = perf_counter()
            with database.begin("test") as connection:
                put_samples(connection, STREAM, number, table, ids, now=NOW)
            times.append(perf_counter() - start)
        first, last = median(times[:100]) * 1e3, median(times[-100:]) * 1e3
        yield judge("put after 2,000 commits", last, "ms", against=first, at_most=1.5)
