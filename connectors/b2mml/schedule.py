"""Operations and production schedules: the orders that a MES was given, and the steps they ask for."""

from collections import Counter
from datetime import datetime

from connectors.b2mml.definitions import read_needs
from connectors.b2mml.markup import Element, child, children, name, text
from connectors.b2mml.own import is_own, read_told, said
from connectors.b2mml.reader import Name, Reader, codes, description, seconds
from connectors.b2mml.resources import read_scope, site_of
from hub.model import OperationsRequest, Quantity, SegmentRequirement

_REQUESTS = ("OperationsRequest", "ProductionRequest")
_REQUIREMENTS = ("SegmentRequirement", "SegmentRequirementChild")
_ORDER_TIMES = ("created_at", "released_at", "due_at")
_IMPLIED_USE = {
    "MaterialRequirement": "Other",
    "MaterialProducedRequirement": "Produced",
    "MaterialConsumedRequirement": "Consumed",
    "ConsumableExpected": "Consumable",
}


def read_schedule(reader: Reader, body: Element) -> None:
    """State what a schedule, or a request alone, says."""
    read_scope(reader, body)
    for request in [body] if name(body) in _REQUESTS else children(body, *_REQUESTS):
        read_scope(reader, request)
        product, amount = _made(reader, request)
        own = reader.name(request, "ID")
        reader.state(
            OperationsRequest,
            request,
            id=own,
            description=description(request),
            request_type=codes(children(request, "OperationsType"))
            or ("Production" if name(request) == "ProductionRequest" else None),
            state=codes([*children(request, "RequestState"), *children(body, "ScheduleState")]),
            product=product,
            operations_definition=_definition_of(reader, request),
            quantity=amount,
            site=site_of(reader, request) or site_of(reader, body),
            planned_start=reader.time(request, "StartTime") or _earliest(reader, request),
            planned_end=reader.time(request, "EndTime"),
            priority=text(request, "Priority", "ProductionPriority"),
            **_told(reader, request),
        )
        if own:
            _read_materials(reader, request, prefix=own["value"], operations_request=own)
            _read_requirements(reader, request, own, above=None, parent=None)


def _definition_of(reader: Reader, request: Element) -> Name | None:
    """Give what says how the order is made: V02 to V0401 call it the product's production rule."""
    rule = child(request, "ProductProductionRule")
    named = reader.name(request, "OperationsDefinitionID", "ProductProductionRuleID")
    return named or reader.name(rule, "ID") or reader.name(rule)


def _told(reader: Reader, request: Element) -> dict[str, datetime | None]:
    """Give what the step that stands for the whole order tells of it."""
    told = {
        field: value
        for step in children(request, "SegmentRequirement")
        if is_own(child(step, "ID"))
        for field, value in read_told(step, "SegmentParameter").items()
    }
    return {field: reader.time(told.get(field), "ValueString") for field in _ORDER_TIMES if field in told}


def requirement_name(request: str, step: str) -> dict[str, str]:
    """Give the name of an order's step: its number is only unique inside the order."""
    return {"value": f"{request}|{step}"}


def _read_requirements(
    reader: Reader, element: Element, request: Name, *, above: str | None, parent: Name | None
) -> None:
    used: Counter[str] = Counter()
    for number, part in enumerate(children(element, *_REQUIREMENTS), start=1):
        if is_own(child(part, "ID")):
            _read_materials(reader, part, prefix=request["value"], operations_request=request)
            continue
        step = text(part, "ID", "ProcessSegmentID") or str(number)
        used[step] += 1
        step = step if used[step] == 1 else f"{step}#{used[step]}"
        # a step with an ID of its own goes by it wherever it stands: responses name it so
        place = step if text(part, "ID") or above is None else f"{above}/{step}"
        named = reader.name(part, "ID")
        own = named if named and named["scheme"] else requirement_name(request["value"], place)
        equipment = next((e for e in children(part, "EquipmentRequirement") if text(e, "EquipmentID")), None)
        reader.state(
            SegmentRequirement,
            part,
            id=own,
            operations_request=request,
            parent=parent,
            description=description(part),
            process_segment=reader.name(part, "ProcessSegmentID"),
            operations_definition=reader.name(part, "OperationsDefinitionID"),
            operations_segment=said(part, "OperationsSegmentID"),
            equipment=reader.name(equipment, "EquipmentID"),
            state=codes(children(part, "SegmentState")),
            earliest_start=reader.time(part, "EarliestStartTime"),
            latest_end=reader.time(part, "LatestEndTime"),
            duration_s=seconds(text(part, "Duration")),
        )
        _read_materials(
            reader, part, prefix=own["value"], segment_requirement=own, operations_request=request
        )
        _read_requirements(reader, part, request, above=place, parent=own)


def _read_materials(reader: Reader, element: Element, *, prefix: str, **owner: Name | None) -> None:
    for title, use in _IMPLIED_USE.items():
        within = prefix if title == "MaterialRequirement" else f"{prefix}/{title}"
        read_needs(reader, children(element, title), prefix=within, implied=use, **owner)


def _made(reader: Reader, element: Element) -> tuple[Name | None, Quantity | None]:
    """Give product and amount of the first requirement that is produced, outermost segment first."""
    for requirement in children(element, "MaterialRequirement", "MaterialProducedRequirement"):
        use = codes(children(requirement, "MaterialUse")) or ""
        if "Produced" in use or name(requirement) == "MaterialProducedRequirement":
            amount = child(requirement, "Quantity")
            try:
                return reader.name(requirement, "MaterialDefinitionID"), reader.quantity(amount)
            except ValueError:  # the requirement itself says what is wrong
                return reader.name(requirement, "MaterialDefinitionID"), None
    for segment in children(element, *_REQUIREMENTS):
        product, amount = _made(reader, segment)
        if product:
            return product, amount
    return None, None


def _earliest(reader: Reader, element: Element) -> datetime | None:
    times = [reader.time(s, "EarliestStartTime") for s in children(element, *_REQUIREMENTS)]
    return min((t for t in times if t), default=None)
