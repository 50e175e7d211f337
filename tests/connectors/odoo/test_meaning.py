"""What Odoo's rows mean: orders and their batch in two versions, movements with what takes them back, quality."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import orjson
import pytest

from hub.model import (
    Batch,
    Equipment,
    EquipmentTime,
    Identifier,
    MaterialActual,
    MaterialDefinition,
    MaterialLot,
    MaterialRequirement,
    OperationsRequest,
    Recipe,
    RecipeElement,
    Record,
    Sample,
    SegmentRequirement,
    SegmentResponse,
    TestCriterion,
    TestResult,
    TestSpecification,
)
from hub.sdk import Document, Rejected
from tests.connectors.odoo.odoo_server import Database, serve
from tests.connectors.odoo.plant import ORDER, Row, models, production
from tests.connectors.odoo.test_reading import connect, read

R = TypeVar("R", bound=Record)
BATCH = Identifier(scheme="batch", value="4", match="WH/MO/00004")


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, list[Record | Rejected]]]:
    """Everything that the small plant states, by stream and number."""
    with serve(Database(models())) as database, connect(database) as connector:
        yield {
            f"{stream.name} {document.key}": list(connector.parse(document))
            for stream in connector.streams()
            for document in read(database, stream.name)
        }


def parse(stream: str, row: Row) -> list[Record | Rejected]:
    with connect(Database({}, url="http://127.0.0.1:1")) as connector:
        payload = orjson.dumps(row).decode()
        return list(connector.parse(Document(object_type=stream, key="k", payload=payload)))


def one(kind: type[R], parts: Sequence[Record | Rejected]) -> R:
    (found,) = (part for part in parts if isinstance(part, kind))
    return found


def test_nothing_of_the_small_plant_is_rejected(told: dict[str, list[Record | Rejected]]) -> None:
    assert [part for parts in told.values() for part in parts if isinstance(part, Rejected)] == []


# ---------------------------------------------------------------------------------------------- orders


def test_an_order_that_is_done_states_its_batch(told: dict[str, list[Record | Rejected]]) -> None:
    parts = told["productions 4"]
    request, batch = one(OperationsRequest, parts), one(Batch, parts)
    assert (request.id, request.state) == (Identifier(value="4", match="WH/MO/00004"), "Completed")
    assert request.quantity is not None
    assert (request.quantity.value, request.quantity.unit) == (1700.0, "L")
    assert (batch.id, batch.operations_request, batch.status) == (BATCH, request.id, "Complete")
    assert batch.also == (
        Identifier(scheme="production", value="WH/MO/00004"),
        Identifier(scheme="batch_number", value="B26001"),
    )
    assert batch.output_lot == Identifier(value="20", match="B26001")
    assert batch.recipe is not None
    assert batch.recipe.value == "7"
    assert batch.actual_start == datetime(2026, 3, 2, 6, 10, tzinfo=UTC)
    assert batch.planned_start == datetime(2026, 3, 2, 6, tzinfo=UTC)
    assert batch.actual_size is not None
    assert batch.actual_size.value == 1690.0


@pytest.mark.parametrize("number", ["3", "6"])
def test_an_order_that_never_began_makes_no_batch(
    told: dict[str, list[Record | Rejected]], number: str
) -> None:
    assert [type(part) for part in told[f"productions {number}"]] == [OperationsRequest]


def test_an_order_stopped_after_it_began_is_an_aborted_batch() -> None:
    batch = one(Batch, parse("productions", production(ORDER, "cancel", date_start="2026-03-02 06:10:00")))
    assert batch.status == "Aborted"


def _in_17(state: str) -> Row:
    row = production(ORDER, state, date_start="2026-03-02 06:10:00", date_finished="2026-03-16 05:00:00")
    return {name: value for name, value in row.items() if not name.startswith("date_planned")}


def test_from_17_on_one_field_is_the_plan_until_it_is_the_fact() -> None:
    request = one(OperationsRequest, parse("productions", _in_17("confirmed")))
    assert request.planned_start == datetime(2026, 3, 2, 6, 10, tzinfo=UTC)
    running = one(Batch, parse("productions", _in_17("progress")))
    assert (running.planned_start, running.actual_end) == (None, None)
    assert running.actual_start == datetime(2026, 3, 2, 6, 10, tzinfo=UTC)
    assert running.planned_end == datetime(2026, 3, 16, 5, tzinfo=UTC)
    done = one(Batch, parse("productions", _in_17("done")))
    assert done.actual_end == datetime(2026, 3, 16, 5, tzinfo=UTC)


def test_an_end_before_its_start_costs_the_end_and_nothing_else() -> None:
    row = production(ORDER, "done", date_start="2026-03-02 06:10:00", date_finished="2026-03-01 05:00:00")
    parts = parse("productions", row)
    assert one(Batch, parts).actual_end is None
    assert "before the start" in next(part.reason for part in parts if isinstance(part, Rejected))


def test_a_work_order_is_a_step_and_once_begun_a_run(told: dict[str, list[Record | Rejected]]) -> None:
    step, run = one(SegmentRequirement, told["work_orders 51"]), one(SegmentResponse, told["work_orders 51"])
    assert (step.duration_s, step.state, run.state) == (5400.0, "Completed", "Completed")
    assert (run.batch, run.segment_requirement) == (BATCH, step.id)
    assert run.equipment == Identifier(scheme="work_center", value="3", match="BR-2001")
    assert run.actual_end == datetime(2026, 3, 2, 7, 45, tzinfo=UTC)
    assert [type(part) for part in told["work_orders 52"]] == [SegmentRequirement]


# ------------------------------------------------------------------------------------------- movements


def amounts(told: dict[str, list[Record | Rejected]], number: int) -> tuple[str, float, str | None]:
    actual = one(MaterialActual, told[f"moves {number}"])
    assert actual.batch == BATCH
    assert actual.quantity is not None
    return actual.use, actual.quantity.value, actual.reverses


def test_lines_are_what_went_into_the_batch_and_out_of_it(told: dict[str, list[Record | Rejected]]) -> None:
    assert amounts(told, 44) == ("Consumed", 1500.0, None)
    assert amounts(told, 48) == ("Produced", 1690.0, None)
    assert amounts(told, 49) == ("By-product Produced", 2.0, None)
    actual = one(MaterialActual, told["moves 44"])
    assert (actual.lot, actual.response) == (Identifier(value="21", match="M-7"), "work order 51")
    assert actual.at == datetime(2026, 3, 2, 7, 30, tzinfo=UTC)


def test_taking_apart_is_negative_and_points_at_what_it_takes_back(
    told: dict[str, list[Record | Rejected]],
) -> None:
    assert amounts(told, 60) == ("Produced", -90.0, "move line 48")
    assert amounts(told, 61) == ("Consumed", -80.0, "move line 44")


def test_the_newer_name_of_the_amount_is_read_too() -> None:
    line = {"id": 1, "quantity": 3.5, "product_uom_id": [1, "kg"], "product_id": [9, "x"]}
    parts = parse("moves", {"line": line, "move": {}, "order": ORDER, "side": "move_raw_ids"})
    assert one(MaterialActual, parts).quantity is not None


def test_a_movement_in_an_unknown_unit_waits_and_counts_as_nothing() -> None:
    line = {"id": 1, "quantity": 3.5, "product_uom_id": [1, "Fässer"]}
    (part,) = parse("moves", {"line": line, "move": {}, "order": ORDER, "side": "move_raw_ids"})
    assert isinstance(part, Rejected)
    assert "Fässer" in part.reason


# ------------------------------------------------------------------------------ masters and quality


def test_masters_are_named_by_number_and_matched_by_what_people_write(
    told: dict[str, list[Record | Rejected]],
) -> None:
    product = one(MaterialDefinition, told["products 9"])
    assert product.id == Identifier(value="9", match="RM-100")
    assert product.also == (Identifier(scheme="default_code", value="RM-100"),)
    assert product.base_unit == "L"
    assert one(MaterialDefinition, told["products 10"]).base_unit == "1"
    lot = one(MaterialLot, told["lots 21"])
    assert (lot.id.label, lot.supplier_lot) == ("M-7", "SUP-99")
    assert one(Equipment, told["work_centers 3"]).level == "WorkCenter"
    assert one(Recipe, told["boms 7"]).id.label == "FB-2000"
    assert one(RecipeElement, told["bom_operations 31"]).standard_duration_s == 5400.0
    assert one(MaterialRequirement, told["bom_lines 14"]).element == "bom operation 31"


def test_a_work_centers_time_keeps_the_plants_own_reason(told: dict[str, list[Record | Rejected]]) -> None:
    assert one(EquipmentTime, told["productivity 1"]).element == "APT"
    assert one(EquipmentTime, told["productivity 2"]).element == "Equipment Failure"


def test_a_measuring_check_is_a_result_within_its_points_limits(
    told: dict[str, list[Record | Rejected]],
) -> None:
    sample, result = one(Sample, told["quality_checks 1"]), one(TestResult, told["quality_checks 1"])
    assert (sample.code, sample.batch, sample.lot) == (
        "QC00001",
        BATCH,
        Identifier(value="20", match="B26001"),
    )
    assert (result.value.value, result.value.unit, result.verdict) == (4.6, "g/L", "pass")
    limits = one(TestCriterion, told["quality_points 5"])
    assert (limits.key, limits.lower, limits.upper) == (result.criterion, 2.5, 8.0)
    assert one(TestSpecification, told["quality_points 5"]).material == Identifier(value="8")


def test_a_check_without_limits_says_pass_or_fail_and_an_open_one_nothing(
    told: dict[str, list[Record | Rejected]],
) -> None:
    result = one(TestResult, told["quality_checks 2"])
    assert (result.value.text, result.verdict) == ("fail", "fail")
    assert one(TestCriterion, told["quality_points 6"]).lower is None
    assert [type(part) for part in told["quality_checks 3"]] == [Sample]
