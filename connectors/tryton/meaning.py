"""What the rows of production state: materials, recipes, orders with their batch, works, movements."""

from datetime import timedelta
from typing import Any

from connectors.tryton.client import Row
from connectors.tryton.facts import Facts, linked, name, named, read_span, text
from hub.model import (
    Batch,
    Equipment,
    MaterialActual,
    MaterialDefinition,
    MaterialLot,
    MaterialRequirement,
    OperationsRequest,
    Recipe,
    RecipeElement,
    ResourceActual,
    ResourceClass,
    SegmentRequirement,
    SegmentResponse,
    find_unit,
)

_REQUEST_STATES = {
    "request": "Forecast",
    "draft": "Forecast",
    "waiting": "Released",
    "assigned": "Ready",
    "running": "Running",
    "done": "Completed",
    "cancelled": "Cancelled",
    "cancel": "Cancelled",  # to 5
}
_BATCH_STATUS = {"running": "Running", "done": "Complete"}
_WORK_STATES = {
    "request": "Forecast",
    "draft": "Waiting",
    "waiting": "Ready",
    "running": "Running",
    "finished": "Completed",
    "done": "Completed",
}
_CYCLE_STATES = {"running": "Running", "done": "Completed", "cancelled": "Aborted"}


# ------------------------------------------------------------------------------ materials and recipes
def read_product(facts: Facts, row: Row) -> None:
    """State a material definition."""
    base_unit = None
    spelled = facts.unit(row, "default_uom.")
    if spelled:
        try:
            base_unit = find_unit(facts.connector.config.units.get(spelled, spelled)).code
        except ValueError as error:
            facts.refuse("default_uom", error)
    code = text(row.get("code"))
    facts.state(
        MaterialDefinition,
        id=named(row.get("id"), code),
        also=({"scheme": "code", "value": code},) if code else (),
        description=text(row.get("name")),
        base_unit=base_unit,
    )


def read_lot(facts: Facts, row: Row) -> None:
    """State a lot."""
    field = "shelf_life_expiration_date" if row.get("shelf_life_expiration_date") else "expiration_date"
    facts.state(
        MaterialLot,
        id=named(row.get("id"), text(row.get("number"))),
        material=name(row, "product.", "code"),
        kind="lot",
        expires_at=facts.moment(row, field),
    )


def read_work_center(facts: Facts, row: Row) -> None:
    """State a work center; its category is a class of equipment."""
    category = name(row, "category.", "name", scheme="equipment_class")
    if category:
        facts.state(ResourceClass, id=category, kind="equipment")
    facts.state(
        Equipment,
        id=named(row.get("id"), text(row.get("name")), "work_center"),
        level="WorkCenter",
        parent=name(row, "parent.", "name", scheme="work_center"),
        equipment_class=category,
        description=text(row.get("name")),
    )


def read_bom(facts: Facts, row: Row) -> None:
    """State a bill of materials as a master recipe."""
    facts.state(
        Recipe,
        id=named(row.get("id"), text(row.get("code")) or text(row.get("name")), "bom"),
        kind="master",
        status="inactive" if row.get("active") in (False, 0) else "active",
        description=text(row.get("name")),
    )


def read_bom_input(facts: Facts, row: Row) -> None:
    """State what a recipe needs of a material."""
    facts.state(
        MaterialRequirement,
        key=f"bom input {row.get('id')}",
        recipe=name(row, "bom.", "name", scheme="bom"),
        material=name(row, "product.", "code"),
        use="Consumed",
        quantity=facts.amount(row),
    )


def read_routing(facts: Facts, row: Row) -> None:
    """State a routing as a master recipe of steps."""
    facts.state(
        Recipe,
        id=named(row.get("id"), text(row.get("name")), "routing"),
        kind="master",
        status="inactive" if row.get("active") in (False, 0) else "active",
        description=text(row.get("name")),
    )


def read_routing_step(facts: Facts, row: Row) -> None:
    """State a step of a routing."""
    place = row.get("sequence")
    operation = text(linked(row, "operation.").get("name"))
    facts.state(
        RecipeElement,
        key=f"routing step {row.get('id')}",
        recipe=name(row, "routing.", "name", scheme="routing"),
        code=str(row.get("id")),
        name=operation,
        element_type="Operation",
        level="operation",
        sequence=place if isinstance(place, int) and place >= 1 else None,
        process_segment={"value": operation} if operation else None,
    )


# ---------------------------------------------------------------------------------------------- orders
def read_production(facts: Facts, row: Row) -> None:
    """State an order, and the batch that it makes once it runs. Tryton keeps days, not times."""
    state = str(row.get("state") or "")
    number, reference = text(row.get("number")), text(row.get("reference"))
    order = named(row.get("id"), number)
    product, planned = name(row, "product.", "code"), facts.amount(row)
    plan: dict[str, Any] = {
        "planned_start": facts.moment(row, "planned_start_date"),
        "planned_end": _day_end(facts, row, "planned_date"),
    }
    facts.state(
        OperationsRequest,
        id=order,
        request_type="Production",
        state=_REQUEST_STATES.get(state, state or None),
        product=product,
        quantity=planned,
        created_at=facts.moment(row, "create_date"),
        **plan,
    )
    if state not in _BATCH_STATUS:
        return
    other = (("production", number), ("reference", reference))
    facts.state(
        Batch,
        id={**order, "scheme": "batch"},
        also=tuple({"scheme": scheme, "value": value} for scheme, value in other if value),
        kind="batch",
        operations_request=order,
        recipe=name(row, "bom.", "name", scheme="bom") or name(row, "routing.", "name", scheme="routing"),
        product=product,
        status=_BATCH_STATUS[state],
        planned_size=planned,
        actual_start=facts.moment(row, "effective_start_date"),
        actual_end=_day_end(facts, row, "effective_date") if state == "done" else None,
        **plan,
    )


def _day_end(facts: Facts, row: Row, field: str) -> Any:
    """Give the end of a day, the next one's first moment: a day that ends something is in it whole."""
    told = row.get(field)
    moment = facts.moment(row, field)
    is_day = isinstance(told, dict) and "hour" not in told
    return moment + timedelta(days=1) if moment and is_day else moment


def read_work(facts: Facts, row: Row) -> None:
    """State a step that a production asks for."""
    state = str(row.get("state") or "")
    operation = text(linked(row, "operation.").get("name"))
    facts.state(
        SegmentRequirement,
        id={"value": str(row.get("id"))},
        operations_request=name(row, "production.", "number"),
        process_segment={"value": operation} if operation else None,
        operations_segment=operation,
        equipment=name(row, "work_center.", "name", scheme="work_center"),
        state=_WORK_STATES.get(state, state or None),
    )


def read_cycle(facts: Facts, row: Row) -> None:
    """State a cycle as a run of its step, with the time for which the work center was taken."""
    state = str(row.get("state") or "")
    if state not in _CYCLE_STATES:
        return
    work = linked(row, "work.")
    production = work.get("production")
    batch = named(production, None, "batch") if isinstance(production, int) else None
    place = name(work, "work_center.", "name", scheme="work_center")
    key = f"cycle {row.get('id')}"
    facts.state(
        SegmentResponse,
        key=key,
        batch=batch,
        level="operation",
        name=text(linked(work, "operation.").get("name")),
        segment_requirement={"value": str(work.get("id"))} if work.get("id") else None,
        equipment=place,
        state=_CYCLE_STATES[state],
    )
    span = read_span(row.get("duration"))
    if place and span is not None:
        facts.state(
            ResourceActual,
            key=key,
            batch=batch,
            response=key,
            kind="equipment",
            equipment=place,
            quantity=facts.quantity(span.total_seconds(), "s", "duration"),
        )


# ------------------------------------------------------------------------------------------- movements
_SIDES = (("production_input.", "Consumed"), ("production_output.", "Produced"))


def read_move(facts: Facts, row: Row) -> None:
    """State a movement into or out of a batch."""
    known = len(facts.parts)
    quantity = facts.amount(row)
    if quantity is None and len(facts.parts) > known:
        return  # a movement without its amount would count as nothing: it waits in quarantine
    for link, use in _SIDES:
        batch = name(row, link, "number", scheme="batch")
        if batch:
            facts.state(
                MaterialActual,
                key=f"move {row.get('id')}",
                batch=batch,
                lot=name(row, "lot.", "number"),
                material=name(row, "product.", "code"),
                use=use,
                quantity=quantity,
                at=facts.moment(row, "effective_date"),
            )
