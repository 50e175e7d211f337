"""Mass balance: what counts is added up once, by dimension, and what nobody accounts for is shown."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from hub.model import Batch, MaterialLot, Quantity, Record
from hub.store.answers.balances import balance_batch, balance_lot
from hub.store.tables import identifier
from tests.resolve.test_counting import move, name, says
from tests.resolve.worlds import World

Document = dict[str, Any]


@pytest.fixture(scope="module")
def world(module_url: str) -> Iterator[World]:
    one = World(module_url)
    yield one
    one.database.close()


def tell(world: World, *said: tuple[str, list[Record]]) -> None:
    world.begin()
    world.take([says(system, *records) for system, records in said])
    world.resolve()


def balance(world: World, kind: str, value: str) -> Document:
    """Give the balance of batch or lot, with the keys of movements instead of their ids."""
    with world.database.read() as connection:
        query = select(identifier.c.entity_id).where(
            identifier.c.entity_type == kind, identifier.c.value == value
        )
        thing = connection.scalars(query).one()
        found = (balance_batch if kind == "batch" else balance_lot)(connection, thing)
    keys = {m["id"]: m["key"] for m in found["movements"]}

    def spelled(node: Any, of: str = "") -> Any:
        if isinstance(node, dict):
            return {k: spelled(v, k) for k, v in node.items() if k != "movements" or v != found["movements"]}
        if isinstance(node, list):
            ids = of in ("movements", "also_seen", "without_amount")
            return sorted(keys[i] for i in node) if ids else [spelled(v) for v in node]
        return round(node, 6) if isinstance(node, float) else node

    return spelled({k: v for k, v in found.items() if k != "movements"})


def parts(dimension: Document, *names: str) -> Document:
    """Give the sums that are not empty, and the remainder."""
    return {n: (dimension[n]["quantity"], dimension[n]["movements"]) for n in names} | {
        n: dimension[n] for n in ("unit", "remainder", "remainder_percent")
    }


def test_a_batch_s_balance_counts_once_and_shows_what_nobody_accounts_for(world: World) -> None:
    tell(
        world,
        (
            "mes",
            [
                move("m1", "100"),
                move("m2", "80000", "g", lot="X", material="N", use="Produced"),
                move("m3", "5", lot="W", material="W", use="By-product Produced"),
                move("m4", "500", "g", lot="X", material="N", use="Retained Sample"),
                move("m5", "2.5", lot="X", material="N", use="Scrapped"),
                move("m6", "20", "L", lot="V", material="V"),
            ],
        ),
        ("erp", [move("e1", "110"), move("e2", "-110", reverses="e1"), move("e3", "100")]),
    )
    found = balance(world, "batch", "B")
    assert found["is_complete"]
    mass, volume = found["dimensions"]
    assert parts(mass, "in", "out", "by_products", "samples", "losses") == {
        "in": (100.0, ["m1"]),
        "out": (80.0, ["m2"]),
        "by_products": (5.0, ["m3"]),
        "samples": (0.5, ["m4"]),
        "losses": (2.5, ["m5"]),
        "unit": "kg",
        "remainder": 12.0,
        "remainder_percent": 12.0,
    }
    assert (volume["unit"], volume["in"]["quantity"], volume["remainder"]) == ("L", 20.0, None)
    (taken,) = [s for s in found["streams"] if s["role"] == "in" and s["unit"] == "kg"]
    assert (taken["material"]["code"], taken["quantity"], taken["movements"], taken["also_seen"]) == (
        "M",
        100.0,
        ["m1"],
        ["e1", "e2", "e3"],
    )


def test_a_disputed_stream_counts_what_the_first_system_says_and_says_so(world: World) -> None:
    tell(
        world,
        ("mes", [move("m1", "100"), move("m2", "90", lot="X", use="Produced")]),
        ("erp", [move("e", "110")]),
    )
    found = balance(world, "batch", "B")
    assert parts(found["dimensions"][0], "in")["in"] == (100.0, ["m1"])
    (taken,) = [s for s in found["streams"] if s["role"] == "in"]
    assert (taken["is_disputed"], taken["also_seen"]) == (True, ["e"])


def test_pieces_that_come_out_of_kilograms_leave_no_remainder_to_speak_of(world: World) -> None:
    tell(world, ("mes", [move("m1", "100"), move("m2", "20000", "1", lot="X", use="Produced")]))
    pieces, mass = balance(world, "batch", "B")["dimensions"]
    assert (pieces["out"]["quantity"], pieces["remainder"]) == (20000.0, None)
    assert (mass["in"]["quantity"], mass["remainder"], mass["remainder_percent"]) == (100.0, None, None)


def test_nothing_that_came_out_at_all_is_all_unexplained(world: World) -> None:
    tell(world, ("mes", [move("m1", "100")]))
    (mass,) = balance(world, "batch", "B")["dimensions"]
    assert (mass["remainder"], mass["remainder_percent"]) == (100.0, 100.0)


def test_a_movement_without_amount_makes_a_balance_incomplete_and_is_named(world: World) -> None:
    tell(world, ("mes", [move("m1", "100"), move("m2", lot="K")]))
    found = balance(world, "batch", "B")
    assert (found["is_complete"], found["without_amount"]) == (False, ["m2"])


def test_a_lot_s_balance_leads_from_receipt_over_batches_to_stock(world: World) -> None:
    lot = MaterialLot(
        id=name("material_lot", "L"),
        material=name("material_definition", "M"),
        quantity=Quantity.of("347000", "g"),
    )
    part = MaterialLot(id=name("material_lot", "L1"), parent_lot=name("material_lot", "L"))
    tell(
        world,
        (
            "erp",
            [
                lot,
                part,
                move("r", "500", batch=None, use="Inventoried"),
                move("e1", "100"),
                move("e2", "40", batch="C"),
            ],
        ),
        (
            "mes",
            [
                MaterialLot(id=name("material_lot", "L"), quantity=Quantity.of("999", "kg")),
                move("m1", "60"),
                move("m2", "40", lot="L1"),
                move("m3", "3", use="Sample"),
                move("m4", "5", use="Waste"),
            ],
        ),
    )
    (mass,) = balance(world, "material_lot", "L")["dimensions"]
    assert parts(mass, "received", "consumed", "sampled", "lost") == {
        "received": (500.0, ["r"]),
        "consumed": (140.0, ["e2", "m1", "m2"]),
        "sampled": (3.0, ["m3"]),
        "lost": (5.0, ["m4"]),
        "unit": "kg",
        "remainder": 5.0,
        "remainder_percent": 1.0,
    }
    assert [(b["batch"]["code"], b["quantity"], b["movements"]) for b in mass["consumed_by"]] == [
        ("B", 100.0, ["m1", "m2"]),
        ("C", 40.0, ["e2"]),
    ]
    assert (mass["remaining"], mass["stock"]["value"], mass["stock"]["source"]) == (352.0, 347.0, "erp")


def test_a_lot_that_a_batch_made_is_produced_and_without_a_receipt_nothing_is_left_to_tell(
    world: World,
) -> None:
    made = Batch(id=name("batch", "B"), output_lot=name("material_lot", "X"))
    tell(world, ("mes", [made, move("m1", "90", lot="X", use="Produced"), move("m2", "30", batch="C")]))
    (product,) = balance(world, "material_lot", "X")["dimensions"]
    assert (product["produced"]["quantity"], product["remaining"], product["remainder"]) == (90.0, 90.0, None)
    (raw,) = balance(world, "material_lot", "L")["dimensions"]
    assert (raw["consumed"]["quantity"], raw["remaining"], raw["stock"]) == (30.0, None, None)
