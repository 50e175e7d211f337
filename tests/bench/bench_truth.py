"""One truth of three voices: statements stored with provenance and resolved, against their rows merely upserted.

`PLANTWIDE_BENCH_BATCHES` tells how many batches of 100 statements: 200 unless told, 20000 for the target's size.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from sqlalchemy import Table, func, select

from hub.resolve.meanwhile import resolved_meanwhile
from hub.resolve.resolution import prepare, resolve
from hub.store.database import Database
from hub.store.sets import chunks, insert_all, upsert
from hub.store.statements import Told, store_documents
from hub.store.statistics import note_growth
from hub.store.systems import ensure_system
from hub.store.tables import (
    ENTITY_TABLES,
    FACT_TABLES,
    assertion,
    identifier,
    lot_genealogy,
    source_record,
    source_system,
)
from tests.bench.laboratory import NOW, PAGE
from tests.bench.plant import KINDS, STATEMENTS, tell
from tests.bench.ruler import Row, judge
from tests.bench.stores import cut_trail, every_store

BATCHES = int(os.environ.get("PLANTWIDE_BENCH_BATCHES", "200"))
_PART = 10_000
_BEFORE = (source_system, source_record, identifier)
"""What the rows refer to, written before the clock starts."""
_ROWS = (
    *(ENTITY_TABLES[n] for n in ("material_lot", "batch")),
    *(FACT_TABLES[n] for n in ("segment_response", "material_actual", "sample", "test_result")),
    lot_genealogy,
)
_KEYS: dict[str, tuple[str, ...]] = dict.fromkeys(("material_lot", "batch", "lot_genealogy"), ("id",))
_POINTS_AT_OWN_TABLE = ("same_as_id", "disputes_id")


def bench_truth(folder: Path) -> Iterator[Row]:
    """All that three systems say of a plant's batches, in step; then the golden and observed rows alone.

    The rows go once into a store under the audit trail, which is the yardstick, since no row of a hub can be
    written without it; and once into one whose trail is cut off, which shows what the trail costs.
    """
    statements = BATCHES * STATEMENTS
    with (
        every_store(folder / "hub") as stores,
        every_store(folder / "bare") as bares,
        every_store(folder / "naked") as nakeds,
    ):
        for (name, database), (_, bare), (_, naked) in zip(stores, bares, nakeds, strict=True):
            took = _load(database)
            cut_trail(naked)
            audited, plain = _copy(database, bare), _copy(database, naked)
            yield judge(
                f"{statements:,} statements stored and resolved, {name}",
                statements / took.wall,
                "/s",
                against=statements / audited.wall,
                at_least=0.4,
            )
            yield judge(
                f"the same by processor time of the process, {name}",
                statements / took.cpu,
                "/s",
                against=statements / audited.cpu,
            )
            yield judge(
                f"stored and resolved against rows without trail, {name}",
                statements / took.wall,
                "/s",
                against=statements / plain.wall,
            )
            yield judge(f"values in conflict, {name}", _count_conflicts(database), "values")


@dataclass
class _Took:
    """Seconds on the clock and of the processor."""

    wall: float = 0.0
    cpu: float = 0.0

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Add what the block takes."""
        wall, cpu = perf_counter(), process_time()
        yield
        self.wall += perf_counter() - wall
        self.cpu += process_time() - cpu


def _load(database: Database) -> _Took:
    """Store page by page, all systems in step and each in a thread as a hub reads its sources, and resolve.

    As in a cycle of the hub, PostgreSQL resolves full chunks while more is being read.
    """
    prepare(database, now=NOW)
    with database.begin("test") as connection:
        systems = {code: ensure_system(connection, code, kind, now=NOW).id for code, kind in KINDS.items()}
    took = _Took()
    with took.clock(), ThreadPoolExecutor(len(systems)) as pool:
        with resolved_meanwhile(database, clock=lambda: datetime.now(UTC)):
            for part in chunks(range(BATCHES), PAGE):
                told = [one for number in part for one in tell(number)]
                by_system = [(i, [d for s, d in told if s == code]) for code, i in systems.items()]
                for done in [pool.submit(_store, database, *one) for one in by_system]:
                    done.result()
        resolve(database)
    return took


def _store(database: Database, system_id: int, told: list[Told]) -> None:
    for page in chunks(told, PAGE):
        with database.begin("test") as connection:
            stored = store_documents(
                connection, system_id=system_id, stream="bench", connector="bench/1", documents=page, now=NOW
            )
        note_growth(database, records=stored.records)


def _copy(database: Database, to: Database) -> _Took:
    """Write the rows of a store into another, table by table; give what the rows of records took."""
    took = _Took()
    for table in _BEFORE:
        for part in _read(database, table):
            with to.begin("test") as connection:
                insert_all(connection, table, part)
    for table in _ROWS:
        for part in _read(database, table):
            with took.clock(), to.begin("test") as connection:
                upsert(
                    connection, table, part, keys=_KEYS.get(table.name, ("source_system_id", "source_key"))
                )
    return took


def _read(database: Database, table: Table) -> Iterator[list[dict[str, Any]]]:
    """Give a table's rows as they can be written elsewhere, in parts."""
    names = [c for c in table.c if c.name not in _POINTS_AT_OWN_TABLE]
    last = 0
    with database.read() as connection:
        query = select(*names).order_by(table.c.id).limit(_PART)
        while rows := [dict(r) for r in connection.execute(query.where(table.c.id > last)).mappings()]:
            last = rows[-1]["id"]
            yield rows


def _count_conflicts(database: Database) -> int:
    """Give how many values and amounts contradict what counts."""
    move = FACT_TABLES["material_actual"].c
    with database.read() as connection:
        said = connection.scalar(select(func.count()).where(assertion.c.in_conflict))
        moved = connection.scalar(select(func.count()).where(move.disputes_id.is_not(None)))
    return int(said or 0) + int(moved or 0)
