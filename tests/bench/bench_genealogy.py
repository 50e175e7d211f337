"""Tracing lots: backward from a final lot, forward from one that went everywhere, and up a ladder of pools.

`PLANTWIDE_BENCH_LOTS` tells through how many lots: 200000 unless told, 1000000 for the target's size.
"""

import os
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from hub.store.answers.lots import MAX_DEPTH, MAX_LOTS, Direction, trace_lot
from hub.store.answers.lots import _reach as reach_lots  # the walk alone
from hub.store.answers.lots import _Way as Way
from hub.store.database import Connection, Database
from hub.store.sets import insert_all
from hub.store.tables import ENTITY_TABLES, lot_genealogy
from tests.bench.laboratory import NOW
from tests.bench.ruler import Row, judge, seconds
from tests.bench.stores import cut_trail, every_store

LAYERS, PARENTS, HUB_REACH, RUNGS = 10, 3, 17_000, 30
WIDTH = int(os.environ.get("PLANTWIDE_BENCH_LOTS", "200000")) // LAYERS
WAYS = f"2^{RUNGS} ways"


def bench_genealogy(folder: Path) -> Iterator[Row]:
    """10 layers of lots, each of 3 neighbours of the layer before; one lot went into 17,000; 30 pools in a row."""
    with every_store(folder) as stores:
        for name, database in stores:
            cut_trail(database)  # a walk looks at no trail, and filling takes a tenth of the time
            fill(database)
            rng = random.Random(7)
            picks = [lot_id(LAYERS - 1, rng.randrange(WIDTH)) for _ in range(40)]
            hub = LAYERS * WIDTH + 1
            with database.read() as connection:
                yield from _measure(connection, picks, hub, name)


def _measure(connection: Connection, picks: list[int], hub: int, name: str) -> Iterator[Row]:
    """The walk is what the target speaks of; the trace adds every lot and edge as the API shows them."""
    back = len(walk(connection, picks[0], "backward")) - 1
    forward = len(walk(connection, hub, "forward")) - 1
    size = f"{LAYERS * WIDTH:,} lots"
    walks = seconds(lambda: [walk(connection, p, "backward") for p in picks], runs=5)
    yield judge(f"walk back to {back} of {size}, {name}", walks / len(picks) * 1e3, "ms", at_most=1)
    far = seconds(lambda: walk(connection, hub, "forward"), runs=5)
    yield judge(f"walk forward to {forward} of {size}, {name}", far * 1e3, "ms", at_most=50)
    top = hub + 3 * RUNGS
    ladder = seconds(lambda: walk(connection, top, "backward"), runs=5)
    yield judge(f"walk up a ladder of {RUNGS} pools, {WAYS}, {name}", ladder * 1e3, "ms", at_most=50)
    traces = seconds(lambda: [trace_lot(connection, p, limit=MAX_LOTS) for p in picks], runs=3)
    yield judge(f"trace back with {back} lots and edges, {name}", traces / len(picks) * 1e3, "ms")
    near = seconds(lambda: [trace_lot(connection, p, depth=3, kinds=["consume"]) for p in picks], runs=3)
    yield judge(f"trace back 3 steps of one kind, {name}", near / len(picks) * 1e3, "ms")
    trace = seconds(lambda: trace_lot(connection, hub, direction="forward", limit=MAX_LOTS), runs=3)
    yield judge(f"trace forward with {forward} lots and edges, {name}", trace * 1e3, "ms")


def walk(connection: Connection, lot: int, direction: Direction) -> list[int]:
    """Give the lots that a lot leads to, without saying more of them."""
    return reach_lots(connection, lot, Way(direction), depth=MAX_DEPTH, limit=MAX_LOTS)


def lot_id(layer: int, place: int) -> int:
    """Give the key of a lot."""
    return layer * WIDTH + place + 1


def fill(database: Database) -> None:
    """Write lots and edges."""
    lots = [
        {
            "id": number,
            "uid": f"{number:036}",
            "code": f"L{number:06}",
            "lifecycle": "active",
            "version": 1,
            "has_conflict": False,
            "recorded_at": NOW,
        }
        for number in range(1, LAYERS * WIDTH + 2 + 3 * RUNGS)
    ]
    edges = [
        (lot_id(before, (place + step) % WIDTH), lot_id(after, place))
        for before, after in pairwise(range(LAYERS))
        for place in range(WIDTH)
        for step in range(PARENTS)
    ]
    hub = LAYERS * WIDTH + 1
    edges += [(hub, lot_id(LAYERS - 1, place)) for place in range(HUB_REACH)]
    for rung in range(RUNGS):  # a pool is split in two that go into the next pool
        pool = hub + 3 * rung
        edges += [(pool, pool + 1), (pool, pool + 2), (pool + 1, pool + 3), (pool + 2, pool + 3)]
    with database.begin("test") as connection:
        insert_all(connection, ENTITY_TABLES["material_lot"], lots)
        insert_all(
            connection,
            lot_genealogy,
            [
                {
                    "input_lot_id": one,
                    "output_lot_id": other,
                    "kind": "consume",
                    "quantity": 1.0,
                    "unit": "kg",
                }
                for one, other in edges
            ],
        )
    if database.dialect == "postgresql":
        with database.begin("test") as connection:
            connection.exec_driver_sql("ANALYZE material_lot, lot_genealogy")
