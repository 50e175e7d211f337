"""What the rows state: products, lots, work centers, recipes, orders with their batch, work orders."""

from typing import Any

from connectors.odoo.client import Row
from connectors.odoo.facts import Facts, label, links, name, named, number, pick, text
from hub.model import (
    Batch,
    Equipment,
    EquipmentTime,
    MaterialDefinition,
    MaterialLot,
    MaterialRequirement,
    OperationsRequest,
    Recipe,
    RecipeElement,
    ResourceClass,
    SegmentRequirement,
    SegmentResponse,
    find_unit,
)
from hub.sdk.statements import Name

_REQUEST_STATES = {
    "draft": "Forecast",
    "confirmed": "Released",
    "planned": "Released",  # 13
    "progress": "Running",
    "to_close": "Running",
    "done": "Completed",
    "cancel": "Cancelled",
}
_BATCH_STATUS = {"progress": "Running", "to_close": "Running", "done": "Complete", "cancel": "Aborted"}
_WORK_STATES = {
    "pending": "Waiting",
    "waiting": "Waiting",
    "blocked": "Waiting",  # from 18 on
    "ready": "Ready",
    "progress": "Running",
    "done": "Completed",
    "cancel": "Cancelled",
}
_BEGUN = {"progress", "to_close", "done"}


# ------------------------------------------------------------------------------------------- materials
def read_product(facts: Facts, row: Row) -> None:
    """State a material definition; people know a product by its internal reference."""
    base_unit = None
    spelled = facts.unit(row, "uom_id")
    if spelled:
        try:
            base_unit = find_unit(facts.connector.config.units.get(spelled, spelled)).code
        except ValueError as error:
            facts.refuse("uom_id", error)
    code = text(row.get("default_code"))
    group = name(row.get("categ_id"), "material_class")
    if group:
        facts.state(ResourceClass, id=group, kind="material", description=label(row.get("categ_id")) or None)
    facts.state(
        MaterialDefinition,
        id=named(row.get("id"), code or ""),
        also=({"scheme": "default_code", "value": code},) if code else (),
        description=text(row.get("name")),
        material_class=group,
        base_unit=base_unit,
    )


def read_lot(facts: Facts, row: Row) -> None:
    """State a lot or serial number."""
    facts.state(
        MaterialLot,
        id=named(row.get("id"), text(row.get("name")) or ""),
        material=name(row.get("product_id")),
        kind="lot",
        expires_at=facts.moment(row, "expiration_date"),
        supplier_lot=text(row.get("ref")),
    )


def read_work_center(facts: Facts, row: Row) -> None:
    """State a work center."""
    code = text(row.get("code"))
    facts.state(
        Equipment,
        id=named(row.get("id"), code or text(row.get("name")) or "", "work_center"),
        also=({"scheme": "work_center_code", "value": code},) if code else (),
        level="WorkCenter",
        description=text(row.get("name")),
    )


# --------------------------------------------------------------------------------------------- recipes
def read_bom(facts: Facts, row: Row) -> None:
    """State a bill of materials as a master recipe."""
    product = name(row.get("product_id"))  # a template of many variants is no material of ours
    facts.state(
        Recipe,
        id=named(row.get("id"), text(row.get("code")) or label(row.get("product_tmpl_id"))),
        kind="master",
        product=product,
        status="inactive" if row.get("active") is False else "active",
        description=label(row.get("product_tmpl_id")) or None,
    )


def read_bom_line(facts: Facts, row: Row) -> None:
    """State what a recipe needs of a material."""
    operation = number(row.get("operation_id"))
    facts.state(
        MaterialRequirement,
        key=f"bom line {row.get('id')}",
        recipe=name(row.get("bom_id")),
        element=f"bom operation {operation}" if operation else None,
        material=name(row.get("product_id")),
        use="Consumed",
        quantity=facts.amount(row, "product_qty"),
    )


def read_bom_operation(facts: Facts, row: Row) -> None:
    """State an operation of a recipe; Odoo's times are minutes."""
    recipe = name(row.get("bom_id"))
    if recipe is None:
        return  # an operation that belongs to no bill of materials is a template
    minutes = pick(row, "time_cycle_manual", "time_cycle")
    place = row.get("sequence")
    facts.state(
        RecipeElement,
        key=f"bom operation {row.get('id')}",
        recipe=recipe,
        code=str(row.get("id")),
        name=text(row.get("name")),
        element_type="Operation",
        level="operation",
        sequence=place if isinstance(place, int) and place >= 1 else None,
        equipment=name(row.get("workcenter_id"), "work_center"),
        standard_duration_s=minutes * 60 if isinstance(minutes, int | float) else None,
    )


# ---------------------------------------------------------------------------------------------- orders
def batch_of(link: Any) -> Name | None:
    """Give the name of the batch that a manufacturing order makes."""
    return name(link, "batch")


def read_production(facts: Facts, row: Row) -> None:
    """State an order, and the batch that it makes once it has begun or has its lot."""
    state = str(row.get("state") or "")
    order = named(row.get("id"), text(row.get("name")) or "")
    planned, actual = _times(facts, row, state)
    product, size = name(row.get("product_id")), facts.amount(row, "product_qty")
    facts.state(
        OperationsRequest,
        id=order,
        request_type="Production",
        state=_REQUEST_STATES.get(state, state or None),
        product=product,
        quantity=size,
        created_at=facts.moment(row, "create_date"),
        due_at=facts.moment(row, "date_deadline"),
        priority=text(row.get("priority")),
        **planned,
    )
    lots = _lots(row)
    if state not in _BEGUN and not lots and not actual["actual_start"]:
        return
    made = facts.amount(row, "qty_produced")
    facts.state(
        Batch,
        id={**order, "scheme": "batch"},
        also=_other_names(row, lots),
        kind="batch",
        operations_request=order,
        recipe=name(row.get("bom_id")),
        product=product,
        output_lot=lots[0] if len(lots) == 1 else None,  # several are told by the movements
        status=_BATCH_STATUS.get(state),
        planned_size=size,
        actual_size=made if made is not None and made.value > 0 else None,
        **planned,
        **actual,
    )


def _lots(row: Row) -> list[Name]:
    one = name(row.get("lot_producing_id"))
    return [one] if one else [{"value": str(n)} for n in links(row.get("lot_producing_ids"))]


def _other_names(row: Row, lots: list[Name]) -> tuple[Name, ...]:
    """Give the order's name, and the number of its one lot: under these other systems know the batch."""
    names = [("production", text(row.get("name")))]
    if len(lots) == 1:
        names.append(("batch_number", lots[0].get("match")))
    return tuple({"scheme": scheme, "value": value} for scheme, value in names if value)


def _times(facts: Facts, row: Row, state: str) -> tuple[Row, Row]:
    """Give planned and actual times.

    To version 16 they are four fields. From 17 on `date_start` and `date_finished` are the plan until the
    order has begun and is done, and the fact from then on: the plan is overwritten.
    """
    start, end = facts.moment(row, "date_start"), facts.moment(row, "date_finished")
    if "date_planned_start" in row:
        planned = (facts.moment(row, "date_planned_start"), facts.moment(row, "date_planned_finished"))
        actual = (start, end if state == "done" else None)
    else:
        has_begun, is_done = state in _BEGUN, state == "done"
        planned = (None if has_begun else start, None if is_done else end)
        actual = (start if has_begun else None, end if is_done else None)
    begun, over = actual
    if begun and over and over < begun:
        facts.refuse("date_finished", f"the end {over} is before the start {begun}")
        actual = (begun, None)
    return (
        {"planned_start": planned[0], "planned_end": planned[1]},
        {"actual_start": actual[0], "actual_end": actual[1]},
    )


def read_work_order(facts: Facts, row: Row) -> None:
    """State the step that an order asks for, and its run once it has begun."""
    state = str(row.get("state") or "")
    step = {"value": str(row.get("id"))}
    place = name(row.get("workcenter_id"), "work_center")
    planned, actual = _times(facts, row, state)
    minutes = row.get("duration_expected")
    facts.state(
        SegmentRequirement,
        id=step,
        operations_request=name(row.get("production_id")),
        operations_segment=text(row.get("name")),
        equipment=place,
        state=_WORK_STATES.get(state, state or None),
        earliest_start=planned["planned_start"],
        latest_end=planned["planned_end"],
        duration_s=minutes * 60 if isinstance(minutes, int | float) and minutes > 0 else None,
    )
    if state in _BEGUN:
        facts.state(
            SegmentResponse,
            key=f"work order {row.get('id')}",
            batch=batch_of(row.get("production_id")),
            level="operation",
            name=text(row.get("name")),
            segment_requirement=step,
            equipment=place,
            state="Completed" if state == "done" else "Running",
            **actual,
        )


def read_productivity(facts: Facts, row: Row) -> None:
    """State how a work center spent a stretch of time; Odoo's reasons are the plant's own words."""
    work_order = number(row.get("workorder_id"))
    is_production = row.get("loss_type") == "productive"
    facts.state(
        EquipmentTime,
        key=f"productivity {row.get('id')}",
        equipment=name(row.get("workcenter_id"), "work_center"),
        response=f"work order {work_order}" if work_order else None,
        element="APT" if is_production else label(row.get("loss_id")) or None,
        start_at=facts.moment(row, "date_start"),
        end_at=facts.moment(row, "date_end"),
    )
