"""Blends through genealogy against hand-made sums, and the whole matrix over a small plant."""

from typing import Any

import orjson
import pytest
from sqlalchemy import insert, update

from hub.insight.blending import Blends
from hub.insight.matrix import build_matrix
from hub.store.answers.matrix import Edge, LotHead, Value
from hub.store.database import Database
from hub.store.tables import ENTITY_TABLES, lot_genealogy
from tests.api.factories import NOW, add_fact, add_record, add_system, add_thing

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
        row = {"input_lot_id": lot, "output_lot_id": out, "batch_id": batches["B1"], "kind": "consume"}
        connection.execute(insert(lot_genealogy).values(**row, quantity=quantity, unit="kg"))
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
