"""Blends through genealogy against hand-made sums, and the whole matrix over a small plant."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import insert, update

from hub.insight.blending import Blends
from hub.insight.intake import take_in
from hub.insight.matrix import build_matrix
from hub.resolve.netting import Movement
from hub.store.answers.matrix import Edge, LotHead, Value
from hub.store.database import Database
from hub.store.tables import ENTITY_TABLES, FACT_TABLES, lot_genealogy
from tests.api.factories import NOW, add_fact, add_record, add_system, add_thing
from tests.swift import swift

Assay = ("API", "assay")


def told(name: str, number: float, row: int, unit: str | None = "%") -> Value:
    return Value(name, number, unit, "lims", ("test_result", row))


def test_two_lots_of_a_material_count_by_the_mass_that_went_in() -> None:
    lots = {1: LotHead("API", None), 2: LotHead("API", None)}
    blends = Blends({}, lots, {1: [told("assay", 98, 1)], 2: [told("assay", 101, 2)]})
    found = blends.of_inputs([Edge(1, 9, 5, 30.0), Edge(2, 9, 5, 10.0)])
    assert found[Assay].value == pytest.approx((98 * 30 + 101 * 10) / 40)
    assert set(found[Assay].rows) == {("test_result", 1), ("test_result", 2)}


def test_a_split_lot_has_the_values_of_the_lot_it_came_from() -> None:
    lots = {1: LotHead("API", 100.0), 2: LotHead("API", 20.0)}
    blends = Blends({2: [Edge(1, 2, None, 20.0)]}, lots, {1: [told("assay", 98, 1)]})
    assert blends.of_inputs([Edge(2, 9, 5, 5.0)])[Assay].value == 98


def test_a_lot_that_was_tested_itself_speaks_for_itself() -> None:
    lots = {1: LotHead("API", 100.0), 2: LotHead("API", 20.0)}
    properties = {1: [told("assay", 98, 1), told("water", 2, 2)], 2: [told("assay", 97, 3)]}
    found = Blends({2: [Edge(1, 2, None, 20.0)]}, lots, properties).of_inputs([Edge(2, 9, 5, 5.0)])
    assert (found[Assay].value, found["API", "water"].value) == (97, 2)


def test_a_pool_is_weighted_by_what_was_pooled() -> None:
    lots = {n: LotHead("API", None) for n in (1, 2, 3)}
    made = {3: [Edge(1, 3, None, 1.0), Edge(2, 3, None, 3.0)]}
    found = Blends(made, lots, {1: [told("assay", 90, 1)], 2: [told("assay", 100, 2)]})
    assert found.of_inputs([Edge(3, 9, 5, 2.0)])[Assay].value == pytest.approx(97.5)


def test_an_intermediate_brings_as_much_of_a_material_as_it_holds() -> None:
    # 200 kg of granulate hold 100 kg of API lot 1, 400 kg of another only 50 kg of lot 2; 100 kg of each go in.
    lots = {
        1: LotHead("API", None),
        2: LotHead("API", None),
        3: LotHead("GRAN", 200.0),
        4: LotHead("GRAN", 400.0),
    }
    made = {3: [Edge(1, 3, 7, 100.0)], 4: [Edge(2, 4, 8, 50.0)]}
    blends = Blends(made, lots, {1: [told("assay", 90, 1)], 2: [told("assay", 100, 2)]})
    found = blends.of_inputs([Edge(3, 9, 5, 100.0), Edge(4, 9, 5, 100.0)])
    assert found[Assay].value == pytest.approx((50 * 90 + 12.5 * 100) / 62.5)


def test_of_several_lots_those_without_an_amount_are_left_out_and_a_single_one_needs_none() -> None:
    lots = {1: LotHead("API", None), 2: LotHead("API", None)}
    blends = Blends({}, lots, {1: [told("assay", 98, 1)], 2: [told("assay", 101, 2)]})
    assert blends.of_inputs([Edge(1, 9, 5, None)])[Assay].value == 98
    assert blends.of_inputs([Edge(1, 9, 5, None), Edge(2, 9, 5, 10.0)])[Assay].value == 101


def test_values_in_other_units_are_turned_and_a_lot_made_from_itself_ends() -> None:
    lots = {1: LotHead("API", None), 2: LotHead("API", None)}
    properties = {1: [told("size", 1, 1, "mm")], 2: [told("size", 3000, 2, "um")]}
    found = Blends({1: [Edge(2, 1, None, 1.0)], 2: [Edge(1, 2, None, 1.0)]}, lots, properties)
    blend = found.of_inputs([Edge(1, 9, 5, 1.0), Edge(2, 9, 5, 1.0)])["API", "size"]
    assert (blend.value, blend.unit) == (pytest.approx(2), "mm")


def test_the_matrix_has_a_row_a_batch_with_units_sources_and_completeness(migrated_url: str) -> None:
    database = Database(migrated_url)
    with database.begin("test") as connection:
        ids = fill(connection)
    with database.read() as connection:
        table, columns = build_matrix(connection, list(ids.values()), provenance=True)
        only, _ = build_matrix(connection, [ids["B2"]], groups=["cqa"])
    database.close()
    rows = {row["batch"]: row for row in table.to_pylist()}
    names = ["raw:API.assay", "feature:feed_mean", "ipc:weight", "cqa:assay"]
    assert [c["name"] for c in columns] == names
    assert [c["unit"] for c in columns] == ["%", "Cel", "mg", "%"]
    assert [rows["B1"][name] for name in names] == [pytest.approx(98.75), 36.5, 100.0, 99.0]
    assert [rows["B2"][name] for name in names] == [None, None, None, 97.0]
    assert (rows["B1"]["completeness"], rows["B2"]["completeness"]) == (1.0, 0.25)
    metadata: Any = table.schema.field("cqa:assay").metadata
    assert metadata[b"unit"] == b"%"
    traced = orjson.loads(rows["B1"]["provenance"])
    assert len(traced["raw:API.assay"]) == 2
    assert {one["source"] for cells in traced.values() for one in cells} == {"mes"}
    assert only.column_names[-2:] == ["cqa:assay", "provenance"]


def move(use: str, lot: int, amount: float | None, step: int | None = None) -> Movement:
    """A movement of a lot that counts, as a step of a batch made it."""
    fact = {"lot_id": lot, "use": use, "response_id": step}
    return Movement(fact, fact, amount, None if amount is None else "kg")


L1, L2, MILLED, TABLETS, WASTE = 1, 2, 3, 4, 5


def test_what_a_batch_made_and_used_up_counts_in_the_place_of_what_went_into_it() -> None:
    moves = [
        move("Consumed", L1, 10.0, 71),
        move("Produced", MILLED, 10.0, 71),
        move("Consumed", MILLED, 10.0, 72),
        move("Consumed", L2, 10.0, 72),
    ]
    assert take_in(moves, TABLETS, {71: None, 72: None}) == {MILLED: 10.0, L2: 10.0}


def test_a_lot_that_went_into_two_steps_counts_with_both_amounts() -> None:
    made = [move("Produced", TABLETS, 9.0, 71), move("Produced", WASTE, 1.0, 72)]
    moves = [move("Consumed", L1, 10.0, 71), move("Consumed", L1, 5.0, 72), *made]
    assert take_in(moves, None, {71: None, 72: None}) == {L1: 15.0}


def test_what_went_into_two_outputs_of_a_step_went_in_once() -> None:
    made = [move("Produced", TABLETS, 9.0, 71), move("By-product Produced", WASTE, 1.0, 71)]
    assert take_in([move("Consumed", L1, 10.0, 71), *made], None, {71: None}) == {L1: 10.0}


def test_what_comes_back_into_its_own_step_stands_for_nothing() -> None:
    # A part of what the step gives beside the tablets goes back into it: all of L1 is in the tablets.
    made = [move("Produced", TABLETS, 9.0, 71), move("By-product Produced", MILLED, 1.0, 71)]
    moves = [move("Consumed", L1, 10.0, 71), move("Consumed", MILLED, 1.0, 71), *made]
    assert take_in(moves, TABLETS, {71: None}) == {L1: 10.0}


def test_lots_that_went_only_into_each_other_leave_what_came_from_elsewhere() -> None:
    moves = [
        move("Consumed", L1, 10.0, 71),
        move("Consumed", WASTE, 1.0, 71),
        move("Produced", MILLED, 10.0, 71),
        move("Consumed", MILLED, 10.0, 72),
        move("Produced", WASTE, 10.0, 72),
    ]
    assert take_in(moves, TABLETS, {71: None, 72: None}) == {L1: 10.0}


def test_a_movement_without_amount_leaves_the_amount_open_and_one_taken_back_is_none() -> None:
    back = Movement({"lot_id": L2}, move("Consumed", L2, None).fact, -10.0, "kg")
    moves = [move("Consumed", L1, 10.0), move("Consumed", L1, None), move("Consumed", L2, 10.0), back]
    assert take_in(moves, TABLETS, {}) == {L1: None}


def test_a_raw_lot_counts_once_beside_the_granulate_that_holds_it_now_and_as_it_was_known(
    migrated_url: str,
) -> None:
    database = swift(migrated_url)
    with database.begin("test", at=NOW) as connection:
        batch, movement = fill_with_granulate(connection)
    known = datetime.now(UTC) + timedelta(days=2)
    with database.begin("test", at=known) as connection:
        table = FACT_TABLES["material_actual"]
        corrected = update(table).where(table.c.id == movement)
        connection.execute(corrected.values(count_quantity=30.0, version=2))
    found: list[Any] = []
    for then in (None, known - timedelta(days=1)):
        with database.read(as_known_at=then) as connection:
            matrix, _ = build_matrix(connection, [batch], provenance=True)
            found += [(row["raw:API.assay"], row["provenance"]) for row in matrix.to_pylist()]
    database.close()
    assert [value for value, _ in found] == [pytest.approx((90 * 10 + 100 * 30) / 40), pytest.approx(95)]
    assert {len(orjson.loads(traced)["raw:API.assay"]) for _, traced in found} == {2}


def fill_with_granulate(connection: Any) -> tuple[int, int]:
    """Put a batch down that granulates one lot and blends the granulate with another; give it and that movement."""
    system = add_system(connection)
    said: dict[str, int] = {"system": system, "record": add_record(connection, system)}
    api, granulate = (add_thing(connection, "material_definition", code) for code in ("API", "GRAN"))
    batch = add_thing(connection, "batch", "B1", kind="batch")
    first, second = (
        add_thing(connection, "material_lot", f"L{n}", kind="lot", material_id=api) for n in (1, 2)
    )
    mixed = add_thing(connection, "material_lot", "G", kind="lot", material_id=granulate)
    out = add_thing(connection, "material_lot", "OUT", kind="lot")
    steps = [
        add_fact(
            connection, "segment_response", **said, batch_id=batch, name=name, level="phase", occurrence=1
        )
        for name in ("granulate", "blend")
    ]
    connection.execute(
        update(ENTITY_TABLES["batch"]).where(ENTITY_TABLES["batch"].c.id == batch).values(output_lot_id=out)
    )
    add_move(connection, said, batch, first, 10.0, step=steps[0], into=mixed)
    add_move(connection, said, batch, mixed, 10.0, use="Produced", step=steps[0])
    add_move(connection, said, batch, mixed, 10.0, step=steps[1], into=out)
    movement = add_move(connection, said, batch, second, 10.0, step=steps[1], into=out)
    for lot, number in ((first, 90.0), (second, 100.0)):
        sample = add_fact(connection, "sample", **said, code="S", lot_id=lot)
        row = {
            "sample_id": sample,
            "sample_key": "S",
            "test_code": "assay",
            "kind": "measured",
            "replicate": 1,
        }
        values = {"value_num": number, "value_text": str(number), "unit": "%"}
        add_fact(connection, "test_result", **said, **row, **values)
    return batch, movement


def add_move(
    connection: Any,
    said: dict[str, int],
    batch: int,
    lot: int,
    amount: float,
    *,
    use: str = "Consumed",
    step: int | None = None,
    into: int | None = None,
) -> int:
    """Put a movement down that counts, and what it says of genealogy."""
    if into is not None:
        row = {"input_lot_id": lot, "output_lot_id": into, "batch_id": batch, "kind": "consume"}
        connection.execute(insert(lot_genealogy).values(**row, quantity=amount, unit="kg"))
    return add_fact(
        connection,
        "material_actual",
        **said,
        batch_id=batch,
        lot_id=lot,
        use=use,
        response_id=step,
        quantity=amount,
        unit="kg",
        count_state="counted",
        count_quantity=amount,
        count_unit="kg",
    )


def fill(connection: Any) -> dict[str, int]:
    """Put two batches down: one that is known from every side, one of which little is known."""
    system = add_system(connection)
    said: dict[str, int] = {"system": system, "record": add_record(connection, system)}
    api = add_thing(connection, "material_definition", "API")
    lots = [add_thing(connection, "material_lot", f"L{n}", kind="lot", material_id=api) for n in (1, 2)]
    out = add_thing(connection, "material_lot", "OUT", kind="lot")
    batches = {code: add_thing(connection, "batch", code, kind="batch") for code in ("B1", "B2")}
    batch = ENTITY_TABLES["batch"]
    connection.execute(update(batch).where(batch.c.id == batches["B1"]).values(output_lot_id=out))
    for lot, quantity in zip(lots, (30.0, 10.0), strict=True):
        add_move(connection, said, batches["B1"], lot, quantity)
    spec = add_fact(connection, "test_criterion", **said, test_code="assay", is_cqa=True)
    for about, test, number, unit, criterion in (
        ({"lot_id": lots[0]}, "assay", 98.0, "%", None),
        ({"lot_id": lots[1]}, "assay", 101.0, "%", None),
        ({"batch_id": batches["B1"]}, "weight", 99.0, "mg", None),
        ({"batch_id": batches["B1"]}, "weight", 101.0, "mg", None),
        ({"lot_id": out}, "assay", 99.0, "%", spec),
        ({"batch_id": batches["B2"]}, "assay", 97.0, "%", spec),
    ):
        sample = add_fact(connection, "sample", **said, code="S", **about)
        values = {"value_num": number, "value_text": str(number), "unit": unit, "criterion_id": criterion}
        add_fact(
            connection,
            "test_result",
            **said,
            sample_id=sample,
            sample_key="S",
            test_code=test,
            kind="measured",
            replicate=1,
            **values,
        )
    figure = {"value_num": 36.5, "value_text": "36.5", "unit": "Cel", "kind": "feature", "is_cpp": False}
    add_fact(connection, "segment_data", **said, batch_id=batches["B1"], name="feed_mean", at=NOW, **figure)
    return batches
