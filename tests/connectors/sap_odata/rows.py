"""Rows as S/4HANA's OData V2 JSON writes them, one factory an entity, after the worked example."""

from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]


def ms(text: str, offset: str = "") -> str:
    """Give `/Date(ms)/` of a date or time."""
    return f"/Date({int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)}{offset})/"


def order(
    number: str = "1004711", changed: str = "20260302081500", batch: str = "B260117", **fields: Any
) -> Row:
    padded = number.zfill(12)
    item = {
        "ManufacturingOrder": padded,
        "ManufacturingOrderItem": "1",
        "Material": "000000000000300214",
        "ProductionPlant": "1010",
        "Batch": batch,
        "MfgOrderItemPlannedTotalQty": "120.000",
        "MfgOrderItemGoodsReceiptQty": "118.200",
        "ProductionUnit": "KG",
        "ProductionUnitISOCode": "KGM",
    }
    return {
        "ManufacturingOrder": padded,
        "ManufacturingOrderType": "PI01",
        "OrderIsReleased": "X",
        "OrderIsTechnicallyCompleted": "",
        "MfgOrderCreationDate": ms("2026-02-20"),
        "MfgOrderCreationTime": "PT07H30M00S",
        "LastChangeDateTime": changed,
        "Material": "000000000000300214",
        "ProductionPlant": "1010",
        "MfgOrderPlannedStartDate": ms("2026-03-02"),
        "MfgOrderPlannedStartTime": "PT06H00M00S",
        "MfgOrderPlannedEndDate": ms("2026-03-29"),
        "MfgOrderPlannedEndTime": "PT24H00M00S",
        "TotalQuantity": "120.000",
        "ProductionUnit": "KG",
        "ProductionUnitISOCode": "KGM",
        "to_ProcessOrderItem": {"results": [item]},
        "to_ProcessOrderOperation": {"results": []},
        "to_ProcessOrderComponent": {"results": []},
        **fields,
    }


def product(number: str = "300214", changed: str | None = "2026-01-10", **fields: Any) -> Row:
    return {
        "Product": number.zfill(18),
        "ProductType": "HALB",
        "ProductGroup": "MAB214",
        "BaseUnit": "KG",
        "CreationDate": ms("2025-12-01"),
        "LastChangeDate": ms(changed) if changed else None,
        "to_Description": {
            "results": [
                {"Language": "DE", "ProductDescription": "Wirkstoff"},
                {"Language": "EN", "ProductDescription": "MAB214 drug substance"},
            ]
        },
        **fields,
    }


def lot(batch: str = "B260117", changed: str = "2026-04-14T12:06:36", **fields: Any) -> Row:
    return {
        "Material": "000000000000300214",
        "BatchIdentifyingPlant": "1010",
        "Batch": batch,
        "BatchIsMarkedForDeletion": False,
        "MatlBatchIsInRstrcdUseStock": True,
        "BatchBySupplier": "",
        "ShelfLifeExpirationDate": ms("2028-03-27"),
        "ManufactureDate": ms("2026-03-28"),
        "CreationDateTime": ms("2026-03-01T08:00:00", "+0000"),
        "LastChangeDateTime": ms(changed, "+0000"),
        **fields,
    }


def document(number: str = "4900012201", kind: str = "261", quantity: str = "1550.000", **item: Any) -> Row:
    return {
        "MaterialDocumentYear": "2026",
        "MaterialDocument": number,
        "PostingDate": ms("2026-03-10"),
        "CreationDate": ms("2026-03-10"),
        "CreationTime": "PT09H15M00S",
        "to_MaterialDocumentItem": {
            "results": [
                {
                    "MaterialDocumentYear": "2026",
                    "MaterialDocument": number,
                    "MaterialDocumentItem": "1",
                    "Material": "000000000000100210",
                    "Plant": "1010",
                    "Batch": "MP260012",
                    "GoodsMovementType": kind,
                    "QuantityInEntryUnit": quantity,
                    "EntryUnit": "KG",
                    "EntryUnitISOCode": "KGM",
                    "ManufacturingOrder": "000001004711",
                    "ReversedMaterialDocumentYear": "",
                    "ReversedMaterialDocument": "",
                    "ReversedMaterialDocumentItem": "",
                    **item,
                }
            ]
        },
    }


def production_order(number: str = "1009001", changed: str = "20260302081500", **fields: Any) -> Row:
    """The same order as a production order has it: under links of other names."""
    made = order(number, changed, "F260001")
    for kind in ("Item", "Operation", "Component"):
        made[f"to_ProductionOrder{kind}"] = made.pop(f"to_ProcessOrder{kind}")
    return {**made, "ManufacturingOrderType": "PP01", **fields}


def inspection_lot(number: str = "40000000123", **fields: Any) -> Row:
    return {
        "InspectionLot": number.zfill(12),
        "Material": "000000000000300214",
        "Plant": "1010",
        "Batch": "B260117",
        "ManufacturingOrder": "000001004711",
        "InspectionLotOrigin": "04",
        "InspectionLotType": "04",
        "InspectionLotText": "Release MAB214",
        "InspectionLotHasUsageDecision": True,
        "InspLotCreatedOnLocalDate": ms("2026-03-29"),
        "InspLotCreatedOnLocalTime": "PT10H00M00S",
        "InspectionLotCreatedOn": ms("2026-03-29"),
        "InspectionLotCreatedOnTime": "PT10H00M00S",
        "ChangedDateTime": ms("2026-04-02T08:00:00", "+0000"),
        **fields,
    }


def characteristic(number: str = "10", **fields: Any) -> Row:
    return {
        "InspectionLot": "040000000123",
        "InspPlanOperationInternalID": "1",
        "InspectionCharacteristic": number,
        "InspectionSpecification": "TITER",
        "InspectionCharacteristicText": "Titer",
        "InspectionMethod": "HPLC-01",
        "InspectionSpecificationUnit": "G/L",
        "InspSpecHasLowerLimit": "X",
        "InspSpecLowerLimit": 2.5,
        "InspSpecFrmtdLowerLimit": "2.50",
        "InspSpecHasUpperLimit": "",
        "InspSpecUpperLimit": 0.0,
        "InspSpecFrmtdUpperLimit": "",
        "ChangedDateTime": ms("2026-04-02T08:00:00", "+0000"),
        **fields,
    }


def result(number: str = "10", **fields: Any) -> Row:
    return {
        "InspectionLot": "040000000123",
        "InspPlanOperationInternalID": "1",
        "InspectionCharacteristic": number,
        "InspectionValuationResult": "A",
        "InspectionResultStatus": "5",
        "InspectionResultHasMeanValue": "X",
        "InspectionResultMeanValue": 4.6,
        "InspResultFrmtdMeanValue": "4.60",
        "CharacteristicAttributeCodeGrp": "",
        "CharacteristicAttributeCode": "",
        "Inspector": "ANA",
        "InspectionEndDate": ms("2026-04-01"),
        "InspectionEndTime": "PT15H30M00S",
        "ChangedDateTime": ms("2026-04-02T08:00:00", "+0000"),
        **fields,
    }


def decision(number: str = "40000000123", **fields: Any) -> Row:
    return {
        "InspectionLot": number.zfill(12),
        "InspectionLotUsageDecisionCode": "A1",
        "InspLotUsageDecisionValuation": "A",
        "InspectionLotUsageDecidedBy": "QA1",
        "InspectionLotUsageDecidedOn": ms("2026-04-03"),
        "InspLotUsageDecisionTime": "PT09H00M00S",
        "ChangedDateTime": ms("2026-04-03T08:00:00", "+0000"),
        **fields,
    }


PRODUCTION_ORDERS = "API_PRODUCTION_ORDER_2_SRV/A_ProductionOrder_2"
INSPECTIONS = "API_INSPECTIONLOT_SRV/A_InspectionLot"
CHARACTERISTICS = "API_INSPECTIONLOT_SRV/A_InspectionCharacteristic"
RESULTS = "API_INSPECTIONLOT_SRV/A_InspectionResult"
DECISIONS = "API_INSPECTIONLOT_SRV/A_InspLotUsageDecision"
ORDERS = "API_PROCESS_ORDER_2_SRV/A_ProcessOrder_2"
PRODUCTS = "API_PRODUCT_SRV/A_Product"
LOTS = "API_BATCH_SRV/Batch"
DOCUMENTS = "API_MATERIAL_DOCUMENT_SRV/A_MaterialDocumentHeader"


def tables() -> dict[str, list[Row]]:
    """A small world with change stamps that tie across the end of a page of two, and rows never changed."""
    tie = "20260302081500"
    return {
        ORDERS: [
            order("1004710", "20260228000000", "B260116"),
            *(order(f"100471{n}", tie, f"B26011{n + 6}") for n in range(1, 4)),
            order("1004719", "", "B260125", MfgOrderCreationDate=ms("2026-03-01")),
        ],
        PRODUCTS: [product("100210", None), *(product(str(n)) for n in range(300214, 300217))],
        LOTS: [lot(f"B26011{n}") for n in range(7)],
        DOCUMENTS: [document(str(4900012201 + n)) for n in range(5)],
        PRODUCTION_ORDERS: [production_order(f"100900{n}", tie) for n in range(4)],
        INSPECTIONS: [inspection_lot(str(40000000123 + n)) for n in range(3)],
        CHARACTERISTICS: [characteristic("10"), characteristic("20", InspectionSpecification="HCP")],
        RESULTS: [result("10"), result("20")],
        DECISIONS: [decision()],
    }
