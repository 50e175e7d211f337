"""BatchInformation: recipes with their procedures and formulas, and batch lists (88.02)."""

from typing import Any

from connectors.b2mml.markup import Element, child, children, name, text
from connectors.b2mml.procedures import read_procedure
from connectors.b2mml.reader import Name, Reader, codes, description
from connectors.b2mml.resources import read_equipment_element
from hub.model import Batch, Quantity, Recipe, SegmentResponse

_KINDS = {"MasterRecipe": "master", "ControlRecipe": "control"}
_LEVELS = {"UnitProcedure": "unit_procedure", "Operation": "operation", "Phase": "phase"}


def read_batch_information(reader: Reader, body: Element) -> None:
    """State what a BatchInformation, BatchList or recipe document says."""
    if name(body) in _KINDS:
        read_recipe(reader, body)
        return
    if name(body) == "BatchList":
        _read_list(reader, body)
        return
    for recipe in children(body, *_KINDS):
        read_recipe(reader, recipe)
    for equipment in children(body, "EquipmentElement"):
        read_equipment_element(reader, equipment)
    for batches in children(body, "BatchList"):
        _read_list(reader, batches)


def read_recipe(reader: Reader, element: Element, based_on: Name | None = None) -> Quantity | None:
    """State a recipe's header; give its batch size when it has one."""
    header = child(element, "Header")
    own = reader.name(element, "ID")
    reader.state(
        Recipe,
        element,
        id=own,
        kind=_KINDS[name(element)],
        recipe_version=text(element, "Version"),
        based_on=based_on,
        description=description(element) or text(header, "ProductName"),
        product=reader.name(header, "ProductID"),
        status=codes(children(header, "Status")) if header is not None else None,
        effective_from=reader.time(header, "EffectiveDate"),
        effective_to=reader.time(header, "ExpirationDate"),
    )
    if own:
        read_procedure(reader, element, own)
    size = child(header, "BatchSize") if header is not None else None
    amount = text(size, "ScaledSize", "Nominal")
    if size is None or amount is None:
        return None
    try:
        return reader.connector.quantity(amount, text(size, "UnitOfMeasure"))
    except ValueError as error:
        reader.refuse(size, error)
        return None


# --------------------------------------------------------------------------------------- batch list
def _read_list(reader: Reader, element: Element) -> None:
    for entry in children(element, "BatchListEntry"):
        _read_entry(reader, entry, campaign=None)


def _read_entry(reader: Reader, entry: Element, *, campaign: Name | None) -> None:
    kind = codes(children(entry, "BatchListEntryType")) or "Batch"
    own = reader.name(entry, "ID") if kind == "Campaign" else reader.name(entry, "BatchID", "ID")
    reader.state(
        Batch,
        entry,
        id=own,
        kind="campaign" if kind == "Campaign" else "batch",
        campaign=None if kind == "Campaign" else reader.name(entry, "CampaignID") or campaign,
        description=description(entry),
        status=codes(children(entry, "Status")),
        recipe=reader.name(entry, "RecipeID"),
        product=reader.name(entry, "ProductID"),
        output_lot=reader.name(entry, "LotID"),
        operations_request=reader.name(entry, "OrderID"),
        equipment=reader.name(entry, "ActualEquipmentID", "EquipmentID"),
        planned_start=reader.time(entry, "RequestedStartTime"),
        planned_end=reader.time(entry, "RequestedEndTime"),
        actual_start=reader.time(entry, "ActualStartTime"),
        actual_end=reader.time(entry, "ActualEndTime"),
        planned_size=_size(reader, entry, "RequestedBatchSize"),
        actual_size=_size(reader, entry, "ActualBatchSize"),
    )
    prefix = text(entry, "BatchID", "ID") or ""
    for part in children(entry, "BatchListEntry"):
        if (codes(children(part, "BatchListEntryType")) or "Batch") in _LEVELS:
            _read_step(reader, part, batch=own, parents=(prefix,))
        else:
            _read_entry(reader, part, campaign=own if kind == "Campaign" else campaign)


def _read_step(reader: Reader, entry: Element, *, batch: Name | None, parents: tuple[str, ...]) -> None:
    own = text(entry, "ID") or "entry"
    key = "/".join((*parents, own))
    status = codes(children(entry, "Status"))
    fields: dict[str, Any] = {
        "state": {"Complete": "Completed", "Idle": "Waiting"}.get(status or "", status),
        "equipment": reader.name(entry, "ActualEquipmentID", "EquipmentID"),
        "actual_start": reader.time(entry, "ActualStartTime"),
        "actual_end": reader.time(entry, "ActualEndTime"),
    }
    reader.state(
        SegmentResponse,
        entry,
        key=key,
        batch=batch,
        parent="/".join(parents) if len(parents) > 1 else None,
        level=_LEVELS.get(codes(children(entry, "BatchListEntryType")) or "", "segment"),
        name=description(entry, 200) or own,
        **fields,
    )
    for part in children(entry, "BatchListEntry"):
        _read_step(reader, part, batch=batch, parents=(*parents, own))


def _size(reader: Reader, entry: Element, title: str) -> Quantity | None:
    element = child(entry, title)
    amount = text(element, "QuantityString", "ValueString") or text(element)
    if element is None or amount is None:
        return None
    try:
        return reader.connector.quantity(
            amount,
            element.get("unitCode") or text(element, "UnitOfMeasure") or text(entry, "UnitOfMeasure"),
        )
    except ValueError as error:
        reader.refuse(element, error)
        return None
