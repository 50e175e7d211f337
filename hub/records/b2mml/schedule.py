"""The order that a batch answers, with the steps and materials it asks for (95.02)."""

from collections.abc import Iterable

from hub.records.b2mml import markup
from hub.records.b2mml.gathering import Gathering
from hub.records.b2mml.markup import Document, Element, make, maybe, within
from hub.records.b2mml.performance import scope

_ORDER_TIMES = ("created_at", "released_at", "due_at")


def build_schedule(facts: Gathering) -> Element:
    """Give the OperationsSchedule."""
    requests = [_request(facts, one) for one in facts.orders]
    return make(
        "OperationsSchedule",
        facts.subject_id(),
        maybe("PublishedDate", facts.newest),
        *requests,
    )


def _request(facts: Gathering, one: Document) -> Element:
    names = facts.names
    steps = [_step(facts, step) for step in facts.requirements if step["parent"] is None]
    loose = [some for some in facts.needs if some["segment_requirement"] is None]
    return make(
        "OperationsRequest",
        names.element("ID", "operations_request", one),
        maybe("Description", one["description"]),
        maybe("StartTime", one["planned_start"]),
        maybe("EndTime", one["planned_end"]),
        scope(facts, one["site"]),
        markup.code("OperationsType", one, "request_type"),
        maybe("Priority", _number(one["priority"])),
        markup.code("RequestState", one, "state"),
        names.element("OperationsDefinitionID", "operations_definition", one["operations_definition"]),
        _whole(facts, one, loose),
        *steps,
    )


def _whole(facts: Gathering, order: Document, needs: Iterable[Document]) -> Element:
    """Give a step that stands for all of the order: it has what is asked of none in particular."""
    product = make(
        "MaterialRequirement",
        make("ID", "product", schemeID=markup.OWN),
        facts.names.element("MaterialDefinitionID", "material_definition", order["product"]),
        make("MaterialUse", "Produced"),
        markup.quantity(order["quantity"]),
    )
    return make(
        "SegmentRequirement",
        markup.unspecified("ID"),
        markup.unspecified("ProcessSegmentID"),
        markup.unspecified("OperationsDefinitionID"),
        markup.unspecified("OperationsSegmentID"),
        *(markup.told("SegmentParameter", field, order[field]) for field in _ORDER_TIMES),
        product,
        *(need(facts, one) for one in needs),
    )


def _step(facts: Gathering, one: Document, *, title: str = "SegmentRequirement") -> Element:
    names = facts.names
    inside = [s for s in facts.requirements if within(s["parent"], "uid") == one["uid"]]
    needs = [n for n in facts.needs if within(n["segment_requirement"], "uid") == one["uid"]]
    segment = names.element("ProcessSegmentID", "process_segment", one["process_segment"])
    definition = names.element(
        "OperationsDefinitionID", "operations_definition", one["operations_definition"]
    )
    of = maybe("OperationsSegmentID", one["operations_segment"])
    equipment = one["equipment"]
    duration = one["duration_s"]
    return make(
        title,
        names.element("ID", "segment_requirement", one),
        maybe("Description", one["description"]),
        maybe("EarliestStartTime", one["earliest_start"]),
        maybe("LatestEndTime", one["latest_end"]),
        segment if segment is not None else markup.unspecified("ProcessSegmentID"),
        None if duration is None else make("Duration", f"PT{duration:.3f}".rstrip("0").rstrip(".") + "S"),
        definition if definition is not None else markup.unspecified("OperationsDefinitionID"),
        of if of is not None else markup.unspecified("OperationsSegmentID"),
        markup.code("SegmentState", one, "state"),
        make(
            "EquipmentRequirement",
            make("ID", "1"),
            names.element("EquipmentID", "equipment", equipment),
        )
        if equipment
        else None,
        *(need(facts, one) for one in needs),
        *(_step(facts, step, title="SegmentRequirementChild") for step in inside),
    )


def need(facts: Gathering, one: Document, *, title: str = "MaterialRequirement") -> Element:
    """Give a material that is needed or made."""
    names = facts.names
    return make(
        title,
        make("ID", one["key"].rpartition("/material/")[2]),
        names.element("MaterialClassID", "resource_class", one["material_class"]),
        names.element("MaterialDefinitionID", "material_definition", one["material"]),
        names.element("MaterialLotID", "material_lot", one["lot"]),
        markup.code("MaterialUse", one, "use"),
        markup.quantity(one["quantity"]),
        markup.told(f"{title}Property", "tolerance", one.get("tolerance")),
    )


def _number(priority: str | None) -> str | None:
    """Give a priority that is a number, as the schema wants; any other has no place."""
    return priority if priority and priority.removeprefix("-").isdecimal() else None
