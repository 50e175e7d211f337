"""Tracing lots: by kinds and steps, through pools that split and meet again without counting their ways."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from hub.store.answers.lots import trace_lot
from hub.store.database import Connection, Database
from hub.store.sets import insert_all
from hub.store.tables import ENTITY_TABLES, lot_genealogy
from tests.swift import swift

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RUNGS = 30
TOP = 3 * RUNGS + 1


@pytest.fixture
def connection(migrated_url: str) -> Iterator[Connection]:
    """A ladder: pool 1 is split into 2 and 3, which meet in pool 4, and so on; 2^30 ways lead down from 91.

    Beside it lot 100 was split off lot 4, and went into lot 101.
    """
    database: Database = swift(migrated_url)
    with database.begin("test") as writing:
        for number in (*range(1, TOP + 1), 100, 101):
            row = {"id": number, "uid": f"{number:036}", "code": f"L{number:03}", "lifecycle": "active"}
            insert_all(writing, ENTITY_TABLES["material_lot"], [{**row, "recorded_at": NOW}])
        edges = [(4, 100, "split"), (100, 101, "consume")]
        for pool in range(1, TOP, 3):
            edges += [(pool, pool + side, "consume") for side in (1, 2)]
            edges += [(pool + side, pool + 3, "merge") for side in (1, 2)]
        names = ("input_lot_id", "output_lot_id", "kind")
        insert_all(writing, lot_genealogy, [dict(zip(names, edge, strict=True)) for edge in edges])
    with database.read() as reading:
        yield reading
    database.close()


def codes(found: dict[str, list[dict[str, object]]]) -> list[object]:
    return [lot["code"] for lot in found["lots"]]


def test_a_ladder_of_pools_is_walked_once_a_lot_and_not_once_a_way(connection: Connection) -> None:
    back = trace_lot(connection, TOP)
    assert (len(back["lots"]), len(back["edges"]), back["is_complete"]) == (TOP, 4 * RUNGS, True)
    assert back["lots"][-1] == {**back["lots"][-1], "code": "L001", "depth": 2 * RUNGS}
    forward = trace_lot(connection, 1, direction="forward")
    assert len(forward["lots"]) == TOP + 2


@pytest.mark.parametrize("steps", [1, 2, 5, 6, 7, 20])
def test_a_trace_goes_as_many_steps_as_are_asked_for(connection: Connection, steps: int) -> None:
    found = trace_lot(connection, TOP, depth=steps)
    assert max(lot["depth"] for lot in found["lots"]) == steps
    assert len(found["lots"]) == 1 + steps // 2 * 3 + steps % 2 * 2
    assert not found["is_complete"]
    assert trace_lot(connection, 4, depth=2)["is_complete"]


def test_a_trace_follows_only_the_kinds_that_are_asked_for(connection: Connection) -> None:
    split = trace_lot(connection, 4, direction="forward", kinds=["split"])
    assert codes(split) == ["L004", "L100"]
    both = trace_lot(connection, 4, direction="forward", kinds=["split", "consume"])
    assert codes(both) == ["L004", "L005", "L006", "L100", "L101"]
    assert {edge["kind"] for edge in both["edges"]} == {"split", "consume"}
    assert codes(trace_lot(connection, 4, direction="forward", depth=1, kinds=["split"])) == ["L004", "L100"]
    assert codes(trace_lot(connection, TOP, kinds=["rework"])) == [f"L{TOP:03}"]


def test_a_walk_that_is_cut_short_keeps_the_nearest(connection: Connection) -> None:
    cut = trace_lot(connection, TOP, limit=2)
    assert not cut["is_complete"]
    assert codes(cut) == [f"L{TOP:03}", f"L{TOP - 2:03}", f"L{TOP - 1:03}"]
