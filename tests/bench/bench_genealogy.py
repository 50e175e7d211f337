"""Tracing lots through a plant of 200,000 lots: backward from a final lot, forward from a lot that went everywhere."""

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from sqlalchemy import insert

from hub.store.answers.lots import MAX_LOTS, trace_lot
from hub.store.answers.lots import _reach as reach_lots  # the walk alone
from hub.store.database import Connection, Database
from hub.store.sets import insert_all
from hub.store.tables import ENTITY_TABLES, lot_genealogy
from tests.bench.laboratory import NOW
from tests.bench.ruler import Row, judge, seconds
from tests.bench.stores import every_store

LAYERS, WIDTH, PARENTS, HUB_REACH = 10, 20_000, 3, 17_000


def bench_genealogy(folder: Path) -> Iterator[Row]:
    """10 layers of 20,000 lots; every lot comes of 3 neighbours of the layer before; one lot went into 17,000."""
    with every_store(folder) as stores:
        for name, database in stores:
            fill(database)
            rng = random.Random(7)
            picks = [lot_id(LAYERS - 1, rng.randrange(WIDTH)) for _ in range(40)]
            hub = LAYERS * WIDTH + 1
            with database.read() as connection:
                yield from _measure(connection, picks, hub, name)


def _measure(connection: Connection, picks: list[int], hub: int, name: str) -> Iterator[Row]:
    """The walk is what the target speaks of; the trace adds every lot and edge as the API shows them."""
    back = len(reach_lots(connection, picks[0], "backward", limit=MAX_LOTS)) - 1
    forward = len(reach_lots(connection, hub, "forward", limit=MAX_LOTS)) - 1
    walks = seconds(lambda: [reach_lots(connection, p, "backward", limit=MAX_LOTS) for p in picks], runs=5)
    yield judge(f"walk back to {back} of 200k lots, {name}", walks / len(picks) * 1e3, "ms", at_most=1)
    walk = seconds(lambda: reach_lots(connection, hub, "forward", limit=MAX_LOTS), runs=5)
    yield judge(f"walk forward to {forward} lots, {name}", walk * 1e3, "ms", at_most=50)
    traces = seconds(lambda: [trace_lot(connection, p, limit=MAX_LOTS) for p in picks], runs=3)
    yield judge(f"trace back with {back} lots and edges, {name}", traces / len(picks) * 1e3, "ms")
    trace = seconds(lambda: trace_lot(connection, hub, direction="forward", limit=MAX_LOTS), runs=3)
    yield judge(f"trace forward with {forward} lots and edges, {name}", trace * 1e3, "ms")


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
        for number in range(1, LAYERS * WIDTH + 2)
    ]
    edges = [
        (lot_id(before, (place + step) % WIDTH), lot_id(after, place))
        for before, after in pairwise(range(LAYERS))
        for place in range(WIDTH)
        for step in range(PARENTS)
    ]
    hub = LAYERS * WIDTH + 1
    edges += [(hub, lot_id(LAYERS - 1, place)) for place in range(HUB_REACH)]
    with database.begin() as connection:
        connection.execute(insert(ENTITY_TABLES["material_lot"]), lots)
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
        with database.begin() as connection:
            connection.exec_driver_sql("ANALYZE material_lot, lot_genealogy")
