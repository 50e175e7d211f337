"""The same kilograms seen by several systems count once, whatever they call them and whenever they say so."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from sqlalchemy import select

from hub.model import Batch, Identifier, MaterialActual, MaterialDefinition, MaterialLot, Quantity, Record
from hub.store.rules import Rule, Tolerance
from hub.store.tables import FACT_TABLES
from tests.resolve.worlds import Version, World, versions

pytestmark = pytest.mark.hypothesis
MOVE = FACT_TABLES["material_actual"].c
Seen = dict[str, tuple[str, float | None]]


@pytest.fixture(scope="module")
def world(module_url: str) -> Iterator[World]:
    one = World(module_url)
    yield one
    one.database.close()


def name(kind: str, value: str) -> Identifier:
    """A name that every system of these tests uses, so that nothing has to be matched."""
    return Identifier(scheme=f"erp:{kind}", value=value)


def move(key: str, amount: str | None = None, unit: str | None = "kg", /, **given: Any) -> MaterialActual:
    """A consumption of lot L of material M into batch B."""
    stated: dict[str, Any] = {"batch": "B", "lot": "L", "material": "M", "use": "Consumed", **given}
    for field, kind in (("batch", "batch"), ("lot", "material_lot"), ("material", "material_definition")):
        stated[field] = name(kind, stated[field]) if stated[field] else None
    return MaterialActual(key=key, quantity=None if amount is None else Quantity.of(amount, unit), **stated)


def says(system: str, *records: Record, key: str = "d1", number: int = 1) -> Version:
    return Version(system, key, number, records)


def seen(world: World) -> Seen:
    """Give how each movement counts, by its key, and by how much it is disputed."""
    with world.database.read() as connection:
        rows = connection.execute(
            select(MOVE.source_key, MOVE.count_state, MOVE.count_difference).where(~MOVE.is_retracted)
        )
        return {key: (state, None if apart is None else round(apart, 6)) for key, state, apart in rows}


def after(world: World, *said: Version, chunk: int = 4000) -> Seen:
    world.begin()
    world.take(said)
    world.resolve(chunk)
    return seen(world)


COUNTED, SAME, NETTED = ("counted", None), ("same_as", None), ("netted", None)


def disputed(apart: float | None) -> tuple[str, float | None]:
    return "disputed", apart


LOTS = (
    MaterialLot(id=name("material_lot", "L"), material=name("material_definition", "M")),
    MaterialLot(id=name("material_lot", "L1"), parent_lot=name("material_lot", "L")),
    MaterialLot(id=name("material_lot", "L2"), parent_lot=name("material_lot", "L")),
    MaterialLot(id=name("material_lot", "K"), material=name("material_definition", "M")),
    MaterialLot(id=name("material_lot", "X"), material=name("material_definition", "N")),
)
UNIT = MaterialDefinition(id=name("material_definition", "M"), base_unit="kg")

CASES: dict[str, tuple[list[Record], list[Record], Seen]] = {
    "several issues against one consumption": (
        [move("m", "30")],
        [move("e1", "10"), move("e2", "20.1")],
        {"m": COUNTED, "e1": SAME, "e2": SAME},
    ),
    "several consumptions against several issues in other units": (
        [move("m1", "10"), move("m2", "20000", "g")],
        [move("e1", "15000", "g"), move("e2", "0.015", "t")],
        {"m1": COUNTED, "m2": COUNTED, "e1": SAME, "e2": SAME},
    ),
    "sums that differ leave both with the difference": (
        [move("m", "30")],
        [move("e1", "10"), move("e2", "21")],
        {"m": disputed(-1.0), "e1": disputed(1.0), "e2": disputed(1.0)},
    ),
    "units that have no canonical one are converted": (
        [move("m", "2", "m")],
        [move("e1", "150", "cm"), move("e2", "0.5", "m")],
        {"m": COUNTED, "e1": SAME, "e2": SAME},
    ),
    "amounts of different dimensions cannot be compared": (
        [move("m", "30")],
        [move("e", "30", "L")],
        {"m": disputed(None), "e": disputed(None)},
    ),
    "an amount without unit is in the material's base unit": (
        [move("m", "30")],
        [UNIT, move("e", "30", None)],
        {"m": COUNTED, "e": SAME},
    ),
    "an amount without unit of a material whose unit nobody knows cannot be compared": (
        [move("m", "30")],
        [move("e", "30", None)],
        {"m": disputed(None), "e": disputed(None)},
    ),
    "two amounts without unit are compared as they stand": (
        [move("m", "30", None)],
        [move("e", "30", None)],
        {"m": COUNTED, "e": SAME},
    ),
    "who gives no amount contradicts none": (
        [move("m")],
        [move("e1", "10"), move("e2", "20")],
        {"m": SAME, "e1": COUNTED, "e2": COUNTED},
    ),
    "one amount missing among several leaves the sum unknown": (
        [move("m", "30")],
        [move("e1", "10"), move("e2")],
        {"m": disputed(None), "e1": disputed(None), "e2": disputed(None)},
    ),
    "a return to stock is a negative issue": (
        [move("m", "30")],
        [move("e1", "31"), move("e2", "-1")],
        {"m": COUNTED, "e1": SAME, "e2": SAME},
    ),
    "what was lost is no issue": (
        [move("m", "30")],
        [move("e1", "30"), move("e2", "2", use="Scrapped")],
        {"m": COUNTED, "e1": SAME, "e2": COUNTED},
    ),
    "words for what was lost are one use": (
        [move("m", "2", use="Waste")],
        [move("e", "2", use="scrap")],
        {"m": COUNTED, "e": SAME},
    ),
    "samples are one use, whatever becomes of them": (
        [move("m", "3", use="Sample")],
        [move("e1", "1", use="Destructive Sample"), move("e2", "2", use="Retained Sample")],
        {"m": COUNTED, "e1": SAME, "e2": SAME},
    ),
    "another lot, use or batch is another movement": (
        [move("m1", "1", lot="K"), move("m2", "1", use="Produced"), move("m3", "1", batch="C")],
        [move("e", "1")],
        {"m1": COUNTED, "m2": COUNTED, "m3": COUNTED, "e": COUNTED},
    ),
    "lots are compared lot by lot": (
        [move("m1", "10"), move("m2", "20", lot="K")],
        [move("e1", "20"), move("e2", "10", lot="K")],
        {"m1": disputed(-10.0), "m2": disputed(10.0), "e1": disputed(10.0), "e2": disputed(-10.0)},
    ),
    "sub-lots go with their lot where another system names that": (
        [*LOTS, move("m1", "10", lot="L1"), move("m2", "20", lot="L2")],
        [move("e", "30")],
        {"m1": COUNTED, "m2": COUNTED, "e": SAME},
    ),
    "sub-lots of one lot are two where nobody names it": (
        [*LOTS, move("m", "10", lot="L1")],
        [move("e", "10", lot="L2")],
        {"m": COUNTED, "e": COUNTED},
    ),
    "who names no lot is compared by material": (
        [*LOTS, move("m1", "10"), move("m2", "20", lot="K")],
        [move("e", "30", lot=None)],
        {"m1": COUNTED, "m2": COUNTED, "e": SAME},
    ),
    "who names lots counts before who does not": (
        [*LOTS, move("m", "30", lot=None)],
        [move("e1", "10"), move("e2", "20", lot="K")],
        {"m": SAME, "e1": COUNTED, "e2": COUNTED},
    ),
    "who names some lots is compared by material": (
        [*LOTS, move("m1", "10"), move("m2", "20", lot="K")],
        [move("e1", "10"), move("e2", "15", lot=None)],
        {"m1": disputed(5.0), "m2": disputed(5.0), "e1": disputed(-5.0), "e2": disputed(-5.0)},
    ),
    "nobody names a lot": (
        [move("m", "30", lot=None)],
        [move("e1", "10", lot=None), move("e2", "20", lot=None)],
        {"m": COUNTED, "e1": SAME, "e2": SAME},
    ),
    "the material of a lot is known from the lot": (
        [*LOTS, move("m", "30", lot="X", material=None)],
        [move("e", "30", lot=None, material="N")],
        {"m": COUNTED, "e": SAME},
    ),
    "neither lot nor material is compared with nothing": (
        [move("m", "30", lot=None, material=None)],
        [move("e", "30", lot=None, material=None)],
        {"m": COUNTED, "e": COUNTED},
    ),
    "receipts without a batch are counted by lot": (
        [move("m", "500", batch=None, use="Inventoried")],
        [move("e1", "200", batch=None, use="Inventoried"), move("e2", "300", batch=None, use="Inventoried")],
        {"m": COUNTED, "e1": SAME, "e2": SAME},
    ),
    "a reversal and what it reverses come to nothing beside a third": (
        [],
        [move("e1", "1550"), move("e2", "-1550", reverses="e1"), move("e3", "1500")],
        {"e1": NETTED, "e2": NETTED, "e3": COUNTED},
    ),
    "a reversal agrees with who never saw the slip": (
        [move("m", "1500")],
        [move("e1", "1550"), move("e2", "-1550", reverses="e1"), move("e3", "1500")],
        {"m": COUNTED, "e1": SAME, "e2": SAME, "e3": SAME},
    ),
    "a reversal is one whatever its sign": (
        [move("m", "1500")],
        [move("e1", "1550"), move("e2", "1550", reverses="e1"), move("e3", "1500")],
        {"m": COUNTED, "e1": SAME, "e2": SAME, "e3": SAME},
    ),
    "a reversal without amount takes all back": (
        [move("m", "1500")],
        [move("e1", "1550"), move("e2", reverses="e1"), move("e3", "1500")],
        {"m": COUNTED, "e1": SAME, "e2": SAME, "e3": SAME},
    ),
    "a reversal that says nothing else belongs where the reversed one does": (
        [],
        [
            move("e1", "1550"),
            move("e2", "-1550", reverses="e1", batch=None, lot=None, material=None, use="Other"),
        ],
        {"e1": NETTED, "e2": NETTED},
    ),
    "a reversal of part leaves the rest": (
        [move("m", "1500")],
        [move("e1", "1550"), move("e2", "-50", reverses="e1")],
        {"m": COUNTED, "e1": SAME, "e2": SAME},
    ),
    "a reversal of a reversal restores": (
        [move("m", "1550")],
        [move("e1", "1550"), move("e2", "-1550", reverses="e1"), move("e3", "1550", reverses="e2")],
        {"m": COUNTED, "e1": SAME, "e2": SAME, "e3": SAME},
    ),
    "a reversal of what nobody states takes no part": (
        [move("m", "1500")],
        [move("e2", "-1550", reverses="e1"), move("e3", "1500")],
        {"m": COUNTED, "e2": NETTED, "e3": SAME},
    ),
    "only a reversal of what nobody states says nothing": (
        [move("m", "1500")],
        [move("e2", "-1550", reverses="e1")],
        {"m": COUNTED, "e2": NETTED},
    ),
    "an issue that was taken back contradicts a consumption": (
        [move("m", "1500")],
        [move("e1", "1500"), move("e2", "-1500", reverses="e1")],
        {"m": disputed(1500.0), "e1": NETTED, "e2": NETTED},
    ),
}


@pytest.mark.parametrize(("mes", "erp", "expected"), CASES.values(), ids=CASES)
def test_what_counts(world: World, mes: list[Record], erp: list[Record], expected: Seen) -> None:
    told = [says("mes", *mes, key="m"), says("erp", *erp, key="e")]
    assert after(world, *told) == expected
    once = world.dump()
    apart = [
        says(system, record, key=f"{system}{n}")
        for system, records in (("mes", mes), ("erp", erp))
        for n, record in enumerate(records)
    ]
    is_quick = world.database.dialect == "sqlite"
    for order in (apart, apart[::-1]) if is_quick else (apart[::-1],):
        world.begin()
        for version in order:
            world.take([version])
            world.resolve()
        assert seen(world) == expected
        assert [one for one in world.dump() if "source_record" not in one] == [
            one for one in once if "source_record" not in one
        ]


def test_reversals_that_arrive_apart_come_to_nothing_in_every_order(world: World) -> None:
    slip = [
        says("erp", move("e1", "1550"), key="a"),
        says("erp", move("e2", "-1550", reverses="e1", batch=None, lot=None), key="b"),
        says("erp", move("e3", "1500"), key="c"),
        says("mes", move("m", "1500"), key="d"),
    ]
    for order in permutations(slip):
        world.begin()
        for version in order:
            world.take([version])
            world.resolve()
        assert seen(world) == {"m": COUNTED, "e1": SAME, "e2": SAME, "e3": SAME}


def test_a_reversal_withdrawn_lets_count_again_what_it_took_back(world: World) -> None:
    back = move("e2", "-1550", reverses="e1", batch="C", lot="K")
    after(world, says("erp", move("e1", "1550"), key="a"), says("erp", back, key="b"))
    assert seen(world) == {"e1": NETTED, "e2": NETTED}
    world.take([Version("erp", "b", 2, deleted=True)])
    world.resolve()
    assert seen(world) == {"e1": COUNTED}
    world.take([says("erp", back, key="b", number=3)])
    world.resolve()
    world.take([Version("erp", "a", 2, deleted=True)])
    world.resolve()
    assert seen(world) == {"e2": NETTED}


def test_a_movement_that_comes_back_together_with_new_ones_counts_as_they_do(world: World) -> None:
    after(world, says("erp", move("e1", "10")))
    world.take([Version("erp", "d1", 2, deleted=True)])
    world.resolve()
    assert seen(world) == {}
    world.take([says("erp", move("e1", "10"), move("e2", "5"), number=3)])
    world.resolve()
    assert seen(world) == {"e1": COUNTED, "e2": COUNTED}


def test_a_movement_found_to_belong_where_new_ones_are_counts_there(world: World) -> None:
    after(world, says("erp", move("e1", "10", batch="C")))
    world.take(
        [
            says("erp", move("e1", "10"), move("e2", "5"), number=2),
            says("mes", move("m", "15"), key="m"),
        ]
    )
    world.resolve()
    assert seen(world) == {"m": COUNTED, "e1": SAME, "e2": SAME}


def test_a_lot_found_to_be_part_of_another_is_compared_with_it(world: World) -> None:
    moves = [
        says("mes", move("m1", "10", lot="L1"), move("m2", "20", lot="L2")),
        says("erp", move("e", "30"), *LOTS[:2]),
    ]
    assert after(world, *moves) == {
        "m1": disputed(-20.0),
        "m2": COUNTED,
        "e": disputed(20.0),
    }
    world.take([says("erp", LOTS[2], key="d2")])
    world.resolve()
    assert seen(world) == {"m1": COUNTED, "m2": COUNTED, "e": SAME}


def test_the_tolerance_and_whose_rows_count_are_a_rule(world: World) -> None:
    said = [says("mes", move("m", "100"), key="m"), says("erp", move("e", "101"), key="e")]
    assert after(world, *said) == {"m": disputed(-1.0), "e": disputed(1.0)}
    for rule, expected in (
        (Rule("material_actual", "quantity", "system", ("MES",), Tolerance(relative=0.01)), (COUNTED, SAME)),
        (Rule("material_actual", "quantity", "system", ("ERP",), Tolerance(absolute=1.0)), (SAME, COUNTED)),
        (
            Rule("material_actual", "quantity", "system", ("mes",), Tolerance(absolute=900.0, unit="g")),
            (disputed(-1.0), disputed(1.0)),
        ),
    ):
        world.rule(rule)
        assert (seen(world)["m"], seen(world)["e"]) == expected


def test_what_is_counted_of_a_lot_and_use_is_never_more_than_one_system_says(world: World) -> None:
    @settings(max_examples=max(5, settings().max_examples // 10))
    @given(drawn=versions())
    def hold(drawn: list[Version]) -> None:
        world.begin()
        world.take(drawn)
        world.resolve()
        with world.database.read() as connection:
            counting = connection.execute(
                select(MOVE.batch_id, MOVE.lot_id, MOVE.use, MOVE.source_system_id)
                .where(
                    ~MOVE.is_retracted,
                    MOVE.count_state == "counted",
                    MOVE.lot_id.is_not(None),
                    MOVE.batch_id.is_not(None),
                    MOVE.reverses_key.is_(None),
                )
                .distinct()
            ).all()
        assert len({row[:3] for row in counting}) == len(counting)

    hold()


def test_only_counted_movements_of_a_batch_lead_from_lot_to_lot(world: World) -> None:
    made = Batch(id=name("batch", "B"), output_lot=name("material_lot", "X"))
    after(
        world,
        says("mes", made, move("m1", "1500"), move("m2", "30", lot="X", use="Produced")),
        says("erp", move("e1", "1550"), move("e2", "-1550", reverses="e1"), move("e3", "1500"), key="e"),
        says("lims", move("s1", "7", lot="K"), move("s2", "-7", lot="K", reverses="s1"), key="s"),
    )
    assert [line for line in world.dump() if line.startswith('["lot_genealogy"')] == [
        '["lot_genealogy",["erp:material_lot|L","erp:material_lot|X","erp:batch|B","consume"],[1500.0,"kg"]]'
    ]
