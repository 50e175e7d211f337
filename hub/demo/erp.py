"""The ERP's books: orders, products, lots and goods movements as versions over time, in SAP's terms.

This is a simulator shaped by SAP's public API documentation, not SAP. Dates and times are wall-clock values
of the site (`Europe/Dublin`), the change stamps of orders too; DateTimeOffset fields carry UTC.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from hub.demo.ledger import Entry, Ledger, Row
from hub.demo.plan import (
    MATERIALS,
    PLANT,
    SEED,
    WORKED_EXAMPLE,
    Batch,
    Use,
    decided_at,
    local,
    lot_in_erp,
    name_in_erp,
)
from hub.demo.procedure import STEPS

ISO_CODES = {"KG": "KGM", "G": "GRM", "L": "LTR", "EA": "EA"}
ISSUED_FIRST = "1550"
"""What was first posted for the 1500 kg of production medium of B26-0117."""
REVERSED_AT = datetime(2026, 4, 19, 12, 40, 11, tzinfo=UTC)
REISSUED_AT = datetime(2026, 4, 19, 12, 52, 40, tzinfo=UTC)
MASTER_DATA_AT = datetime(2025, 10, 6, 9, tzinfo=UTC)
_DOCUMENT_OF_THE_EXAMPLE = 4_900_012_201


def material_number(code: str) -> str:
    """Give a material's number as the ERP's APIs do: 18 digits with leading zeros."""
    return MATERIALS[code].number.zfill(18)


def order_number(order: str) -> str:
    """Give an order's number as the ERP's APIs do: 12 digits with leading zeros."""
    return order.zfill(12)


@dataclass(frozen=True)
class Movement:
    """A goods movement to be posted: one document with one item."""

    at: datetime
    kind: str
    order: str
    material: str
    lot: str
    quantity: str
    unit: str
    use: Use | None = None
    text: str = ""
    number: int = 0
    reverses: int = 0


def keep_books(batches: tuple[Batch, ...]) -> Ledger:
    """Give the ERP's ledger of the whole story."""
    movements = _number(sorted(_movements(batches), key=lambda m: (m.at, m.order, m.material, m.kind)))
    return Ledger((*_products(), *_lots(batches), *_documents(movements), *_orders(batches, movements)))


# --------------------------------------------------------------------------------------- goods movements
def _movements(batches: tuple[Batch, ...]) -> Iterator[Movement]:
    for batch in batches:
        rng = Random(f"{SEED}/erp/{batch.id}")
        for use in (u for u in batch.uses if u.by_erp):
            span = batch.span(use.step)
            at = (span.end if use.material == "FEED-A" else span.start) + timedelta(
                minutes=rng.randint(35, 280)
            )
            wrong = batch.seed == WORKED_EXAMPLE and use.material == "MEDIA-PRD"
            first = Movement(
                at, "261", batch.order, use.material, lot_in_erp(use.lot, batches),
                ISSUED_FIRST if wrong else use.quantity, use.unit, use,
            )  # fmt: skip
            yield first
            if wrong:
                yield replace(first, at=REVERSED_AT, kind="262", text="Posted 1550, scale print-out 1500")
                yield replace(first, at=REISSUED_AT, quantity=use.quantity)
        grams = batch.seed == WORKED_EXAMPLE
        yield Movement(
            batch.end + timedelta(minutes=rng.randint(300, 1100)), "101", batch.order, batch.product,
            lot_in_erp(batch.lot, batches), str(int(Decimal(batch.size) * 1000)) if grams else batch.size,
            "G" if grams else batch.size_unit,
        )  # fmt: skip


def _number(movements: list[Movement]) -> list[Movement]:
    example = next(i for i, m in enumerate(movements) if m.quantity == ISSUED_FIRST and m.kind == "261")
    numbered = [replace(m, number=_DOCUMENT_OF_THE_EXAMPLE + i - example) for i, m in enumerate(movements)]
    return [replace(m, reverses=_DOCUMENT_OF_THE_EXAMPLE) if m.kind == "262" else m for m in numbered]


def _documents(movements: list[Movement]) -> Iterator[Entry]:
    for movement in movements:
        header, item = _header(movement), _item(movement)
        yield _document(movement.at, header, item)
        cancelled = next((m for m in movements if m.reverses == movement.number), None)
        if cancelled:
            yield _document(cancelled.at, header, {**item, "GoodsMovementIsCancelled": True})


def _document(at: datetime, header: Row, item: Row) -> Entry:
    row = {**header, "to_MaterialDocumentItem": [item]}
    return Entry(at, "A_MaterialDocumentHeader", header["MaterialDocument"], row)


def _header(movement: Movement) -> Row:
    here = local(movement.at)
    return {
        "MaterialDocumentYear": str(here.year),
        "MaterialDocument": str(movement.number),
        "InventoryTransactionType": "WF" if movement.kind == "101" else "WA",
        "DocumentDate": here.date(),
        "PostingDate": here.date(),
        "CreationDate": here.date(),
        "CreationTime": here.time().replace(microsecond=0),
        "CreatedByUser": "MESINTERFACE" if not movement.text else "MMURPHY",
        "MaterialDocumentHeaderText": "",
        "ReferenceDocument": movement.order,
        "GoodsMovementCode": "02" if movement.kind == "101" else "03",
    }


def _item(movement: Movement) -> Row:
    material = MATERIALS[movement.material]
    entered = Decimal(movement.quantity)
    base = entered / 1000 if (movement.unit, material.unit) == ("G", "KG") else entered
    return {
        "MaterialDocumentYear": str(local(movement.at).year),
        "MaterialDocument": str(movement.number),
        "MaterialDocumentItem": "1",
        "Material": material_number(movement.material),
        "Plant": PLANT,
        "StorageLocation": "DS01",
        "Batch": movement.lot,
        "ShelfLifeExpirationDate": None,
        "ManufactureDate": local(movement.at).date() if movement.kind == "101" else None,
        "GoodsMovementType": movement.kind,
        "GoodsMovementRefDocType": "F" if movement.kind == "101" else "",
        "InventoryStockType": "01",
        "InventoryUsabilityCode": "",
        "QuantityInBaseUnit": base,
        "MaterialBaseUnit": material.unit,
        "MaterialBaseUnitISOCode": ISO_CODES[material.unit],
        "QuantityInEntryUnit": entered,
        "EntryUnit": movement.unit,
        "EntryUnitISOCode": ISO_CODES[movement.unit],
        "ManufacturingOrder": order_number(movement.order),
        "ManufacturingOrderItem": "1" if movement.kind == "101" else "0",
        "Reservation": "" if movement.kind == "101" else _reservation(movement.order),
        "ReservationItem": "",
        "DebitCreditCode": "H" if movement.kind == "261" else "S",
        "GoodsMovementReasonCode": "0",
        "MaterialDocumentItemText": movement.text,
        "ReversedMaterialDocumentYear": str(local(movement.at).year) if movement.reverses else "",
        "ReversedMaterialDocument": str(movement.reverses) if movement.reverses else "",
        "ReversedMaterialDocumentItem": "1" if movement.reverses else "",
        "GoodsMovementIsCancelled": False,
    }


def _reservation(order: str) -> str:
    return str(int(order) - 1_000_000).zfill(10)


# ------------------------------------------------------------------------------------------- master data
def _products() -> Iterator[Entry]:
    for code, material in MATERIALS.items():
        if material.product_group == "MAB214" and code not in {"MAB214-DS", "MAB214-DP"}:
            continue  # what flows from step to step is not stocked, so the ERP does not know it
        row: Row = {
            "Product": material_number(code),
            "ProductType": material.product_type,
            "CrossPlantStatus": "",
            "CreationDate": MASTER_DATA_AT.date(),
            "CreatedByUser": "KBYRNE",
            "LastChangeDate": MASTER_DATA_AT.date(),
            "LastChangedByUser": "KBYRNE",
            "LastChangeDateTime": MASTER_DATA_AT,
            "IsMarkedForDeletion": False,
            "ProductOldID": "",
            "ProductGroup": material.product_group,
            "BaseUnit": material.unit,
            "ItemCategoryGroup": "NORM",
            "IsBatchManagementRequired": True,
            "to_Description": [
                {
                    "Product": material_number(code),
                    "Language": "EN",
                    "ProductDescription": material.description,
                }
            ],
        }
        yield Entry(MASTER_DATA_AT, "A_Product", row["Product"], row)


def _lots(batches: tuple[Batch, ...]) -> Iterator[Entry]:
    bought: dict[str, tuple[datetime, Use]] = {}
    for batch in batches:
        for use in batch.uses:
            if use.material != "MAB214-DS" and use.by_erp:
                at = batch.span(use.step).start - timedelta(days=20)
                bought[use.lot] = min(bought.get(use.lot, (at, use)), (at, use), key=lambda pair: pair[0])
    for lot, (at, use) in bought.items():
        made = local(at - timedelta(days=30)).date()
        yield _lot(use.material, lot_in_erp(lot, batches), created=at, at=at, made=made)
    for batch in batches:
        lot = lot_in_erp(batch.lot, batches)
        created = batch.erp_names_batch_at or batch.released
        received, decided = batch.end + timedelta(hours=18), decided_at(batch)
        made = local(batch.end).date()
        yield _lot(batch.product, lot, created=created, at=created, restricted=True)
        yield _lot(batch.product, lot, created=created, at=received, restricted=True, made=made)
        if not batch.is_rejected:
            yield _lot(batch.product, lot, created=created, at=decided + timedelta(hours=1), made=made)


def _lot(
    material: str,
    lot: str,
    *,
    created: datetime,
    at: datetime,
    restricted: bool = False,
    made: date | None = None,
) -> Entry:
    row: Row = {
        "Material": material_number(material),
        "BatchIdentifyingPlant": PLANT,
        "Batch": lot,
        "BatchIsMarkedForDeletion": False,
        "MatlBatchIsInRstrcdUseStock": restricted,
        "Supplier": "",
        "BatchBySupplier": "",
        "CountryOfOrigin": "IE",
        "MatlBatchAvailabilityDate": None,
        "ShelfLifeExpirationDate": made + timedelta(days=730) if made else None,
        "ManufactureDate": made,
        "CreationDateTime": created.replace(microsecond=0),
        "LastChangeDateTime": at.replace(microsecond=0),
    }
    return Entry(at, "Batch", f"{row['Material']}/{lot}", row)


# ------------------------------------------------------------------------------------------------ orders
def _orders(batches: tuple[Batch, ...], movements: list[Movement]) -> Iterator[Entry]:
    for batch in batches:
        own = [m for m in movements if m.order == batch.order]
        changes = {
            batch.created,
            batch.released,
            *(m.at for m in own),
            *(span.end + timedelta(hours=1) for span in batch.spans),
            *([batch.erp_names_batch_at] if batch.erp_names_batch_at else []),
            decided_at(batch) + timedelta(hours=2),
        }
        for at in sorted(changes):
            yield Entry(
                at, "A_ProcessOrder_2", batch.order, _order(batch, at, [m for m in own if m.at <= at])
            )


def _order(batch: Batch, at: datetime, movements: list[Movement]) -> Row:
    received = sum((_item(m)["QuantityInBaseUnit"] for m in movements if m.kind == "101"), Decimal(0))
    confirmed = [span for span in batch.spans if span.end + timedelta(hours=1) <= at]
    is_released, is_done = at >= batch.released, len(confirmed) == len(batch.spans)
    start, end, made = local(batch.planned_start), local(batch.planned_end), local(batch.created)
    closed = at >= decided_at(batch) + timedelta(hours=2)
    return {
        "ManufacturingOrder": order_number(batch.order),
        "ManufacturingOrderCategory": "40",
        "ManufacturingOrderType": "PI01",
        "OrderIsCreated": _mark(not is_released),
        "OrderIsReleased": _mark(is_released and not closed),
        "OrderIsPartiallyConfirmed": _mark(bool(confirmed) and not is_done),
        "OrderIsConfirmed": _mark(is_done),
        "OrderIsPartiallyDelivered": "",
        "OrderIsDelivered": _mark(received > 0),
        "OrderIsTechnicallyCompleted": _mark(closed),
        "OrderIsClosed": "",
        "OrderIsMarkedForDeletion": "",
        "MfgOrderCreationDate": made.date(),
        "MfgOrderCreationTime": _clock(made),
        "LastChangeDateTime": f"{local(at):%Y%m%d%H%M%S}",
        "Material": material_number(batch.product),
        "StorageLocation": "DS01",
        "MRPController": "001",
        "ProductionSupervisor": "001",
        "ProductionVersion": "0001",
        "ProductionPlant": PLANT,
        "MfgOrderPlannedStartDate": start.date(),
        "MfgOrderPlannedStartTime": _clock(start),
        "MfgOrderPlannedEndDate": end.date(),
        "MfgOrderPlannedEndTime": _clock(end),
        "MfgOrderScheduledStartDate": start.date(),
        "MfgOrderScheduledStartTime": _clock(start),
        "MfgOrderScheduledEndDate": end.date(),
        "MfgOrderScheduledEndTime": _clock(end),
        "MfgOrderActualReleaseDate": local(batch.released).date() if is_released else None,
        "ProductionUnit": batch.size_unit,
        "ProductionUnitISOCode": ISO_CODES[batch.size_unit],
        "TotalQuantity": Decimal(batch.planned_size),
        "MfgOrderPlannedScrapQty": Decimal(0),
        "MfgOrderConfirmedYieldQty": received,
        "to_ProcessOrderItem": [_order_item(batch, at, received=received, movements=movements)],
        "to_ProcessOrderOperation": list(_operations(batch, at)),
        "to_ProcessOrderComponent": list(_components(batch, movements, is_released=is_released)),
    }


def _order_item(batch: Batch, at: datetime, *, received: Decimal, movements: list[Movement]) -> Row:
    receipt = next((local(m.at).date() for m in movements if m.kind == "101"), None)
    is_named = at >= (batch.erp_names_batch_at or batch.released)
    return {
        "ManufacturingOrder": order_number(batch.order),
        "ManufacturingOrderItem": "1",
        "ManufacturingOrderCategory": "40",
        "ManufacturingOrderType": "PI01",
        "Material": material_number(batch.product),
        "ProductionPlant": PLANT,
        "StorageLocation": "DS01",
        "Batch": name_in_erp(batch.id) if is_named else "",
        "InventoryUsabilityCode": "X",
        "MfgOrderItemPlannedTotalQty": Decimal(batch.planned_size),
        "MfgOrderItemPlannedScrapQty": Decimal(0),
        "MfgOrderItemGoodsReceiptQty": received,
        "ProductionUnit": batch.size_unit,
        "ProductionUnitISOCode": ISO_CODES[batch.size_unit],
        "ProductionVersion": "0001",
        "MfgOrderItemPlndDeliveryDate": local(batch.planned_end).date(),
        "MfgOrderItemActualDeliveryDate": receipt,
    }


def _operations(batch: Batch, at: datetime) -> Iterator[Row]:
    for number, span in enumerate(batch.spans, start=1):
        confirmed = span.end + timedelta(hours=1) <= at
        start, end = local(span.start), local(span.end)
        yield {
            "OrderInternalBillOfOperations": _reservation(batch.order),
            "OrderIntBillOfOperationsItem": str(number),
            "ManufacturingOrder": order_number(batch.order),
            "ManufacturingOrderOperation": f"{number * 10:04d}",
            "ManufacturingOrderCategory": "40",
            "ManufacturingOrderType": "PI01",
            "MfgOrderOperationText": STEPS[span.step].name[:40],
            "OperationControlProfile": "PI01",
            "OperationIsConfirmed": _mark(confirmed),
            "OperationIsPartiallyConfirmed": "",
            "ProductionPlant": PLANT,
            "WorkCenter": span.unit.replace("-", "")[:8],
            "OpActualExecutionStartDate": start.date() if confirmed else None,
            "OpActualExecutionStartTime": _clock(start) if confirmed else time(0),
            "OpActualExecutionEndDate": end.date() if confirmed else None,
            "OpActualExecutionEndTime": _clock(end) if confirmed else time(0),
        }


def _components(batch: Batch, movements: list[Movement], *, is_released: bool) -> Iterator[Row]:
    for number, use in enumerate((u for u in batch.uses if u.by_erp), start=1):
        own = [m for m in movements if m.use is use]
        withdrawn = sum((Decimal(m.quantity) * (1 if m.kind == "261" else -1) for m in own), Decimal(0))
        start = local(batch.planned_start)
        yield {
            "Reservation": _reservation(batch.order),
            "ReservationItem": str(number),
            "ReservationRecordType": "",
            "ManufacturingOrder": order_number(batch.order),
            "Material": material_number(use.material),
            "Plant": PLANT,
            "StorageLocation": "RM01",
            "Batch": own[0].lot if own and is_released else "",
            "GoodsMovementType": "261",
            "MatlCompRequirementDate": start.date(),
            "MatlCompRequirementTime": _clock(start),
            "BillOfMaterialItemNumber": f"{number * 10:04d}",
            "BaseUnit": use.unit,
            "BaseUnitISOCode": ISO_CODES[use.unit],
            "RequiredQuantity": Decimal(use.quantity),
            "WithdrawnQuantity": withdrawn,
        }


def _mark(is_so: bool) -> str:  # noqa: FBT001 - an SAP indicator: "X" or blank
    return "X" if is_so else ""


def _clock(moment: datetime) -> time:
    return moment.time().replace(microsecond=0, tzinfo=None)


def rows_of(ledger: Ledger, kind: str, at: datetime) -> list[dict[str, Any]]:
    """Give the rows of an entity set at an instant; sets that live inside another are taken out of it."""
    holder = _HELD_IN.get(kind)
    if holder is None:
        return ledger.rows(kind, at)
    parent, link = holder
    back = {"A_MaterialDocumentItem": "to_MaterialDocumentHeader"}.get(kind)
    return [
        {**row, back: {k: v for k, v in owner.items() if not isinstance(v, list)}} if back else row
        for owner in ledger.rows(parent, at)
        for row in owner[link]
    ]


_HELD_IN = {
    "A_ProcessOrderItem_2": ("A_ProcessOrder_2", "to_ProcessOrderItem"),
    "A_ProcessOrderOperation_2": ("A_ProcessOrder_2", "to_ProcessOrderOperation"),
    "A_ProcessOrderComponent_2": ("A_ProcessOrder_2", "to_ProcessOrderComponent"),
    "A_ProductDescription": ("A_Product", "to_Description"),
    "A_MaterialDocumentItem": ("A_MaterialDocumentHeader", "to_MaterialDocumentItem"),
}
