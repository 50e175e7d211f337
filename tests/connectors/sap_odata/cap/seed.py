"""Rows for the services of quality.cds: lots, movements with a reversal, inspections of N orders, as CSV for CAP."""

import csv
import datetime as dt
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def rows(count: int) -> dict[str, list[Row]]:
    """Give the tables by `service-entity`."""
    tables: dict[str, list[Row]] = {}

    def add(service: str, entity: str, **row: Any) -> None:
        tables.setdefault(f"API_{service}_SRV-{entity}", []).append(row)

    for code, kind, unit in (("IM-500", "HALB", "L"), ("RM-100", "ROH", "L"), ("RM-200", "ROH", "KG")):
        add(
            "PRODUCT",
            "A_Product",
            Product=code,
            ProductType=kind,
            ProductGroup="MAB",
            BaseUnit=unit,
            CreationDate="2023-12-01",
            LastChangeDate="2023-12-24",
        )
        add(
            "PRODUCT",
            "A_ProductDescription",
            Product=code,
            Language="EN",
            ProductDescription=f"Material {code}",
        )
    for k in range(count):
        day = dt.date(2024, 1, 1) + dt.timedelta(days=k // 2)
        batch, order, lot = f"B24{k:04d}", f"{1000000 + k:012d}", f"{40000000000 + k:012d}"
        stamp = f"{day}T10:00:{k % 60:02d}Z"
        add(
            "BATCH",
            "Batch",
            Material="IM-500",
            BatchIdentifyingPlant="1010",
            Batch=batch,
            BatchIsMarkedForDeletion="false",
            MatlBatchIsInRstrcdUseStock="false",
            ShelfLifeExpirationDate=day + dt.timedelta(days=365),
            ManufactureDate=day,
            CreationDateTime=stamp,
            LastChangeDateTime=stamp,
        )
        moves = (
            ("261", "RM-100", f"RM-100-L{k // 5:03d}"[:10], "1500.000", "L"),
            ("261", "RM-200", f"RM-200-L{k // 5:03d}"[:10], "120.000", "KG"),
            ("262", "RM-200", f"RM-200-L{k // 5:03d}"[:10], "20.000", "KG"),
            ("101", "IM-500", batch, "1700.000", "L"),
        )
        for n, (kind, material, moved, quantity, unit) in enumerate(moves):
            document = f"49{k:06d}{n:02d}"
            add(
                "MATERIAL_DOCUMENT",
                "A_MaterialDocumentHeader",
                MaterialDocumentYear=day.year,
                MaterialDocument=document,
                PostingDate=day,
                CreationDate=day,
                CreationTime=f"09:00:{n:02d}",
            )
            reverses = (
                {
                    "ReversedMaterialDocumentYear": day.year,
                    "ReversedMaterialDocument": f"49{k:06d}01",
                    "ReversedMaterialDocumentItem": "0001",
                }
                if kind == "262"
                else {
                    "ReversedMaterialDocumentYear": "",
                    "ReversedMaterialDocument": "",
                    "ReversedMaterialDocumentItem": "",
                }
            )
            add(
                "MATERIAL_DOCUMENT",
                "A_MaterialDocumentItem",
                MaterialDocumentYear=day.year,
                MaterialDocument=document,
                MaterialDocumentItem="0001",
                Material=material,
                Plant="1010",
                Batch=moved,
                GoodsMovementType=kind,
                QuantityInEntryUnit=quantity,
                EntryUnit=unit,
                ManufacturingOrder=order,
                **reverses,
            )
        add(
            "INSPECTIONLOT",
            "A_InspectionLot",
            InspectionLot=lot,
            Material="IM-500",
            Batch=batch,
            Plant="1010",
            InspectionLotOrigin="04",
            ManufacturingOrder=order,
            InspectionLotText="Harvest release",
            InspectionLotType="04",
            InspectionLotHasUsageDecision="true",
            InspLotCreatedOnLocalDate=day,
            InspLotCreatedOnLocalTime="10:00:00",
            InspectionLotCreatedOn=day,
            InspectionLotCreatedOnTime="10:00:00",
            ChangedDateTime=stamp,
        )
        for number, name, text, unit, low, high, mean in (
            ("0010", "TITER", "Titer", "g/L", 2.5, 8.0, 3 + k % 5),
            ("0020", "PH", "pH", "", 6.8, 7.2, 7.0),
        ):
            key = {
                "InspectionLot": lot,
                "InspPlanOperationInternalID": "1",
                "InspectionCharacteristic": number,
            }
            add(
                "INSPECTIONLOT",
                "A_InspectionCharacteristic",
                **key,
                InspectionSpecification=name,
                InspectionCharacteristicText=text,
                InspectionMethod="M1",
                InspectionSpecificationUnit=unit,
                InspSpecHasLowerLimit="X",
                InspSpecLowerLimit=low,
                InspSpecFrmtdLowerLimit="",
                InspSpecHasUpperLimit="X",
                InspSpecUpperLimit=high,
                InspSpecFrmtdUpperLimit="",
                ChangedDateTime=stamp,
            )
            add(
                "INSPECTIONLOT",
                "A_InspectionResult",
                **key,
                InspectionValuationResult="A",
                InspectionResultStatus="5",
                InspectionResultHasMeanValue="X",
                InspectionResultMeanValue=mean,
                InspResultFrmtdMeanValue=f"{mean:.2f}",
                CharacteristicAttributeCodeGrp="",
                CharacteristicAttributeCode="",
                Inspector="ANA",
                InspectionEndDate=day,
                InspectionEndTime="12:00:00",
                ChangedDateTime=stamp,
            )
        add(
            "INSPECTIONLOT",
            "A_InspLotUsageDecision",
            InspectionLot=lot,
            InspectionLotUsageDecisionCode="A1",
            InspLotUsageDecisionValuation="A",
            InspectionLotUsageDecidedBy="QA1",
            InspectionLotUsageDecidedOn=day,
            InspLotUsageDecisionTime="15:00:00",
            ChangedDateTime=stamp,
        )
        add(
            "PRODUCTION_ORDER_2",
            "A_ProductionOrder_2",
            ManufacturingOrder=f"{2000000 + k:012d}",
            ManufacturingOrderType="PP01",
            OrderIsReleased="X",
            OrderIsTechnicallyCompleted="X",
            MfgOrderCreationDate=day,
            MfgOrderCreationTime="07:00:00",
            LastChangeDateTime=f"{day:%Y%m%d}100000",
            Material="FP-900",
            ProductionPlant="1010",
            MfgOrderPlannedStartDate=day,
            MfgOrderPlannedStartTime="08:00:00",
            MfgOrderPlannedEndDate=day,
            MfgOrderPlannedEndTime="18:00:00",
            TotalQuantity="900.000",
            ProductionUnit="L",
        )
        add(
            "PRODUCTION_ORDER_2",
            "A_ProductionOrderItem_2",
            ManufacturingOrder=f"{2000000 + k:012d}",
            ManufacturingOrderItem="0001",
            Material="FP-900",
            Batch=f"F24{k:04d}",
            ProductionPlant="1010",
            MfgOrderItemPlannedTotalQty="900.000",
            MfgOrderItemGoodsReceiptQty="880.000",
            ProductionUnit="L",
        )
        add(
            "PRODUCTION_ORDER_2",
            "A_ProductionOrderOperation_2",
            OrderInternalBillOfOperations=f"{k:010d}",
            OrderIntBillOfOperationsItem="00000001",
            ManufacturingOrder=f"{2000000 + k:012d}",
            ManufacturingOrderOperation="0010",
            MfgOrderOperationText="Filling",
            WorkCenter="FILL1",
            OpActualExecutionStartDate=day,
            OpActualExecutionStartTime="08:30:00",
            OpActualExecutionEndDate=day,
            OpActualExecutionEndTime="17:30:00",
        )
        add(
            "PRODUCTION_ORDER_2",
            "A_ProductionOrderComponent_2",
            Reservation=f"{k:010d}",
            ReservationItem="0001",
            ManufacturingOrder=f"{2000000 + k:012d}",
            ManufacturingOrderOperation="0010",
            Material="IM-500",
            Plant="1010",
            Batch=batch,
            GoodsMovementType="261",
            RequiredQuantity="900.000",
            BaseUnit="L",
        )
    return tables  # fmt: skip


def write(folder: Path, count: int) -> None:
    """Write one file a table, in the folder where CAP looks for first data."""
    folder.mkdir(parents=True)
    for name, table in rows(count).items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(table[0]), delimiter=";")
            writer.writeheader()
            writer.writerows(table)
