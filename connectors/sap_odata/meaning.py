"""What the rows state: products and lots, orders with their batch, goods movements."""

from datetime import datetime
from typing import Any

from connectors.sap_odata.client import Row
from connectors.sap_odata.facts import Facts, linked, named, plain
from connectors.sap_odata.values import external, is_set, read_date
from hub.model import (
    Batch,
    Equipment,
    MaterialActual,
    MaterialDefinition,
    MaterialLot,
    MaterialRequirement,
    OperationsRequest,
    ResourceClass,
    SegmentRequirement,
    find_unit,
)
from hub.sdk.statements import Name

ORDER = "process_order"
"""Scheme of order numbers; a batch carries its order's number as a second name.

Movements do not say of which category their order is, and a number is unique across categories: so production
orders bear their number under this scheme too.
"""
PRODUCTION_ORDER = "production_order"

_ORDER_STATES = (
    ("OrderIsDeleted", "Cancelled"),
    ("OrderIsMarkedForDeletion", "Cancelled"),
    ("OrderIsClosed", "Closed"),
    ("OrderIsTechnicallyCompleted", "Completed"),
    ("OrderIsDelivered", "Completed"),
    ("OrderIsConfirmed", "Completed"),
    ("OrderIsPartiallyDelivered", "Running"),
    ("OrderIsPartiallyConfirmed", "Running"),
    ("OrderIsReleased", "Released"),
    ("OrderIsPartiallyReleased", "Released"),
    ("OrderIsCreated", "Waiting"),
)
"""RequestState of ISA-95 by SAP's status indicators, the last step first."""
_OVER = {"Closed", "Completed"}

_MOVEMENTS = {
    "101": ("Produced", ""),
    "102": ("Produced", "-"),
    "261": ("Consumed", ""),
    "262": ("Consumed", "-"),
    "531": ("By-product Produced", ""),
    "532": ("By-product Produced", "-"),
}
"""MaterialUse and sign by SAP movement type, for movements of an order."""


# -------------------------------------------------------------------------------- products and lots
def read_product(facts: Facts, row: Row) -> None:
    """State a material definition."""
    base_unit = None
    spelled = facts.unit(row, "BaseUnit")
    if spelled:
        try:
            base_unit = find_unit(facts.config.units.get(spelled, spelled)).code
        except ValueError as error:
            facts.refuse("BaseUnit", error)
    group = str(row.get("ProductGroup") or row.get("ProductType") or "").strip() or None
    if group:
        facts.state(ResourceClass, id=group, kind="material")
    facts.state(
        MaterialDefinition,
        id=plain(row.get("Product")),
        description=_description(row, facts.config.language),
        material_class=group,
        stage=facts.config.stages.get(str(row.get("ProductType") or "")),
        base_unit=base_unit,
    )


def _description(row: Row, language: str) -> str | None:
    told = {
        str(text.get("Language") or ""): str(text.get("ProductDescription") or "").strip()
        for text in linked(row, "to_Description")
    }
    return told.get(language) or next((text for _, text in sorted(told.items()) if text), None)


def read_lot(facts: Facts, row: Row) -> None:
    """State a lot of the batch master."""
    disposition = "Restricted" if is_set(row.get("MatlBatchIsInRstrcdUseStock")) else "UnRestricted"
    if is_set(row.get("BatchIsMarkedForDeletion")):
        disposition = "Closed"
    facts.state(
        MaterialLot,
        id=facts.lot(row.get("Material"), row.get("BatchIdentifyingPlant"), row.get("Batch")),
        material=plain(row.get("Material")),
        kind="lot",
        disposition=disposition,
        manufactured_at=facts.moment(row, "ManufactureDate"),
        expires_at=facts.moment(row, "ShelfLifeExpirationDate"),
        supplier_lot=str(row.get("BatchBySupplier") or "").strip() or None,
    )


# ------------------------------------------------------------------------------------------- orders
def read_order(facts: Facts, row: Row) -> None:
    """State an order, and the batch of each main item that carries a batch number."""
    is_process = not any(field.startswith("to_ProductionOrder") for field in row)
    number = row.get("ManufacturingOrder")
    order = named(ORDER if is_process else PRODUCTION_ORDER, number)
    other = named(ORDER, number) if not is_process else None
    site = named("plant", row.get("ProductionPlant"))
    state = next((state for field, state in _ORDER_STATES if is_set(row.get(field))), None)
    planned: dict[str, Any] = {
        "planned_start": facts.moment(row, "MfgOrderPlannedStartDate", "MfgOrderPlannedStartTime"),
        "planned_end": facts.moment(row, "MfgOrderPlannedEndDate", "MfgOrderPlannedEndTime"),
    }
    if site:
        facts.state(Equipment, id=site, level="Site")
    facts.state(
        OperationsRequest,
        id=order,
        also=(other,) if other else (),
        request_type="Production",  # ISA-95's OperationsType; SAP's own order type is in the payload
        state=state,
        product=plain(row.get("Material")),
        quantity=facts.amount(row, "TotalQuantity", "ProductionUnit"),
        site=site,
        created_at=facts.moment(row, "MfgOrderCreationDate", "MfgOrderCreationTime", by_system=True),
        released_at=facts.moment(row, "MfgOrderActualReleaseDate"),
        **planned,
    )
    if order:
        _read_steps(facts, row, order)
        _read_components(facts, row, order)
    times = _actual_times(facts, row, is_over=state in _OVER)
    is_first = True
    for item in _main_items(row):
        also = tuple(filter(None, (order, other))) if is_first else ()
        about = {"also": also, "operations_request": order, **planned, **times}
        if _read_batch(facts, row, item=item, about=about):
            is_first = False


def _children(row: Row, kind: str) -> list[Row]:
    """Give the rows under an order, of whichever category it is."""
    return linked(row, f"to_ProcessOrder{kind}") or linked(row, f"to_ProductionOrder{kind}")


def _read_steps(facts: Facts, row: Row, order: Name) -> None:
    """State the order's operations: the steps that it asks for."""
    for step in _children(row, "Operation"):
        number = str(step.get("ManufacturingOrderOperation") or "").strip()
        if not number:
            continue
        done, begun = step.get("OperationIsConfirmed"), step.get("OperationIsPartiallyConfirmed")
        facts.state(
            SegmentRequirement,
            f"Operation {number}",
            id={"value": f"{order['value']}|{number}"},
            operations_request=order,
            description=str(step.get("MfgOrderOperationText") or "").strip() or None,
            operations_segment=number,
            equipment=named("work_center", step.get("WorkCenter")),
            state="Completed" if is_set(done) else "Running" if is_set(begun) else None,
            earliest_start=facts.moment(step, "OpErlstSchedldExecStrtDte", "OpErlstSchedldExecStrtTme"),
            latest_end=facts.moment(step, "OpLtstSchedldExecEndDte", "OpLtstSchedldExecEndTme"),
        )


def _read_components(facts: Facts, row: Row, order: Name) -> None:
    """State what the order has reserved."""
    for part in _children(row, "Component"):
        number = external(part.get("ReservationItem"))
        step = str(part.get("ManufacturingOrderOperation") or "").strip()
        material = part.get("Material")
        movement = str(part.get("GoodsMovementType") or "")
        facts.state(
            MaterialRequirement,
            f"Component {number}",
            key=f"{order['value']}/component {external(part.get('Reservation'))}/{number}",
            operations_request=order,
            segment_requirement={"value": f"{order['value']}|{step}"} if step else None,
            material=plain(material),
            lot=facts.lot(material, part.get("Plant"), part.get("Batch")),
            use=_MOVEMENTS.get(movement, (movement or "Other", ""))[0],
            quantity=facts.amount(part, "RequiredQuantity", "BaseUnit"),
        )


def _main_items(row: Row) -> list[Row]:
    """Give the items that make the ordered material; co- and by-products are other lots, not batches."""
    ordered = external(row.get("Material"))
    items = sorted(_children(row, "Item"), key=lambda i: external(i.get("ManufacturingOrderItem")).zfill(6))
    return [item for item in items if external(item.get("Material")) in {"", ordered}]


def _read_batch(facts: Facts, row: Row, *, item: Row, about: dict[str, Any]) -> bool:
    number = str(item.get("Batch") or "").strip()
    if not number:
        return False
    material = item.get("Material") or row.get("Material")
    where = f"Item {item.get('ManufacturingOrderItem')}"
    lot = facts.lot(material, item.get("ProductionPlant") or row.get("ProductionPlant"), number)
    received = facts.amount(item, "MfgOrderItemGoodsReceiptQty", "ProductionUnit")
    facts.state(MaterialLot, where, id=lot, material=plain(material), kind="lot")
    facts.state(
        Batch,
        where,
        id={"scheme": "batch", "value": number},
        kind="batch",
        product=plain(material),
        output_lot=lot,
        planned_size=facts.amount(item, "MfgOrderItemPlannedTotalQty", "ProductionUnit"),
        actual_size=received if received and received.value > 0 else None,
        **about,
    )
    return True


def _actual_times(facts: Facts, row: Row, *, is_over: bool) -> dict[str, datetime | None]:
    """Give first start and, for an order that is over, last end of what was confirmed."""
    operations = _children(row, "Operation")
    starts = [facts.moment(o, "OpActualExecutionStartDate", "OpActualExecutionStartTime") for o in operations]
    ends = [facts.moment(o, "OpActualExecutionEndDate", "OpActualExecutionEndTime") for o in operations]
    return {
        "actual_start": min((t for t in starts if t), default=None),
        "actual_end": max((t for t in ends if t), default=None) if is_over else None,
    }


# ---------------------------------------------------------------------------------------- movements
def read_document(facts: Facts, row: Row) -> None:
    """State the movements of a material document, and the lots that they moved."""
    for item in linked(row, "to_MaterialDocumentItem"):
        where = f"to_MaterialDocumentItem {item.get('MaterialDocumentItem')}"
        lot = facts.lot(item.get("Material"), item.get("Plant"), item.get("Batch"))
        if lot:
            facts.state(
                MaterialLot,
                where,
                id=lot,
                material=plain(item.get("Material")),
                kind="lot",
                manufactured_at=facts.moment(item, "ManufactureDate"),
                expires_at=facts.moment(item, "ShelfLifeExpirationDate"),
            )
        use, sign = _MOVEMENTS.get(str(item.get("GoodsMovementType") or ""), ("", ""))
        order = named(ORDER, item.get("ManufacturingOrder"))
        if use and order:
            _read_movement(facts, row, item=item, sign=sign, about={"lot": lot, "batch": order, "use": use})


def _read_movement(facts: Facts, row: Row, *, item: Row, sign: str, about: dict[str, Any]) -> None:
    known = len(facts.parts)
    quantity = facts.amount(item, "QuantityInEntryUnit", "EntryUnit", sign=sign)
    if quantity is None and len(facts.parts) > known:
        return  # a movement without its amount would count as nothing: it waits in quarantine
    facts.state(
        MaterialActual,
        f"to_MaterialDocumentItem {item.get('MaterialDocumentItem')}",
        key=_item_key(item, "MaterialDocument"),
        material=plain(item.get("Material")),
        quantity=quantity,
        at=_posted_at(facts, row),
        reverses=_item_key(item, "ReversedMaterialDocument"),
        **about,
    )


def _posted_at(facts: Facts, row: Row) -> datetime | None:
    """Give when it was posted: to the second when it was entered on that day, else the posting date."""
    try:
        is_same_day = read_date(row.get("PostingDate")) in {None, read_date(row.get("CreationDate"))}
    except ValueError:
        is_same_day = False
    if is_same_day:
        return facts.moment(row, "CreationDate", "CreationTime", by_system=True)
    return facts.moment(row, "PostingDate")


def _item_key(item: Row, prefix: str) -> str | None:
    """Give `year/document/item`; None when SAP names no document."""
    document = external(item.get(prefix))
    if not document:
        return None
    year = item.get(f"{prefix}Year") or item.get("MaterialDocumentYear")
    return "/".join((external(year), document, external(item.get(f"{prefix}Item"))))
