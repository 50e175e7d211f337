"""What Tryton's rows mean: orders with their batch, works, movements, inspections, laboratory results."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
import pytest

from hub.model import (
    Batch,
    Equipment,
    Identifier,
    MaterialActual,
    MaterialDefinition,
    MaterialLot,
    OperationsRequest,
    RecipeElement,
    Record,
    ResourceActual,
    Sample,
    SegmentRequirement,
    SegmentResponse,
    TestCriterion,
    TestResult,
)
from hub.sdk import Document, Rejected
from tests.connectors.tryton.plant import models, move, production
from tests.connectors.tryton.test_reading import connect, read
from tests.connectors.tryton.tryton_server import Database, Row, serve

R = TypeVar("R", bound=Record)
Told = dict[str, list[Record | Rejected]]
BATCH = Identifier(scheme="batch", value="1", match="1")


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """Everything that the small plant and its laboratory state, by stream and number."""
    with serve(Database(models())) as database, connect(database) as connector:
        yield {
            f"{stream.name} {document.key}": list(connector.parse(document))
            for stream in connector.streams()
            for document in read(database, stream.name)
        }


def parse(stream: str, row: Row, **settings: Any) -> list[Record | Rejected]:
    with connect(Database({}, url="http://127.0.0.1:1"), **settings) as connector:
        payload = orjson.dumps(row).decode()
        return list(connector.parse(Document(object_type=stream, key="k", payload=payload)))


def of(kind: type[R], parts: Sequence[Record | Rejected]) -> list[R]:
    return [part for part in parts if isinstance(part, kind)]


def one(kind: type[R], parts: Sequence[Record | Rejected]) -> R:
    (found,) = of(kind, parts)
    return found


def test_nothing_of_the_small_plant_is_rejected(told: Told) -> None:
    assert [part for parts in told.values() for part in parts if isinstance(part, Rejected)] == []


# ---------------------------------------------------------------------------------------------- orders


def test_a_production_that_is_done_states_its_batch_under_its_reference_too(told: Told) -> None:
    request, batch = one(OperationsRequest, told["productions 1"]), one(Batch, told["productions 1"])
    assert (request.id, request.state) == (Identifier(value="1", match="1"), "Completed")
    assert (batch.id, batch.status, batch.operations_request) == (BATCH, "Complete", request.id)
    assert Identifier(scheme="reference", value="B26001") in batch.also
    assert batch.planned_size is not None
    assert (batch.planned_size.value, batch.planned_size.unit) == (1700.0, "L")


def test_a_day_begins_and_ends_where_the_plant_is() -> None:
    (batch,) = of(Batch, parse("productions", production(1, "done"), timezone="America/New_York"))
    assert batch.actual_start == datetime(2026, 3, 2, 5, tzinfo=UTC)
    assert batch.actual_end == datetime(2026, 3, 16, 4, tzinfo=UTC)  # the 15th is in it whole, summer time


def test_a_day_without_a_declared_zone_is_refused_by_name_and_the_rest_goes_on() -> None:
    parts = parse("productions", production(1, "done"), timezone=None)
    assert one(Batch, parts).actual_start is None
    assert any("effective_start_date" in p.where for p in parts if isinstance(p, Rejected))


@pytest.mark.parametrize("number", ["3", "4"])
def test_a_production_that_never_ran_makes_no_batch(told: Told, number: str) -> None:
    assert [type(part) for part in told[f"productions {number}"]] == [OperationsRequest]


def test_a_running_production_has_no_end(told: Told) -> None:
    batch = one(Batch, told["productions 2"])
    assert (batch.status, batch.actual_end) == ("Running", None)
    assert batch.actual_start is not None


def test_a_cycle_is_a_run_of_its_work_that_took_the_work_center(told: Told) -> None:
    step, run = one(SegmentRequirement, told["works 7"]), one(SegmentResponse, told["cycles 1"])
    taken = one(ResourceActual, told["cycles 1"])
    assert (step.state, step.operations_segment) == ("Completed", "Culture")
    assert run.batch is not None
    assert (run.batch.value, run.name, run.segment_requirement) == ("1", "Culture", step.id)
    assert taken.quantity is not None
    assert (taken.quantity.value, taken.quantity.unit, taken.response) == (5400.0, "s", run.key)
    assert told["cycles 2"] == []


# ------------------------------------------------------------------------------- materials and movements


def test_movements_are_what_went_in_and_what_came_out(told: Told) -> None:
    into, out = one(MaterialActual, told["moves 44"]), one(MaterialActual, told["moves 45"])
    assert (into.batch, into.use, into.lot) == (BATCH, "Consumed", Identifier(value="3", match="M-7"))
    assert (out.batch, out.use, out.lot) == (BATCH, "Produced", Identifier(value="9", match="B26001"))
    assert out.quantity is not None
    assert out.quantity.value == 1690.0


def test_a_movement_in_an_unknown_unit_waits() -> None:
    (part,) = parse("moves", move(1, **{"unit.": {"id": 9, "symbol": "tub"}}))
    assert isinstance(part, Rejected)
    assert "tub" in part.reason


@pytest.mark.parametrize(("symbol", "code"), [("u", "1"), ("l", "L"), ("kg", "kg")])
def test_trytons_own_symbols_are_read_as_it_means_them(symbol: str, code: str) -> None:
    actual = one(MaterialActual, parse("moves", move(1, **{"unit.": {"id": 1, "symbol": symbol}})))
    assert actual.quantity is not None
    assert actual.quantity.unit == code


@pytest.mark.parametrize("symbol", ["c", "a"])
def test_a_carat_is_no_degree_and_an_are_no_year(symbol: str) -> None:
    (part,) = parse("moves", move(1, **{"unit.": {"id": 4, "symbol": symbol}}))
    assert isinstance(part, Rejected)
    (actual,) = of(
        MaterialActual, parse("moves", move(1, **{"unit.": {"id": 4, "symbol": symbol}}), units={symbol: "g"})
    )
    assert actual.quantity is not None


def test_masters_are_named_by_number_and_matched_by_what_people_write(told: Told) -> None:
    assert one(MaterialDefinition, told["products 1"]).id == Identifier(value="1", match="RM-100")
    assert one(MaterialDefinition, told["products 2"]).base_unit == "1"
    assert one(MaterialLot, told["lots 3"]).expires_at == datetime(2027, 3, 1, tzinfo=UTC)
    assert one(Equipment, told["work_centers 1"]).equipment_class is not None
    assert one(RecipeElement, told["routing_steps 1"]).recipe == Identifier(
        scheme="routing", value="1", match="Upstream"
    )


# ------------------------------------------------------------------------------- quality and laboratory


def test_an_inspection_is_a_sample_with_a_result_for_each_point(told: Told) -> None:
    sample = one(Sample, told["inspections 1"])
    assert sample.batch == Identifier(scheme="batch", value="1")
    found = {
        r.test_code: (r.value.text, r.verdict, r.criterion) for r in of(TestResult, told["inspections 1"])
    }
    assert found == {"titer_gl": ("4.6", "pass", "1/titer_gl"), "clear": ("yes", "pass", "1/clear")}
    limits = one(TestCriterion, told["control_points 1"])
    assert (limits.key, limits.lower, limits.upper) == ("1/titer_gl", 2.5, 8.0)


def test_an_inspection_of_a_movement_names_the_lot_that_was_moved(told: Told) -> None:
    sample, result = one(Sample, told["inspections 2"]), one(TestResult, told["inspections 2"])
    assert sample.lot == Identifier(value="9", match="B26001")
    assert (result.value.text, result.verdict, result.status) == ("1.90", None, "failed")
    assert [type(p) for p in told["inspections 3"]] == [Sample]


def test_a_laboratory_test_finds_its_batch_by_where_it_came_from(told: Told) -> None:
    sample, result = one(Sample, told["lab_tests 1"]), one(TestResult, told["lab_results 101"])
    assert (sample.code, sample.batch) == ("TEST001", Identifier(scheme="other_source", value="B26001"))
    assert (result.sample, result.value.value, result.value.unit, result.verdict) == (
        sample.key,
        4.6,
        "g/L",
        "pass",
    )
    assert result.approved_at == datetime(2026, 3, 17, 9, tzinfo=UTC)


def test_limits_judge_numbers_and_what_was_excluded_is_not_judged(told: Told) -> None:
    assert one(TestResult, told["lab_results 102"]).verdict == "fail"
    excluded = one(TestResult, told["lab_results 103"])
    assert (excluded.verdict, excluded.status) == (None, "excluded")
    assert one(TestResult, told["lab_results 104"]).value.text == "clear"
    assert told["lab_results 105"] == []


def test_limits_in_an_unknown_unit_are_noted_and_go_on_without() -> None:
    row = {**models()["gnuhealth.lab.test.critearea"][0], "units.": {"id": 1, "name": "drops"}}
    parts = parse("test_criteria", row)
    assert (one(TestCriterion, parts).lower, one(TestCriterion, parts).unit) == (2.5, None)
    (rejected,) = (part for part in parts if isinstance(part, Rejected))
    assert "drops" in rejected.reason
    assert "validation error" not in rejected.reason
