"""The modelling matrix of many batches, against pandas that joins and pivots the same rows.

`PLANTWIDE_BENCH_MATRIX` says how many batches (200 unless told); each has 18 results and 40 features.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import select

from hub.insight.matrix import build_matrix
from hub.resolve.resolution import prepare, resolve
from hub.store.bulk import insert_rows
from hub.store.database import Connection, Database
from hub.store.executions import list_batch_ids
from hub.store.tables import FACT_TABLES
from tests.api.factories import add_record, add_system
from tests.bench.laboratory import NOW, TESTS, write_batches, write_samples
from tests.bench.ruler import Row, judge, seconds_side_by_side
from tests.bench.stores import every_store, register_laboratory, store_pages

BATCHES = int(os.environ.get("PLANTWIDE_BENCH_MATRIX", "200"))
FEATURES = 40
_RESULT, _SAMPLE, _DATA = (FACT_TABLES[name].c for name in ("test_result", "sample", "segment_data"))


def bench_matrix(folder: Path) -> Iterator[Row]:
    """One call for all batches: results and features in columns with units, completeness and sources."""
    with every_store(folder) as stores:
        for name, database in stores:
            fill(database)
            with database.read() as connection:
                ids = list_batch_ids(connection)
                table, described = build_matrix(connection, ids)
                frame = pivot(connection)
                assert (len(frame), len(described)) == (BATCHES, TESTS + FEATURES)
                codes = table["uid"].to_pylist()
                assert table.num_rows == BATCHES == len(set(codes))
                ours, theirs = seconds_side_by_side(
                    lambda c=connection, i=ids: build_matrix(c, i), lambda c=connection: pivot(c), runs=5
                )
            cells = BATCHES * (TESTS + FEATURES)
            yield judge(
                f"matrix of {BATCHES} batches, {cells:,} cells (pandas), {name}", ours, "s", against=theirs
            )


def fill(database: Database) -> None:
    """Put batches with results in, and features as the hub keeps them."""
    prepare(database, now=NOW)
    system = register_laboratory(database)
    store_pages(database, system, list(write_batches(BATCHES)))
    store_pages(database, system, list(write_samples(2 * BATCHES, batches=BATCHES)))
    resolve(database)
    rng = np.random.default_rng(3)
    with database.begin("test") as connection:
        own = add_system(connection, "features", "MODEL")
        record = add_record(connection, own)
        rows = [
            {
                "source_key": f"{batch}|f{number}",
                "content_hash": "0" * 64,
                "recorded_at": NOW,
                "is_retracted": False,
                "version": 1,
                "source_system_id": own,
                "source_record_id": record,
                "batch_id": batch,
                "name": f"f{number}",
                "kind": "feature",
                "value_num": float(value),
                "unit": "Cel",
            }
            for batch in list_batch_ids(connection)
            for number, value in enumerate(rng.normal(size=FEATURES))
        ]
        insert_rows(connection, FACT_TABLES["segment_data"], rows)


def pivot(connection: Connection) -> pd.DataFrame:
    """Give a row a batch out of the same rows: the last result of each test, and each feature."""
    results = select(_SAMPLE.batch_id, _RESULT.test_code.label("name"), _RESULT.value_num).join_from(
        FACT_TABLES["test_result"], FACT_TABLES["sample"], _SAMPLE.id == _RESULT.sample_id
    )
    features = select(_DATA.batch_id, _DATA.name, _DATA.value_num).where(_DATA.kind == "feature")
    long = pd.concat([pd.DataFrame(connection.execute(query).all()) for query in (results, features)])
    return long.pivot_table(index="batch_id", columns="name", values="value_num", aggfunc="mean")
