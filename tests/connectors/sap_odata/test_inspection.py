"""What quality management's rows mean, and production orders beside process orders."""

from datetime import UTC, datetime
from typing import Any

import pytest

from hub.model import (
    Batch,
    Identifier,
    LotDisposition,
    MaterialLot,
    OperationsRequest,
    Record,
    Sample,
    SegmentRequirement,
    TestCriterion,
    TestResult,
    TestSpecification,
)
from hub.model.finality import read_finality
from hub.sdk import Rejected
from tests.connectors.sap_odata.rows import characteristic, decision, inspection_lot, production_order, result
from tests.connectors.sap_odata.test_meaning import LOT, ORDER, of, parse

KEY = "40000000123/1/10"


def parse_result(held: dict[str, Any] | None = None, /, **fields: Any) -> list[Record | Rejected]:
    row = {**result(**fields), "characteristic": characteristic() if held is None else held}
    return parse("A_InspectionResult", row)


def test_an_inspection_lot_is_a_sample_of_its_lot_and_order() -> None:
    parts = parse("A_InspectionLot", inspection_lot())
    (sample,), (plan,) = of(Sample, parts), of(TestSpecification, parts)
    assert (sample.code, sample.lot, sample.batch) == ("40000000123", LOT, ORDER)
    assert sample.specification == plan.id == Identifier(scheme="inspection_lot", value="40000000123")
    assert (sample.status, plan.description) == ("usage decision made", "Release MAB214")
    assert sample.received_at == datetime(2026, 3, 29, 9, tzinfo=UTC)  # summer time had begun


def test_zero_is_a_limit_only_where_sap_says_there_is_one() -> None:
    (limits,) = of(TestCriterion, parse("A_InspectionCharacteristic", characteristic()))
    assert (limits.key, limits.lower, limits.lower_text, limits.upper) == (KEY, 2.5, "2.50", None)
    assert (limits.test_code, limits.method, limits.unit) == ("TITER", "HPLC-01", "g/L")
    row = characteristic(InspSpecHasUpperLimit="X", InspSpecUpperLimit=0.0)
    (closed,) = of(TestCriterion, parse("A_InspectionCharacteristic", {**row, "InspSpecHasLowerLimit": ""}))
    assert (closed.lower, closed.upper) == (None, 0.0)


def test_a_limit_formatted_with_a_comma_is_taken_from_the_number() -> None:
    row = characteristic(InspSpecFrmtdLowerLimit="2,50")
    (limits,) = of(TestCriterion, parse("A_InspectionCharacteristic", row))
    assert limits.lower == 2.5


def test_the_status_of_a_result_is_a_word_that_says_whether_it_stands() -> None:
    words = {
        status: of(TestResult, parse_result(InspectionResultStatus=status))[0].status for status in "2357"
    }
    assert words == {"2": "being processed", "3": "valuated", "5": "closed", "7": "7"}
    assert [read_finality(word) for word in words.values()] == ["open", "final", "final", "final"]


def test_a_result_has_the_unit_and_the_name_of_its_characteristic() -> None:
    (told,) = of(TestResult, parse_result())
    assert (told.key, told.criterion, told.sample) == (KEY, KEY, "40000000123")
    assert (told.test_code, told.value.text, told.value.unit, told.verdict) == (
        "TITER",
        "4.60",
        "g/L",
        "pass",
    )
    assert told.measured_at == datetime(2026, 4, 1, 14, 30, tzinfo=UTC)


def test_a_code_is_told_with_its_group_and_a_rejection_fails() -> None:
    (told,) = of(
        TestResult,
        parse_result(
            InspectionResultHasMeanValue="",
            CharacteristicAttributeCodeGrp="LOOK",
            CharacteristicAttributeCode="02",
            InspectionValuationResult="R",
        ),
    )
    assert (told.value.text, told.value.unit, told.verdict) == ("LOOK 02", None, "fail")


def test_a_result_that_nobody_has_recorded_states_nothing() -> None:
    assert parse_result(InspectionResultHasMeanValue="") == []


def test_a_result_in_an_unknown_unit_waits() -> None:
    (part,) = parse_result(characteristic(InspectionSpecificationUnit="XYZ"))
    assert isinstance(part, Rejected)
    assert "XYZ" in part.reason


@pytest.mark.parametrize(("valuation", "told"), [("A", "UnRestricted"), ("R", "Restricted"), ("F", "F")])
def test_a_usage_decision_is_the_disposition_of_the_lot(valuation: str, told: str) -> None:
    row = {**decision(InspLotUsageDecisionValuation=valuation), "lot": inspection_lot()}
    (made,) = of(LotDisposition, parse("A_InspLotUsageDecision", row))
    assert (made.lot, made.batch, made.decision) == (LOT, ORDER, told)
    assert made.decided_at == datetime(2026, 4, 3, 8, tzinfo=UTC)
    assert made.scope == "usage decision A1"


def test_a_decision_about_no_lot_decides_about_none() -> None:
    assert parse("A_InspLotUsageDecision", {**decision(), "lot": None}) == []


def test_a_production_order_is_an_order_that_movements_find_under_its_number() -> None:
    row = production_order()
    row["to_ProductionOrderOperation"]["results"].append(
        {"ManufacturingOrderOperation": "0010", "WorkCenter": "FILL1"}
    )
    parts = parse("A_ProductionOrder_2", row)
    (request,), (batch,) = of(OperationsRequest, parts), of(Batch, parts)
    own = Identifier(scheme="production_order", value="1009001")
    by_movements = Identifier(scheme="process_order", value="1009001")
    assert (request.id, request.also) == (own, (by_movements,))
    assert (batch.id.value, batch.also, batch.operations_request) == ("F260001", (own, by_movements), own)
    assert of(SegmentRequirement, parts)[0].operations_request == own
    assert len(of(MaterialLot, parts)) == 1
