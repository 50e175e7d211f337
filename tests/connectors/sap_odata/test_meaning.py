"""What SAP's rows mean: orders and their batch, lots, products, movements with reversals, seeded faults."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
import pytest

from connectors.sap_odata import SapConfig, SapOdata
from hub.model import (
    Batch,
    Identifier,
    MaterialActual,
    MaterialDefinition,
    MaterialLot,
    MaterialRequirement,
    OperationsRequest,
    Record,
    SegmentRequirement,
)
from hub.sdk import BadRecord, Document, Rejected
from tests.connectors.sap_odata.rows import Row, document, lot, ms, order, product

R = TypeVar("R", bound=Record)
LOT = Identifier(scheme="lot", value="300214|1010|B260117", match="B260117")
ORDER = Identifier(scheme="process_order", value="1004711")


def parse(kind: str, row: Any, **settings: Any) -> list[Record | Rejected]:
    given = {"url": "http://127.0.0.1:1/", "timezone": "Europe/Dublin", **settings}
    connector = SapOdata(SapConfig.model_validate(given))
    payload = row if isinstance(row, str) else orjson.dumps(row).decode()
    return list(connector.parse(Document(object_type=kind, key="k", payload=payload)))


def parse_order(row: Row, **settings: Any) -> list[Record | Rejected]:
    return parse("A_ProcessOrder_2", row, **settings)


def parse_document(row: Row, **settings: Any) -> list[Record | Rejected]:
    return parse("A_MaterialDocumentHeader", row, **settings)


def of(kind: type[R], parts: Sequence[Record | Rejected]) -> list[R]:
    return [part for part in parts if isinstance(part, kind)]


def rejected(parts: Sequence[Record | Rejected]) -> list[Rejected]:
    return [part for part in parts if isinstance(part, Rejected)]


# ---------------------------------------------------------------------------------------------- orders


def test_an_order_loses_its_zeros_and_its_times_get_the_plants_zone() -> None:
    (request,) = of(OperationsRequest, parse_order(order()))
    assert request.id == ORDER
    assert request.product == Identifier(value="300214")
    assert request.state == "Released"
    assert request.planned_start == datetime(2026, 3, 2, 6, tzinfo=UTC)
    assert request.planned_end == datetime(2026, 3, 29, 23, tzinfo=UTC)  # midnight at its end, summer time
    assert request.quantity is not None
    assert (request.quantity.text, request.quantity.source_unit, request.quantity.unit) == (
        "120.000",
        "KGM",
        "kg",
    )


def test_an_item_with_a_batch_number_states_the_batch_and_its_lot() -> None:
    parts = parse_order(order())
    (batch,) = of(Batch, parts)
    assert batch.id == Identifier(scheme="batch", value="B260117")
    assert batch.also == (ORDER,)
    assert batch.operations_request == ORDER
    assert batch.output_lot == LOT
    assert batch.planned_size is not None
    assert batch.actual_size is not None
    assert (batch.planned_size.text, batch.actual_size.text) == ("120.000", "118.200")
    assert [lot.id for lot in of(MaterialLot, parts)] == [LOT]


def test_nothing_received_is_no_size_and_no_batch_number_no_batch() -> None:
    row = order()
    row["to_ProcessOrderItem"]["results"][0]["MfgOrderItemGoodsReceiptQty"] = "0.000"
    assert of(Batch, parse_order(row))[0].actual_size is None
    assert of(Batch, parse_order(order(batch=""))) == []


def test_a_by_product_is_no_batch_and_a_second_main_item_gets_no_second_order_name() -> None:
    row = order()
    main = row["to_ProcessOrderItem"]["results"][0]
    row["to_ProcessOrderItem"]["results"] += [
        {**main, "ManufacturingOrderItem": "2", "Material": "000000000000900001", "Batch": "W1"},
        {**main, "ManufacturingOrderItem": "3", "Batch": "B260118"},
    ]
    assert [(b.id.value, b.also) for b in of(Batch, parse_order(row))] == [
        ("B260117", (ORDER,)),
        ("B260118", ()),
    ]


def test_confirmations_give_actual_times_and_the_end_only_when_the_order_is_over() -> None:
    operation = {
        "OpActualExecutionStartDate": ms("2026-03-02"),
        "OpActualExecutionStartTime": "PT06H11M04S",
        "OpActualExecutionEndDate": ms("2026-03-28"),
        "OpActualExecutionEndTime": "PT19H45M00S",
    }
    row = order(to_ProcessOrderOperation={"results": [operation]})
    (running,) = of(Batch, parse_order(row))
    assert running.actual_start == datetime(2026, 3, 2, 6, 11, 4, tzinfo=UTC)
    assert running.actual_end is None
    (over,) = of(Batch, parse_order({**row, "OrderIsTechnicallyCompleted": "X"}))
    assert over.actual_end == datetime(2026, 3, 28, 19, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    ("flag", "state"),
    [("OrderIsCreated", "Waiting"), ("OrderIsPartiallyConfirmed", "Running"), ("OrderIsClosed", "Closed"), ("OrderIsMarkedForDeletion", "Cancelled")],
)  # fmt: skip
def test_the_last_status_indicator_is_the_state(flag: str, state: str) -> None:
    row = order(**{"OrderIsReleased": "" if flag == "OrderIsCreated" else "X", flag: "X"})
    assert of(OperationsRequest, parse_order(row))[0].state == state


# -------------------------------------------------------------------------------------------- movements


def moved(row: Row, **settings: Any) -> MaterialActual:
    (actual,) = of(MaterialActual, parse_document(row, **settings))
    return actual


def test_an_issue_is_consumed_by_the_orders_batch() -> None:
    actual = moved(document())
    assert (actual.key, actual.use) == ("2026/4900012201/1", "Consumed")
    assert actual.batch == ORDER
    assert actual.lot == Identifier(scheme="lot", value="100210|1010|MP260012", match="MP260012")
    assert actual.quantity is not None
    assert (actual.quantity.text, actual.quantity.value) == ("1550.000", 1550.0)
    assert actual.at == datetime(2026, 3, 10, 9, 15, tzinfo=UTC)


def test_a_reversal_is_negative_and_points_at_what_it_reverses() -> None:
    actual = moved(
        document(
            "4900012302",
            "262",
            ReversedMaterialDocumentYear="2026",
            ReversedMaterialDocument="4900012201",
            ReversedMaterialDocumentItem="0001",
        )
    )
    assert actual.reverses == "2026/4900012201/1"
    assert actual.quantity is not None
    assert (actual.quantity.text, actual.quantity.value) == ("-1550.000", -1550.0)


def test_the_worked_chain_of_issue_reversal_and_issue_sums_to_what_was_used() -> None:
    chain = [document(), document("2", "262"), document("3", "261", "1500.000")]
    assert sum(a.quantity.value for row in chain if (a := moved(row)).quantity) == 1500


def test_a_receipt_keeps_the_unit_it_was_entered_in() -> None:
    actual = moved(document("5", "101", "118200.000", EntryUnit="G", EntryUnitISOCode="GRM", Batch="B260117"))
    assert actual.use == "Produced"
    assert actual.quantity is not None
    assert (actual.quantity.source_unit, actual.quantity.in_unit("kg")) == ("GRM", 118.2)


def test_a_movement_posted_for_another_day_has_that_day() -> None:
    row = {**document(), "PostingDate": ms("2026-07-01")}
    assert moved(row).at == datetime(2026, 6, 30, 23, tzinfo=UTC)


@pytest.mark.parametrize("item", [{"GoodsMovementType": "311"}, {"ManufacturingOrder": ""}])
def test_a_movement_that_makes_no_batch_tells_only_its_lot(item: Row) -> None:
    parts = parse_document(document(**item))
    assert [type(part) for part in parts] == [MaterialLot]


# ------------------------------------------------------------------------------------- lots and products


def test_a_lot_is_named_where_it_is_unique() -> None:
    (told,) = of(MaterialLot, parse("Batch", lot()))
    assert (told.id, told.disposition) == (LOT, "Restricted")
    assert told.expires_at == datetime(2028, 3, 26, 23, tzinfo=UTC)
    (by_material,) = of(MaterialLot, parse("Batch", lot(), lot_level="material"))
    assert by_material.id.value == "300214||B260117"
    assert (
        of(MaterialLot, parse("Batch", lot(MatlBatchIsInRstrcdUseStock=False)))[0].disposition
        == "UnRestricted"
    )


def test_a_product_is_told_in_the_language_of_the_settings() -> None:
    (told,) = of(MaterialDefinition, parse("A_Product", product()))
    assert (told.id.value, told.description) == ("300214", "MAB214 drug substance")
    assert (told.stage, told.base_unit) == ("intermediate", "kg")
    assert told.material_class == Identifier(value="MAB214")
    assert of(MaterialDefinition, parse("A_Product", product(), language="DE"))[0].description == "Wirkstoff"


# ------------------------------------------------------------------------------- steps and components


def test_the_operations_of_an_order_are_the_steps_it_asks_for() -> None:
    step = {
        "ManufacturingOrderOperation": "0010",
        "MfgOrderOperationText": "Seed expansion",
        "WorkCenter": "BR5001",
        "OperationIsConfirmed": "",
        "OperationIsPartiallyConfirmed": "X",
        "OpErlstSchedldExecStrtDte": ms("2026-03-02"),
        "OpErlstSchedldExecStrtTme": "PT06H00M00S",
        "OpLtstSchedldExecEndDte": ms("2026-03-06"),
        "OpLtstSchedldExecEndTme": "PT24H00M00S",
    }
    parts = parse_order(order(to_ProcessOrderOperation={"results": [step]}))
    assert rejected(parts) == []
    (asked,) = of(SegmentRequirement, parts)
    assert (asked.id.value, asked.operations_request, asked.operations_segment) == (
        "1004711|0010",
        ORDER,
        "0010",
    )
    assert (asked.description, asked.state) == ("Seed expansion", "Running")
    assert asked.equipment == Identifier(scheme="work_center", value="BR5001")
    assert asked.earliest_start == datetime(2026, 3, 2, 6, tzinfo=UTC)
    assert asked.latest_end == datetime(2026, 3, 7, tzinfo=UTC)


def test_the_components_of_an_order_are_what_it_needs() -> None:
    part = {
        "Reservation": "0000004711",
        "ReservationItem": "1",
        "Material": "000000000000100210",
        "Plant": "1010",
        "Batch": "MP260012",
        "GoodsMovementType": "261",
        "RequiredQuantity": "1500.000",
        "BaseUnit": "KG",
        "BaseUnitISOCode": "KGM",
    }
    two = [part, {**part, "ReservationItem": "2", "GoodsMovementType": "ZZ9", "Batch": ""}]
    parts = parse_order(order(to_ProcessOrderComponent={"results": two}))
    needed, odd = of(MaterialRequirement, parts)
    assert (needed.operations_request, needed.use) == (ORDER, "Consumed")
    assert needed.lot == Identifier(scheme="lot", value="100210|1010|MP260012", match="MP260012")
    assert needed.quantity is not None
    assert (needed.quantity.text, needed.quantity.unit) == ("1500.000", "kg")
    assert (odd.use, odd.lot, odd.key == needed.key) == ("ZZ9", None, False)


# ----------------------------------------------------------------------------------------- seeded faults


def test_without_a_zone_every_local_time_is_rejected_by_name_and_the_rest_goes_on() -> None:
    parts = parse_order(order(), timezone=None)
    fields = {fault.where.rpartition("/")[2] for fault in rejected(parts)}
    assert {"MfgOrderPlannedStartDate", "MfgOrderPlannedEndDate", "MfgOrderCreationDate"} == fields
    assert all("`timezone`" in fault.reason for fault in rejected(parts))
    assert of(Batch, parts)[0].planned_start is None


def test_a_date_that_comes_twice_in_autumn_is_rejected_by_name_until_the_settings_say_which() -> None:
    row = order(MfgOrderPlannedStartDate=ms("2026-10-25"), MfgOrderPlannedStartTime="PT01H30M00S",
                MfgOrderPlannedEndDate=ms("2026-10-30"))  # fmt: skip
    (fault,) = rejected(parse_order(row))
    assert fault.where.endswith("MfgOrderPlannedStartDate")
    assert "comes twice in Europe/Dublin" in fault.reason
    (request,) = of(OperationsRequest, parse_order(row, ambiguous="earliest"))
    assert request.planned_start == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_an_unknown_unit_holds_the_movement_back_until_it_is_mapped() -> None:
    row = document(EntryUnit="FAS", EntryUnitISOCode="")
    parts = parse_document(row)
    assert of(MaterialActual, parts) == []
    (fault,) = rejected(parts)
    assert "unit 'FAS' is not known" in fault.reason
    assert fault.where.endswith("QuantityInEntryUnit")
    assert moved(row, units={"FAS": "L"}).quantity is not None


def test_an_iso_code_that_nobody_knows_gives_way_to_saps_own_unit() -> None:
    actual = moved(document(EntryUnit="KG", EntryUnitISOCode="ZZ9"))
    assert actual.quantity is not None
    assert actual.quantity.unit == "kg"


def test_a_date_that_is_none_is_rejected_by_name() -> None:
    parts = parse_order(order(MfgOrderPlannedStartDate="/Date(soon)/"))
    (fault,) = rejected(parts)
    assert fault.where == "A_ProcessOrder_2 k/MfgOrderPlannedStartDate"


@pytest.mark.parametrize("payload", ['{"ManufacturingOrder"', "[]", "null"])
def test_what_is_no_row_is_a_bad_record(payload: str) -> None:
    with pytest.raises(BadRecord):
        parse_order(payload)  # type: ignore[arg-type]
